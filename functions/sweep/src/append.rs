//! What a look decided becomes part of the incident, each decision once, whoever else decides about the finding and wherever an
//! earlier try was killed.

use crate::Function;
use firebreak::coverage::{Coverage, Owner, decision_key};
use firebreak::decision::{Decision, Mode};
use firebreak::fault::Fault;
use firebreak::ids::IncidentId;
use firebreak::incident::Incident;
use firebreak::plan::derived::{Derived, Seen, derive};
use firebreak::text::inert;
use firebreak_aws::clock;
use std::collections::BTreeSet;

impl Function {
    /// Adds what the ledger's record of the incident has more than `incident`: an earlier try appended it and was killed before it
    /// could answer. Returns it.
    pub(crate) async fn recover(&self, incident: &mut Incident) -> Result<Vec<Decision>, Fault> {
        let Some(stored) = self.ledger.record(&incident.id).await? else { return Ok(vec![]) };
        let lost = beyond(stored.incident.decisions, incident);
        incident.over_budget = incident.over_budget.max(stored.incident.over_budget);
        incident.decisions.extend(lost.iter().cloned());
        Ok(lost)
    }

    /// Decides about what was traced, reverted and too narrow: reserves each decision, counts it against the budget, and writes the
    /// incident.
    ///
    /// # Errors
    /// When the ledger cannot reserve, count or write: the state machine tries again, and the same decisions come out.
    pub(crate) async fn append(&self, incident: &mut Incident, seen: Seen<'_>) -> Result<Derived, Fault> {
        let Derived { decisions, mut left_out } = derive(seen, &incident.decisions, &self.policy);
        if decisions.is_empty() {
            return Ok(Derived { decisions, left_out });
        }
        let first = incident.follows.clone().unwrap_or_else(|| incident.id.clone());
        let known = self.ledger.coverage(&first).await?;
        let mut won = Vec::new();
        for decision in decisions.into_iter().filter(|decision| is_free(decision, &known, &incident.id)) {
            let owner = Owner { incident: incident.id.clone(), told_only: decision.mode == Mode::Notify };
            // Lost: another incident of the same finding answers for it.
            if self.ledger.reserve(&first, &decision_key(&decision), &owner).await? {
                won.push(self.within_budget(decision, &mut incident.over_budget).await?);
            }
        }
        incident.decisions.extend(won.iter().cloned());
        if !won.is_empty() && !self.ledger.extend_incident(incident).await? {
            left_out.push("the ledger does not know this incident: what was decided now is in the execution only".to_owned());
        }
        for decision in &won {
            let line = format!("sweep: {}, {}: {}", decision.target, decision.mode.name(), decision.reason);
            if let Err(fault) = self.ledger.note(&incident.id, clock::now(), &line).await {
                tracing::warn!(fault.message = %fault.message, "timeline not written");
            }
        }
        Ok(Derived { decisions: won, left_out })
    }

    /// What exceeds the hour's budget waits for a person, as it does in triage.
    async fn within_budget(&self, decision: Decision, over_budget: &mut u32) -> Result<Decision, Fault> {
        let Some(containment) = decision.containment.filter(|_| decision.mode == Mode::Auto) else { return Ok(decision) };
        let limit = self.policy.budget.of(containment);
        if self.ledger.spend(&decision.target, containment, limit, clock::now()).await? {
            return Ok(decision);
        }
        *over_budget += 1;
        let account = &decision.target.account;
        let why = format!("OVER BUDGET: {limit} {containment} in account {account} this hour, a person must approve more");
        let reason = inert(&format!("{why}; {}", decision.reason), 400);
        Ok(Decision { mode: Mode::Gate, reason, ..decision })
    }
}

/// True when no other incident of the finding answers for a decision. What was only told can still be contained.
fn is_free(decision: &Decision, known: &Coverage, own: &IncidentId) -> bool {
    let owner = known.decided.get(&decision_key(decision));
    owner.is_none_or(|owner| owner.incident == *own || owner.told_only && decision.mode != Mode::Notify)
}

/// The decisions that `incident` does not have.
fn beyond(stored: Vec<Decision>, incident: &Incident) -> Vec<Decision> {
    let known: BTreeSet<String> = incident.decisions.iter().map(decision_key).collect();
    stored.into_iter().filter(|decision| !known.contains(&decision_key(decision))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use firebreak::plan::{Circumstances, plan_json};
    use firebreak::policy::Policy;

    #[test]
    fn only_what_the_input_lacks_was_appended_by_a_killed_try() {
        let event = include_bytes!("../../../fixtures/findings/guardduty/exfiltration-iam-user.json");
        let policy = Policy::unrestricted();
        let plan = plan_json(event, &Circumstances::new(&policy, jiff::Timestamp::UNIX_EPOCH)).expect("a plan");
        let incident = Incident::new(plan, &policy, "arn".to_owned(), jiff::Timestamp::UNIX_EPOCH);
        let mut stored = incident.decisions.clone();
        let mut appended = stored[0].clone();
        "mallory".clone_into(&mut appended.target.id);
        stored[0].mode = Mode::Gate;
        stored.push(appended.clone());
        assert_eq!(beyond(stored, &incident), [appended], "whatever became of the mode of the others");
    }

    #[test]
    fn what_another_incident_of_the_finding_answers_for_is_left_to_it() {
        let event = include_bytes!("../../../fixtures/findings/guardduty/exfiltration-iam-user.json");
        let policy = Policy::unrestricted();
        let plan = plan_json(event, &Circumstances::new(&policy, jiff::Timestamp::UNIX_EPOCH)).expect("a plan");
        let (decision, mut known) = (plan.decisions[0].clone(), Coverage::of(&plan));
        let (first, other) = (IncidentId::of(&plan.dedupe_key), IncidentId::of("an update"));
        assert!(is_free(&decision, &known, &first) && !is_free(&decision, &known, &other));
        known.decided.values_mut().for_each(|owner| owner.told_only = true);
        assert!(is_free(&decision, &known, &other), "what was only told can still be contained");
    }
}
