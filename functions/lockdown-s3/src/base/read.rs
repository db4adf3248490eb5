//! Reads the state of a bucket: one wave of independent calls.

use super::{BaseState, Grant, Part, PublicAccessBlock, settings};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use firebreak::fault::Fault;
use firebreak::target::Scope;
use firebreak_aws::classify::{OrFault as _, code, fault};
use firebreak_s3::Bucket;
use firebreak_s3::policy::Document;
use std::collections::BTreeMap;

/// What one wave of reads showed.
pub(crate) struct Seen {
    /// The state.
    pub(crate) base: BaseState,
    /// The bucket policy; why it is not known, or not understood.
    pub(crate) document: Result<Document, Fault>,
    /// Why a part could not be read.
    pub(crate) faults: BTreeMap<Part, Fault>,
}

impl Seen {
    /// What was read, or the default; a fault is remembered with its part.
    pub(super) fn keep<T: Default>(&mut self, part: Part, read: Result<T, Fault>) -> T {
        read.unwrap_or_else(|fault| {
            self.base.unread.push(fault.message.clone());
            self.base.unknown.insert(part);
            self.faults.insert(part, fault);
            T::default()
        })
    }
}

/// Reads the state of a bucket as far as `level` needs it.
///
/// # Errors
/// As [`see`].
pub(crate) async fn read(bucket: &Bucket, level: Scope) -> Result<BaseState, Fault> {
    Ok(Box::pin(see(bucket, level)).await?.base)
}

/// Reads the state of a bucket as far as `level` needs it, and says of each part why it could not be read.
///
/// # Errors
/// The public access block could not be read, where nothing else is changed; for the other levels: nothing of policy, ACL and block could.
pub(crate) async fn see(bucket: &Bucket, level: Scope) -> Result<Seen, Fault> {
    let more = async { if level.is_whole() { None } else { Some(Box::pin(settings::read(bucket)).await) } };
    let (block, policy, acl, more) =
        futures::join!(Box::pin(public_access_block(bucket)), Box::pin(policy(bucket)), Box::pin(acl(bucket)), Box::pin(more),);
    if let Err(fault) = &block
        && (level.is_whole() || policy.is_err() && acl.is_err())
    {
        return Err(fault.clone());
    }
    let mut seen = Seen { base: BaseState::default(), document: Document::parse(None), faults: BTreeMap::new() };
    let unread = policy.as_ref().err().cloned();
    seen.base.public_access_block = seen.keep(Part::PublicAccessBlock, block);
    seen.base.policy = seen.keep(Part::Policy, policy);
    (seen.base.owner_id, seen.base.acl) = seen.keep(Part::Acl, acl);
    seen.document = unread.map_or_else(|| Document::parse(seen.base.policy.as_deref()), Err);
    if let Some(more) = more {
        more.into_seen(&mut seen);
    }
    Ok(seen)
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

/// The text as S3 gave it, also where this version does not understand it: it is what the analyst must see.
async fn policy(bucket: &Bucket) -> Result<Option<String>, Fault> {
    let answer = bucket.s3.get_bucket_policy().bucket(&bucket.name).expected_bucket_owner(&bucket.owner).send().await;
    let answer = or_absent("s3:GetBucketPolicy", "NoSuchBucketPolicy", answer)?;
    Ok(answer.and_then(|answer| answer.policy))
}

/// The owner's canonical user id, and the grants.
async fn acl(bucket: &Bucket) -> Result<(Option<String>, Vec<Grant>), Fault> {
    let answer = bucket.s3.get_bucket_acl().bucket(&bucket.name).expected_bucket_owner(&bucket.owner).send().await;
    let answer = answer.or_fault("s3:GetBucketAcl")?;
    let grants = answer.grants().iter().filter_map(grant).collect();
    Ok((answer.owner.and_then(|owner| owner.id), grants))
}

/// S3 reports a configuration that was never made as an error.
pub(super) fn or_absent<T, E: ProvideErrorMetadata>(
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
