//! What a finding names, in one form for all senders.

use super::principal::Credentials;
use crate::ids::{AccountId, Arn, BucketName, InstanceId, InstanceProfileName, Partition, Region};
use crate::objects::{ObjectVersion, Objects};
use crate::target::TargetKind;
use crate::text::inert;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// What the playbook can be about. A finding names many things; the row of its type says which of them matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// Whose credentials were used.
    Principal,
    /// An EC2 instance.
    Instance,
    /// An S3 bucket.
    Bucket,
    /// Objects in a bucket.
    Object,
    /// A Lambda function.
    Function,
    /// Whatever runs in EKS, ECS or a container engine.
    Workload,
    /// An RDS database.
    Database,
    /// A machine image.
    Image,
    /// A snapshot.
    Snapshot,
    /// A recovery point of AWS Backup.
    RecoveryPoint,
    /// The account as a whole.
    Account,
    /// Anything else.
    Other,
}

impl Subject {
    /// How people call it.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Principal => "credentials",
            Self::Instance => "instance",
            Self::Bucket => "bucket",
            Self::Object => "object",
            Self::Function => "function",
            Self::Workload => "workload",
            Self::Database => "database",
            Self::Image => "image",
            Self::Snapshot => "snapshot",
            Self::RecoveryPoint => "recovery point",
            Self::Account => "account",
            Self::Other => "resource",
        }
    }
}

/// The thing itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// Somebody's credentials.
    Credentials(Credentials),
    /// An instance.
    Instance(InstanceId),
    /// A bucket. GuardDuty's `Source` of a copy is not the bucket at risk.
    Bucket {
        /// Its name.
        name: BucketName,
        /// False for the source of a copy.
        at_risk: bool,
    },
    /// Objects in a bucket, of which the versions are known.
    Objects(Objects),
    /// Something only people can contain: its kind and a name for them.
    Other(TargetKind, String),
    /// It is named, but in no form that could be used: what it should have been, why not, and what the finding calls it.
    Unusable(Subject, &'static str, String),
}

/// One thing a finding names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// What it is.
    pub named: Named,
    /// The field of the event it was read from, for `plan --explain`.
    pub field: Cow<'static, str>,
    /// Its account, where the sender says so for each resource. Not always the finding's.
    pub account: Option<AccountId>,
    /// Its Region, where the sender says so for each resource.
    pub region: Option<Region>,
    /// Its partition, where its ARN says so.
    pub partition: Option<Partition>,
    /// Its tags. Whoever may tag the resource wrote them.
    pub tags: Vec<(String, String)>,
    /// Of an instance: the account and the name of its instance profile.
    pub profile: Option<(AccountId, InstanceProfileName)>,
}

/// Ids of things only people can contain are ARNs at most. In bytes: they become part of keys in the ledger.
const MAX_NAME: usize = 256;

/// A name for people, of at most [`MAX_NAME`] bytes.
pub(super) fn bounded(name: &str) -> String {
    let mut name = inert(name, MAX_NAME);
    if name.len() > MAX_NAME {
        let room = MAX_NAME - '…'.len_utf8();
        let end = (0..=room).rev().find(|&at| name.is_char_boundary(at)).unwrap_or(0);
        name.truncate(end);
        name.push('…');
    }
    name
}

/// For [`Named::Unusable`]: the subject stays what it would have been.
fn unusable(subject: Subject, why: &'static str, called: &str) -> Named {
    Named::Unusable(subject, why, bounded(called))
}

/// Of several fields for one bucket: the first that could name a bucket of any age or kind, else the first that is there.
pub(super) fn bucket_among<'a>(fields: &[Option<&'a str>]) -> Option<&'a str> {
    let fields = || fields.iter().copied().flatten();
    fields().find(|name| could_be_bucket(name)).or_else(|| fields().next())
}

pub(super) fn could_be_bucket(name: &str) -> bool {
    (3..=255).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
}

/// Whether an ARN is of an access point, a directory bucket and the like: a bucket's own has neither Region nor account.
pub(super) fn is_no_plain_bucket(arn: &str) -> bool {
    Arn::parse(arn).is_some_and(|arn| arn.service != "s3" || arn.region.is_some() || arn.account.is_some())
}

/// The account that a principal's name states.
fn account_of(named: &Named) -> Option<AccountId> {
    match named {
        Named::Credentials(credentials) => credentials.account.clone(),
        _ => None,
    }
}

impl Resource {
    pub(super) fn new(named: Named, field: impl Into<Cow<'static, str>>) -> Self {
        let account = account_of(&named);
        Self { named, field: field.into(), account, region: None, partition: None, tags: Vec::new(), profile: None }
    }

    /// Something for people, by a name that is bounded and made inert.
    pub(super) fn other(kind: TargetKind, name: &str, field: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Named::Other(kind, bounded(name)), field).placed(Some(name), None, None)
    }

    pub(super) fn instance(id: Option<&str>, field: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Self::instance_named(id, id.unwrap_or("unnamed instance")), field)
    }

    /// An instance by its id; `called` is what people find it by where the id has no form.
    pub(super) fn instance_named(id: Option<&str>, called: &str) -> Named {
        let named = id.and_then(|id| InstanceId::parse(id).ok()).map(Named::Instance);
        named.unwrap_or_else(|| unusable(Subject::Instance, "the finding names no valid instance", called))
    }

    pub(super) fn bucket(name: Option<&str>, at_risk: bool, field: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Self::bucket_named(name, at_risk, name.unwrap_or("unnamed bucket")), field)
    }

    /// A bucket by its name.
    pub(super) fn bucket_named(name: Option<&str>, at_risk: bool, called: &str) -> Named {
        let Some(name) = name else {
            return unusable(Subject::Bucket, "the finding names no bucket that can be locked down", called);
        };
        match BucketName::parse(name) {
            Ok(name) => Named::Bucket { name, at_risk },
            // A directory bucket has no public access to block; it is still somebody's bucket.
            Err(_) => Named::Other(TargetKind::S3Bucket, bounded(name)),
        }
    }

    /// Objects in a bucket. Where nothing tells their versions, or the bucket has another form of name, they are named for people, as
    /// `called`.
    pub(super) fn objects(
        bucket: Option<&str>,
        named: impl IntoIterator<Item = Option<ObjectVersion>>,
        called: &str,
        field: impl Into<Cow<'static, str>>,
    ) -> Self {
        let objects = bucket.and_then(|name| BucketName::parse(name).ok()).and_then(|bucket| Objects::of(bucket, named));
        match objects {
            Some(objects) => Self::new(Named::Objects(objects), field),
            None => Self::other(TargetKind::S3Object, called, field),
        }
    }

    pub(super) fn tagged(mut self, tags: Vec<(String, String)>) -> Self {
        self.tags = tags;
        self
    }

    /// With the instance profile of an ARN such as `arn:aws:iam::111122223333:instance-profile/path/name`.
    pub(super) fn with_profile(mut self, arn: Option<&str>) -> Self {
        self.profile = arn.and_then(Arn::parse).and_then(|arn| Some((arn.account.clone()?, arn.instance_profile()?)));
        self
    }

    /// Where it is: its own ARN says so first, then what the sender says beside it.
    pub(super) fn placed(mut self, id: Option<&str>, account: Option<&str>, region: Option<&str>) -> Self {
        let arn = id.and_then(Arn::parse);
        let (of_arn, in_arn) = arn.as_ref().map_or((None, None), |arn| (arn.account.clone(), arn.region.clone()));
        let of_name = account_of(&self.named);
        self.account = of_arn.or(of_name).or_else(|| account.and_then(|id| AccountId::parse(id).ok()));
        self.region = in_arn.or_else(|| region.and_then(|code| Region::parse(code).ok()));
        self.partition = arn.map(|arn| arn.partition);
        self
    }

    /// What the playbook can ask for to get this.
    #[must_use]
    pub fn subject(&self) -> Subject {
        match &self.named {
            Named::Credentials(_) => Subject::Principal,
            Named::Instance(_) => Subject::Instance,
            Named::Bucket { .. } => Subject::Bucket,
            Named::Objects(_) => Subject::Object,
            Named::Unusable(subject, ..) => *subject,
            Named::Other(kind, _) => match kind {
                TargetKind::IamUser
                | TargetKind::IamRole
                | TargetKind::AccountRoot
                | TargetKind::IdentityCenterUser
                | TargetKind::FederatedUser
                | TargetKind::AccessKey
                | TargetKind::InstanceProfile
                | TargetKind::Principal => Subject::Principal,
                TargetKind::Ec2Instance => Subject::Instance,
                TargetKind::S3Bucket => Subject::Bucket,
                TargetKind::S3Object => Subject::Object,
                TargetKind::LambdaFunction => Subject::Function,
                TargetKind::EksWorkload | TargetKind::EcsTask | TargetKind::Container => Subject::Workload,
                TargetKind::RdsDatabase => Subject::Database,
                TargetKind::Ec2Image => Subject::Image,
                TargetKind::Snapshot => Subject::Snapshot,
                TargetKind::RecoveryPoint => Subject::RecoveryPoint,
                TargetKind::Account => Subject::Account,
                // No finding names one: CloudTrail shows what a suspect did to it.
                TargetKind::KmsKey | TargetKind::Other => Subject::Other,
            },
        }
    }
}
