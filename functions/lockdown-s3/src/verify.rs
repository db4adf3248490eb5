//! Reads back whether a level holds, and writes again what somebody took away.

mod again;
mod late;
mod missing;
mod planted;
mod statements;
mod trail;

use crate::accusers::{self, Accusers};
use crate::base::{self, BaseState, Seen};
use crate::changed::{self, Window};
use crate::contain::Known;
use crate::statements::Around;
use crate::suspects::Suspects;
use firebreak::fault::Fault;
use firebreak::receipt::Outcome;
use firebreak::target::{Look, Scope};
use firebreak_function::containment::{Call, Checked, NOT_WRITTEN_AGAIN, without_base};
use late::Made;
use missing::{Cause, Lost, Missing, Wanted};
use planted::planted;

pub(crate) async fn verify(call: &Call, known: Known<'_>) -> Result<Checked, Fault> {
    let (bucket, base, receipt, held) = futures::join!(
        Box::pin(firebreak_s3::open(&call.config, &call.target)),
        call.ledger.base::<BaseState>(call.held()),
        call.ledger.receipt(&call.incident, call.containment, &call.target),
        call.holds(&call.target),
    );
    let (bucket, held) = (bucket?, held?);
    let unrecorded = without_base(&base);
    let (base, holders) = base.ok().flatten().unzip();
    let accusers = who_accuses(call, base.as_ref(), &holders.unwrap_or_default(), known.suspects);
    let suspects = &known.suspects.beside(accusers.values());
    let around = Around { bucket: &bucket, organization: known.organization, suspects };
    let wanted = Wanted { level: call.target.scope, base: base.as_ref(), around, receipt: &receipt, accusers: &accusers };
    let window = trail::window(call, &receipt, known.since).filter(|_| held && base.is_some());
    let Looked { seen, missing, learnt, made } = Box::pin(look(call, known.suspects, &wanted, window)).await?;
    let Missing { lost, problems, notes, .. } = missing;
    let mut checked = Checked { problems, notes, ..Checked::default() };
    if let Ok(document) = &seen.document
        && !call.target.scope.is_whole()
    {
        checked.problems.extend(Box::pin(planted(call, &bucket, base.as_ref(), document)).await);
    }
    checked.problems.extend(unrecorded.filter(|_| held));
    // Without a record nothing could be put back. Nothing may be written while a release is under way, and none begins while something is.
    let is_unsettled = base.as_ref().is_some_and(|base| !base.planned.unsettled.is_empty());
    let is_more = is_unsettled || !lost.is_empty() || learnt.is_some() || !made.is_empty();
    let reapplies = call.look == Look::Reapply && held && base.is_some() && is_more;
    let is_shown = call.look == Look::Reapply && held && !reapplies;
    if let (Some(base), Ok(now)) = (base.as_ref().filter(|_| is_shown), &seen.document) {
        Box::pin(again::keep(call, (base, now), &accusers)).await;
    }
    let guards = if reapplies { call.guard(std::slice::from_ref(&call.target)).await? } else { None };
    if let (Some(guards), Some(base)) = (guards, base.as_ref()) {
        let work = async {
            // First the record, as in a containment: a release knows by it what to put back.
            if let Some(learnt) = &learnt {
                call.ledger.extend_base(call.held(), base, learnt).await?;
            }
            let base = learnt.as_ref().unwrap_or(base);
            let wanted = Wanted { base: Some(base), ..wanted };
            Box::pin(written(call, (&wanted, base), &seen, (lost, made), &mut checked)).await
        };
        let written = Box::pin(work).await;
        call.end_guards(guards).await;
        written?;
    } else {
        checked.problems.extend(is_unsettled.then(|| UNSETTLED.to_owned()));
        told(lost, held && call.look == Look::Paused, &mut checked);
        if held {
            late::keep(call, wanted.receipt, &made).await?;
        }
    }
    let Checked { problems, reverted, notes } = checked;
    Ok(Checked { problems: bounded(problems), reverted: bounded(reverted), notes: bounded(notes) })
}

/// A run was killed while it tried what S3 takes.
const UNSETTLED: &str =
    "statements of the bucket policy may be left out that S3 would take back: a run that tried them did not end";

/// Who accuses whom, now that the incident accuses `suspects`. Only a freeze denies suspects.
fn who_accuses(call: &Call, base: Option<&BaseState>, holders: &[String], suspects: &Suspects) -> Accusers {
    if call.target.scope != Scope::Freeze {
        return Accusers::new();
    }
    let known = base.map(|base| base.planned.denied.clone()).unwrap_or_default();
    accusers::with(&known, (call, accusers::held_as(call, holders)), holders, suspects)
}

/// Lines of each kind that the ledger keeps. Whoever takes a level off can make 1,000 rules, and each has a line.
const LINES: usize = 30;

fn bounded(mut lines: Vec<String>) -> Vec<String> {
    let more = lines.len().saturating_sub(LINES);
    lines.truncate(LINES);
    lines.extend((more > 0).then(|| format!("{more} more")));
    lines
}

/// What a look found.
struct Looked {
    seen: Seen,
    missing: Missing,
    /// What must be recorded, because CloudTrail shows more than it showed the containment.
    learnt: Option<BaseState>,
    /// How steps of the containment ended, as CloudTrail and the bucket show by now.
    made: Vec<Made>,
}

/// Reads the bucket, and asks CloudTrail beside that for what there is in `window`.
async fn look(call: &Call, suspects: &Suspects, recorded: &Wanted<'_>, window: Option<Window>) -> Result<Looked, Fault> {
    let bucket = recorded.around.bucket;
    let changed = async { Some(Box::pin(changed::changed(call, bucket, window?, suspects)).await) };
    let (seen, changed) = futures::join!(Box::pin(base::see(bucket, recorded.level)), Box::pin(changed));
    let seen = seen?;
    let learnt = recorded.base.zip(changed.as_ref()).map(|(base, changed)| trail::learnt(recorded.level, base, &seen, changed));
    let learnt = learnt.filter(|learnt| recorded.base != Some(learnt));
    let wanted = Wanted { base: learnt.as_ref().or(recorded.base), ..*recorded };
    let (seen, mut missing) = Box::pin(twice(call, seen, &wanted)).await?;
    if learnt.is_some() {
        // What the record did not ask for until now nobody has taken away.
        let asked = recorded.missing(&seen).lost;
        missing.lost.iter_mut().filter(|one| asked.iter().all(|asked| asked.control != one.control)).for_each(trail::learn);
    }
    let mut made: Vec<Made> = missing.made.drain(..).map(|name| Made::new(name, Outcome::Applied)).collect();
    if let (Ok(Some(receipt)), Some(base), Some(changed)) = (wanted.receipt, wanted.base, &changed) {
        made.extend(trail::corrected(receipt, wanted.level, (base, &wanted.around, &seen), changed));
    }
    Ok(Looked { seen, missing, learnt, made })
}

/// What S3 shows of a bucket's configuration can be older than the last change (Amazon S3 user guide, "Amazon S3 data consistency
/// model"), so nothing counts as reverted on one read.
async fn twice(call: &Call, seen: Seen, wanted: &Wanted<'_>) -> Result<(Seen, Missing), Fault> {
    let first = wanted.missing(&seen);
    if first.lost.is_empty() {
        return Ok((seen, first));
    }
    tokio::time::sleep(call.settle).await;
    let later = Box::pin(base::see(wanted.around.bucket, wanted.level)).await?;
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

/// Writes again what is lost. What somebody took away is remembered before. `made`: what else has become of the containment's steps.
async fn written(
    call: &Call,
    (wanted, base): (&Wanted<'_>, &BaseState),
    seen: &Seen,
    (lost, made): (Vec<Lost>, Vec<Made>),
    checked: &mut Checked,
) -> Result<(), Fault> {
    let reverted = lost.iter().filter(|one| one.cause == Cause::Reverted);
    let foreseen: Vec<String> = reverted.map(|one| format!("{}; to be written again", one.line)).collect();
    call.foresee(&foreseen).await?;
    let again::Written { ended, problems, notes } = Box::pin(again::write(call, (wanted, base), seen, &lost)).await;
    checked.problems.extend(problems);
    checked.notes.extend(notes);
    let mut late = made;
    for (Lost { control, line, cause }, result) in lost.into_iter().zip(ended) {
        let makes_up = result.is_ok() && !matches!(cause, Cause::Reverted | Cause::Freed);
        late.extend(makes_up.then(|| Made::new(control.step(), Outcome::Applied)));
        match (result, cause) {
            (Ok(()), Cause::Late) => {}
            (Ok(()), Cause::Learnt) => checked.notes.push(format!("{line}; {}", control.again())),
            (Ok(()), Cause::Grown) => checked.notes.push(format!("{line}: it does now")),
            (Ok(()), Cause::Freed) => checked.notes.push(format!("{line}: it does not any more")),
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
