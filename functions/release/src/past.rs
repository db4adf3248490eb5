//! What the ledger says was done to a target before a release.

use firebreak::answer::Decided;
use firebreak::containment::Containment;
use firebreak::digest::sha256_hex;
use firebreak::receipt::{Outcome, Receipt, Status, Step};
use firebreak::step::{StepKind, StepName};
use firebreak::target::Target;

/// What the ledger says was done to a target before.
#[derive(Clone)]
pub(crate) struct Past {
    /// A receipt says that something was changed.
    pub(crate) changed: bool,
    /// The receipt of an earlier run of the release that let go of the target.
    pub(crate) release: Option<Receipt>,
    /// Steps of the containment that failed.
    pub(crate) failed_steps: Vec<StepName>,
    /// Digests of what a release reported as changed by somebody, before the answer that asks for this one.
    pub(crate) seen_drift: Vec<String>,
}

impl Past {
    pub(crate) fn of(
        receipts: &[Receipt],
        releases: &[Receipt],
        (containment, target): (Containment, &Target),
        answer: Option<&Decided>,
    ) -> Self {
        // By name: of two executions, one can know the immutable id and the other not. What was changed must not look unchanged.
        let wanted = target.merge_key();
        let is_meant = |r: &&Receipt| r.containment == Some(containment) && r.target.merge_key() == wanted;
        let of_target = |all: &[Receipt]| all.iter().filter(is_meant).cloned().collect::<Vec<_>>();
        let (receipts, releases) = (of_target(receipts), of_target(releases));
        let before = |receipt: &&Receipt| answer.is_some_and(|answer| receipt.finished_at.is_some_and(|at| at < answer.at));
        // What an earlier run of this release went past was seen before it.
        let drift = |receipt: &&Receipt, step: &&Step| {
            step.is(StepKind::CheckDrift) && (before(receipt) || step.outcome == Outcome::Skipped)
        };
        let drift = releases.iter().flat_map(|receipt| receipt.steps.iter().filter(move |step| drift(&receipt, step)));
        Self {
            seen_drift: drift.filter_map(digest_of).collect(),
            changed: receipts.iter().any(Receipt::holds_something),
            release: releases.into_iter().find(|receipt| matches!(receipt.status, Status::Contained | Status::Skipped)),
            failed_steps: failed_steps(&receipts),
        }
    }
}

/// What a step told of. A receipt of an earlier version has no digest, and the whole sentence that is digested now.
fn digest_of(step: &Step) -> Option<String> {
    step.digest.clone().or_else(|| step.error.as_ref().map(|fault| sha256_hex(fault.message.as_bytes())))
}

fn failed_steps(receipts: &[Receipt]) -> Vec<StepName> {
    let steps = receipts.iter().flat_map(|receipt| &receipt.steps);
    steps.filter(|step| step.outcome == Outcome::Failed).map(|step| step.name.clone()).collect()
}
