//! Tags the objects, and has the bucket policy deny what has the tag.

use crate::base::BaseState;
use crate::replaced;
use crate::seen::{self, Seen, Tagged, is_gone};
use crate::shared::{self, Others};
use crate::statement;
use crate::tags::{self, KEY, LIMIT, Tags};
use crate::turn::bucket_of;
use firebreak::fault::Fault;
use firebreak::ids::IncidentId;
use firebreak::objects::ObjectVersion;
use firebreak::receipt::{Outcome, Step};
use firebreak::step::{StepKind, StepName};
use firebreak_function::containment::{Attempt, Call};
use firebreak_function::step::{ended, skipped, step, unrecorded};
use firebreak_s3::policy::Document;
use firebreak_s3::{Bucket, until_shown};
use futures::FutureExt as _;
use futures::future::join_all;
use std::time::Duration;
use tokio::time::sleep;

pub(crate) async fn contain(call: &Call) -> Result<Attempt, Fault> {
    let read = async {
        let bucket = Box::pin(open(call)).await?;
        let seen = seen::see(&bucket, &call.target.objects).await;
        Ok::<_, Fault>((bucket, seen))
    };
    let (read, others) = futures::join!(Box::pin(read), Box::pin(shared::others(call)));
    let (bucket, mut seen) = read?;
    if let Some(why) = seen.all_gone() {
        return Err(Fault::gone(format!("nothing was changed: {why}")));
    }
    if let Ok(others) = &others {
        if seen.has(&others.free) {
            // The text of before is recorded byte for byte where S3 shows it by now.
            sleep(call.settle).await;
            seen = Box::pin(seen::see(&bucket, &call.target.objects)).await;
        }
        seen = seen.without(&others.free);
    }
    let mut base = None;
    let recording = async {
        base = Some(Box::pin(record(call, &seen, &others?)).await?);
        Ok::<_, Fault>(Outcome::Applied)
    };
    let recorded = step(StepKind::RecordBase, recording).await;
    let work = Work { bucket: &bucket, incident: &call.incident, base: base.as_ref(), settle: call.settle };
    let Carried { denied, objects } = Box::pin(carry_out(&work, &seen)).await;
    Ok([recorded, denied].into_iter().chain(objects).collect::<Vec<Step>>().into())
}

/// The bucket of the objects.
///
/// # Errors
/// Those of [`firebreak_s3::open`].
pub(crate) async fn open(call: &Call) -> Result<Bucket, Fault> {
    firebreak_s3::open(&call.config, &bucket_of(&call.target)).await
}

/// Records the base, and gives the recorded one: the first incident's, with what this one found besides.
async fn record(call: &Call, seen: &Seen, others: &Others) -> Result<BaseState, Fault> {
    let current = seen.base(&others.all);
    let known = call.ledger.hold(call.held(), &call.holder, &call.target.id, &current, call.began_at).await?;
    extend(call, &known, &current).await
}

/// Adds to the recorded base what a later read found besides.
///
/// # Errors
/// The ledger could not be written.
pub(crate) async fn extend(call: &Call, known: &BaseState, current: &BaseState) -> Result<BaseState, Fault> {
    let all = known.joined(current);
    if all != *known {
        call.ledger.extend_base(call.held(), known, &all).await?;
    }
    Ok(all)
}

/// All that the steps go by.
pub(crate) struct Work<'a> {
    pub(crate) bucket: &'a Bucket,
    pub(crate) incident: &'a IncidentId,
    /// Nothing is changed without it.
    pub(crate) base: Option<&'a BaseState>,
    /// How long a read of S3 may be behind a write.
    pub(crate) settle: Duration,
}

/// What was done.
pub(crate) struct Carried {
    /// About the statement.
    pub(crate) denied: Step,
    /// About each object, in the order in which they were read.
    pub(crate) objects: Vec<Step>,
}

/// Tags the objects and writes the statement, at the same time. An object is tagged whatever becomes of the statement: the next run, or a
/// person, then has less to do. But what no statement denies is not contained.
pub(crate) async fn carry_out(work: &Work<'_>, seen: &Seen) -> Carried {
    let denied = step(StepKind::DenyQuarantined, deny(work, &seen.policy));
    let tagged = seen.objects.iter().map(|(object, read)| quarantine(work, object, read).boxed_local());
    let (denied, mut objects) = futures::join!(Box::pin(denied), join_all(tagged));
    if let Err(why) = ended(&denied) {
        objects.iter_mut().for_each(|object| undenied(object, &why));
    }
    Carried { denied, objects }
}

async fn deny(work: &Work<'_>, policy: &Result<Document, Fault>) -> Result<Outcome, Fault> {
    let (now, ours) = (policy.as_ref().map_err(Clone::clone)?, statement::of(work.bucket)?);
    if statement::is_in(now, &ours) {
        return Ok(Outcome::Already);
    }
    // Without the text of before, a release would have to guess it.
    work.base.filter(|base| base.policy_known).ok_or_else(unrecorded)?;
    Box::pin(statement::put(work.bucket, &now.with(std::slice::from_ref(&ours)))).await?;
    // Whoever has the next turn reads the policy, and writes all of it.
    Box::pin(until_shown(work.bucket, work.settle, |now| statement::is_in(now, &ours))).await;
    Ok(Outcome::Applied)
}

/// The step about one object. The receipt goes by it, so no other object has the same one.
pub(crate) fn name(object: &ObjectVersion) -> StepName {
    StepName::about(StepKind::QuarantineObject, object.told_apart())
}

async fn quarantine(work: &Work<'_>, object: &ObjectVersion, read: &Result<Tagged, Fault>) -> Step {
    match read {
        Err(fault) if is_gone(read) => skipped(name(object), fault.clone()),
        _ => step(name(object), Box::pin(tag(work, object, read))).await,
    }
}

async fn tag(work: &Work<'_>, object: &ObjectVersion, read: &Result<Tagged, Fault>) -> Result<Outcome, Fault> {
    if read.as_ref().map_err(Clone::clone)?.is_marked() {
        return Ok(Outcome::Already);
    }
    work.base.and_then(|base| base.tags(object)).ok_or_else(unrecorded)?;
    // The record took its time. What somebody tagged meanwhile, a scanner for example, would be written over.
    let now = seen::read(work.bucket, object).boxed_local().await?;
    if now.is_marked() {
        return Ok(Outcome::Already);
    }
    if now.tags.len() >= LIMIT {
        let why = format!("it has {LIMIT} tags, and S3 takes no more: take one off that nobody needs, and try again");
        return Err(Fault::malformed(why));
    }
    let ours = (KEY.to_owned(), work.incident.to_string());
    let all: Tags = now.tags.into_iter().chain([ours]).collect();
    Box::pin(tags::put(work.bucket, &now.found, &all)).await?;
    if object.version().is_none() {
        Box::pin(replaced::not_meanwhile(work.bucket, object)).await?;
    }
    Ok(Outcome::Applied)
}

/// A tag that no statement denies keeps nobody from the object.
fn undenied(step: &mut Step, why: &Fault) {
    if matches!(step.outcome, Outcome::Applied | Outcome::Already) {
        step.outcome = Outcome::Failed;
        step.error =
            Some(Fault::new(why.kind, format!("it has the tag, and the bucket policy does not deny it: {}", why.message)));
    }
}
