//! Reads back whether the objects are quarantined, and writes again what somebody took away.

mod late;
mod missing;

use crate::base::BaseState;
use crate::contain::{self, Carried, Work};
use crate::seen::{self, Seen};
use crate::{replaced, shared, turn};
use firebreak::fault::Fault;
use firebreak::receipt::{Receipt, Step};
use firebreak::target::Look;
use firebreak_function::containment::{Call, Checked, NOT_WRITTEN_AGAIN, without_base};
use firebreak_function::step::ended;
use firebreak_s3::Bucket;
use futures::FutureExt as _;
use futures::future::join_all;
use missing::{Cause, Control, Lost, Missing, missing};

/// What the containment did.
type Kept = Result<Option<Receipt>, Fault>;

pub(crate) async fn verify(call: &Call) -> Result<Checked, Fault> {
    let (bucket, base, receipt, held) = futures::join!(
        Box::pin(contain::open(call)),
        call.ledger.base::<BaseState>(call.held()),
        call.ledger.receipt(&call.incident, call.containment, &call.target),
        call.holds(&call.target),
    );
    let (bucket, held) = (bucket?, held?);
    let unrecorded = without_base(&base);
    let base = base.ok().flatten().map(|(base, _)| base);
    let Missing { lost, problems, gone } = Box::pin(look(call, &bucket, &receipt)).await;
    let notes = join_all(gone.iter().map(|object| replaced::told(&bucket, object).boxed_local())).await;
    let mut checked = Checked { problems, notes, ..Checked::default() };
    checked.problems.extend(unrecorded.filter(|_| held));
    // Without a record nothing could be put back. Nothing may be written while a release is under way, and none begins while something is.
    let reapplies = call.look == Look::Reapply && held && base.is_some() && !lost.is_empty();
    let guards = if reapplies { call.guard(std::slice::from_ref(&call.target)).await? } else { None };
    if let (Some(guards), Some(base)) = (guards, base.as_ref()) {
        let written = Box::pin(written(call, (&bucket, base, &receipt), lost, &mut checked)).await;
        call.end_guards(guards).await;
        written?;
    } else {
        told(lost, held && call.look == Look::Paused, &mut checked);
    }
    Ok(checked)
}

/// What S3 shows of a bucket policy can be older than the last change (Amazon S3 user guide, "Amazon S3 data consistency model"), so
/// nothing counts as reverted on one read.
async fn look(call: &Call, bucket: &Bucket, receipt: &Kept) -> Missing {
    let first = missing(bucket, &see(call, bucket).await, receipt);
    if first.lost.is_empty() {
        return first;
    }
    tokio::time::sleep(call.settle).await;
    let mut still = missing(bucket, &see(call, bucket).await, receipt);
    still.lost.retain(|one| first.lost.iter().any(|before| before.control == one.control));
    still
}

async fn see(call: &Call, bucket: &Bucket) -> Seen {
    Box::pin(seen::see(bucket, &call.target.objects)).await
}

/// Says what does not hold. `paused`: only a pause keeps the look from writing it again.
fn told(lost: Vec<Lost>, paused: bool, checked: &mut Checked) {
    for Lost { line, cause, .. } in lost {
        if paused {
            let line = format!("{line}; {NOT_WRITTEN_AGAIN}");
            checked.problems.push(line.clone());
            checked.reverted.extend((cause == Cause::Reverted).then_some(line));
        } else {
            checked.problems.push(line);
        }
    }
}

/// Writes again what is lost. What somebody took away is remembered before.
async fn written(
    call: &Call,
    (bucket, base, receipt): (&Bucket, &BaseState, &Kept),
    lost: Vec<Lost>,
    checked: &mut Checked,
) -> Result<(), Fault> {
    let reverted = lost.iter().filter(|one| one.cause == Cause::Reverted);
    let foreseen: Vec<String> = reverted.map(|one| format!("{}; to be written again", one.line)).collect();
    call.foresee(&foreseen).await?;
    let carried = Box::pin(again(call, bucket, base)).await;
    let mut late = Vec::new();
    for Lost { control, line, cause } in lost {
        let result = carried.as_ref().map_err(Clone::clone).and_then(|carried| end_of(call, carried, &control));
        late.extend((result.is_ok() && cause == Cause::Late).then(|| control.step()));
        match (result, cause) {
            (Ok(()), Cause::Late) => {}
            (Ok(()), Cause::Reverted) => checked.reverted.push(format!("{line}; written again")),
            (Err(fault), cause) => {
                checked.problems.push(format!("{line}; it could not be written: {fault}"));
                let is_reverted = cause == Cause::Reverted;
                checked.reverted.extend(is_reverted.then(|| format!("{line}; it could not be written again")));
            }
        }
    }
    late::keep(call, receipt, &late).await
}

/// Reads once more while nobody else changes the bucket, and writes what is missing then.
async fn again(call: &Call, bucket: &Bucket, base: &BaseState) -> Result<Carried, Fault> {
    let write = async || {
        let (seen, others) = futures::join!(see(call, bucket), Box::pin(shared::others(call)));
        let others = others?;
        let seen = seen.without(&others.free);
        let base = contain::extend(call, base, &seen.base(&others.all)).await?;
        let work = Work { bucket, incident: &call.incident, base: Some(&base), settle: call.settle };
        Ok::<_, Fault>(Box::pin(contain::carry_out(&work, &seen)).await)
    };
    Box::pin(turn::alone(call, write)).await
}

/// How the writing of one control ended. The steps about objects are in the order of the target's.
fn end_of(call: &Call, carried: &Carried, control: &Control) -> Result<(), Fault> {
    let step: Option<&Step> = match control {
        Control::Statement => Some(&carried.denied),
        Control::Object(object) => {
            let mut each = call.target.objects.iter().zip(&carried.objects);
            each.find(|(known, _)| *known == object).map(|(_, step)| step)
        }
    };
    step.ok_or_else(|| Fault::bug("nothing was tried")).and_then(ended)
}
