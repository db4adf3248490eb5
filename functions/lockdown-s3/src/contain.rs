//! Switches on every public access block of a bucket.

use crate::base::{self, BaseState, PublicAccessBlock};
use aws_sdk_s3::types::PublicAccessBlockConfiguration;
use firebreak::fault::Fault;
use firebreak::receipt::Outcome;
use firebreak::step::StepKind;
use firebreak_aws::classify::OrFault;
use firebreak_function::containment::{Attempt, Call};
use firebreak_function::step::{step, unrecorded};
use firebreak_s3::Bucket;

pub(crate) async fn contain(call: &Call, (): ()) -> Result<Attempt, Fault> {
    let bucket = firebreak_s3::open(&call.config, &call.target).await?;
    let current = base::read(&bucket).await?;
    let recorded = step(StepKind::RecordBase, async {
        call.ledger.hold(call.held(), &call.holder, &call.target.id, &current, call.began_at).await.map(|_| Outcome::Applied)
    })
    .await;
    let held = recorded.outcome != Outcome::Failed;
    let blocked = step(StepKind::BlockPublicAccess, block(&bucket, &current, held)).await;
    Ok(vec![recorded, blocked].into())
}

async fn block(bucket: &Bucket, current: &BaseState, held: bool) -> Result<Outcome, Fault> {
    if current.public_access_block == Some(PublicAccessBlock::ALL) {
        return Ok(Outcome::Already);
    }
    if !held {
        return Err(unrecorded());
    }
    put(bucket, PublicAccessBlock::ALL).await?;
    Ok(Outcome::Applied)
}

/// Writes the bucket's public access block.
pub(crate) async fn put(bucket: &Bucket, block: PublicAccessBlock) -> Result<(), Fault> {
    let configuration = PublicAccessBlockConfiguration::builder()
        .block_public_acls(block.block_public_acls)
        .ignore_public_acls(block.ignore_public_acls)
        .block_public_policy(block.block_public_policy)
        .restrict_public_buckets(block.restrict_public_buckets)
        .build();
    bucket
        .s3
        .put_public_access_block()
        .bucket(&bucket.name)
        .expected_bucket_owner(&bucket.owner)
        .public_access_block_configuration(configuration)
        .send()
        .await
        .or_fault("s3:PutPublicAccessBlock")?;
    Ok(())
}
