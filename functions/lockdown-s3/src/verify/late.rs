//! The receipt of a containment for which a look made up.

use crate::folded;
use firebreak::fault::Fault;
use firebreak::receipt::{Outcome, Receipt, Status, Step};
use firebreak::step::{StepKind, StepName};
use firebreak_aws::clock;
use firebreak_function::containment::Call;

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

/// A receipt with what a look did for the containment. Without steps it is of a run that was killed: the next look tells by it what
/// somebody reverted.
fn with(call: &Call, known: Option<Receipt>, made: &[Made]) -> Receipt {
    let known = known.unwrap_or_else(|| Receipt::of(call.target.clone(), call.containment, Status::Failed));
    let killed = known.steps.is_empty().then(|| {
        let why = Fault::malformed("the containment did not end: only what a look made up for is known");
        Step { error: Some(why), ..done(StepKind::ReadBase.into(), Outcome::Failed) }
    });
    let mut steps: Vec<Step> = known.steps.iter().cloned().chain(killed).collect();
    let most = steps.len() + MOST_ADDED;
    for Made { name, outcome, error } in made {
        if let Some(step) = step_of(&mut steps, name) {
            (step.outcome, step.error) = (*outcome, error.clone());
        } else if steps.len() < most {
            steps.push(Step { error: error.clone(), ..done(name.clone(), *outcome) });
        }
    }
    let status = Receipt::status_of(&steps, call.decisive());
    let finished_at = known.finished_at.or_else(|| Some(clock::now()));
    Receipt { status, steps, finished_at, ..known }
}

/// The step of this name, or the one that stands for the rules which the receipt does not list.
fn step_of<'a>(steps: &'a mut [Step], name: &StepName) -> Option<&'a mut Step> {
    let is_folded = |step: &Step| name.kind().is_some_and(|kind| folded::is_like(&step.name, kind));
    let at = steps.iter().position(|step| step.name == *name).or_else(|| steps.iter().position(is_folded))?;
    steps.get_mut(at)
}

fn done(name: StepName, outcome: Outcome) -> Step {
    Step { name, outcome, error: None, digest: None, started_at: clock::now(), ms: 0 }
}
