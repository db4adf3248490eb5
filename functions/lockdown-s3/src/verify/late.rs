//! The receipt of a containment for which a look made up.

use crate::folded;
use firebreak::fault::Fault;
use firebreak::receipt::{Outcome, Receipt, Step};
use firebreak::step::StepName;
use firebreak_function::containment::Call;
use firebreak_function::late;

/// So many steps a look adds to a receipt. Whoever takes a level off can make 1,000 rules.
const MOST_ADDED: usize = 30;

/// How a step of the containment ends by a look.
pub(super) struct Made {
    pub(super) name: StepName,
    pub(super) outcome: Outcome,
    pub(super) error: Option<Fault>,
}

impl Made {
    pub(super) fn new(name: impl Into<StepName>, outcome: Outcome) -> Self {
        Self { name: name.into(), outcome, error: None }
    }
}

/// A release goes by the receipt: what a look wrote at last is Firebreak's to put back. A run that was killed gets one here.
pub(super) async fn keep(call: &Call, known: &Result<Option<Receipt>, Fault>, made: &[Made]) -> Result<(), Fault> {
    let Ok(known) = known else { return Ok(()) };
    if made.is_empty() {
        return Ok(());
    }
    call.ledger.keep_receipt(&call.incident, &with(call, known.clone(), made)).await
}

fn with(call: &Call, known: Option<Receipt>, made: &[Made]) -> Receipt {
    late::made_up(call, known, |steps| {
        let most = steps.len() + MOST_ADDED;
        for Made { name, outcome, error } in made {
            if let Some(step) = step_of(steps, name) {
                (step.outcome, step.error) = (*outcome, error.clone());
            } else if steps.len() < most {
                steps.push(Step { error: error.clone(), ..late::made(name.clone(), *outcome) });
            }
        }
    })
}

/// The step of this name, or the one that stands for the rules which the receipt does not list.
fn step_of<'a>(steps: &'a mut [Step], name: &StepName) -> Option<&'a mut Step> {
    let is_folded = |step: &Step| name.kind().is_some_and(|kind| folded::is_like(&step.name, kind));
    let at = steps.iter().position(|step| step.name == *name).or_else(|| steps.iter().position(is_folded))?;
    steps.get_mut(at)
}
