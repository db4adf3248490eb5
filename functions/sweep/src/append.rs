//! What a look decided becomes part of the incident, each decision once, whoever else decides about the finding and wherever an
//! earlier try was killed.

use crate::Function;
use crate::raise::{as_known, raise, take_over, with_held, without};
use firebreak::coverage::{Coverage, Responsible, decision_key};
use firebreak::decision::{Decision, Mode, ReasonCode};
use firebreak::fault::Fault;
use firebreak::ids::{AccountId, IncidentId};
use firebreak::incident::Incident;
use firebreak::pause::Pauses;
use firebreak::plan::derived::{Derived, Seen, derive, still_at_once};
use firebreak_aws::clock;
use firebreak_ledger::{Amended, Commit, Committed};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// What came of what a look found.
#[derive(Debug, Default)]
pub(crate) struct Appended {
    /// What was decided now, and what waits no more.
    pub(crate) decisions: Vec<Decision>,
    /// What the incident has no room for, one line each.
    pub(crate) left_out: Vec<String>,
    /// What would wait no more, and a pause or the budget holds back: the next look tries it again.
    pub(crate) held: Vec<Decision>,
}

impl Function {
    /// Decides about what was traced, reverted and too narrow: reserves each decision, lowers what is paused, counts it against the
    /// budget, and writes the incident. What waited with a suspect that is contained now waits no more, and neither does what earlier
    /// looks held back (`held`), as far as policy still lets it pass.
    ///
    /// # Errors
    /// When the ledger cannot reserve, count or write: the state machine tries again, and the same decisions come out.
    pub(crate) async fn append(&self, incident: &mut Incident, seen: Seen<'_>, held: Vec<Decision>) -> Result<Appended, Fault> {
        let Derived { decisions, raised, mut left_out } = derive(seen, &incident.decisions, &self.policy);
        let raised = self.unanswered(incident, with_held(raised, still_at_once(held, &self.policy))).await?;
        if decisions.is_empty() && raised.is_empty() {
            return Ok(Appended { left_out, ..Appended::default() });
        }
        let own = incident.id.clone();
        let first = incident.follows.clone().unwrap_or_else(|| own.clone());
        let at = clock::now();
        let all = [decisions.as_slice(), raised.as_slice()].concat();
        let (known, pauses) = futures::join!(self.ledger.coverage(&first), self.pauses(&all, at));
        let (known, pauses) = (known?, pauses?);
        let free = decisions.into_iter().filter(|decision| is_free(decision, &known, &incident.id)).collect();
        let commit = Commit {
            first: &first,
            incident: &own,
            budget: &self.policy.budget,
            unread: self.policy.unread_per_hour.0,
            // A look asks CloudTrail, not a sender.
            vouched: true,
            at,
            pauses: &pauses,
        };
        let Committed { mut decisions, over_budget } = self.ledger.commit(commit, free).await?;
        let wished = raised.clone();
        let mut raised = self.at_once(commit, raised).await?;
        let held = without(wished, &raised);
        if !decisions.is_empty() || !raised.is_empty() {
            let appended = self.ledger.amend_watched(&incident.id, |known| {
                raised.iter().for_each(|raised| raise(known, raised));
                let new = beyond(decisions.clone(), known);
                known.over_budget += u32::try_from(new.iter().filter(|d| d.code == ReasonCode::OverBudget).count()).unwrap_or(0);
                known.decisions.extend(new);
            });
            let appended = appended.await?;
            match appended {
                Amended::Now(known) => {
                    incident.revision = known.revision;
                    decisions = decisions.into_iter().map(|decision| as_known(decision, &known)).collect();
                    raised = raised.into_iter().map(|decision| as_known(decision, &known)).collect();
                    raised.retain(|decision| decision.mode == Mode::Auto);
                    take_over(incident, &raised);
                }
                Amended::Over(known) => {
                    left_out.extend(self.give_back(commit, beyond(decisions, &known)).await?);
                    return Ok(Appended { left_out, ..Appended::default() });
                }
                Amended::Unknown => {
                    raised.clear();
                    left_out
                        .push("the ledger does not know this incident: what was decided now is in the execution only".to_owned());
                }
            }
        }
        self.ledger.note_committed(commit, "sweep", &decisions).await;
        self.ledger.note_committed(commit, "sweep, no longer waiting", &raised).await;
        incident.over_budget += over_budget;
        incident.decisions.extend(decisions.iter().cloned());
        decisions.extend(raised);
        Ok(Appended { decisions, left_out, held })
    }

    /// Nobody would be asked about what an incident gets that is over: a later delivery of its finding may decide about that.
    async fn give_back(&self, commit: Commit<'_>, decisions: Vec<Decision>) -> Result<Vec<String>, Fault> {
        let owner = Responsible { incident: commit.incident.clone(), told_only: true };
        let mut lines = Vec::new();
        for decision in decisions {
            self.ledger.reserve(commit.first, &decision_key(&decision), &owner).await?;
            lines.push(format!("the incident closed meanwhile: {}", decision.target));
        }
        Ok(lines)
    }

    /// What is paused where something would be contained at once.
    pub(crate) async fn pauses(&self, decisions: &[Decision], at: Timestamp) -> Result<Pauses, Fault> {
        let at_once = decisions.iter().filter(|decision| decision.mode == Mode::Auto);
        let accounts: BTreeSet<AccountId> = at_once.map(|decision| decision.target.account.clone()).collect();
        if accounts.is_empty() { Ok(Pauses::default()) } else { self.ledger.pauses(&accounts, at).await }
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
