//! The roles that a member account offers to Firebreak.

use strum::{IntoStaticStr, VariantArray};

/// The class of work a member account lets Firebreak do: one role each, under the path `/firebreak/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(prefix = "FirebreakMember")]
pub enum MemberRole {
    /// Ask whose an access key is.
    Triage,
    /// Attach the quarantine policies, deactivate credentials.
    QuarantineIam,
    /// Write the inline policy that ends older sessions of a role. Only used after approval.
    RevokeSessions,
    /// Write the organization's quarantine policy, in the management account. Only used after approval.
    QuarantineScp,
    /// Look into CloudTrail.
    Sweep,
    /// Change security groups of network interfaces.
    IsolateEc2,
    /// Change public access blocks.
    LockdownS3,
    /// Read configuration, create snapshots.
    PreserveEvidence,
    /// Undo. No containment function can assume it.
    Release,
}

impl MemberRole {
    /// All roles.
    pub const ALL: &[Self] = Self::VARIANTS;

    /// The role's name in the member account, under the path `/firebreak/`: `FirebreakMemberTriage`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }
}
