//! The steps of a containment and of its release, by name.
//!
//! What a step means for the state of a target stands here, once: which steps are only records or labels, and which ones the
//! others wait for.

mod says;

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray};

/// What a step does. Its name is the kebab-case word that receipts, tickets and logs show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, IntoStaticStr, EnumString, VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub enum StepKind {
    // Records and labels: they leave the target as exposed as it was.
    /// Tell the ledger that the incident holds the target.
    MarkHeld,
    /// Read the state before the first change.
    ReadBase,
    /// Write that state to the ledger.
    RecordBase,
    /// See whether the target is the one the finding named.
    CheckIdentity,
    /// Label the target.
    Tag,
    /// Switch termination protection on.
    ProtectFromTermination,
    /// Note which instance profile the host has: the session that goes by it is denied, too.
    ReadProfile,
    /// Count the host among those that its group may lose.
    ReserveShare,

    // What keeps the evidence alive: it contains nothing, and people must know it.
    /// Put the instance on standby in its Auto Scaling group.
    EnterStandby,
    /// Switch scale-in protection on.
    ProtectFromScaleIn,
    /// Take the instance out of a load balancer.
    LeaveBalancer,
    /// Switch stop protection on.
    ProtectFromStop,
    /// Have a shutdown from inside stop the instance, not terminate it.
    StopOnShutdown,
    /// Keep a volume when the instance is terminated.
    KeepVolume,
    /// A note: what is lost, and when.
    NoteVolatile,
    /// A note: load balancers that could not be looked through.
    ScanBalancers,
    /// Empty session tags that somebody set in advance.
    ClearForeignSlots,
    /// Give a session's tag back.
    FreeSlot,
    /// Take the deny off a principal that was hit by mistake.
    TakeOffDeny,

    // Quarantine of a principal.
    /// Attach the quarantine policy.
    AttachDeny,
    /// Set the quarantine policy as permissions boundary, where no policy can be attached any more.
    DenyByBoundary,
    /// Deny one session of a role.
    DenySession,
    /// End the sessions of a role that were issued before now.
    RevokeOlderSessions,
    /// Make an access key inactive.
    DeactivateKey,
    /// Make a service-specific credential inactive.
    DeactivateServiceCredential,
    /// Make an SSH public key inactive.
    DeactivateSshKey,
    /// Make a signing certificate inactive.
    DeactivateCertificate,
    /// List access keys.
    ListKeys,
    /// List service-specific credentials.
    ListServiceCredentials,
    /// List SSH public keys.
    ListSshKeys,
    /// List signing certificates.
    ListCertificates,
    /// A note: one session cannot be denied for sure, only the whole role.
    NeedsWholeRole,
    /// A note: AWS itself quarantined the user.
    NoteQuarantineOfAws,
    /// A note: the finding's access key is not among the user's.
    FindExposedKey,
    /// A note: the user has another name now.
    FollowRename,
    /// Write the principal into the organization's quarantine policy.
    DenyByScp,
    /// A note: no service control policy has an effect in the management account.
    DenyInManagementAccount,

    // Isolation of an instance, lockdown of a bucket.
    /// Move a network interface into the empty security group.
    IsolateInterface,
    /// Cut the connections of a network interface that are open.
    CutTracked,
    /// A network interface was opened for that, and was not seen closed.
    LeftOpen,
    /// Have idle connections of a network interface forgotten soon.
    ShortenTracking,
    /// End a shell that Session Manager has open on the instance.
    EndShell,
    /// Deny the finding's remote addresses in a network ACL.
    DenyAddresses,
    /// Switch every public access block on.
    BlockPublicAccess,
    /// Deny the suspects in the policy of a bucket.
    DenySuspects,
    /// Deny callers outside the organization whom the policy of a bucket does not name.
    DenyOutsiders,
    /// Refuse writes with customer-held keys (SSE-C) in the policy of a bucket.
    DenyCustomerKeys,
    /// Deny to everybody, in the policy of a bucket, what destroys.
    DenyDestruction,
    /// Deny every call to everybody in the policy of a bucket.
    SealBucket,
    /// Deny objects that have Firebreak's tag, in the policy of a bucket.
    DenyQuarantined,
    /// Have that statement deny an object, by the tag.
    QuarantineObject,
    /// Cancel the deletion of a KMS key, which leaves the key disabled.
    CancelKeyDeletion,
    /// Enable a KMS key.
    EnableKey,
    /// Block customer-held keys (SSE-C) in the encryption setting of a bucket.
    BlockCustomerKeys,
    /// Switch a lifecycle rule off.
    DisableLifecycleRule,
    /// Switch a replication rule off.
    DisableReplicationRule,
    /// Keep the versions of what is overwritten and deleted from now on.
    EnableVersioning,
    /// A note: who keeps or loses access to a bucket.
    NoteAccess,
    /// Leave out a statement of a bucket's policy that S3 does not take back.
    LeaveOutStatement,
    /// A note: an access point of the bucket.
    NoteAccessPoint,
    /// A note: the key that encrypts the bucket.
    NoteKey,
    /// A note: a job of S3 Batch Operations.
    NoteBatchJob,
    /// A note: what of CloudTrail could not be read.
    ReadTrail,

    // Releases.
    /// Look for what somebody else changed since the containment.
    CheckDrift,
    /// Make an access key active again.
    ReactivateKey,
    /// Make a service-specific credential active again.
    ReactivateServiceCredential,
    /// Make an SSH public key active again.
    ReactivateSshKey,
    /// Make a signing certificate active again.
    ReactivateCertificate,
    /// Leave an exposed credential inactive.
    KeepInactive,
    /// Leave a KMS key enabled: a release takes no key away.
    LeaveEnabled,
    /// Detach the quarantine policy.
    DetachDeny,
    /// Put the permissions boundary back.
    RestoreBoundary,
    /// Delete the policy that ended older sessions.
    DeleteRevocation,
    /// Put tags back.
    RestoreTags,
    /// Take the principal out of the organization's quarantine policy.
    LiftDenyByScp,
    /// Put the security groups of an interface back.
    RestoreGroups,
    /// Put termination protection back.
    RestoreTerminationProtection,
    /// Put stop protection back.
    RestoreStopProtection,
    /// Put the shutdown behaviour back.
    RestoreShutdownBehavior,
    /// Put back whether a volume is deleted with the instance.
    RestoreVolume,
    /// Put the idle timeout of a network interface back.
    RestoreTracking,
    /// Take the instance back into service in its Auto Scaling group.
    ExitStandby,
    /// Put scale-in protection back.
    RestoreScaleInProtection,
    /// Take the instance into a load balancer again.
    JoinBalancer,
    /// Take the denied addresses out of a network ACL.
    LiftDenyOfAddresses,
    /// Put the public access block back.
    RestorePublicAccessBlock,
    /// Put the policy of a bucket back.
    RestorePolicy,
    /// Put the tags of an object back.
    RestoreObjectTags,
    /// Put the encryption setting of a bucket back.
    RestoreEncryption,
    /// Suspend versioning again.
    SuspendVersioning,
    /// Switch a lifecycle rule on again.
    EnableLifecycleRule,
    /// Switch a replication rule on again.
    EnableReplicationRule,
}

impl StepKind {
    /// The kebab-case word.
    #[must_use]
    pub fn word(self) -> &'static str {
        self.into()
    }

    /// What the step means for the state of a target. A new step does not compile without a place here.
    const fn nature(self) -> Nature {
        match self {
            Self::MarkHeld | Self::ReadBase | Self::RecordBase => Nature::Groundwork,
            Self::CheckIdentity | Self::Tag | Self::ProtectFromTermination | Self::ReadProfile | Self::ReserveShare => {
                Nature::Record
            }
            Self::ClearForeignSlots | Self::FreeSlot => Nature::Record,
            Self::EnterStandby | Self::ProtectFromScaleIn | Self::LeaveBalancer | Self::ProtectFromStop => Nature::Care,
            Self::StopOnShutdown | Self::KeepVolume | Self::ShortenTracking => Nature::Care,
            // An interface that stays as it was leaves the host as open as before, whatever became of its shells.
            Self::EndShell | Self::NoteVolatile | Self::ScanBalancers => Nature::Care,
            // Versions keep what is deleted, and let it be deleted.
            Self::EnableVersioning | Self::LeaveOutStatement | Self::NoteAccess | Self::NoteAccessPoint => Nature::Care,
            Self::NoteKey | Self::NoteBatchJob | Self::ReadTrail => Nature::Care,
            Self::TakeOffDeny => Nature::Amends,
            Self::AttachDeny | Self::DenyByBoundary | Self::DenySession | Self::RevokeOlderSessions => Nature::Control,
            Self::DeactivateKey | Self::DeactivateServiceCredential | Self::DeactivateSshKey => Nature::Control,
            Self::DeactivateCertificate | Self::ListKeys | Self::ListServiceCredentials | Self::ListSshKeys => Nature::Control,
            Self::ListCertificates | Self::NeedsWholeRole | Self::NoteQuarantineOfAws | Self::FindExposedKey => Nature::Control,
            Self::FollowRename | Self::DenyByScp | Self::DenyInManagementAccount => Nature::Control,
            Self::IsolateInterface | Self::CutTracked | Self::LeftOpen | Self::DenyAddresses => Nature::Control,
            Self::BlockPublicAccess | Self::DenySuspects | Self::DenyOutsiders | Self::DenyCustomerKeys => Nature::Control,
            Self::DenyDestruction | Self::SealBucket | Self::BlockCustomerKeys => Nature::Control,
            Self::DenyQuarantined | Self::QuarantineObject | Self::RestoreObjectTags => Nature::Control,
            Self::DisableLifecycleRule | Self::DisableReplicationRule => Nature::Control,
            Self::CancelKeyDeletion | Self::EnableKey | Self::LeaveEnabled => Nature::Control,
            Self::CheckDrift | Self::ReactivateKey | Self::ReactivateServiceCredential => Nature::Control,
            Self::ReactivateSshKey | Self::ReactivateCertificate | Self::KeepInactive | Self::DetachDeny => Nature::Control,
            Self::RestoreBoundary | Self::DeleteRevocation | Self::RestoreTags | Self::LiftDenyByScp => Nature::Control,
            Self::RestoreGroups | Self::RestoreTerminationProtection | Self::RestoreStopProtection => Nature::Control,
            Self::RestoreShutdownBehavior | Self::RestoreVolume | Self::RestoreTracking | Self::ExitStandby => Nature::Control,
            Self::RestoreScaleInProtection | Self::JoinBalancer | Self::LiftDenyOfAddresses => Nature::Control,
            Self::RestorePublicAccessBlock | Self::RestorePolicy | Self::RestoreEncryption => Nature::Control,
            Self::SuspendVersioning | Self::EnableLifecycleRule | Self::EnableReplicationRule => Nature::Control,
        }
    }

    /// True for records and labels: whatever became of them, the target is as exposed as it was.
    #[must_use]
    pub fn is_bookkeeping(self) -> bool {
        !matches!(self.nature(), Nature::Control)
    }

    /// True for steps of which a passing fault is worth another try of the whole, also where they do not decide: others wait for them,
    /// or somebody innocent does.
    #[must_use]
    pub fn is_tried_again(self) -> bool {
        matches!(self.nature(), Nature::Groundwork | Nature::Amends)
    }

    /// True for a step of which people read also where it went well, although it contains nothing.
    #[must_use]
    pub(crate) fn is_told(self) -> bool {
        matches!(self.nature(), Nature::Control | Nature::Care | Nature::Amends)
    }
}

enum Nature {
    /// Others wait for it.
    Groundwork,
    /// A record or a label.
    Record,
    /// It keeps evidence alive, and leaves the target as exposed as it was.
    Care,
    /// It takes back what hit somebody else, and says nothing of the target.
    Amends,
    /// It changes what the target can do, or finds out what there is to change.
    Control,
}

/// The name of one step: its kind, and the part of the target where there are several: `deactivate-key AKIA…`.
///
/// A receipt of another version of Firebreak can name a step that this one does not know. Its name is kept and shown, and it has
/// no kind.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct StepName {
    kind: Option<StepKind>,
    text: String,
}

impl StepName {
    /// A step about one part of the target, for example an access key.
    #[must_use]
    pub fn about(kind: StepKind, part: impl std::fmt::Display) -> Self {
        Self { kind: Some(kind), text: format!("{} {part}", kind.word()) }
    }

    /// What the step does, if this version knows it.
    #[must_use]
    pub fn kind(&self) -> Option<StepKind> {
        self.kind
    }

    /// The whole name, as people see it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl From<StepKind> for StepName {
    fn from(kind: StepKind) -> Self {
        Self { kind: Some(kind), text: kind.word().to_owned() }
    }
}

impl From<String> for StepName {
    fn from(text: String) -> Self {
        Self { kind: text.split(' ').next().and_then(|word| word.parse().ok()), text }
    }
}

impl From<StepName> for String {
    fn from(name: StepName) -> Self {
        name.text
    }
}

impl std::fmt::Display for StepName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_read_back_from_its_name_with_and_without_a_part() {
        for kind in StepKind::VARIANTS {
            assert_eq!(StepName::from(kind.word().to_owned()), StepName::from(*kind));
            assert_eq!(StepName::from(format!("{} a b", kind.word())), StepName::about(*kind, "a b"));
        }
    }

    #[test]
    fn a_step_of_another_version_keeps_its_name_and_has_no_kind() {
        let name: StepName = serde_json::from_value("freeze-function f".into()).expect("any text is a name");
        assert_eq!((name.kind(), name.as_str()), (None, "freeze-function f"));
        assert_eq!(serde_json::to_value(&name).expect("JSON"), "freeze-function f");
    }
}
