//! What a decision is about: one resource in one account, or a part of it.

use crate::ids::{AccessKeyId, AccountId, InstanceProfileName, Partition, PrincipalId, Region};
use crate::objects::ObjectVersion;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::net::IpAddr;
use strum::{IntoStaticStr, VariantArray};

/// How much of a target a containment takes away: the least that the evidence supports.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize, IntoStaticStr, VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Scope {
    /// All of it: every credential of a user, every session of a role. Of a bucket: the access of everybody on the internet, and no more,
    /// which is what earlier versions closed.
    #[default]
    Principal,
    /// One session of a role, by its name; other sessions keep working.
    Session,
    /// Every session of a role that was issued before the containment; whoever may assume the role can come back.
    OlderSessions,
    /// One access key of a user; the user's other credentials keep working.
    AccessKey,
    /// What an instance exchanges with the remote addresses of a finding.
    RemoteAddresses,
    /// A bucket for suspects, for outsiders whom its policy does not name, and for the means of a ransom. Public access is blocked, too.
    Freeze,
    /// Whatever deletes data of a bucket or weakens its protection, whoever asks for it.
    Destruction,
    /// A bucket for everybody but Firebreak.
    Seal,
    /// Some objects of a bucket, each by its version.
    Objects,
}

impl Scope {
    /// True for all of the target, which is what most decisions are about.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        *self == Self::Principal
    }

    /// Whether a containment of all of the target answers for this part. It does not for remote addresses: an instance that is isolated can
    /// have connections that stay open. Nor for the levels of a bucket: each denies something that the others let pass.
    #[must_use]
    pub fn is_within_whole(self) -> bool {
        !matches!(self, Self::RemoteAddresses | Self::Freeze | Self::Destruction | Self::Seal | Self::Objects)
    }

    /// The kebab-case name, the same as in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// The kind of resource a decision is about. Of a kind that no containment declares, the root user among them, Firebreak names the target
/// and says what a person should do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, IntoStaticStr, VariantArray)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
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
    /// Objects in a bucket; the id is `bucket/key` of the first one. Where the scope is [`Scope::Objects`], it is the bucket's name.
    S3Object,
    /// A key of KMS; the id is the key's, without its ARN.
    KmsKey,
    /// A whole account; the id is the account id.
    Account,
    /// Somebody whom the finding names in no form that could be looked up; the id is whatever it says.
    Principal,
    /// Something else the finding names.
    Other,
}

impl TargetKind {
    /// What is true of every resource of the kind. A new kind does not compile without its row.
    const fn facts(self) -> Facts {
        match self {
            Self::IamUser => facts("IAM user", Reach::Account, Look::Reapply, Id::Name),
            Self::IamRole => facts("IAM role", Reach::Account, Look::Reapply, Id::Name),
            Self::AccountRoot => facts("root user of account", Reach::Account, Look::ReadOnly, Id::Name),
            Self::Ec2Instance => facts("EC2 instance", Reach::Region, Look::Reapply, Id::Name),
            Self::S3Bucket => facts("S3 bucket", Reach::Account, Look::Reapply, Id::Name),
            Self::IdentityCenterUser => facts("Identity Center user", Reach::Organization, Look::Reapply, Id::Words),
            Self::FederatedUser => facts("federated user", Reach::Region, Look::ReadOnly, Id::Words),
            Self::AccessKey => facts("access key", Reach::Region, Look::ReadOnly, Id::Words),
            Self::InstanceProfile => facts("instance profile", Reach::Region, Look::ReadOnly, Id::Words),
            Self::LambdaFunction => facts("Lambda function", Reach::Region, Look::ReadOnly, Id::Words),
            Self::EksWorkload => facts("EKS workload", Reach::Region, Look::ReadOnly, Id::Words),
            Self::EcsTask => facts("ECS task", Reach::Region, Look::ReadOnly, Id::Words),
            Self::Container => facts("container", Reach::Region, Look::ReadOnly, Id::Words),
            Self::RdsDatabase => facts("RDS database", Reach::Region, Look::ReadOnly, Id::Words),
            Self::Ec2Image => facts("AMI", Reach::Region, Look::ReadOnly, Id::Words),
            Self::Snapshot => facts("snapshot", Reach::Region, Look::ReadOnly, Id::Words),
            Self::RecoveryPoint => facts("recovery point", Reach::Region, Look::ReadOnly, Id::Words),
            Self::S3Object => facts("S3 object", Reach::Account, Look::Reapply, Id::Words),
            Self::KmsKey => facts("KMS key", Reach::Region, Look::Reapply, Id::Name),
            Self::Account => facts("account", Reach::Region, Look::ReadOnly, Id::Words),
            Self::Principal => facts("principal", Reach::Region, Look::ReadOnly, Id::Words),
            Self::Other => facts("resource", Reach::Region, Look::ReadOnly, Id::Words),
        }
    }

    /// What a look may do when a control does not hold any more.
    #[must_use]
    pub fn look(self) -> Look {
        self.facts().look
    }

    /// What an id of the kind is made of.
    #[must_use]
    pub fn id(self) -> Id {
        self.facts().id
    }

    /// How people call it.
    #[must_use]
    pub fn label(self) -> &'static str {
        self.facts().label
    }

    /// The kebab-case name, the same as in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }
}

struct Facts {
    label: &'static str,
    reach: Reach,
    look: Look,
    id: Id,
}

const fn facts(label: &'static str, reach: Reach, look: Look, id: Id) -> Facts {
    Facts { label, reach, look, id }
}

/// Within what an id is unique. The Region that a finding happens to name must not split one resource into several.
enum Reach {
    /// One Region of an account.
    Region,
    /// An account: IAM is global in it, and a bucket's name is global altogether.
    Account,
    /// One person, whatever account the finding came from.
    Organization,
}

/// What an id is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Id {
    /// A name or id that AWS accepted; a full stop is part of it.
    Name,
    /// It can be text of whoever named the resource: it is shown so that no mail client makes a link of it.
    Words,
}

/// What a look may do about a control that does not hold any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Write it again, as long as the incident holds the target.
    Reapply,
    /// Say so, and change nothing.
    ReadOnly,
    /// Say so, and change nothing as long as a person has paused what is automatic.
    Paused,
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
    /// For a principal: more keys that the same finding names. All of them are exposed.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub more_keys: BTreeSet<AccessKeyId>,
    /// For a role: the session that was seen. Attacker-chosen text, bounded and made inert; checked again by
    /// [`SessionName`](crate::ids::SessionName) before it is used in an API call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// For a session: AWS gave it its name, for a reason that the name does not show; or it is only meant because of its instance.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub session_by_aws: bool,
    /// How much of it is meant.
    #[serde(default, skip_serializing_if = "Scope::is_whole")]
    pub scope: Scope,
    /// For an instance: the name of the instance profile that the finding names, without its path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<InstanceProfileName>,
    /// For the remote addresses of an instance: which ones.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub addresses: BTreeSet<IpAddr>,
    /// For objects of a bucket: which ones, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<ObjectVersion>,
    /// For a principal: [`ledger_key`](Self::ledger_key) goes by the immutable id. False in what an earlier version wrote: its rows are
    /// under the name as the finding spelled it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_identity: bool,
    /// For remote addresses: its keys have a digest of them, so that another set is another target. False in what an earlier version wrote.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_addresses: bool,
}

/// More keys than this of one target are not remembered.
const MAX_MORE_KEYS: usize = 10;

/// Where a resource is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The account that owns it.
    pub account: AccountId,
    /// Its Region.
    pub region: Region,
    /// The partition of the account.
    pub partition: Partition,
}

impl Target {
    /// All of one resource, of which no more is known than its kind, its id and its place.
    #[must_use]
    pub fn new(kind: TargetKind, id: impl Into<String>, place: Place) -> Self {
        let Place { account, region, partition } = place;
        let (principal_id, access_key_id, session) = (None, None, None);
        let more_keys = BTreeSet::new();
        Self {
            kind,
            id: id.into(),
            account,
            region,
            partition,
            principal_id,
            access_key_id,
            more_keys,
            session,
            session_by_aws: false,
            scope: Scope::Principal,
            profile: None,
            addresses: BTreeSet::new(),
            objects: Vec::new(),
            by_identity: matches!(kind, TargetKind::IamUser | TargetKind::IamRole),
            by_addresses: false,
        }
    }

    /// Every access key that the finding names of it.
    pub fn keys(&self) -> impl Iterator<Item = &AccessKeyId> {
        self.access_key_id.iter().chain(&self.more_keys)
    }

    /// Takes over what another naming of the same target knows.
    pub fn absorb(&mut self, other: &Self) {
        self.more_keys.extend(other.keys().filter(|key| Some(*key) != self.access_key_id.as_ref()).cloned());
        if self.access_key_id.is_none() {
            self.access_key_id = self.more_keys.pop_first();
        }
        // Long-term keys sort first (`AKIA`, `ASIA`), and a user has two: a flood of keys must not make an incident large.
        while self.more_keys.len() > MAX_MORE_KEYS {
            self.more_keys.pop_last();
        }
        self.principal_id = self.principal_id.take().or_else(|| other.principal_id.clone());
        self.session_by_aws |= other.session_by_aws && other.session == self.session;
        self.session = self.session.take().or_else(|| other.session.clone());
        self.profile = self.profile.take().or_else(|| other.profile.clone());
    }

    /// The whole of the resource of which this target may be a part.
    #[must_use]
    pub fn whole(&self) -> Self {
        let (scope, session, addresses, objects) = (Scope::Principal, None, BTreeSet::new(), Vec::new());
        Self { scope, session, session_by_aws: false, addresses, by_addresses: false, objects, ..self.clone() }
    }

    /// Where it is.
    #[must_use]
    pub fn place(&self) -> Place {
        Place { account: self.account.clone(), region: self.region.clone(), partition: self.partition.clone() }
    }

    /// Whether this is the place of which its name is unique.
    pub(crate) fn is_at(&self, account: &str, region: &str) -> bool {
        match self.kind.facts().reach {
            Reach::Account => self.account.as_str() == account,
            Reach::Organization => true,
            Reach::Region => self.account.as_str() == account && self.region.as_str() == region,
        }
    }

    /// A key of the resource, with `id` for its id.
    pub(crate) fn key_with(&self, id: &str) -> String {
        let kind = self.kind.name();
        match self.kind.facts().reach {
            Reach::Account => format!("{}/{kind}/{id}", self.account),
            Reach::Organization => format!("organization/{kind}/{id}"),
            Reach::Region => format!("{}/{}/{kind}/{id}", self.account, self.region),
        }
    }

    /// The id without the front of an ARN that only repeats the target's account.
    fn short_id(&self) -> &str {
        let mut parts = self.id.splitn(6, ':');
        let front = [parts.next(), parts.next(), parts.next(), parts.next(), parts.next()];
        match (front, parts.next()) {
            ([Some("arn"), _, _, _, Some(account)], Some(name)) if account.is_empty() || account == self.account.as_str() => name,
            _ => &self.id,
        }
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
            Scope::Freeze => f.write_str("freeze of ")?,
            Scope::Destruction => f.write_str("destructive actions in ")?,
            Scope::Seal => f.write_str("every access to ")?,
            Scope::Objects => {
                return write!(f, "{} in S3 bucket {}", crate::objects::told(&self.objects), crate::text::inert(&self.id, 63));
            }
            Scope::RemoteAddresses => write!(f, "remote addresses {} of ", crate::addresses::told(&self.addresses))?,
            Scope::AccessKey => {
                write!(f, "access key {} of ", self.access_key_id.as_ref().map_or("unnamed", AccessKeyId::as_str))?;
            }
        }
        write!(f, "{} {}", self.kind.label(), crate::text::inert(self.short_id(), 256))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_word_in_json() {
        for kind in TargetKind::VARIANTS {
            assert_eq!(serde_json::to_value(kind).expect("JSON"), kind.name());
        }
        for scope in Scope::VARIANTS {
            assert_eq!(serde_json::to_value(scope).expect("JSON"), scope.name());
        }
    }
}
