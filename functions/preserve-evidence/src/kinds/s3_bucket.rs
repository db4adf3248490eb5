//! An S3 bucket: who may read it, and how it keeps what is deleted.

use crate::ask::{RawAnswer, ask};
use aws_config::SdkConfig;
use firebreak::target::Target;
use firebreak_s3::Bucket;

pub(super) async fn ask(config: &SdkConfig, target: &Target) -> Vec<RawAnswer> {
    let Bucket { s3, name, owner, .. } = &match firebreak_s3::open(config, target).await {
        Ok(bucket) => bucket,
        // Stands for all answers of a bucket that could not be asked.
        Err(fault) => return vec![RawAnswer { operation: "s3:HeadBucket", part: None, content: Err(fault.message) }],
    };
    let (policy, acl, block, ownership, versioning, encryption, logging, lifecycle, replication) = futures::join!(
        ask!("s3:GetBucketPolicy", s3.get_bucket_policy().bucket(name).expected_bucket_owner(owner)),
        ask!("s3:GetBucketAcl", s3.get_bucket_acl().bucket(name).expected_bucket_owner(owner)),
        ask!("s3:GetPublicAccessBlock", s3.get_public_access_block().bucket(name).expected_bucket_owner(owner)),
        ask!("s3:GetBucketOwnershipControls", s3.get_bucket_ownership_controls().bucket(name).expected_bucket_owner(owner)),
        ask!("s3:GetBucketVersioning", s3.get_bucket_versioning().bucket(name).expected_bucket_owner(owner)),
        ask!("s3:GetBucketEncryption", s3.get_bucket_encryption().bucket(name).expected_bucket_owner(owner)),
        ask!("s3:GetBucketLogging", s3.get_bucket_logging().bucket(name).expected_bucket_owner(owner)),
        ask!("s3:GetLifecycleConfiguration", s3.get_bucket_lifecycle_configuration().bucket(name).expected_bucket_owner(owner)),
        ask!("s3:GetReplicationConfiguration", s3.get_bucket_replication().bucket(name).expected_bucket_owner(owner)),
    );
    vec![policy, acl, block, ownership, versioning, encryption, logging, lifecycle, replication]
}
