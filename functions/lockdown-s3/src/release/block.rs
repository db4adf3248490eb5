//! Puts the public access block back.
#![expect(clippy::disallowed_methods, reason = "this is the release of the lockdown")]

use crate::base::{BaseState, PublicAccessBlock};
use crate::contain;
use firebreak::fault::Fault;
use firebreak::receipt::{Outcome, Step};
use firebreak::step::StepKind;
use firebreak_aws::classify::OrFault;
use firebreak_function::containment::Call;
use firebreak_function::drift::Change;
use firebreak_function::step::{skipped, step};
use firebreak_s3::Bucket;

/// The block as it was, unless the level did not change it. `is_needed`: another level wants it closed.
pub(super) async fn restore(
    call: &Call,
    bucket: &Bucket,
    (base, now): (&BaseState, Option<PublicAccessBlock>),
    is_needed: bool,
) -> Option<Step> {
    // An earlier version recorded no plan, and knew this level alone.
    if !call.target.scope.is_whole() && !base.planned.block {
        return None;
    }
    if is_needed {
        let why =
            "another level or incident that holds the bucket needs it: public access stays blocked until that one is released";
        return Some(skipped(StepKind::RestorePublicAccessBlock, Fault::malformed(why)));
    }
    let not_ours = call.failed_steps.iter().any(|step| step.kind() == Some(StepKind::BlockPublicAccess));
    let is_ours = [base.public_access_block, Some(PublicAccessBlock::ALL)].contains(&now);
    if !is_ours && !not_ours {
        return Some(Change::of(&described(now)).told(call).await);
    }
    let put_back = put_back(bucket, base.public_access_block, now, not_ours);
    Some(step(StepKind::RestorePublicAccessBlock, put_back).await)
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

async fn put_back(
    bucket: &Bucket,
    base: Option<PublicAccessBlock>,
    now: Option<PublicAccessBlock>,
    not_ours: bool,
) -> Result<Outcome, Fault> {
    if now == base {
        return Ok(Outcome::Already);
    }
    if not_ours {
        // Firebreak could not block the bucket, so somebody else did.
        return Ok(Outcome::Skipped);
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
