//! How one target of an incident stands now: what its containment did, and what a release did to that.

use super::{Outcome, Receipt, Status, Step};
use crate::containment::Containment;
use crate::decision::Decision;
use crate::fault::FaultKind;
use crate::step::StepKind;

/// How one target stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The incident's containment is in force, or a part of it.
    Held,
    /// A release put back everything that Firebreak had changed.
    PutBack,
    /// A release put back a part. What is left need not contain the target.
    PartlyPutBack,
    /// A release found that somebody had changed the target, and put nothing back.
    Drifted,
    /// The incident let go of the target. Another incident still holds it: it stays contained.
    HeldByAnother,
    /// The incident let go of the target, and there was nothing to put back.
    LetGo,
    /// Nothing is in force.
    Open,
}

impl Standing {
    /// Whether a release ended the incident's hold: nobody asks any more how the containment ended.
    #[must_use]
    pub const fn is_let_go(self) -> bool {
        matches!(self, Self::PutBack | Self::LetGo | Self::HeldByAnother)
    }

    /// Whether a release did something about the target, or would have: an approval after that contains nothing anew.
    #[must_use]
    pub const fn is_touched_by_a_release(self) -> bool {
        !matches!(self, Self::Held | Self::Open)
    }

    /// In words for a person; nothing where the status of the receipt says it.
    #[must_use]
    pub const fn says(self) -> Option<&'static str> {
        match self {
            Self::Held | Self::Open => None,
            Self::PutBack => Some("put back"),
            Self::PartlyPutBack => Some("PARTLY put back: take it for NOT contained"),
            Self::Drifted => Some("nothing was put back: somebody changed it since it was contained"),
            Self::HeldByAnother => Some("still contained for another incident; this one holds it no longer"),
            Self::LetGo => Some("nothing had to be put back"),
        }
    }
}

impl Receipt {
    /// Whether nothing was done because the target must never be touched: a person acts.
    #[must_use]
    pub fn is_protected(&self) -> bool {
        self.status == Status::Skipped && self.fault_kind() == Some(FaultKind::Protected)
    }

    /// Whether it says of what is only offered that nothing was done: no answer has named it. Nobody waits for such an answer, so people
    /// must not read it among what waits or was left undone. `decisions` are those of the incident.
    #[must_use]
    pub fn is_untaken(&self, decisions: &[Decision]) -> bool {
        let is_bare = self.status == Status::Skipped && self.steps.is_empty() && self.fault.is_none() && self.held_by.is_none();
        let key = self.target.merge_key();
        let is_about = |decision: &Decision| decision.containment == self.containment && decision.target.merge_key() == key;
        is_bare && decisions.iter().any(|decision| decision.is_offered() && is_about(decision))
    }

    /// Whether a containment failed that may have left something open on its way: a run of `isolate-ec2` can be killed while an interface
    /// is open, and such a run leaves no steps. Nothing was begun where the instance is gone, or never to be touched, or where the account
    /// refused Firebreak: it refuses looks, too. A release that failed itself ends nothing.
    #[must_use]
    pub fn may_be_half_done(&self, releases: &[Self]) -> bool {
        let is_whole = self.containment == Some(Containment::IsolateEc2) && self.target.scope.is_whole();
        let not_begun = [FaultKind::Gone, FaultKind::Malformed, FaultKind::Protected, FaultKind::Denied];
        let was_not_begun = self.fault_kind().is_some_and(|kind| not_begun.contains(&kind));
        let ends = |released: &Self| matches!(released.status, Status::Contained | Status::Skipped);
        let is_released = self.release_among(releases).is_some_and(ends);
        is_whole && self.status == Status::Failed && !was_not_begun && !is_released
    }

    /// How the target stands after `releases`.
    #[must_use]
    pub fn standing(&self, releases: &[Self]) -> Standing {
        let Some(released) = self.release_among(releases) else {
            return if self.holds_something() { Standing::Held } else { Standing::Open };
        };
        match released.status {
            _ if released.held_by.is_some() => Standing::HeldByAnother,
            _ if !self.holds_something() => Standing::Open,
            Status::Contained => Standing::PutBack,
            Status::Skipped => Standing::LetGo,
            Status::Partial if released.put_something_back() => Standing::PartlyPutBack,
            Status::Partial if released.found_drift() => Standing::Drifted,
            Status::Partial | Status::Failed | Status::Waits => Standing::Held,
        }
    }

    /// What a release did about the same containment. Nothing when the target was contained again since.
    #[must_use]
    pub fn release_among<'a>(&self, releases: &'a [Self]) -> Option<&'a Self> {
        let is_later = |released: &&Self| {
            let times = released.finished_at.zip(self.finished_at);
            times.is_none_or(|(released, contained)| released >= contained)
        };
        releases.iter().filter(|released| released.is_about_same(self)).find(is_later)
    }

    /// Of a release: whether somebody had changed the target, which nobody has been told yet.
    #[must_use]
    pub fn found_drift(&self) -> bool {
        self.steps.iter().any(|step| step.is(StepKind::CheckDrift) && step.outcome == Outcome::Failed)
    }

    /// Of a release that is not finished. While its steps are not known, the target must not pass for contained.
    fn put_something_back(&self) -> bool {
        let is_control = |step: &Step| step.kind().is_none_or(|kind| !kind.is_bookkeeping());
        self.steps.is_empty() || self.steps.iter().any(|step| step.outcome == Outcome::Applied && is_control(step))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Fault;
    use crate::ids::IncidentId;
    use jiff::Timestamp;

    fn receipt(status: Status, steps: &[(&str, Outcome)], second: i64) -> Receipt {
        let target = serde_json::json!({ "kind": "ec2-instance", "id": "i-0123456789abcdef0", "account": "111122223333",
            "region": "eu-central-1", "partition": "aws" });
        let at = Timestamp::from_second(second).expect("a time");
        let step = |(name, outcome): &(&str, Outcome)| {
            let error = (*outcome == Outcome::Failed).then(|| Fault::malformed("changed by somebody"));
            Step { name: (*name).to_owned().into(), outcome: *outcome, error, digest: None, started_at: at, ms: 1 }
        };
        let target = serde_json::from_value(target).expect("a target");
        let steps = steps.iter().map(step).collect();
        Receipt { steps, finished_at: Some(at), ..Receipt::of(target, Containment::IsolateEc2, status) }
    }

    #[test]
    fn a_target_is_held_as_long_as_no_release_let_go_of_it() {
        let held = receipt(Status::Contained, &[("isolate-interface eni-1", Outcome::Applied)], 10);
        let after = |status, steps: &[(&str, Outcome)]| held.standing(&[receipt(status, steps, 20)]);
        assert_eq!(held.standing(&[]), Standing::Held);
        assert_eq!(after(Status::Contained, &[("restore-groups eni-1", Outcome::Applied)]), Standing::PutBack);
        assert_eq!(after(Status::Skipped, &[]), Standing::LetGo);
        assert_eq!(after(Status::Failed, &[]), Standing::Held);
        let drift = ("check-drift", Outcome::Failed);
        assert_eq!(after(Status::Partial, &[drift]), Standing::Drifted);
        assert_eq!(after(Status::Partial, &[drift, ("restore-groups eni-2", Outcome::Applied)]), Standing::PartlyPutBack);
        assert_eq!(after(Status::Partial, &[("restore-groups eni-1", Outcome::Failed)]), Standing::Held);
        assert_eq!(after(Status::Partial, &[]), Standing::PartlyPutBack, "nobody knows what was put back");
        let mut other = receipt(Status::Skipped, &[], 20);
        other.held_by = Some(IncidentId::of("another finding"));
        assert_eq!(held.standing(&[other]), Standing::HeldByAnother);
    }

    #[test]
    fn an_isolation_that_was_killed_may_be_half_done_until_it_is_released() {
        let of = |fault: Option<FaultKind>| Receipt { fault: fault.map(Into::into), ..receipt(Status::Failed, &[], 10) };
        let killed = Receipt { fault: Some("Sandbox.Timedout".to_owned().into()), ..of(None) };
        assert!(killed.may_be_half_done(&[]) && of(Some(FaultKind::Transient)).may_be_half_done(&[]));
        assert!(!of(Some(FaultKind::Gone)).may_be_half_done(&[]), "there is nothing to look at");
        assert!(!of(Some(FaultKind::Denied)).may_be_half_done(&[]), "looks are refused, too");
        for (released, is_over) in
            [(Status::Skipped, true), (Status::Contained, true), (Status::Failed, false), (Status::Partial, false)]
        {
            assert_eq!(killed.may_be_half_done(&[receipt(released, &[], 20)]), !is_over, "{released:?}");
        }
        assert!(!receipt(Status::Waits, &[], 10).may_be_half_done(&[]));
    }

    #[test]
    fn a_release_says_nothing_of_what_was_contained_after_it() {
        let again = receipt(Status::Contained, &[("isolate-interface eni-1", Outcome::Applied)], 30);
        assert_eq!(again.standing(&[receipt(Status::Contained, &[], 20)]), Standing::Held);
        let failed = receipt(Status::Failed, &[], 10);
        assert_eq!(failed.standing(&[receipt(Status::Skipped, &[], 20)]), Standing::Open);
    }
}
