//! Puts the public access block back.
#![expect(clippy::disallowed_methods, reason = "this is the release of the lockdown")]

use super::{Of, THEIRS};
use crate::base::PublicAccessBlock;
use crate::contain;
use firebreak::fault::Fault;
use firebreak::receipt::{Outcome, Step};
use firebreak::step::StepKind;
use firebreak_aws::classify::OrFault;
use firebreak_function::drift::Change;
use firebreak_function::step::{skipped, step};
use firebreak_s3::Bucket;

/// The block as it was, unless the level did not change it, or another level wants it closed. `now` is the one that is there.
pub(super) async fn restore(of: &Of<'_>, now: Option<PublicAccessBlock>) -> Option<Step> {
    let Of { call, bucket, base, others, .. } = of;
    // An earlier version recorded no plan, and knew this level alone.
    if !call.target.scope.is_whole() && !base.planned.block {
        return None;
    }
    if others.needs_block() {
        let why =
            "another level or incident that holds the bucket needs it: public access stays blocked until that one is released";
        return Some(skipped(StepKind::RestorePublicAccessBlock, Fault::malformed(why)));
    }
    let before = base.public_access_block;
    if of.could_not(StepKind::BlockPublicAccess) && now != before {
        // Firebreak could not block the bucket, so somebody else did.
        return Some(skipped(StepKind::RestorePublicAccessBlock, Fault::malformed(THEIRS)));
    }
    if ![before, Some(PublicAccessBlock::ALL)].contains(&now) {
        return Some(Change::of(&described(now)).told(call).await);
    }
    Some(step(StepKind::RestorePublicAccessBlock, put_back(bucket, before, now)).await)
}

fn described(now: Option<PublicAccessBlock>) -> String {
    let Some(now) = now else { return "the bucket has no public access block".to_owned() };
    let switches = [
        ("BlockPublicAcls", now.block_public_acls),
        ("IgnorePublicAcls", now.ignore_public_acls),
        ("BlockPublicPolicy", now.block_public_policy),
        ("RestrictPublicBuckets", now.restrict_public_buckets),
    ];
    let on: Vec<&str> = switches.into_iter().filter(|(_, is_on)| *is_on).map(|(name, _)| name).collect();
    format!("of the public access block is on: {}", if on.is_empty() { "nothing".to_owned() } else { on.join(", ") })
}

async fn put_back(bucket: &Bucket, base: Option<PublicAccessBlock>, now: Option<PublicAccessBlock>) -> Result<Outcome, Fault> {
    if now == base {
        return Ok(Outcome::Already);
    }
    match base {
        Some(block) => contain::put(bucket, block).await?,
        // Absent is not the same as four times false: S3 reports the two differently.
        None => firebreak_s3::settled(async || delete(bucket).await).await?,
    }
    Ok(Outcome::Applied)
}

async fn delete(bucket: &Bucket) -> Result<(), Fault> {
    let delete = bucket.s3.delete_public_access_block().bucket(&bucket.name).expected_bucket_owner(&bucket.owner);
    delete.send().await.or_fault("s3:DeletePublicAccessBlock")?;
    Ok(())
}
