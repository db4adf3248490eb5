//! Gives objects back: takes the tag off, and the statement out of the bucket policy where no other set of objects needs it.
//!
//! What else somebody changed since stays: an object keeps the tags that it has now, and the policy its other statements.
#![expect(clippy::disallowed_methods, reason = "this is the release of quarantined objects")]

use crate::base::BaseState;
use crate::contain::open;
use crate::find::Found;
use crate::seen::{Tagged, read};
use crate::shared::{self, Others};
use crate::statement::{self, SID};
use crate::tags::{self, KEY, Tags};
use firebreak::fault::{Fault, FaultKind};
use firebreak::objects::ObjectVersion;
use firebreak::receipt::{Outcome, Step};
use firebreak::step::{StepKind, StepName};
use firebreak_aws::classify::OrFault as _;
use firebreak_function::containment::Call;
use firebreak_function::step::{skipped, step};
use firebreak_s3::policy::{self, Document};
use firebreak_s3::{Bucket, settled, until_shown};
use futures::FutureExt as _;
use futures::future::join_all;

pub(crate) async fn release(call: &Call, base: &BaseState) -> Result<Vec<Step>, Fault> {
    let (bucket, others) = futures::join!(Box::pin(open(call)), Box::pin(shared::others(call)));
    let (bucket, others) = (bucket?, others?);
    let each = base.objects.iter().map(|known| untag(&bucket, &known.object, &known.tags, &others).boxed_local());
    let (policy, objects) = futures::join!(Box::pin(restore(call, &bucket, base, &others)), join_all(each));
    Ok(objects.into_iter().chain([policy]).collect())
}

async fn untag(bucket: &Bucket, object: &ObjectVersion, before: &Tags, others: &Others) -> Step {
    let name = StepName::about(StepKind::RestoreObjectTags, object);
    if others.need(object) {
        return skipped(
            name,
            Fault::malformed("an incident holds another set of objects that has this one: it stays in quarantine"),
        );
    }
    if before.contains_key(KEY) {
        return skipped(
            name,
            Fault::malformed(format!("it had a tag {KEY} before, which is not this incident's: it keeps that")),
        );
    }
    match read(bucket, object).boxed_local().await {
        Err(fault) if fault.kind == FaultKind::Gone => skipped(name, fault),
        now => step(name, Box::pin(without_mark(bucket, now))).await,
    }
}

async fn without_mark(bucket: &Bucket, now: Result<Tagged, Fault>) -> Result<Outcome, Fault> {
    let Tagged { found, mut tags } = now?;
    if tags.remove(KEY).is_none() {
        return Ok(Outcome::Already);
    }
    if tags.is_empty() {
        Box::pin(untagged(bucket, &found)).await?;
    } else {
        Box::pin(tags::put(bucket, &found, &tags)).await?;
    }
    Ok(Outcome::Applied)
}

/// Takes all tags off, for an object that had none. Whether S3 takes an empty set for that, no page of AWS says.
async fn untagged(bucket: &Bucket, found: &Found) -> Result<(), Fault> {
    settled(async || {
        let delete = bucket.s3.delete_object_tagging().bucket(&bucket.name).expected_bucket_owner(&bucket.owner);
        let delete = delete.key(&found.key).set_version_id(found.version.clone());
        Box::pin(delete.send()).await.or_fault("s3:DeleteObjectTagging").map(drop)
    })
    .await
}

async fn restore(call: &Call, bucket: &Bucket, base: &BaseState, others: &Others) -> Step {
    let name = StepKind::RestorePolicy;
    if others.need_statement() {
        let why = "an incident holds other objects of this bucket: the statement that denies those with the tag stays";
        return skipped(name, Fault::malformed(why));
    }
    step(name, Box::pin(without_statement(call, bucket, base, others))).await
}

async fn without_statement(call: &Call, bucket: &Bucket, base: &BaseState, others: &Others) -> Result<Outcome, Fault> {
    let now = Box::pin(policy::get(bucket)).await?.without(&others.free);
    let rest = now.without(&[SID]);
    if rest.statements().len() == now.statements().len() {
        return Ok(Outcome::Already);
    }
    // The recorded text, byte for byte, where nobody changed anything else.
    let recorded = base.policy.as_deref().filter(|_| base.policy_known).map(|text| Document::parse(Some(text))).transpose()?;
    let wanted = recorded.filter(|recorded| recorded.is_same(&rest)).unwrap_or(rest);
    if wanted.statements().is_empty() {
        Box::pin(policy::delete(bucket)).await?;
    } else {
        Box::pin(statement::put(bucket, &wanted)).await?;
    }
    // Whoever has the next turn reads the policy, and writes all of it.
    Box::pin(until_shown(bucket, call.settle, |now| now.sid(SID).is_none())).await;
    Ok(Outcome::Applied)
}
