//! What Firebreak decided to do, to what, and whether it may do it alone.

use crate::ids::{AccessKeyId, AccountId, Partition, PrincipalId, Region};
use serde::{Deserialize, Serialize};

/// A way to contain a resource. Its name is the same string everywhere: the folder and crate of the function, the binary, the
/// state in the state machine (in `UpperCamelCase`) and the playbook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Containment {
    /// Deny everything to an IAM user, a role or one session of a role, and make the user's credentials inactive.
    QuarantineIam,
    /// Deny everything to a principal from the organization, with the quarantine service control policy. Only after approval.
    QuarantineScp,
    /// Move every network interface of an instance into an empty security group.
    IsolateEc2,
    /// Switch on every public access block of a bucket.
    LockdownS3,
}

impl Containment {
    /// All containments, for tests that hold other files to this list.
    pub const ALL: [Self; 4] = [Self::QuarantineIam, Self::QuarantineScp, Self::IsolateEc2, Self::LockdownS3];

    /// The kebab-case name, for example `quarantine-iam`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::QuarantineIam => "quarantine-iam",
            Self::QuarantineScp => "quarantine-scp",
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Contained at once.
    Auto,
    /// Contained when an analyst approves the incident.
    Gate,
    /// Never contained by Firebreak: a person is told.
    Notify,
}

impl Mode {
    /// This mode, or `limit` if that does less on its own.
    #[must_use]
    pub fn at_most(self, limit: Self) -> Self {
        let rank = |mode| match mode {
            Self::Notify => 0,
            Self::Gate => 1,
            Self::Auto => 2,
        };
        if rank(self) > rank(limit) { limit } else { self }
    }

    /// As it is written in the playbook and in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Gate => "gate",
            Self::Notify => "notify",
        }
    }
}

/// How much of a principal a containment takes away: the least that the evidence supports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// All of it: every credential of a user, every session of a role.
    #[default]
    Principal,
    /// One session of a role, by its name; other sessions keep working.
    Session,
    /// Every session of a role that was issued before the containment; whoever may assume the role can come back.
    OlderSessions,
    /// One access key of a user; the user's other credentials keep working.
    AccessKey,
}

impl Scope {
    /// True for all of the target, which is what most decisions are about.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        *self == Self::Principal
    }

    /// The kebab-case name, the same as in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Principal => "principal",
            Self::Session => "session",
            Self::OlderSessions => "older-sessions",
            Self::AccessKey => "access-key",
        }
    }
}

/// The kind of resource a decision is about.
///
/// The first five are what Firebreak looks after itself. For the others it names the target and what a person should do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
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
    /// A person in IAM Identity Center, in every account and permission set; the id is the user name, which names the sessions.
    IdentityCenterUser,
    /// A federated user session (`GetFederationToken`); the id is the session's name, not a user's.
    FederatedUser,
    /// An access key whose owner the finding does not name; the id is the key id.
    AccessKey,
    /// An instance profile whose role the finding does not name; the id is its name or ARN.
    InstanceProfile,
    /// A Lambda function; the id is its name or ARN.
    LambdaFunction,
    /// A workload or a user inside an EKS cluster; the id is `cluster/namespace/name`, as far as it is known.
    EksWorkload,
    /// A task, or a cluster, of ECS; the id is its ARN or name.
    EcsTask,
    /// A container outside ECS and EKS; the id is the container's.
    Container,
    /// An RDS database; the id is the instance's or cluster's name.
    RdsDatabase,
    /// A machine image; the id is its ARN.
    Ec2Image,
    /// A snapshot of a volume or database; the id is its ARN.
    Snapshot,
    /// A recovery point of AWS Backup; the id is its ARN.
    RecoveryPoint,
    /// Objects in a bucket; the id is `bucket/key` of the first one.
    S3Object,
    /// A whole account; the id is the account id.
    Account,
    /// Something else the finding names.
    Other,
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
            Self::IdentityCenterUser => "Identity Center user",
            Self::FederatedUser => "federated user",
            Self::AccessKey => "access key",
            Self::InstanceProfile => "instance profile",
            Self::LambdaFunction => "Lambda function",
            Self::EksWorkload => "EKS workload",
            Self::EcsTask => "ECS task",
            Self::Container => "container",
            Self::RdsDatabase => "RDS database",
            Self::Ec2Image => "AMI",
            Self::Snapshot => "snapshot",
            Self::RecoveryPoint => "recovery point",
            Self::S3Object => "S3 object",
            Self::Account => "account",
            Self::Other => "resource",
        }
    }

    /// The kebab-case name, the same as in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::IamUser => "iam-user",
            Self::IamRole => "iam-role",
            Self::AccountRoot => "account-root",
            Self::Ec2Instance => "ec2-instance",
            Self::S3Bucket => "s3-bucket",
            Self::IdentityCenterUser => "identity-center-user",
            Self::FederatedUser => "federated-user",
            Self::AccessKey => "access-key",
            Self::InstanceProfile => "instance-profile",
            Self::LambdaFunction => "lambda-function",
            Self::EksWorkload => "eks-workload",
            Self::EcsTask => "ecs-task",
            Self::Container => "container",
            Self::RdsDatabase => "rds-database",
            Self::Ec2Image => "ec2-image",
            Self::Snapshot => "snapshot",
            Self::RecoveryPoint => "recovery-point",
            Self::S3Object => "s3-object",
            Self::Account => "account",
            Self::Other => "other",
        }
    }
}

/// One resource in one account and Region. Account, Region and partition, and the id of everything that Firebreak contains, were
/// checked by [`ids`](crate::ids); the ids of other kinds are bounded, inert text for people.
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
    /// For a role: the session that was seen. Attacker-chosen text, bounded and made inert; checked again by
    /// [`SessionName`](crate::ids::SessionName) before it is used in an API call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// For a principal: how much of it is meant.
    #[serde(default, skip_serializing_if = "Scope::is_whole")]
    pub scope: Scope,
}

impl Target {
    /// The id without the front of an ARN that only repeats the target's account.
    fn short_id(&self) -> &str {
        let mut parts = self.id.splitn(6, ':');
        let front = [parts.next(), parts.next(), parts.next(), parts.next(), parts.next()];
        match (front, parts.next()) {
            ([Some("arn"), _, _, _, Some(account)], Some(name)) if account.is_empty() || account == self.account.as_str() => name,
            _ => &self.id,
        }
    }

    /// The key under which the ledger keeps this target's base state: one per resource, whatever the incident.
    #[must_use]
    pub fn ledger_key(&self) -> String {
        let kind = self.kind.name();
        match self.kind {
            // IAM is global in an account and a bucket name is global altogether: the Region a finding happens to name must
            // not split one resource into several.
            TargetKind::IamUser | TargetKind::IamRole | TargetKind::AccountRoot | TargetKind::S3Bucket => {
                format!("{}/{kind}/{}", self.account, self.id)
            }
            // One person, whatever account the finding came from.
            TargetKind::IdentityCenterUser => format!("organization/{kind}/{}", self.id),
            _ => format!("{}/{}/{kind}/{}", self.account, self.region, self.id),
        }
    }

    /// [`ledger_key`](Self::ledger_key) and the part of the target that is meant: two sessions of one role are two decisions
    /// about one resource.
    #[must_use]
    pub fn scoped_key(&self) -> String {
        let part = match self.scope {
            Scope::Principal => return self.ledger_key(),
            Scope::Session => self.session.as_deref().unwrap_or_default(),
            Scope::AccessKey => self.access_key_id.as_ref().map_or("", AccessKeyId::as_str),
            Scope::OlderSessions => "",
        };
        format!("{}/{}/{part}", self.ledger_key(), self.scope.name())
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.scope {
            Scope::Principal => {}
            Scope::Session => {
                write!(f, "session {} of ", crate::text::inert(self.session.as_deref().unwrap_or("unnamed"), 64))?;
            }
            Scope::OlderSessions => f.write_str("older sessions of ")?,
            Scope::AccessKey => {
                write!(f, "access key {} of ", self.access_key_id.as_ref().map_or("unnamed", AccessKeyId::as_str))?;
            }
        }
        write!(f, "{} {}", self.kind.label(), crate::text::inert(self.short_id(), 256))
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
    /// What a person should do about the target, when Firebreak has no containment for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_hand: Option<String>,
    /// Somebody answers for the cause (a suppression): nobody needs to be told.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub suppressed: bool,
}
