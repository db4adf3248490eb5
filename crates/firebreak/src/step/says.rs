//! What a step did, in the words of the person who reads a ticket.

use super::{StepKind, StepName};
use crate::receipt::{Outcome, Step};

impl StepKind {
    /// What was done when the step was carried out: "denied everything". Nothing for a note, whose own text says it.
    #[must_use]
    pub const fn done(self) -> Option<&'static str> {
        Some(match self {
            Self::MarkHeld => "recorded that this incident contains it",
            Self::ReadBase => "read the state before",
            Self::RecordBase => "saved the state before",
            Self::CheckIdentity => "checked that it is the one of the finding",
            Self::Tag => "labelled it",
            Self::ProtectFromTermination => "protected it from termination",
            Self::ClearForeignSlots => "emptied session tags that somebody had set",
            Self::FreeSlot => "freed the session's tag",
            Self::AttachDeny => "denied everything by policy",
            Self::DenyByBoundary => "denied everything by permissions boundary",
            Self::DenySession => "denied this one session",
            Self::RevokeOlderSessions => "ended the sessions that were open",
            Self::DeactivateKey => "made inactive: access key",
            Self::DeactivateServiceCredential => "made inactive: service credential",
            Self::DeactivateSshKey => "made inactive: SSH key",
            Self::DeactivateCertificate => "made inactive: signing certificate",
            Self::ListKeys => "listed its access keys",
            Self::ListServiceCredentials => "listed its service credentials",
            Self::ListSshKeys => "listed its SSH keys",
            Self::ListCertificates => "listed its signing certificates",
            Self::NeedsWholeRole | Self::NoteQuarantineOfAws | Self::FindExposedKey | Self::DenyInManagementAccount => {
                return None;
            }
            Self::DenyByScp => "denied everything from the organization",
            Self::IsolateInterface => "moved into the empty security group: network interface",
            Self::BlockPublicAccess => "switched all public access blocks on",
            Self::CheckDrift => "looked for changes by somebody else",
            Self::ReactivateKey => "active again: access key",
            Self::ReactivateServiceCredential => "active again: service credential",
            Self::ReactivateSshKey => "active again: SSH key",
            Self::ReactivateCertificate => "active again: signing certificate",
            Self::KeepInactive => "stays inactive because it was exposed:",
            Self::DetachDeny => "took the denial away",
            Self::RestoreBoundary => "put the permissions boundary back",
            Self::DeleteRevocation => "took away the policy that ended open sessions",
            Self::RestoreTags => "put the tags back",
            Self::LiftDenyByScp => "lifted the organization's denial",
            Self::RestoreGroups => "put the security groups back: network interface",
            Self::RestoreTerminationProtection => "put termination protection back",
            Self::RestorePublicAccessBlock => "put the public access blocks back",
        })
    }
}

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
