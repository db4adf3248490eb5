//! What a step did, in the words of the person who reads a ticket.

use super::{StepKind, StepName};
use crate::receipt::{Outcome, Step};

impl StepName {
    /// What was done, with the part of the target: "made inactive: access key AKIA…". A step that this version does not know says
    /// its name.
    #[must_use]
    pub fn done(&self) -> String {
        let Some((kind, done)) = self.kind.and_then(|kind| Some((kind, kind.done()?))) else { return self.text.clone() };
        let part = self.text.strip_prefix(kind.word()).unwrap_or_default();
        format!("{done}{part}")
    }
}

impl Step {
    /// How the step ended, in words for a person. Nothing when there is nothing to say: a record or a label that was written, a
    /// step that had nothing to do.
    #[must_use]
    pub fn says(&self) -> Option<String> {
        let is_record = self.kind().is_some_and(StepKind::is_bookkeeping);
        let why = self.error.as_ref().map(crate::fault::Fault::told);
        match self.outcome {
            Outcome::Failed => Some(format!("FAILED: {}: {}", self.name, why.unwrap_or_else(|| "no reason is known".to_owned()))),
            Outcome::Skipped if self.is(StepKind::KeepInactive) => Some(self.name.done()),
            Outcome::Skipped => why,
            Outcome::Applied | Outcome::Already if is_record || self.is(StepKind::CheckDrift) => None,
            Outcome::Applied => Some(self.name.done()),
            Outcome::Already => Some(format!("{} (was so before)", self.name.done())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{Fault, FaultKind};

    fn step(name: &str, outcome: Outcome, error: Option<Fault>) -> Step {
        Step { name: name.to_owned().into(), outcome, error, digest: None, started_at: jiff::Timestamp::UNIX_EPOCH, ms: 1 }
    }

    #[test]
    fn a_person_reads_what_was_done_and_to_which_part() {
        let says = |name, outcome, error| step(name, outcome, error).says();
        let key = says("deactivate-key AKIAEXAMPLE", Outcome::Applied, None);
        assert_eq!(key.as_deref(), Some("made inactive: access key AKIAEXAMPLE"));
        assert_eq!(says("attach-deny", Outcome::Already, None).as_deref(), Some("denied everything by policy (was so before)"));
        assert_eq!(says("record-base", Outcome::Applied, None), None, "a record contains nothing");
        assert_eq!(says("freeze-function f", Outcome::Applied, None).as_deref(), Some("freeze-function f"));
        let refused = || Some(Fault::new(FaultKind::Denied, "iam:TagUser: AccessDenied"));
        let failed = says("tag", Outcome::Failed, refused());
        assert_eq!(failed.as_deref(), Some("FAILED: tag: AWS refused: iam:TagUser: AccessDenied"));
        assert_eq!(
            says("needs-whole-role", Outcome::Skipped, refused()).as_deref(),
            Some("AWS refused: iam:TagUser: AccessDenied")
        );
    }
}
