//! Which of two receipts about one target says that more holds.

use super::{Outcome, Receipt, Status};

impl Receipt {
    /// Whether this receipt says more than `other`: more of the target is contained, or a step holds here that failed there, or
    /// something was changed here and nothing there. A release takes a step that failed for somebody else's and leaves it.
    #[must_use]
    pub fn is_better_than(&self, other: &Self) -> bool {
        let (here, there) = (strength(self.status), strength(other.status));
        let held = || other.failed_steps().iter().any(|name| self.has_held(name.as_str()));
        let changed = || other.changed_nothing() && !self.changed_nothing() && other.failed_steps().is_empty();
        here > there || here == there && (held() || changed())
    }

    fn has_held(&self, name: &str) -> bool {
        let holds = |outcome| matches!(outcome, Outcome::Applied | Outcome::Already);
        self.steps.iter().any(|step| step.name.as_str() == name && holds(step.outcome))
    }
}

fn strength(status: Status) -> u8 {
    match status {
        Status::Contained => 2,
        Status::Partial => 1,
        Status::Skipped | Status::Failed | Status::Waits => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn receipt(status: &str, steps: &[(&str, &str)]) -> Receipt {
        let at = "2026-11-21T02:00:00Z";
        let step = |(name, outcome): &(&str, &str)| json!({ "name": name, "outcome": outcome, "started_at": at, "ms": 1 });
        let steps: Vec<_> = steps.iter().map(step).collect();
        let target =
            json!({ "kind": "iam-user", "id": "a", "account": "111122223333", "region": "eu-central-1", "partition": "aws" });
        let receipt = json!({ "target": target, "containment": "quarantine-iam", "status": status, "steps": steps });
        serde_json::from_value(receipt).expect("a receipt")
    }

    #[test]
    fn a_receipt_by_which_more_holds_is_better() {
        let order = ["failed", "partial", "contained"].map(|status| receipt(status, &[]));
        for (at, worse) in order.iter().enumerate() {
            for (other, better) in order.iter().enumerate() {
                assert_eq!(better.is_better_than(worse), other > at, "{:?} {:?}", better.status, worse.status);
            }
        }
        for nothing_done in ["skipped", "waits"] {
            assert!(!receipt(nothing_done, &[]).is_better_than(&receipt("failed", &[])));
        }
    }

    #[test]
    fn of_two_partial_ones_none_gives_up_a_step_that_holds() {
        let first = receipt("partial", &[("attach-deny", "applied"), ("deactivate-key A", "failed")]);
        let throttled = receipt("partial", &[("attach-deny", "failed"), ("deactivate-key A", "applied")]);
        assert!(first.is_better_than(&throttled), "a release would leave the deny");
        let further = receipt("partial", &[("attach-deny", "already"), ("deactivate-key A", "failed")]);
        assert!(!first.is_better_than(&further));
    }

    #[test]
    fn what_was_changed_is_not_forgotten_because_it_is_so_now() {
        let first = receipt("contained", &[("attach-deny", "applied")]);
        let again = receipt("contained", &[("attach-deny", "already")]);
        assert!(first.is_better_than(&again) && !again.is_better_than(&first));
    }
}
