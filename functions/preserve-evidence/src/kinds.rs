//! What is asked about each kind of target that Firebreak contains: one room per kind.

mod ec2_instance;
mod iam_role;
mod iam_user;
mod s3_bucket;
mod s3_object;

use crate::ask::RawAnswer;
use aws_config::SdkConfig;
use firebreak::ids::BucketName;
use firebreak::target::{Target, TargetKind};

/// A kind that there is something to ask about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// An IAM user.
    User,
    /// An IAM role.
    Role,
    /// An EC2 instance.
    Instance,
    /// An S3 bucket.
    Bucket,
    /// Objects of an S3 bucket.
    Objects,
}

impl Asked {
    /// The questions about a target. None about kinds that Firebreak cannot contain, and none about a bucket whose name no API takes. Of
    /// objects that only people contain the id is no bucket's name.
    pub(crate) fn about(target: &Target) -> Option<Self> {
        let is_in_s3 = |asked: &Self| matches!(asked, Self::Bucket | Self::Objects);
        Self::of(target.kind).filter(|asked| !is_in_s3(asked) || BucketName::parse(&target.id).is_ok())
    }

    fn of(kind: TargetKind) -> Option<Self> {
        match kind {
            TargetKind::IamUser => Some(Self::User),
            TargetKind::IamRole => Some(Self::Role),
            TargetKind::Ec2Instance => Some(Self::Instance),
            TargetKind::S3Bucket => Some(Self::Bucket),
            TargetKind::S3Object => Some(Self::Objects),
            _ => None,
        }
    }

    /// Whether its volumes are copied.
    pub(crate) fn has_volumes(self) -> bool {
        self == Self::Instance
    }

    /// Asks everything. What AWS refuses is an answer without content.
    pub(crate) async fn ask(self, config: &SdkConfig, target: &Target) -> Vec<RawAnswer> {
        match self {
            Self::User => iam_user::ask(config, target).await,
            Self::Role => iam_role::ask(config, target).await,
            Self::Instance => ec2_instance::ask(config, target).await,
            Self::Bucket => s3_bucket::ask(config, target).await,
            Self::Objects => s3_object::ask(config, target).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use firebreak::containment::Containment;

    #[test]
    fn about_every_kind_that_is_contained_something_is_asked() {
        for kind in Containment::ALL.iter().flat_map(|containment| containment.declaration().targets) {
            // A person of Identity Center is in no account that could be asked. Only a look finds a key, and of what a look finds the
            // state before the containment is kept: it has all that KMS says of the key.
            let has_its_base = matches!(kind, TargetKind::IdentityCenterUser | TargetKind::KmsKey);
            let asked = Asked::of(*kind).is_some() || has_its_base;
            assert!(asked, "{kind:?} is contained, and nothing of it is kept");
        }
    }
}
