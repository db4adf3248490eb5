//! The receipt of a containment for which a look made up.

use firebreak::fault::Fault;
use firebreak::receipt::{Outcome, Receipt, Status, Step};
use firebreak::step::StepKind;
use firebreak_aws::clock;
use firebreak_function::containment::Call;

/// What the containment did.
pub(crate) type Kept = Result<Option<Receipt>, Fault>;

/// People and the next look go by the receipt: what a look did at last holds from then on. A run that was killed gets one here.
///
/// # Errors
/// The ledger does not take it.
pub(crate) async fn keep(call: &Call, known: &Kept, made: &[Step]) -> Result<(), Fault> {
    let Ok(known) = known else { return Ok(()) };
    let is_enabled = |step: &Step| step.is(StepKind::EnableKey) && step.outcome != Outcome::Failed;
    if !made.iter().any(is_enabled) {
        return Ok(());
    }
    call.ledger.keep_receipt(&call.incident, &with(call, known.clone(), made)).await
}

/// A receipt with what a look did for the containment.
fn with(call: &Call, known: Option<Receipt>, made: &[Step]) -> Receipt {
    let known = known.unwrap_or_else(|| Receipt::of(call.target.clone(), call.containment, Status::Failed));
    let is_made = |step: &Step| made.iter().any(|later| later.name == step.name);
    let before = known.steps.iter().filter(|step| !is_made(step)).cloned();
    let steps: Vec<Step> = before.chain(made.iter().cloned()).collect();
    let status = Receipt::status_of(&steps, call.decisive());
    let finished_at = known.finished_at.or_else(|| Some(clock::now()));
    Receipt { status, steps, finished_at, ..known }
}
