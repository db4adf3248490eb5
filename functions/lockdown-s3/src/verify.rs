//! Reads back whether a level holds, and writes again what somebody took away.

mod again;
mod late;
mod missing;
mod statements;

use crate::base::{self, BaseState, Seen};
use crate::statements::Around;
use crate::suspects::Suspects;
use firebreak::fault::Fault;
use firebreak::target::Look;
use firebreak_function::containment::{Call, Checked, NOT_WRITTEN_AGAIN};
use firebreak_s3::Bucket;
use missing::{Cause, Lost, Missing, Wanted};

pub(crate) async fn verify(call: &Call, organization: Option<&str>, suspects: &Suspects) -> Result<Checked, Fault> {
    let (bucket, base, receipt, held) = futures::join!(
        Box::pin(firebreak_s3::open(&call.config, &call.target)),
        call.ledger.base::<BaseState>(call.held()),
        call.ledger.receipt(&call.incident, call.containment, &call.target),
        call.holds(&call.target),
    );
    let (bucket, held) = (bucket?, held?);
    let unrecorded = match &base {
        Ok(Some(_)) => None,
        Ok(None) => Some("no containment recorded how it was".to_owned()),
        Err(fault) => Some(format!("the record of how it was could not be read: {}", fault.message)),
    };
    let base = base.ok().flatten().map(|(base, _)| base);
    let around = Around { bucket: &bucket, organization, suspects };
    let wanted = Wanted { level: call.target.scope, base: base.as_ref(), around, receipt: &receipt };
    let (seen, Missing { lost, problems, notes }) = Box::pin(look(call, &bucket, &wanted)).await?;
    let mut checked = Checked { problems, notes, ..Checked::default() };
    checked.problems.extend(unrecorded.filter(|_| held).map(|why| format!("looks write nothing again: {why}")));
    // Without a record nothing could be put back. Nothing may be written while a release is under way, and none begins while something is.
    let is_unsettled = base.as_ref().is_some_and(|base| !base.planned.unsettled.is_empty());
    let reapplies = call.look == Look::Reapply && held && base.is_some() && (is_unsettled || !lost.is_empty());
    let guards = if reapplies { call.guard(std::slice::from_ref(&call.target)).await? } else { None };
    if let (Some(guards), Some(base)) = (guards, base.as_ref()) {
        let written = Box::pin(written(call, (&wanted, base), &seen, lost, &mut checked)).await;
        call.end_guards(guards).await;
        written?;
    } else {
        checked.problems.extend(is_unsettled.then(|| UNSETTLED.to_owned()));
        told(lost, held && call.look == Look::Paused, &mut checked);
    }
    let Checked { problems, reverted, notes } = checked;
    Ok(Checked { problems: bounded(problems), reverted: bounded(reverted), notes: bounded(notes) })
}

/// A run was killed while it tried what S3 takes.
const UNSETTLED: &str =
    "statements of the bucket policy may be left out that S3 would take back: a run that tried them did not end";

/// Lines of each kind that the ledger keeps. Whoever takes a level off can make 1,000 rules, and each has a line.
const LINES: usize = 30;

fn bounded(mut lines: Vec<String>) -> Vec<String> {
    let more = lines.len().saturating_sub(LINES);
    lines.truncate(LINES);
    lines.extend((more > 0).then(|| format!("{more} more")));
    lines
}

/// What S3 shows of a bucket's configuration can be older than the last change (Amazon S3 user guide, "Amazon S3 data consistency
/// model"), so nothing counts as reverted on one read.
async fn look(call: &Call, bucket: &Bucket, wanted: &Wanted<'_>) -> Result<(Seen, Missing), Fault> {
    let seen = Box::pin(base::see(bucket, wanted.level)).await?;
    let first = wanted.missing(&seen);
    if first.lost.is_empty() {
        return Ok((seen, first));
    }
    tokio::time::sleep(call.settle).await;
    let later = Box::pin(base::see(bucket, wanted.level)).await?;
    let mut still = wanted.missing(&later);
    still.lost.retain(|one| first.lost.iter().any(|before| before.control == one.control));
    Ok((later, still))
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
    (wanted, base): (&Wanted<'_>, &BaseState),
    seen: &Seen,
    lost: Vec<Lost>,
    checked: &mut Checked,
) -> Result<(), Fault> {
    let reverted = lost.iter().filter(|one| one.cause == Cause::Reverted);
    let foreseen: Vec<String> = reverted.map(|one| format!("{}; to be written again", one.line)).collect();
    if !foreseen.is_empty() {
        call.foresee(&foreseen).await?;
    }
    let again::Written { ended, problems, notes } = Box::pin(again::write(call, (wanted, base), seen, &lost)).await;
    checked.problems.extend(problems);
    checked.notes.extend(notes);
    let mut late = Vec::new();
    for (Lost { control, line, cause }, result) in lost.into_iter().zip(ended) {
        late.extend((result.is_ok() && cause != Cause::Reverted).then(|| control.step()));
        match (result, cause) {
            (Ok(()), Cause::Late) => {}
            (Ok(()), Cause::Grown) => checked.notes.push(format!("{line}: it does now")),
            (Ok(()), Cause::Reverted) => checked.reverted.push(format!("{line}; {}", control.again())),
            (Err(fault), cause) => {
                checked.problems.push(format!("{line}; it could not be written: {fault}"));
                let is_reverted = cause == Cause::Reverted;
                checked.reverted.extend(is_reverted.then(|| format!("{line}; it could not be written again")));
            }
        }
    }
    late::keep(call, wanted.receipt, &late).await
}
