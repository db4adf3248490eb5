//! The receipt of a containment for which a look made up.

use firebreak::fault::Fault;
use firebreak::receipt::{Outcome, Receipt, Status, Step};
use firebreak::step::{StepKind, StepName};
use firebreak_aws::clock;
use firebreak_function::containment::Call;

/// People and the next look go by the receipt: what a look wrote at last holds from then on. A run that was killed gets one here.
pub(super) async fn keep(call: &Call, known: &Result<Option<Receipt>, Fault>, written: &[StepName]) -> Result<(), Fault> {
    let Ok(known) = known else { return Ok(()) };
    if written.is_empty() {
        return Ok(());
    }
    call.ledger.keep_receipt(&call.incident, &with(call, known.clone(), written)).await
}

/// A receipt with what a look did for the containment. Without steps it is of a run that was killed: the next look tells by it what
/// somebody reverted.
fn with(call: &Call, known: Option<Receipt>, written: &[StepName]) -> Receipt {
    let known = known.unwrap_or_else(|| Receipt::of(call.target.clone(), call.containment, Status::Failed));
    let killed = known.steps.is_empty().then(|| {
        let why = Fault::malformed("the containment did not end: only what a look made up for is known");
        Step { error: Some(why), ..made(StepKind::ReadBase.into(), Outcome::Failed) }
    });
    let mut steps: Vec<Step> = known.steps.iter().cloned().chain(killed).collect();
    for name in written {
        let is_known = steps.iter().any(|step| step.name == *name);
        for step in steps.iter_mut().filter(|step| step.name == *name) {
            (step.outcome, step.error) = (Outcome::Applied, None);
        }
        if !is_known {
            steps.push(made(name.clone(), Outcome::Applied));
        }
    }
    let status = Receipt::status_of(&steps, call.decisive());
    let finished_at = known.finished_at.or_else(|| Some(clock::now()));
    Receipt { status, steps, finished_at, ..known }
}

fn made(name: StepName, outcome: Outcome) -> Step {
    Step { name, outcome, error: None, digest: None, started_at: clock::now(), ms: 0 }
}
