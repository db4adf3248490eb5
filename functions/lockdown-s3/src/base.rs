//! What a bucket was before Firebreak touched it.
//!
//! The policy and the ACL are recorded although only the public access block is changed: they are what the block silences, and the
//! analyst must see them.

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use firebreak::fault::Fault;
use firebreak_aws::classify::{code, fault};
use firebreak_s3::Bucket;
use serde::{Deserialize, Serialize};

/// The recorded state of a bucket. `None` means the configuration did not exist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseState {
    /// The bucket's own public access block.
    pub public_access_block: Option<PublicAccessBlock>,
    /// The bucket policy, as the text S3 gave.
    pub policy: Option<String>,
    /// The ACL's grants.
    pub acl: Vec<Grant>,
    /// What could not be read, one line each. No reason to leave a public bucket alone.
    pub unread: Vec<String>,
}

/// The four switches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicAccessBlock {
    /// New public ACLs are refused.
    pub block_public_acls: bool,
    /// Existing public ACLs have no effect.
    pub ignore_public_acls: bool,
    /// New public policies are refused.
    pub block_public_policy: bool,
    /// A public policy lets only the account and AWS services in.
    pub restrict_public_buckets: bool,
}

impl PublicAccessBlock {
    /// Everything blocked.
    pub const ALL: Self =
        Self { block_public_acls: true, ignore_public_acls: true, block_public_policy: true, restrict_public_buckets: true };
}

/// One grant of an ACL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// A canonical user id or a group's URI.
    pub grantee: String,
    /// `READ`, `WRITE`, `READ_ACP`, `WRITE_ACP` or `FULL_CONTROL`.
    pub permission: String,
}

/// Reads the state of a bucket: one wave of independent calls.
pub(crate) async fn read(bucket: &Bucket) -> Result<BaseState, Fault> {
    let Bucket { s3, name, owner } = bucket;
    let (block, policy, acl) = futures::join!(
        public_access_block(bucket),
        s3.get_bucket_policy().bucket(name).expected_bucket_owner(owner).send(),
        s3.get_bucket_acl().bucket(name).expected_bucket_owner(owner).send(),
    );
    let policy = or_absent("s3:GetBucketPolicy", "NoSuchBucketPolicy", policy);
    let acl = acl.map_err(|error| fault("s3:GetBucketAcl", &error));
    let unread = [policy.as_ref().err(), acl.as_ref().err()].into_iter().flatten().map(|fault| fault.message.clone()).collect();
    Ok(BaseState {
        public_access_block: block?,
        policy: policy.ok().flatten().and_then(|answer| answer.policy),
        acl: acl.map(|answer| answer.grants().iter().filter_map(grant).collect()).unwrap_or_default(),
        unread,
    })
}

/// Reads the public access block alone.
pub(crate) async fn public_access_block(bucket: &Bucket) -> Result<Option<PublicAccessBlock>, Fault> {
    let answer = bucket.s3.get_public_access_block().bucket(&bucket.name).expected_bucket_owner(&bucket.owner).send().await;
    let answer = or_absent("s3:GetPublicAccessBlock", "NoSuchPublicAccessBlockConfiguration", answer)?;
    Ok(answer.and_then(|answer| answer.public_access_block_configuration).map(|block| PublicAccessBlock {
        block_public_acls: block.block_public_acls.unwrap_or(false),
        ignore_public_acls: block.ignore_public_acls.unwrap_or(false),
        block_public_policy: block.block_public_policy.unwrap_or(false),
        restrict_public_buckets: block.restrict_public_buckets.unwrap_or(false),
    }))
}

/// S3 reports a configuration that was never made as an error.
fn or_absent<T, E: ProvideErrorMetadata>(
    operation: &str,
    absent: &str,
    answer: Result<T, SdkError<E, aws_sdk_s3::config::http::HttpResponse>>,
) -> Result<Option<T>, Fault> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if code(&error) == Some(absent) => Ok(None),
        Err(error) => Err(fault(operation, &error)),
    }
}

fn grant(grant: &aws_sdk_s3::types::Grant) -> Option<Grant> {
    let grantee = grant.grantee()?;
    let grantee = grantee.uri().or(grantee.id()).unwrap_or("unknown").to_owned();
    Some(Grant { grantee, permission: grant.permission()?.as_str().to_owned() })
}
