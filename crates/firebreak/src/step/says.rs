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
            Self::ReadProfile => "read its instance profile",
            Self::ReserveShare => "counted it among the hosts that its group may lose",
            Self::EnterStandby => "on standby in its Auto Scaling group:",
            Self::ProtectFromScaleIn => "protected it from scale-in:",
            Self::LeaveBalancer => "taken out of load balancer:",
            Self::ProtectFromStop => "protected it from being stopped",
            Self::StopOnShutdown => "a shutdown from inside stops it, and no longer terminates it",
            Self::KeepVolume => "kept when the instance is terminated: volume",
            Self::ClearForeignSlots => "emptied session tags that somebody had set",
            Self::FreeSlot => "freed the session's tag",
            Self::TakeOffDeny => "took the denial off somebody who was hit by mistake",
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
            Self::NeedsWholeRole
            | Self::NoteQuarantineOfAws
            | Self::FindExposedKey
            | Self::FollowRename
            | Self::NoteVolatile
            | Self::LeftOpen
            | Self::ScanBalancers
            | Self::DenyInManagementAccount => return None,
            Self::NoteAccess | Self::NoteAccessPoint | Self::NoteKey | Self::NoteBatchJob | Self::ReadTrail => return None,
            Self::DenyByScp => "denied everything from the organization",
            Self::IsolateInterface => "moved into the empty security group: network interface",
            Self::CutTracked => "cut open connections (unproven on AWS): network interface",
            Self::ShortenTracking => "idle connections are forgotten after a minute: network interface",
            Self::EndShell => "ended the Session Manager shell",
            Self::DenyAddresses => "denied the finding's remote addresses in network ACL",
            Self::BlockPublicAccess => "switched all public access blocks on",
            Self::DenySuspects => "denied the suspects in the bucket policy",
            Self::DenyOutsiders => "denied outsiders whom the bucket policy does not name",
            Self::DenyCustomerKeys => "refused customer-held keys in the bucket policy",
            Self::DenyDestruction => "denied to everybody what destroys, in the bucket policy",
            Self::SealBucket => "denied every call to everybody in the bucket policy",
            Self::DenyQuarantined => "denied objects with Firebreak's tag in the bucket policy",
            Self::QuarantineObject => "denied to everybody but responders: object",
            Self::CancelKeyDeletion => "cancelled the deletion of the key",
            Self::EnableKey => "enabled the key",
            Self::LeaveEnabled => "left the key enabled",
            Self::BlockCustomerKeys => "blocked customer-held keys in the bucket's encryption setting",
            Self::DisableLifecycleRule => "switched off: lifecycle rule",
            Self::DisableReplicationRule => "switched off: replication rule",
            Self::EnableVersioning => "switched versioning on",
            Self::LeaveOutStatement => "left out, because S3 does not take it back: statement",
            Self::CheckDrift | Self::ReactivateKey | Self::ReactivateServiceCredential => return self.put_back_done(),
            Self::ReactivateSshKey | Self::ReactivateCertificate | Self::KeepInactive => return self.put_back_done(),
            Self::DetachDeny | Self::RestoreBoundary | Self::DeleteRevocation | Self::RestoreTags => return self.put_back_done(),
            Self::LiftDenyByScp | Self::RestoreGroups | Self::RestoreTerminationProtection => return self.put_back_done(),
            Self::RestoreStopProtection | Self::RestoreShutdownBehavior | Self::RestoreVolume => return self.put_back_done(),
            Self::RestoreTracking | Self::ExitStandby | Self::RestoreScaleInProtection => return self.put_back_done(),
            Self::JoinBalancer | Self::LiftDenyOfAddresses | Self::RestorePublicAccessBlock => return self.put_back_done(),
            Self::RestorePolicy | Self::RestoreEncryption | Self::SuspendVersioning => return self.put_back_done(),
            Self::RestoreObjectTags => return self.put_back_done(),
            Self::EnableLifecycleRule | Self::EnableReplicationRule => return self.put_back_done(),
        })
    }

    /// What a step of a release did.
    const fn put_back_done(self) -> Option<&'static str> {
        Some(match self {
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
            Self::RestoreStopProtection => "put stop protection back",
            Self::RestoreShutdownBehavior => "put the shutdown behaviour back",
            Self::RestoreVolume => "put back whether it is deleted with the instance: volume",
            Self::RestoreTracking => "put the idle timeout back: network interface",
            Self::ExitStandby => "back in service in its Auto Scaling group:",
            Self::RestoreScaleInProtection => "put scale-in protection back:",
            Self::JoinBalancer => "taken into the load balancer again:",
            Self::LiftDenyOfAddresses => "took the denied addresses out of network ACL",
            Self::RestorePublicAccessBlock => "put the public access blocks back",
            Self::RestorePolicy => "put the bucket policy back",
            Self::RestoreObjectTags => "put the tags back: object",
            Self::RestoreEncryption => "put the encryption setting back",
            Self::SuspendVersioning => "suspended versioning again",
            Self::EnableLifecycleRule => "on again: lifecycle rule",
            Self::EnableReplicationRule => "on again: replication rule",
            _ => return None,
        })
    }

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
            Self::RestoreStopProtection => "stop protection",
            Self::RestoreShutdownBehavior => "shutdown behaviour",
            Self::RestoreVolume => "whether it is deleted with the instance: volume",
            Self::RestoreTracking => "idle timeout of network interface",
            Self::ExitStandby => "service in Auto Scaling group",
            Self::RestoreScaleInProtection => "scale-in protection in",
            Self::JoinBalancer => "place in load balancer",
            Self::LiftDenyOfAddresses => "network ACL",
            Self::RestorePublicAccessBlock => "public access blocks",
            Self::RestorePolicy => "bucket policy",
            Self::RestoreObjectTags => "tags of object",
            Self::RestoreEncryption => "encryption setting",
            Self::SuspendVersioning => "suspended versioning",
            Self::EnableLifecycleRule => "lifecycle rule",
            Self::EnableReplicationRule => "replication rule",
            _ => return None,
        })
    }
}

impl Step {
    /// How the step ended, in words for a person. Nothing when there is nothing to say: a record or a label that was written, a
    /// step that had nothing to do.
    #[must_use]
    pub fn says(&self) -> Option<String> {
        let is_record = self.kind().is_some_and(|kind| !kind.is_told());
        let why = self.error.as_ref().map(crate::fault::Fault::told);
        match self.outcome {
            // What somebody else changed is no failure: Firebreak leaves it, and tells of it before it goes on.
            Outcome::Failed if self.is(StepKind::CheckDrift) && why.is_some() => why,
            Outcome::Failed => Some(format!("FAILED: {}: {}", self.name, why.unwrap_or_else(|| "no reason is known".to_owned()))),
            Outcome::Skipped if self.is(StepKind::KeepInactive) => Some(self.name.done()),
            Outcome::Skipped if self.is(StepKind::CheckDrift) => why.map(|why| format!("left as it is, {why}")),
            Outcome::Skipped => match why {
                Some(why) => Some(self.about_part(why)),
                None => Some(format!("left as it is: {}", self.name.put_back()?)),
            },
            Outcome::Applied | Outcome::Already if is_record || self.is(StepKind::CheckDrift) => None,
            Outcome::Applied => Some(self.name.done()),
            Outcome::Already => Some(match self.name.put_back() {
                Some(what) => format!("as before already: {what}"),
                None => format!("{} (was so before)", self.name.done()),
            }),
        }
    }

    /// Why the step was left out, with the part of the target: of several interfaces people must know which.
    pub(crate) fn about_part(&self, why: String) -> String {
        let part = self.kind().map(|kind| self.name.part(kind).trim_start()).unwrap_or_default();
        let why =
            if self.is(StepKind::ShortenTracking) { format!("idle connections last as long as before: {why}") } else { why };
        // The part of such a note only tells it from others.
        let is_named = part.is_empty() || self.is(StepKind::NoteVolatile) || why.contains(part);
        if is_named { why } else { format!("{part}: {why}") }
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
        let rule = says("disable-lifecycle-rule expire-1", Outcome::Applied, None);
        assert_eq!(rule.as_deref(), Some("switched off: lifecycle rule expire-1"));
        let left_rule = left("enable-lifecycle-rule expire-1", Outcome::Skipped);
        assert_eq!(left_rule.as_deref(), Some("left as it is: lifecycle rule expire-1"));
        assert_eq!(says("suspend-versioning", Outcome::Applied, None).as_deref(), Some("suspended versioning again"));
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
        let skipped = |name, why: &str| says(name, Outcome::Skipped, Some(Fault::malformed(why))).expect("words");
        let public = "open connections were not cut: it has a public address";
        assert!(skipped("cut-tracked eni-1", public).starts_with("eni-1: "), "it is one of several interfaces");
        assert!(!skipped("cut-tracked eni-1", "eni-1 is public").starts_with("eni-1: eni-1"));
        assert!(!skipped("note-volatile spot", "Spot Instance").starts_with("spot"));
        assert!(skipped("note-key 1234", "it is scheduled for deletion").starts_with("1234: "));
        assert!(!skipped("note-access", "account 444455556666 loses access").contains("note-access"));
        assert!(skipped("shorten-tracking eni-1", "UnsupportedOperation").starts_with("eni-1: idle connections last"));
    }
}
