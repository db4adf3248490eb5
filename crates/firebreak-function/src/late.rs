//! The receipt of a containment for which a look made up. A release goes by the receipt.

use crate::call::Call;
use firebreak::fault::Fault;
use firebreak::receipt::{Outcome, Receipt, Status, Step};
use firebreak::step::{StepKind, StepName};
use firebreak_aws::clock;

/// A receipt with what a look did for the containment: its steps as `make_up` leaves them. A run that was killed has no receipt, or one
/// without steps, and gets one here: the next look tells by it what somebody reverted.
#[must_use]
pub fn made_up(call: &Call, known: Option<Receipt>, make_up: impl FnOnce(&mut Vec<Step>)) -> Receipt {
    let known = known.unwrap_or_else(|| Receipt::of(call.target.clone(), call.containment, Status::Failed));
    let killed = known.steps.is_empty().then(|| {
        let why = Fault::malformed("the containment did not end: only what a look made up for is known");
        Step { error: Some(why), ..made(StepKind::ReadBase, Outcome::Failed) }
    });
    let mut steps: Vec<Step> = known.steps.iter().cloned().chain(killed).collect();
    make_up(&mut steps);
    let status = Receipt::status_of(&steps, call.decisive());
    let finished_at = known.finished_at.or_else(|| Some(clock::now()));
    Receipt { status, steps, finished_at, ..known }
}

/// A step that a look adds to a receipt.
#[must_use]
pub fn made(name: impl Into<StepName>, outcome: Outcome) -> Step {
    Step { name: name.into(), outcome, error: None, digest: None, started_at: clock::now(), ms: 0 }
}
