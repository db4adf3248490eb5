//! Every control in force is read back, and written again where somebody reverted it.

use crate::Function;
use firebreak::answer::{Answer, Decided, is_left_out};
use firebreak::containment::Containment;
use firebreak::decision::Decision;
use firebreak::fault::Fault;
use firebreak::incident::Incident;
use firebreak::receipt::{Receipt, Standing, Verification};
use firebreak::target::Target;
use firebreak_invoke::{Failure, invoke};
use firebreak_ledger::{IncidentView, ReviewState};
use futures::StreamExt as _;
use serde_json::json;

/// As many as the state machine asks at the same time.
pub(crate) const AT_ONCE: usize = 10;

/// What the incident holds contained, in whole or in part, by the receipts of all executions; and an isolation that may have been killed
/// while an interface was open, unless a person has left its target as it is: a look would isolate that.
pub(crate) fn in_force(view: &IncidentView) -> Vec<Receipt> {
    let answers = answers(view);
    let answers: Vec<&Decided> = answers.iter().collect();
    let incident = &view.record.incident;
    let is_left = |decision: &Decision| incident.settled(decision).is_some() || is_left_out(&answers, decision);
    let is_answered = |receipt: &Receipt| {
        let is_its = |d: &&Decision| receipt.containment.is_some_and(|containment| is_meant(d, containment, &receipt.target));
        incident.decisions.iter().filter(is_its).any(is_left)
    };
    let holds = |receipt: &&Receipt| {
        let is_held = receipt.standing(&view.releases) == Standing::Held;
        is_held || receipt.may_be_half_done(&view.releases) && !is_answered(receipt)
    };
    view.receipts.iter().filter(holds).cloned().collect()
}

/// What is told of each control: reverts and problems, each line once.
pub(crate) fn lines<'a>(checks: impl IntoIterator<Item = &'a Verification>) -> impl Iterator<Item = String> {
    checks.into_iter().flat_map(|check| {
        let problems = check.problems.iter().filter(|_| !check.holds);
        check.reverted.iter().chain(problems).map(|line| format!("{}: {line}", check.target)).collect::<Vec<_>>()
    })
}

/// Every recorded answer. An earlier version kept the newest one alone.
pub(crate) fn answers(view: &IncidentView) -> Vec<Decided> {
    let kept = |review: &ReviewState| {
        let newest = review.decision.clone().filter(|newest| !review.answers.contains(newest));
        review.answers.iter().cloned().chain(newest).collect::<Vec<_>>()
    };
    view.review.as_ref().map(kept).unwrap_or_default()
}

/// Whether the decision about a target, and which.
pub(crate) fn is_meant(decision: &Decision, containment: Containment, target: &Target) -> bool {
    decision.containment == Some(containment) && decision.target.merge_key() == target.merge_key()
}

/// Whether a person approved what the receipt says: before the containment, and of a decision that the answer covers. What a pause has
/// made wait since is not approved.
fn is_approved(decisions: &[Decision], answers: &[Decided], containment: Containment, receipt: &Receipt) -> bool {
    let is_approval = |decided: &&Decided| {
        decided.answer == Answer::Approve && receipt.finished_at.is_some_and(|finished_at| decided.at <= finished_at)
    };
    let mut meant = decisions.iter().filter(|decision| is_meant(decision, containment, &receipt.target));
    meant.any(|decision| answers.iter().filter(is_approval).any(|decided| decided.is_about(decision)))
}

/// What one look goes by.
pub(crate) struct Before {
    pub(crate) checks: Vec<Verification>,
    pub(crate) answers: Vec<Decided>,
}

impl Function {
    /// Asks each containment. One that fails leaves a line, and the ledger has that line, so that people are told once.
    pub(crate) async fn verify(&self, incident: &Incident, before: &Before, held: &[Receipt]) -> Vec<Verification> {
        let checks = held.iter().map(|receipt| Box::pin(self.verify_one(incident, before, receipt)));
        let all: Vec<Option<Verification>> = futures::stream::iter(checks).buffered(AT_ONCE).collect().await;
        all.into_iter().flatten().collect()
    }

    async fn verify_one(&self, incident: &Incident, before: &Before, receipt: &Receipt) -> Option<Verification> {
        let (containment, target) = (receipt.containment?, &receipt.target);
        let key = target.merge_key();
        let approved = is_approved(&incident.decisions, &before.answers, containment, receipt);
        let payload = json!({ "phase": "verify", "incident": incident, "target": target, "approved": approved });
        let answer = match invoke(&self.lambda, containment.name(), &payload).await {
            Ok(answer) => {
                serde_json::from_value(answer).map_err(|_| Failure::from(Fault::bug("it did not answer with a verification")))
            }
            Err(failure) => Err(failure),
        };
        match answer {
            Ok(check) => Some(check),
            Err(failure) => {
                let said = failure.message.as_str();
                tracing::warn!(of = %target, error = failure.error.as_str(), said, "a containment could not be verified");
                let known =
                    before.checks.iter().find(|check| check.containment == Some(containment) && check.target.merge_key() == key);
                let reverted = known.map(|check| check.reverted.clone()).unwrap_or_default();
                let problems = vec![format!("could not be verified: {}", failure.error.as_str())];
                let (target, containment) = (target.clone(), Some(containment));
                let check = Verification { target, containment, holds: false, problems, reverted, notes: vec![] };
                if let Err(fault) = self.ledger.keep_verification(&incident.id, &check).await {
                    tracing::error!(fault.message = %fault.message, "the ledger did not take a record");
                }
                Some(check)
            }
        }
    }
}
