//! What the run before this one said: the receipt of this one is written over its receipt.

use crate::admission::has_begun;
use firebreak::receipt::{Outcome, Step};
use firebreak::step::StepKind;
use firebreak_function::containment::Call;

/// The run before this one, where there was one.
#[derive(Debug)]
pub(crate) struct Before {
    /// Its steps, if it came to a receipt.
    steps: Vec<Step>,
    /// Whether the base is recorded, so that the instance may have been isolated.
    has_begun: bool,
}

impl Before {
    /// By what the ledger has. It is read beside the instance, and holds nothing up.
    pub(crate) async fn of(call: &Call) -> Self {
        let receipt = call.ledger.receipt(&call.incident, call.containment, &call.target);
        let (receipt, begun) = futures::join!(Box::pin(receipt), Box::pin(has_begun(call)));
        let steps = receipt.ok().flatten().map(|receipt| receipt.steps).unwrap_or_default();
        // Where nobody knows, it was: words too many are better than words that are lost.
        Self { steps, has_begun: begun.unwrap_or(true) }
    }

    /// Its steps about open connections. A record alone says only that it was about to cut them.
    pub(crate) fn cut(&self) -> Vec<Step> {
        self.steps.iter().filter(|step| step.is(StepKind::CutTracked)).cloned().collect()
    }

    /// What it said of shares that were passed or not compared, and `now` does not say anew: the target groups that the instance has left
    /// since do not show it any more.
    pub(crate) fn shares(&self, now: &[Step]) -> Vec<Step> {
        if !self.has_begun {
            return vec![];
        }
        let is_said = |step: &&Step| step.is(StepKind::ReserveShare) && step.outcome == Outcome::Skipped;
        let is_new = |step: &&Step| !now.iter().any(|known| known.name == step.name);
        self.steps.iter().filter(is_said).filter(is_new).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use firebreak::fault::Fault;
    use firebreak::step::StepName;
    use firebreak_function::step::skipped;

    fn said(group: &str) -> Step {
        skipped(StepName::about(StepKind::ReserveShare, group), Fault::malformed("it was not held back"))
    }

    #[test]
    fn words_about_shares_are_kept_once_and_only_of_a_run_that_began() {
        let counted = Step { outcome: Outcome::Applied, ..skipped(StepKind::ReserveShare, Fault::malformed("")) };
        let other = skipped(StepKind::NoteVolatile, Fault::malformed("its memory"));
        let steps = vec![counted.clone(), said("shop"), said("api"), other];
        let names = |has_begun: bool, now: &[Step]| -> Vec<String> {
            let kept = Before { steps: steps.clone(), has_begun }.shares(now);
            kept.iter().map(|step| step.name.as_str().to_owned()).collect()
        };
        assert_eq!(names(true, &[counted]), ["reserve-share shop", "reserve-share api"]);
        assert_eq!(names(true, &[said("shop")]), ["reserve-share api"]);
        assert_eq!(names(false, &[]), [""; 0]);
    }
}
