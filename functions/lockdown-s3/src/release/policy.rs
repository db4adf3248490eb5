//! Takes the statements of a level out of the bucket policy, and puts back what S3 had not taken with them.
//!
//! A statement of Firebreak's has the name of one of the level's: nobody else made the statement, so the level's steps that failed are no
//! reason to leave it. What S3 does not take back is shown, and the policy does not count as restored, unless it denies nobody who exists.

use super::merge::{Known, Merged, named};
use crate::base::BaseState;
use crate::left_out::LeftOut;
use crate::lineage::Others;
use crate::statements::sids_of;
use crate::write;
use firebreak::fault::Fault;
use firebreak::receipt::{Outcome, Step};
use firebreak::step::StepKind;
use firebreak::text::inert;
use firebreak_function::containment::Call;
use firebreak_function::drift::Change;
use firebreak_function::step::{skipped, step};
use firebreak_s3::Bucket;
use firebreak_s3::policy::{self, Document, LIMIT, Refused, denies_nobody};
use serde_json::Value;

/// The bucket policy without the level, and what has to be said about it.
pub(super) async fn restore(call: &Call, bucket: &Bucket, base: &BaseState, others: &Others) -> Vec<Step> {
    let sids = sids_of(call.target.scope);
    if sids.is_empty() {
        return vec![];
    }
    let read = async {
        let (now, recorded) = (policy::get(bucket).await?, Document::parse(base.policy.as_deref())?);
        let others_left_out = others.left_out();
        let left_out = base.planned.left_out.as_slice();
        let claims = &others.claims(call.target.scope);
        let known = Known { recorded: &recorded, now: &now, sids, claims, left_out, others_left_out: &others_left_out };
        // Nothing was recorded to be written, and nothing is there.
        let has_none = now.without(sids).statements().len() == now.statements().len();
        let is_untouched = base.planned.sids.is_empty() && has_none;
        let merged = if is_untouched { None } else { Some(known.merged()?) };
        Ok::<_, Fault>((now, merged))
    };
    let (now, Merged { document, drift, stays_out }) = match Box::pin(read).await {
        Ok((now, Some(merged))) => (now, merged),
        Ok((_, None)) => return vec![],
        Err(fault) => return vec![step(StepKind::RestorePolicy, async { Err(fault) }).await],
    };
    let mut steps = Vec::new();
    if let Some(line) = drift {
        let change = Change::of(&line);
        let is_seen = change.is_seen(call);
        steps.push(change.told(call).await);
        if !is_seen {
            return steps;
        }
    }
    steps.extend(Box::pin(restored(call, bucket, (&now, &document), (base, others))).await);
    steps.extend(stays_out.iter().zip(1..).map(|((statement, why), at)| write::left((statement, at), why)));
    steps
}

async fn restored(
    call: &Call,
    bucket: &Bucket,
    (now, wanted): (&Document, &Document),
    (base, others): (&BaseState, &Others),
) -> Vec<Step> {
    let (mut refused, mut record) = (Refused::default(), LeftOut::of(call, base.clone()));
    let put = async {
        if now.is_same(wanted) {
            return Ok(Outcome::Already);
        }
        if wanted.render().is_some() {
            // What S3 does not take back is missing from now on: the next release must not take that for somebody's change.
            let foreseen = async |some: &[Value]| Box::pin(record.foresee(some)).await;
            refused = Box::pin(policy::put(bucket, wanted, foreseen)).await.map_err(|fault| without_room(wanted, fault))?;
            Box::pin(record.settle(&refused.left_out)).await;
        }
        // Nothing of it is left, or S3 takes nothing of it: what is there is this level's alone.
        if refused.left_out.len() == wanted.statements().len() {
            policy::delete(bucket).await?;
        }
        Ok(Outcome::Applied)
    };
    let restored = step(StepKind::RestorePolicy, Box::pin(put)).await;
    let Refused { left_out, cut } = refused;
    let (nobody, missing): (Vec<&Value>, Vec<&Value>) = left_out.iter().partition(|one| denies_nobody(one));
    let said = write::of_deleted(nobody, &cut);
    let missing: Vec<Value> = missing.into_iter().cloned().collect();
    if missing.is_empty() {
        return std::iter::once(restored).chain(said).collect();
    }
    unrestored(call, others, &missing).await.into_iter().chain(said).collect()
}

/// The policy has more bytes than S3 takes, beside what another level or somebody else has in it by now.
fn without_room(wanted: &Document, fault: Fault) -> Fault {
    if wanted.bytes() <= LIMIT {
        return fault;
    }
    let why = "the bucket policy has no room for all of it beside the statements of another level or incident, which is released first, or of \
               somebody else, who takes them out";
    Fault::new(fault.kind, format!("{why}: {}", fault.message))
}

/// What S3 does not take back and somebody may miss.
async fn unrestored(call: &Call, others: &Others, missing: &[Value]) -> Vec<Step> {
    if others.needs_block() {
        // That release takes the block off, and this one can end then.
        let why = format!("S3 takes {} back only without the public access block, which another level needs", named(missing));
        return vec![step(StepKind::RestorePolicy, async { Err(Fault::malformed(why)) }).await];
    }
    let texts: Vec<String> = missing.iter().map(|one| inert(&one.to_string(), 200)).collect();
    let line = format!("the bucket policy is without {}: S3 does not take back {}", named(missing), texts.join(" "));
    let change = Change::of(&line);
    let why = Fault::malformed(line);
    let undone = if change.is_seen(call) {
        skipped(StepKind::RestorePolicy, why)
    } else {
        step(StepKind::RestorePolicy, async { Err(why) }).await
    };
    vec![undone, change.told(call).await]
}
