//! What a containment did, step by step: the audit trail and the base of its undoing.

use crate::decision::{Containment, Target};
use crate::fault::Fault;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How one step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The call was made and AWS now has it so.
    Applied,
    /// AWS had it so already.
    Already,
    /// There was nothing to do, or the step does not apply here.
    Skipped,
    /// The call failed; the other steps were tried all the same.
    Failed,
}

/// One step of a containment, verification or release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// A stable kebab-case name, with the sub-resource where there are several: `deactivate-key AKIA…`.
    pub name: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it failed or was skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Fault>,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took, in milliseconds.
    pub ms: u64,
}

/// The state a target was left in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Every step that matters holds.
    Contained,
    /// Some steps hold and some failed.
    Partial,
    /// Nothing was done, on purpose.
    Skipped,
    /// Nothing holds.
    Failed,
}

/// What happened to one target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// The target.
    pub target: Target,
    /// What was tried.
    pub containment: Option<Containment>,
    /// How it ended.
    pub status: Status,
    /// Every step, also the failed ones.
    #[serde(default)]
    pub steps: Vec<Step>,
    /// Why nothing was done, or the error that ended the function.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// When the function finished. Absent when the state machine wrote the receipt for a function that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
}

/// Steps that leave the target as exposed as it was.
const BOOKKEEPING: [&str; 8] = [
    "mark-held",
    "record-base",
    "read-base",
    "check-identity",
    "tag",
    "protect-from-termination",
    "clear-foreign-slots",
    "free-slot",
];

impl Step {
    /// The name without the sub-resource.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.name.split(' ').next().unwrap_or_default()
    }
}

impl Receipt {
    /// The status that a list of steps amounts to. `decisive` names the steps without which nothing is contained; labels and records
    /// contain nothing, whatever became of them.
    #[must_use]
    pub fn status_of(steps: &[Step], decisive: &[&str]) -> Status {
        let held = |step: &&Step| matches!(step.outcome, Outcome::Applied | Outcome::Already);
        let any_decisive = steps.iter().filter(held).any(|step| decisive.contains(&step.kind()));
        if any_decisive && steps.iter().all(|step| step.outcome != Outcome::Failed) {
            Status::Contained
        } else if steps.iter().filter(held).any(|step| !BOOKKEEPING.contains(&step.kind())) {
            Status::Partial
        } else {
            Status::Failed
        }
    }

    /// The names of the steps that failed.
    #[must_use]
    pub fn failed_steps(&self) -> Vec<String> {
        self.steps.iter().filter(|step| step.outcome == Outcome::Failed).map(|step| step.name.clone()).collect()
    }

    /// Whether anything of this target was changed and needs a release.
    #[must_use]
    pub fn holds_something(&self) -> bool {
        matches!(self.status, Status::Contained | Status::Partial)
    }
}

/// What AWS says about a contained target after the propagation delay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verification {
    /// The target.
    pub target: Target,
    /// What was verified.
    pub containment: Option<Containment>,
    /// True when every control was read back as written.
    pub holds: bool,
    /// One line per control that does not hold, or the error that kept Firebreak from looking.
    #[serde(default)]
    pub problems: Vec<String>,
    /// One line per control that somebody had reverted since it was written. It was written again; `problems` says if that failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reverted: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::FaultKind;

    fn step(name: &str, outcome: Outcome) -> Step {
        let error = (outcome == Outcome::Failed).then(|| Fault::new(FaultKind::Denied, "no"));
        Step { name: name.to_owned(), outcome, error, started_at: Timestamp::UNIX_EPOCH, ms: 1 }
    }

    #[test]
    fn a_status_never_claims_more_than_the_steps() {
        let decisive = ["attach-deny"];
        let status = |steps: &[Step]| Receipt::status_of(steps, &decisive);
        assert_eq!(status(&[step("attach-deny", Outcome::Applied), step("tag", Outcome::Applied)]), Status::Contained);
        assert_eq!(
            status(&[step("attach-deny", Outcome::Already), step("deactivate-key K", Outcome::Skipped)]),
            Status::Contained
        );
        assert_eq!(status(&[step("attach-deny", Outcome::Applied), step("deactivate-key K", Outcome::Failed)]), Status::Partial);
        assert_eq!(status(&[step("attach-deny", Outcome::Failed), step("deactivate-key K", Outcome::Applied)]), Status::Partial);
        assert_eq!(status(&[step("attach-deny", Outcome::Failed)]), Status::Failed);
        assert_eq!(status(&[step("attach-deny", Outcome::Failed), step("record-base", Outcome::Applied)]), Status::Failed);
        assert_eq!(status(&[step("tag", Outcome::Applied)]), Status::Failed, "a label contains nothing");
        assert_eq!(status(&[]), Status::Failed);
    }
}
