//! The receipt of a containment for which a look made up.

use firebreak::fault::Fault;
use firebreak::receipt::{Outcome, Receipt};
use firebreak::step::StepName;
use firebreak_function::containment::Call;
use firebreak_function::late;

/// People and the next look go by the receipt: what a look wrote at last holds from then on. A run that was killed gets one here.
pub(super) async fn keep(call: &Call, known: &Result<Option<Receipt>, Fault>, written: &[StepName]) -> Result<(), Fault> {
    let Ok(known) = known else { return Ok(()) };
    if written.is_empty() {
        return Ok(());
    }
    call.ledger.keep_receipt(&call.incident, &with(call, known.clone(), written)).await
}

fn with(call: &Call, known: Option<Receipt>, written: &[StepName]) -> Receipt {
    late::made_up(call, known, |steps| {
        for name in written {
            let is_known = steps.iter().any(|step| step.name == *name);
            for step in steps.iter_mut().filter(|step| step.name == *name) {
                (step.outcome, step.error) = (Outcome::Applied, None);
            }
            if !is_known {
                steps.push(late::made(name.clone(), Outcome::Applied));
            }
        }
    })
}
