//! Words and ids of resources, read alike for every sender.

use super::resource::{Named, Resource};
use super::{Credentials, Principal};
use crate::ids::{AccessKeyId, Arn, IamName};
use crate::target::TargetKind;
use crate::text::{inert, letters};

/// What a sender's word for a kind of resource means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// An access key: whose it is stands beside it.
    Key,
    User,
    Role,
    Instance,
    Bucket,
    /// Something only people can contain.
    Is(TargetKind),
}

/// `AwsEc2Instance`, `AWS::EC2::Instance`, `EC2_INSTANCE` and `ec2-instance` are one word.
pub(super) fn word(text: &str) -> Option<Word> {
    let plain = letters(text)?;
    Some(match plain.strip_prefix("aws").unwrap_or(&plain) {
        "iamaccesskey" | "accesskey" => Word::Key,
        "iamuser" => Word::User,
        "iamrole" => Word::Role,
        "ec2instance" => Word::Instance,
        "s3bucket" => Word::Bucket,
        "s3object" => Word::Is(TargetKind::S3Object),
        "iaminstanceprofile" => Word::Is(TargetKind::InstanceProfile),
        "lambdafunction" => Word::Is(TargetKind::LambdaFunction),
        "ekscluster" | "kubernetesworkload" => Word::Is(TargetKind::EksWorkload),
        "ecscluster" | "ecsservice" | "ecstask" => Word::Is(TargetKind::EcsTask),
        "container" | "containercontainer" | "ecscontainer" => Word::Is(TargetKind::Container),
        "rdsdbinstance" | "rdsdbcluster" => Word::Is(TargetKind::RdsDatabase),
        "rdsdbsnapshot" | "rdsdbclustersnapshot" | "ec2snapshot" => Word::Is(TargetKind::Snapshot),
        "ec2image" => Word::Is(TargetKind::Ec2Image),
        "backuprecoverypoint" => Word::Is(TargetKind::RecoveryPoint),
        "account" => Word::Is(TargetKind::Account),
        _ => return None,
    })
}

/// The word for what an id or ARN names by itself.
pub(super) fn word_of(id: &str) -> Option<Word> {
    if AccessKeyId::parse(id.strip_prefix("AWS::IAM::AccessKey:").unwrap_or(id)).is_ok() {
        return Some(Word::Key);
    }
    if crate::ids::InstanceId::parse(id).is_ok() {
        return Some(Word::Instance);
    }
    let arn = Arn::parse(id)?;
    let begins = |front: &str| arn.resource.starts_with(front);
    Some(match arn.service {
        "ec2" if begins("instance/") => Word::Instance,
        "ec2" if begins("image/") => Word::Is(TargetKind::Ec2Image),
        "ec2" if begins("snapshot/") => Word::Is(TargetKind::Snapshot),
        "iam" if begins("user/") || arn.resource == "root" => Word::User,
        "sts" if begins("assumed-role/") => Word::Role,
        "iam" if begins("role/") => Word::Role,
        "iam" if begins("instance-profile/") => Word::Is(TargetKind::InstanceProfile),
        // Access points, jobs and the like have a Region and an account; a bucket's ARN has neither.
        "s3" if arn.region.is_some() || arn.account.is_some() => Word::Is(TargetKind::Other),
        "s3" if arn.resource.contains('/') => Word::Is(TargetKind::S3Object),
        "s3" => Word::Bucket,
        "lambda" if begins("function:") => Word::Is(TargetKind::LambdaFunction),
        "eks" => Word::Is(TargetKind::EksWorkload),
        "ecs" => Word::Is(TargetKind::EcsTask),
        "rds" if begins("db:") || begins("cluster:") => Word::Is(TargetKind::RdsDatabase),
        "rds" if begins("snapshot:") || begins("cluster-snapshot:") => Word::Is(TargetKind::Snapshot),
        "backup" if begins("recovery-point:") => Word::Is(TargetKind::RecoveryPoint),
        _ => return None,
    })
}

/// What `word` and `id` name together: an ARN, or the plain id where that is a form of its own. A user's or role's plain name is
/// none: it may be anybody's text.
pub(super) fn named(word: Word, id: &str) -> Named {
    let arn = Arn::parse(id);
    let last = |service: &str, front: &str| match &arn {
        Some(arn) if arn.service == service => arn.resource.strip_prefix(front),
        Some(_) => None,
        None => Some(id),
    };
    let principal = |name: Option<IamName>, of: fn(IamName) -> Principal| {
        let principal = name.map_or(Principal::Unknown("a principal whose ARN has no valid form"), of);
        Named::Credentials(Credentials { called: Some(inert(id, 64)), ..Credentials::of(principal) })
    };
    let iam = |marker: &str| arn.as_ref().and_then(|arn| arn.iam_name(marker));
    match word {
        Word::User if arn.as_ref().is_some_and(|arn| arn.service == "iam" && arn.resource == "root") => {
            Named::Credentials(Credentials::of(Principal::Root(arn.and_then(|arn| arn.account))))
        }
        // A session's own ARN.
        Word::Role if arn.as_ref().is_some_and(|arn| arn.service == "sts") => {
            Named::Credentials(Credentials::resolve("AssumedRole", Some(id), None, None))
        }
        Word::User => principal(iam("user/"), Principal::User),
        Word::Role => principal(iam("role/"), |name| Principal::Role { name, session: None }),
        Word::Instance => Resource::instance_named(last("ec2", "instance/"), id),
        // An access point is in front of a bucket, and is none.
        Word::Bucket if arn.as_ref().is_some_and(|arn| arn.region.is_some() || arn.account.is_some()) => {
            Resource::bucket_named(None, true, id)
        }
        Word::Bucket => match last("s3", "") {
            Some(name) => Resource::bucket_named(Some(name.split('/').next().unwrap_or(name)), true, id),
            None => Resource::bucket_named(None, true, id),
        },
        Word::Key => {
            let key = AccessKeyId::parse(id.rsplit([':', '/']).next().unwrap_or(id)).ok();
            let principal = if key.is_some() { Principal::KeyOnly } else { Principal::Unknown("an access key of no valid form") };
            Named::Credentials(Credentials { access_key_id: key, ..Credentials::of(principal) })
        }
        Word::Is(kind) => Resource::other(kind, id, "").named,
    }
}

/// The word for a resource: the sender's, else what its id tells.
pub(super) fn word_or_of(text: &str, id: &str) -> Option<Word> {
    word(text).or_else(|| word_of(id))
}

/// Something whose word nobody knows: by its id, if that tells.
pub(super) fn by_id(id: &str) -> Named {
    word_of(id).map_or_else(|| Resource::other(TargetKind::Other, id, "").named, |word| named(word, id))
}
