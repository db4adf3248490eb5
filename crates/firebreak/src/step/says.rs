//! What a step did, in the words of the person who reads a ticket.

use super::{StepKind, StepName};
use crate::receipt::{Outcome, Step};

impl StepName {
    /// What was done, with the part of the target: "made inactive: access key AKIA…". A step that this version does not know says
    /// its name.
    #[must_use]
    pub fn done(&self) -> String {
        let Some((kind, done)) = self.kind.and_then(|kind| Some((kind, kind.done()?))) else { return self.text.clone() };
        format!("{done}{}", self.part(kind))
    }

    /// What a release puts back, with the part of the target: "access key AKIA…". Nothing for every other step.
    fn put_back(&self) -> Option<String> {
        let kind = self.kind?;
        Some(format!("{}{}", kind.puts_back()?, self.part(kind)))
    }

    fn part(&self, kind: StepKind) -> &str {
        self.text.strip_prefix(kind.word()).unwrap_or_default()
    }
}

impl StepKind {
    /// What a step of a release puts back, where it can find it as it was.
    const fn puts_back(self) -> Option<&'static str> {
        Some(match self {
            Self::ReactivateKey => "access key",
            Self::ReactivateServiceCredential => "service credential",
            Self::ReactivateSshKey => "SSH key",
            Self::ReactivateCertificate => "signing certificate",
            Self::RestoreBoundary => "permissions boundary",
            Self::RestoreTags => "tags",
            Self::RestoreGroups => "security groups of network interface",
            Self::RestoreTerminationProtection => "termination protection",
            Self::RestorePublicAccessBlock => "public access blocks",
            _ => return None,
        })
    }
}

impl Step {
    /// How the step ended, in words for a person. Nothing when there is nothing to say: a record or a label that was written, a
    /// step that had nothing to do.
    #[must_use]
    pub fn says(&self) -> Option<String> {
        // What hit somebody else says nothing of the target, and people must know it.
        let is_record = self.kind().is_some_and(|kind| kind.is_bookkeeping() && kind != StepKind::TakeOffDeny);
        let why = self.error.as_ref().map(crate::fault::Fault::told);
        match self.outcome {
            // What somebody else changed is no failure: Firebreak leaves it, and tells of it before it goes on.
            Outcome::Failed if self.is(StepKind::CheckDrift) && why.is_some() => why,
            Outcome::Failed => Some(format!("FAILED: {}: {}", self.name, why.unwrap_or_else(|| "no reason is known".to_owned()))),
            Outcome::Skipped if self.is(StepKind::KeepInactive) => Some(self.name.done()),
            Outcome::Skipped if self.is(StepKind::CheckDrift) => why.map(|why| format!("left as it is, {why}")),
            Outcome::Skipped => why.or_else(|| Some(format!("left as it is: {}", self.name.put_back()?))),
            Outcome::Applied | Outcome::Already if is_record || self.is(StepKind::CheckDrift) => None,
            Outcome::Applied => Some(self.name.done()),
            Outcome::Already => Some(match self.name.put_back() {
                Some(what) => format!("as before already: {what}"),
                None => format!("{} (was so before)", self.name.done()),
            }),
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
        let off = says("take-off-deny", Outcome::Applied, None);
        assert_eq!(off.as_deref(), Some("took the denial off somebody who was hit by mistake"));
        assert_eq!(says("freeze-function f", Outcome::Applied, None).as_deref(), Some("freeze-function f"));
        let left = |name, outcome| says(name, outcome, None);
        assert_eq!(
            left("reactivate-key AKIAEXAMPLE", Outcome::Skipped).as_deref(),
            Some("left as it is: access key AKIAEXAMPLE")
        );
        assert_eq!(left("restore-tags", Outcome::Already).as_deref(), Some("as before already: tags"));
        let drift = says("check-drift", Outcome::Failed, Some(Fault::malformed("changed by somebody: x")));
        assert_eq!(drift.as_deref(), Some("changed by somebody: x"), "somebody's change is no failure, and nothing malformed");
        let seen = says("check-drift", Outcome::Skipped, Some(Fault::malformed("changed by somebody: x")));
        assert_eq!(seen.as_deref(), Some("left as it is, changed by somebody: x"));
        let refused = || Some(Fault::new(FaultKind::Denied, "iam:TagUser: AccessDenied"));
        let failed = says("tag", Outcome::Failed, refused());
        assert_eq!(failed.as_deref(), Some("FAILED: tag: AWS refused: iam:TagUser: AccessDenied"));
        assert_eq!(
            says("needs-whole-role", Outcome::Skipped, refused()).as_deref(),
            Some("AWS refused: iam:TagUser: AccessDenied")
        );
    }
}
