//! What Firebreak decided to do, to what, and whether it may do it alone.

use crate::ids::{AccessKeyId, AccountId, Partition, PrincipalId, Region};
use serde::{Deserialize, Serialize};

/// A way to contain a resource. Its name is the same string everywhere: the folder and crate of the function, the binary, the
/// state in the state machine (in `UpperCamelCase`) and the playbook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Containment {
    /// Deny everything to an IAM user or role and deactivate the user's access keys.
    QuarantineIam,
    /// Move every network interface of an instance into an empty security group.
    IsolateEc2,
    /// Switch on every public access block of a bucket.
    LockdownS3,
}

impl Containment {
    /// All containments, for tests that hold other files to this list.
    pub const ALL: [Self; 3] = [Self::QuarantineIam, Self::IsolateEc2, Self::LockdownS3];

    /// The kebab-case name, for example `quarantine-iam`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::QuarantineIam => "quarantine-iam",
            Self::IsolateEc2 => "isolate-ec2",
            Self::LockdownS3 => "lockdown-s3",
        }
    }
}

impl std::fmt::Display for Containment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Whether a decision is carried out at once, after a person agreed, or never.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Contained at once.
    Auto,
    /// Contained when an analyst approves the incident.
    Gate,
    /// Never contained by Firebreak: a person is told.
    Notify,
}

/// The kind of resource a decision is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TargetKind {
    /// An IAM user; the id is its name.
    IamUser,
    /// An IAM role; the id is its name, never the session's.
    IamRole,
    /// The root user of an account; the id is the account id.
    AccountRoot,
    /// An EC2 instance; the id is `i-…`.
    Ec2Instance,
    /// An S3 bucket; the id is its name.
    S3Bucket,
}

impl TargetKind {
    /// How people call it.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::IamUser => "IAM user",
            Self::IamRole => "IAM role",
            Self::AccountRoot => "root user of account",
            Self::Ec2Instance => "EC2 instance",
            Self::S3Bucket => "S3 bucket",
        }
    }
}

/// One resource in one account and Region. Every field was checked by [`ids`](crate::ids).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// What it is.
    pub kind: TargetKind,
    /// Its name or id, in the form the kind says.
    pub id: String,
    /// The account that owns it.
    pub account: AccountId,
    /// The Region it is in; for IAM the finding's Region.
    pub region: Region,
    /// The partition of the account.
    pub partition: Partition,
    /// For a principal: the immutable id that the finding named (`AIDA…`, `AROA…`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal_id: Option<PrincipalId>,
    /// For a principal: the access key that was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_key_id: Option<AccessKeyId>,
    /// For a role: the session that was seen. Attacker-chosen text, bounded and made inert; never used in an API call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
}

impl Target {
    /// The key under which the ledger keeps this target's base state: one per resource, whatever the incident.
    #[must_use]
    pub fn ledger_key(&self) -> String {
        let kind = match self.kind {
            TargetKind::IamUser => "iam-user",
            TargetKind::IamRole => "iam-role",
            TargetKind::AccountRoot => "account-root",
            TargetKind::Ec2Instance => "ec2-instance",
            TargetKind::S3Bucket => "s3-bucket",
        };
        match self.kind {
            // IAM is global in an account and a bucket name is global altogether: the Region a finding happens to name must
            // not split one resource into several.
            TargetKind::Ec2Instance => format!("{}/{}/{kind}/{}", self.account, self.region, self.id),
            _ => format!("{}/{kind}/{}", self.account, self.id),
        }
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.kind.label(), crate::text::inert(&self.id, 64))
    }
}

/// One thing Firebreak decided about one target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The resource.
    pub target: Target,
    /// The containment, or nothing when only a person can act.
    pub containment: Option<Containment>,
    /// Whether Firebreak acts alone.
    pub mode: Mode,
    /// Why, in one line for the person who reads it at night.
    pub reason: String,
}
