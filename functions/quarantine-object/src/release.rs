//! Gives objects back: takes the tag off, and the statement out of the bucket policy where no other set of objects needs it.
//!
//! What else somebody changed since stays: an object keeps the tags that it has now, and the policy its other statements.
#![expect(clippy::disallowed_methods, reason = "this is the release of quarantined objects")]

use crate::base::BaseState;
use crate::contain::open;
use crate::find::Found;
use crate::replaced;
use crate::seen::{Tagged, read};
use crate::shared::{self, Others};
use crate::statement::{self, SID};
use crate::tags::{self, KEY, Tags, is_by_firebreak};
use crate::turn::bucket_of;
use firebreak::fault::{Fault, FaultKind};
use firebreak::objects::ObjectVersion;
use firebreak::receipt::{Outcome, Step};
use firebreak::step::{StepKind, StepName};
use firebreak_aws::classify::OrFault as _;
use firebreak_function::containment::Call;
use firebreak_function::step::{skipped, step};
use firebreak_s3::policy::{self, Document};
use firebreak_s3::{Bucket, closers, settled, until_shown};
use futures::FutureExt as _;
use futures::future::join_all;

/// What people read of a statement that S3 keeps in the policy.
const STAYS: &str = "the statement stays in the bucket policy and denies nobody, because no object has the tag for an incident any more. S3 does \
                     not take the rest of the policy back";
/// Why S3 does not.
const ORPHAN: &str = "it names somebody who was deleted. The release of the next set of objects tries again";
/// The same, where nobody knows.
const REFUSED: &str = "another statement can be public while BlockPublicPolicy is on, or the role may not write it. The release of the next set \
                       of objects tries again";

pub(crate) async fn release(call: &Call, base: &BaseState) -> Result<Vec<Step>, Fault> {
    let (bucket, others) = futures::join!(Box::pin(open(call)), Box::pin(shared::others(call)));
    let (bucket, others) = (bucket?, others?);
    let each = base.objects.iter().map(|known| untag(&bucket, &known.object, &known.tags, &others).boxed_local());
    let mut steps = join_all(each).await;
    let of = Of { call, bucket: &bucket, base, others: &others };
    steps.push(Box::pin(of.policy(denied(base, &steps))).await);
    Ok(steps)
}

/// Whom a statement would deny that stays in the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Denied {
    /// Nobody: no object has the tag any more for an incident.
    Nobody,
    /// Whoever wants an object that still has the tag, or had one of its own before.
    Somebody,
}

fn denied(base: &BaseState, untagged: &[Step]) -> Denied {
    let is_left = untagged.iter().any(|step| step.outcome == Outcome::Failed);
    let had_one = base.objects.iter().any(|known| known.tags.contains_key(KEY));
    if is_left || had_one { Denied::Somebody } else { Denied::Nobody }
}

async fn untag(bucket: &Bucket, object: &ObjectVersion, before: &Tags, others: &Others) -> Step {
    let name = StepName::about(StepKind::RestoreObjectTags, object.told_apart());
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
    let now = match read(bucket, object).boxed_local().await {
        Err(fault) if fault.kind == FaultKind::Gone => match Box::pin(successor(bucket, object, others)).await {
            None => return skipped(name, fault),
            Some(successor) => successor,
        },
        now => now,
    };
    step(name, Box::pin(without_mark(bucket, now))).await
}

/// What took the place of an object while that got the tag, and has the tag since. Nothing: there is no such object, another set has it, or
/// somebody else gave it the tag.
async fn successor(bucket: &Bucket, object: &ObjectVersion, others: &Others) -> Option<Result<Tagged, Fault>> {
    if others.need_key(object.key()) {
        return None;
    }
    let marked = replaced::marked(bucket, object).await.transpose()?;
    let is_theirs = marked.as_ref().is_ok_and(|now| !is_by_firebreak(&now.tags));
    (!is_theirs).then_some(marked)
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

/// What a release is of.
struct Of<'a> {
    call: &'a Call,
    bucket: &'a Bucket,
    base: &'a BaseState,
    others: &'a Others,
}

impl Of<'_> {
    /// The policy without the statement, unless another set needs it. What S3 does not take back is no failure where the statement denies nobody:
    /// people would be asked for ever, and could only end that by taking out what the customer allows.
    async fn policy(&self, denied: Denied) -> Step {
        let name = StepKind::RestorePolicy;
        if self.others.need_statement() {
            let why = "an incident holds other objects of this bucket: the statement that denies those with the tag stays";
            return skipped(name, Fault::malformed(why));
        }
        let mut stays = None;
        let restored = step(name, Box::pin(self.without_statement(denied, &mut stays))).await;
        match stays {
            Some(fault) => Step { error: Some(Box::pin(self.why_it_stays(&fault)).await), ..restored },
            None => restored,
        }
    }

    /// `stays` gets the refusal of S3 where the statement may stay: the step is [`Outcome::Skipped`] then.
    async fn without_statement(&self, denied: Denied, stays: &mut Option<Fault>) -> Result<Outcome, Fault> {
        let Self { call, bucket, base, others } = self;
        let now = Box::pin(policy::get(bucket)).await?.without(&others.free);
        let rest = now.without_exactly(SID);
        if rest.statements().len() == now.statements().len() {
            return Ok(Outcome::Already);
        }
        // The recorded text, byte for byte, where nobody changed anything else.
        let known = base.policy.as_deref().filter(|_| base.policy_known);
        let recorded = known.map(|text| Document::parse(Some(text))).transpose()?;
        let wanted = recorded.filter(|recorded| recorded.is_same(&rest)).unwrap_or(rest);
        if wanted.statements().is_empty() {
            Box::pin(policy::delete(bucket)).await?;
        } else if let Err(fault) = Box::pin(statement::put(bucket, &wanted)).await {
            if denied == Denied::Somebody || !matches!(fault.kind, FaultKind::Denied | FaultKind::Malformed) {
                return Err(fault);
            }
            *stays = Some(fault);
            return Ok(Outcome::Skipped);
        }
        // Whoever has the next turn reads the policy, and writes all of it.
        Box::pin(until_shown(bucket, call.settle, |now| now.sid(SID).is_none())).await;
        Ok(Outcome::Applied)
    }

    async fn why_it_stays(&self, refused: &Fault) -> Fault {
        let closers = Box::pin(closers(&self.call.ledger, &bucket_of(&self.call.target))).await.unwrap_or_default();
        let why = match refused.kind {
            FaultKind::Malformed => ORPHAN.to_owned(),
            _ if closers.is_empty() => REFUSED.to_owned(),
            _ => {
                let closers = closers.join(" and ");
                format!(
                    "it can be public, and {closers} blocks public access to the bucket: the release of that takes the statement out"
                )
            }
        };
        Fault::new(refused.kind, format!("{STAYS}: {why}"))
    }
}
