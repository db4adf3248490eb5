//! Takes the statements of a level out of the bucket policy, and puts back what S3 had not taken with them.
//!
//! A statement of Firebreak's has Firebreak's name: nobody else made the statement, so the level's steps that failed are no reason to
//! leave it. What S3 does not take back is shown, and the policy does not count as restored.

use super::merge::{Known, Merged, named};
use crate::base::BaseState;
use crate::left_out::LeftOut;
use crate::lineage::Others;
use crate::statements::sids_of;
use firebreak::fault::Fault;
use firebreak::receipt::{Outcome, Step};
use firebreak::step::StepKind;
use firebreak::text::inert;
use firebreak_function::containment::Call;
use firebreak_function::drift::Change;
use firebreak_function::step::{skipped, step};
use firebreak_s3::Bucket;
use firebreak_s3::policy::{self, Document};
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
        let known = Known { recorded: &recorded, now: &now, sids, left_out, others_left_out: &others_left_out };
        // Nothing was recorded to be written, and nothing is there.
        let has_none = now.without(sids).statements().len() == now.statements().len();
        let is_untouched = base.planned.sids.is_empty() && has_none;
        let merged = if is_untouched { None } else { Some(known.merged()?) };
        Ok::<_, Fault>((now, merged))
    };
    match Box::pin(read).await {
        Ok((_, None)) => vec![],
        Ok((now, Some(Merged { document, drift: None }))) => {
            Box::pin(write(call, bucket, (&now, &document), (base, others))).await
        }
        Ok((now, Some(Merged { document, drift: Some(line) }))) => {
            let change = Change::of(&line);
            if !change.is_seen(call) {
                return vec![change.told(call).await];
            }
            let mut steps = vec![change.told(call).await];
            steps.extend(Box::pin(write(call, bucket, (&now, &document), (base, others))).await);
            steps
        }
        Err(fault) => vec![step(StepKind::RestorePolicy, async { Err(fault) }).await],
    }
}

async fn write(
    call: &Call,
    bucket: &Bucket,
    (now, wanted): (&Document, &Document),
    (base, others): (&BaseState, &Others),
) -> Vec<Step> {
    let (mut refused, mut record) = (Vec::new(), LeftOut::of(call, base.clone()));
    let put = async {
        if now.is_same(wanted) {
            return Ok(Outcome::Already);
        }
        if wanted.render().is_some() {
            // What S3 does not take back is missing from now on: the next release must not take that for somebody's change.
            let foreseen = async |some: &[Value]| Box::pin(record.foresee(some)).await;
            refused = Box::pin(policy::put(bucket, wanted, foreseen)).await?;
            Box::pin(record.settle(&refused)).await;
        }
        // Nothing of it is left, or S3 takes nothing of it: what is there is this level's alone.
        if refused.len() == wanted.statements().len() {
            policy::delete(bucket).await?;
        }
        Ok(Outcome::Applied)
    };
    let restored = step(StepKind::RestorePolicy, Box::pin(put)).await;
    if refused.is_empty() {
        return vec![restored];
    }
    if others.needs_block() {
        // That release takes the block off, and this one can end then.
        let why = format!("S3 takes {} back only without the public access block, which another level needs", named(&refused));
        return vec![step(StepKind::RestorePolicy, async { Err(Fault::malformed(why)) }).await];
    }
    let texts: Vec<String> = refused.iter().map(|one| inert(&one.to_string(), 200)).collect();
    let line = format!("the bucket policy is without {}: S3 does not take back {}", named(&refused), texts.join(" "));
    let change = Change::of(&line);
    let why = Fault::malformed(line);
    let undone = if change.is_seen(call) {
        skipped(StepKind::RestorePolicy, why)
    } else {
        step(StepKind::RestorePolicy, async { Err(why) }).await
    };
    vec![undone, change.told(call).await]
}
