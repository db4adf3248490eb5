//! Puts a bucket's public access block back as it was.
#![expect(clippy::disallowed_methods, reason = "this is the release of the lockdown")]

use crate::base::{self, BaseState, PublicAccessBlock};
use crate::contain;
use firebreak::fault::Fault;
use firebreak::receipt::{Outcome, Step};
use firebreak::step::StepKind;
use firebreak_aws::classify::OrFault;
use firebreak_function::containment::Call;
use firebreak_function::drift::Change;
use firebreak_function::step::step;
use firebreak_s3::Bucket;

/// Undoes the lockdown of `call.target` down to `base`. Without a base nothing was changed.
///
/// # Errors
/// `Gone` when the bucket no longer exists, `Denied` when another account owns the name now, and read errors. Nothing was changed
/// then.
pub async fn release(call: &Call, base: Option<&BaseState>) -> Result<Vec<Step>, Fault> {
    let Some(base) = base else { return Ok(vec![]) };
    let bucket = firebreak_s3::open(&call.config, &call.target).await?;
    let now = base::public_access_block(&bucket).await?;
    let not_ours = call.failed_steps.iter().any(|step| step.kind() == Some(StepKind::BlockPublicAccess));
    let is_ours = [base.public_access_block, Some(PublicAccessBlock::ALL)].contains(&now);
    if !is_ours && !not_ours {
        return Ok(vec![Change::of(&described(now)).told(call).await]);
    }
    Ok(vec![step(StepKind::RestorePublicAccessBlock, restore(&bucket, base.public_access_block, now, not_ours)).await])
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

async fn restore(
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
        None => {
            let delete = bucket.s3.delete_public_access_block().bucket(&bucket.name).expected_bucket_owner(&bucket.owner);
            delete.send().await.or_fault("s3:DeletePublicAccessBlock")?;
        }
    }
    Ok(Outcome::Applied)
}
