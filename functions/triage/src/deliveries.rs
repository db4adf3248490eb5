//! One finding, many deliveries: which execution answers what, whatever the order, and wherever an earlier attempt died.
//!
//! The first execution claims the finding and, with the same write, what it decides. A later one answers only decisions that nobody
//! answers for, in an incident of its own; it wins each of them with one conditional write. An incident whose execution broke down
//! is taken over as it is, with everything it decided: what it may have contained must stay releasable.

use crate::open::Opening;
use crate::{Delivery, Function};
use firebreak::coverage::{Coverage, Responsible, Update, decision_key, rise_key};
use firebreak::decision::{Decision, Mode};
use firebreak::fault::Fault;
use firebreak::ids::{AccountId, IncidentId};
use firebreak::incident::{Incident, IncidentStatus};
use firebreak::pause::Pauses;
use firebreak::plan::{MAX_DECISIONS, Plan, Verdict, broke_down};
use firebreak_ledger::Claim;
use std::collections::BTreeSet;

impl Function {
    /// Claims the finding and answers what is new about it.
    pub(crate) async fn respond(&self, plan: Plan, delivery: &Delivery<'_>) -> Result<Incident, Fault> {
        let (id, coverage) = (IncidentId::of(&plan.dedupe_key), Coverage::of(&plan));
        let claim = self.ledger.claim(&id, delivery.execution_arn, delivery.at, &coverage);
        // Side by side: a pause costs a finding no time.
        let (claim, pauses) = futures::join!(claim, self.pauses(&plan, delivery));
        let (claim, pauses) = (claim?, pauses?);
        let delivery = &Delivery { pauses, ..*delivery };
        let holder = match claim {
            Claim::Ours => return self.answer(plan, Opening::of(id, None), true, delivery).await,
            Claim::StillOurs => {
                let known = self.ledger.coverage(&id).await?;
                return self.take_over(&id, &id, plan, &known, delivery).await;
            }
            Claim::Held { execution_arn } => execution_arn,
        };
        let known = self.ledger.coverage(&id).await?;
        if self.abandoned(&id, &plan, &known, &holder).await? {
            return if self.ledger.take_over(&id, &holder, delivery.execution_arn, delivery.at).await? {
                self.take_over(&id, &id, plan, &known, delivery).await
            } else {
                self.repeated(plan, &id, &format!("{holder} works on it"), delivery).await
            };
        }
        // An incident that the finding joined goes on with everything in it, whichever of its findings comes again.
        let joined = self.joined_by(&id).await?.map(|joined| joined.incident.id);
        let owners = known.decided.values().map(|owner| &owner.incident);
        let follow_ups: BTreeSet<&IncidentId> = owners.chain(&joined).filter(|incident| **incident != id).collect();
        for follow_up in follow_ups {
            let Some(worker) = self.ledger.claimant(follow_up).await? else { continue };
            let ours = worker == delivery.execution_arn;
            let taken = !ours
                && self.broke_down(follow_up, &worker).await?
                && self.ledger.take_over(follow_up, &worker, delivery.execution_arn, delivery.at).await?;
            if ours || taken {
                return self.take_over(&id, follow_up, plan, &known, delivery).await;
            }
        }
        self.update(plan, &id, known, &holder, delivery).await
    }

    /// What is paused where `plan` would contain at once. A pause that nobody can read counts as one.
    async fn pauses(&self, plan: &Plan, delivery: &Delivery<'_>) -> Result<Pauses, Fault> {
        let at_once = plan.decisions.iter().filter(|decision| decision.mode == Mode::Auto);
        let accounts: BTreeSet<AccountId> = at_once.map(|decision| decision.target.account.clone()).collect();
        if accounts.is_empty() { Ok(Pauses::default()) } else { self.ledger.pauses(&accounts, delivery.at).await }
    }

    /// Answers an update of a finding that another execution works on, or worked on.
    async fn update(
        &self,
        plan: Plan,
        first: &IncidentId,
        known: Coverage,
        holder: &str,
        delivery: &Delivery<'_>,
    ) -> Result<Incident, Fault> {
        let update = match known.update(plan.clone(), first) {
            Update::FollowUp(update) => update.bounded(),
            Update::Nothing(why) => {
                self.ledger.seen(first, plan.finding.updated_at, None).await?;
                return self.repeated(plan, first, &format!("{why}; {holder} works on it"), delivery).await;
            }
        };
        // An id of this execution's own: whatever else it wins or loses, its attempts meet here.
        let update = Plan { dedupe_key: format!("{}#{}", plan.dedupe_key, delivery.execution_arn), ..update };
        let own = IncidentId::of(&update.dedupe_key);
        let claim = self.ledger.claim(&own, delivery.execution_arn, delivery.at, &Coverage::default()).await?;
        let commit = self.commit(first, &own, &update.finding, delivery);
        let won = self.ledger.commit(commit, update.decisions).await?.decisions;
        let told = match plan.finding.severity_band.filter(|_| won.is_empty() && known.has_risen(&plan)) {
            Some(band) => {
                let owner = Responsible { incident: own.clone(), told_only: true };
                self.ledger.reserve(first, &rise_key(band), &owner).await?
            }
            None => false,
        };
        if won.is_empty() && !told {
            return self.repeated(plan, first, "another delivery answers this update", delivery).await;
        }
        let incident = self
            .answer(Plan { decisions: won, ..update }, Opening::of(own, Some(first.clone())), claim == Claim::Ours, delivery)
            .await?;
        self.ledger.seen(first, plan.finding.updated_at, plan.finding.severity_band).await?;
        Ok(incident)
    }

    /// Works on an incident that an earlier attempt or another execution left unfinished: what it decided, and what is new.
    async fn take_over(
        &self,
        first: &IncidentId,
        incident: &IncidentId,
        plan: Plan,
        known: &Coverage,
        delivery: &Delivery<'_>,
    ) -> Result<Incident, Fault> {
        let stored = self.ledger.record(incident).await?;
        // What was only announced is decided anew; what a response decided is kept, whatever the finding says now.
        let unfinished = stored.filter(|r| !matches!(r.status, IncidentStatus::Notified | IncidentStatus::Ignored));
        let before = unfinished.map(|record| record.incident);
        if before.is_none()
            && let Some(joined) = self.try_join(&plan, incident, false, delivery).await?
        {
            // The claim can be of a version of which people were only told.
            for decision in plan.decisions.iter().filter(|decision| decision.mode != Mode::Notify) {
                let owner = Responsible { incident: incident.clone(), told_only: false };
                self.ledger.reserve(first, &decision_key(decision), &owner).await?;
            }
            self.ledger.seen(first, plan.finding.updated_at, plan.finding.severity_band).await?;
            return Ok(joined);
        }
        let (follows, kept, plan) = match &before {
            Some(before) => (before.follows.clone(), before.decisions.clone(), plan),
            None if incident == first => (None, vec![], plan),
            None => {
                let dedupe_key = format!("{}#{}", plan.dedupe_key, delivery.execution_arn);
                (Some(first.clone()), vec![], Plan { dedupe_key, ..plan })
            }
        };
        // What another finding calls for now says nothing about what this incident decided.
        let opening = Opening { id: incident.clone(), follows, before };
        let stale = known.is_ahead_of(&plan);
        let says_nothing = stale || opening.is_of_other(&plan);
        let kept: Vec<Decision> = kept.into_iter().map(|decision| carried_over(decision, &plan, says_nothing)).collect();
        let kept_keys: BTreeSet<String> = kept.iter().map(decision_key).collect();
        let free = |decision: &Decision| {
            let key = decision_key(decision);
            let owner = known.decided.get(&key);
            let others = owner.is_some_and(|o| o.incident != *incident && !(o.told_only && decision.mode != Mode::Notify));
            !others && !kept_keys.contains(&key)
        };
        // An older version adds nothing to a response. Of one that never began, any version will do.
        let adds = !stale || kept.is_empty();
        let room = MAX_DECISIONS.saturating_sub(kept.len());
        let fresh: Vec<Decision> = plan.decisions.iter().filter(|d| adds && free(d)).take(room).cloned().collect();
        let mut decisions = kept;
        decisions.extend(self.ledger.commit(self.commit(first, incident, &plan.finding, delivery), fresh).await?.decisions);
        let verdict = match plan.verdict {
            _ if decisions.iter().any(|decision| decision.mode != Mode::Notify) => Verdict::Respond,
            Verdict::Respond if decisions.is_empty() => Verdict::Notify,
            verdict => verdict,
        };
        let (version, band) = (plan.finding.updated_at, plan.finding.severity_band);
        let reason =
            if verdict == plan.verdict { plan.reason.clone() } else { Some("an earlier answer to it broke down".to_owned()) };
        let whole = Plan { verdict, reason, decisions, ..plan };
        let opened = self.open(whole, opening, delivery).await?;
        self.ledger.seen(first, version, band).await?;
        Ok(opened)
    }

    /// A delivery that calls for nothing: counted, and remembered on the finding's first incident.
    async fn repeated(&self, plan: Plan, id: &IncidentId, why: &str, delivery: &Delivery<'_>) -> Result<Incident, Fault> {
        self.ledger.count_delivery(id, delivery.at).await?;
        let version = plan.finding.updated_at.map_or_else(String::new, |at| format!(" as of {at}"));
        self.ledger.note_or_warn(id, delivery.at, &format!("delivered again{version}")).await;
        let plan = Plan {
            verdict: Verdict::Ignore,
            reason: Some(format!("delivered before: {why}")),
            decisions: vec![],
            findings: vec![],
            ..plan
        };
        Ok(Incident::new(plan, &self.policy, delivery.execution_arn.to_owned(), delivery.at))
    }
}

/// A decision of a response that broke down. It is carried out at once only if that would still be decided.
fn carried_over(decision: Decision, plan: &Plan, stale: bool) -> Decision {
    let key = decision_key(&decision);
    let now = plan.decisions.iter().find(|d| decision_key(d) == key).map(|d| d.mode);
    let still = stale || now.map_or(plan.verdict == Verdict::Respond, |mode| mode == Mode::Auto);
    if decision.mode != Mode::Auto || still { decision } else { broke_down(decision) }
}
