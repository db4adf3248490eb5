//! Takes the statements of a level out of the bucket policy, and puts back what S3 had not taken with them.
//!
//! A statement of Firebreak's has the name of one of the level's: nobody else made the statement, so the level's steps that failed are no
//! reason to leave it. What S3 does not take back is shown, and the policy does not count as restored, unless it denies nobody who exists.
//! What S3 takes back only without the public access block is left to the level that needs the block.

use super::Of;
use super::merge::{Known, Merged, NEEDED, named};
use crate::base::{BaseState, Part};
use crate::left_out::LeftOut;
use crate::{deleted, write};
use firebreak::fault::{Fault, FaultKind};
use firebreak::receipt::{Outcome, Step};
use firebreak::step::StepKind;
use firebreak::text::inert;
use firebreak_aws::classify::OrFault;
use firebreak_function::drift::Change;
use firebreak_function::step::{skipped, step};
use firebreak_s3::levels::sids_of;
use firebreak_s3::policy::{self, Document, LIMIT, Refused, denies_nobody};
use firebreak_s3::{Bucket, settled, until_shown};
use serde_json::Value;
use tokio::time::sleep;

/// Whether S3 takes a public policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Door {
    /// Not under the bucket's public access block, which stays.
    Shut,
    /// The bucket has no such block.
    Open,
    /// The same since this release or an earlier run of it: S3 can go by the old block for some seconds.
    JustOpened,
}

/// How often a policy is written that S3 may have refused because of the old block: every 2 seconds.
pub(super) const TRIES: usize = 5;

/// The bucket policy without the level.
pub(super) async fn restore(of: &Of<'_>, door: Door) -> Vec<Step> {
    let Of { call, bucket, base, others, .. } = of;
    let sids = sids_of(call.target.scope);
    // The level that only blocks public access has a part in the policy where something was left out under the block.
    let has_part = !sids.is_empty() || !base.planned.left_out.is_empty() || door != Door::Shut && !others.left_out().is_empty();
    if !has_part {
        return vec![];
    }
    let read = async {
        let there = policy::get(bucket).await?;
        let wanted = wanted(of, &there, door)?;
        Ok::<_, Fault>((there, wanted))
    };
    let (there, Wanted { merged: Merged { document, drift, stays_out }, handed }) = match Box::pin(read).await {
        Ok((_, None)) => return vec![],
        Ok((there, Some(wanted))) => (there, wanted),
        Err(fault) => return vec![step(StepKind::RestorePolicy, async { Err(fault) }).await],
    };
    let mut steps = Vec::new();
    // Whoever only blocked public access has nothing to do with what somebody changed in the policy.
    if let Some(line) = drift.filter(|_| !sids.is_empty()) {
        let change = Change::of(&line);
        let is_seen = change.is_seen(call);
        steps.push(change.told(call).await);
        if !is_seen {
            return steps;
        }
    }
    if let Err(fault) = Box::pin(others.leave_to_statements(call, &there, &handed)).await {
        steps.push(step(StepKind::RestorePolicy, async { Err(fault) }).await);
        return steps;
    }
    steps.extend(Box::pin(written(of, (&there, &document), door)).await);
    steps.extend(stays_out.iter().zip(1..).map(|((statement, why), at)| write::left((statement, at), why)));
    steps
}

/// How much is put back besides what this level left out of the recorded policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Back {
    /// Also what other levels left out, and what was left out of a policy of later.
    All,
    /// Also what was left out of a policy of later.
    Later,
    /// Nothing.
    Recorded,
    /// Not even that: what this level left out is left to the levels that have statements in the policy, whose releases put it back. They can
    /// have grown into the room that this level made.
    Nothing,
}

/// What the policy is to be.
struct Wanted {
    merged: Merged,
    /// Statements that this level left out and leaves to others.
    handed: Vec<Value>,
}

/// The policy without the level, with as much of what was left out as it has room for: whoever makes a policy of later large would keep the
/// recorded one from coming back otherwise, and another level can have left something out so that it has room itself. Nothing: the level has
/// no part in the policy.
fn wanted(of: &Of<'_>, there: &Document, door: Door) -> Result<Option<Wanted>, Fault> {
    let all = (door != Door::Shut).then_some(Back::All).into_iter().chain([Back::Later, Back::Recorded]);
    // Without such a level nobody would put back what is left out.
    let all = all.chain(of.others.have_statements_in(there).then_some(Back::Nothing));
    let mut wanted = None;
    for back in all {
        wanted = with(of, there, back)?;
        if wanted.as_ref().is_none_or(|wanted| wanted.merged.document.bytes() <= LIMIT) {
            break;
        }
    }
    Ok(wanted)
}

fn with(of: &Of<'_>, there: &Document, back: Back) -> Result<Option<Wanted>, Fault> {
    let Of { call, base, others, .. } = of;
    let (sids, claims) = (sids_of(call.target.scope), &others.claims(call.target.scope));
    let (mut left_out, mut others_left_out) = (base.planned.left_out.clone(), others.left_out());
    if back == Back::All {
        // The other level does not need it gone.
        left_out.append(&mut others_left_out);
    }
    let now = &there.without(&others.free_sids());
    // Nothing was recorded to be written, and nothing is there.
    let has_none = now.without(sids).statements().len() == now.statements().len();
    if base.planned.sids.is_empty() && left_out.is_empty() && has_none {
        return Ok(None);
    }
    let later: &[Value] = if matches!(back, Back::Recorded | Back::Nothing) { &[] } else { &left_out };
    let recorded = &recorded(base, (now, sids), later)?;
    let mut handed = vec![];
    if back == Back::Nothing {
        (handed, left_out) = left_out.into_iter().partition(|one| deleted::has(recorded.statements(), one));
        others_left_out.extend(handed.iter().cloned());
    }
    let known = Known { recorded, now, sids, claims, left_out: &left_out, others_left_out: &others_left_out };
    Ok(Some(Wanted { merged: known.merged()?, handed }))
}

/// The policy before any level, and what was left out of it that came later. Where the containment could not read the policy, it is the one
/// of now, without the level.
fn recorded(base: &BaseState, (now, sids): (&Document, &[&str]), left_out: &[Value]) -> Result<Document, Fault> {
    let is_known = !base.unknown.contains(&Part::Policy);
    let recorded = if is_known { Document::parse(base.policy.as_deref())? } else { now.without(sids) };
    let there: Vec<Value> = recorded.foreign().cloned().collect();
    let has_sid = |one: &Value| one.get("Sid").is_some_and(|sid| there.iter().any(|known| known.get("Sid") == Some(sid)));
    let is_new = |one: &&Value| !has_sid(one) && !deleted::has(&there, one);
    let new: Vec<Value> = left_out.iter().filter(is_new).cloned().collect();
    Ok(if new.is_empty() { recorded } else { recorded.with(&new) })
}

async fn written(of: &Of<'_>, (there, wanted): (&Document, &Document), door: Door) -> Vec<Step> {
    let Of { call, bucket, base, others, .. } = of;
    let (mut refused, mut record) = (Refused::default(), LeftOut::of(call, (*base).clone()));
    let put = async {
        if there.is_same(wanted) {
            return Ok(Outcome::Already);
        }
        if wanted.render().is_some() {
            // What S3 does not take back is missing from now on: the next release must not take that for somebody's change.
            refused = Box::pin(taken(of, wanted, door, &mut record)).await.map_err(|fault| without_room(wanted, fault))?;
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
    if restored.outcome == Outcome::Applied {
        let written = without(wanted, &left_out);
        Box::pin(until_shown(bucket, call.settle, |now| now.is_same(&written))).await;
    }
    let (nobody, missing): (Vec<&Value>, Vec<&Value>) = left_out.iter().partition(|one| denies_nobody(one));
    let said: Vec<Step> = write::of_deleted(nobody, &cut).collect();
    // Another level has left those out, and its release puts them back.
    let others_left_out = others.left_out();
    let (known, missing): (Vec<Value>, Vec<Value>) =
        missing.into_iter().cloned().partition(|one| deleted::has(&others_left_out, one));
    let steps = if missing.is_empty() { vec![restored] } else { Box::pin(not_taken(of, restored, missing)).await };
    steps.into_iter().chain(said).chain(known.iter().zip(1..).map(|one| write::left(one, NEEDED))).collect()
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

/// Writes the policy, and gives what S3 does not take as it is. S3 can refuse a public policy for some seconds after the block was opened
/// (<https://github.com/hashicorp/terraform-provider-aws/issues/31363>): nothing is left out before that time is over.
async fn taken(of: &Of<'_>, wanted: &Document, door: Door, record: &mut LeftOut<'_>) -> Result<Refused, Fault> {
    let Of { call, bucket, .. } = of;
    let text = wanted.render().filter(|_| door == Door::JustOpened);
    for _ in 0..TRIES {
        let Some(text) = &text else { break };
        match settled(async || Box::pin(put_whole(bucket, text)).await).await {
            Ok(()) => return Ok(Refused::default()),
            Err(fault) if fault.kind == FaultKind::Denied => sleep(call.settle).await,
            Err(fault) if fault.kind == FaultKind::Transient => return Err(fault),
            // For any other reason there is nothing to wait for.
            Err(_) => break,
        }
    }
    let foreseen = async |some: &[Value]| Box::pin(record.foresee(some)).await;
    Box::pin(policy::put(bucket, wanted, foreseen)).await
}

/// Writes a policy as it is, or nothing of it.
pub(super) async fn put_whole(bucket: &Bucket, text: &str) -> Result<(), Fault> {
    let put = bucket.s3.put_bucket_policy().bucket(&bucket.name).expected_bucket_owner(&bucket.owner).policy(text);
    put.send().await.or_fault("s3:PutBucketPolicy").map(|_| ())
}

/// What is said of statements that S3 did not take, and to whom they are left. `restored`: the rest of the policy is back.
async fn not_taken(of: &Of<'_>, restored: Step, refused: Vec<Value>) -> Vec<Step> {
    let Of { call, others, .. } = of;
    let closers = others.closers();
    let (public, refused): (Vec<Value>, Vec<Value>) =
        refused.into_iter().partition(|one| closers.is_some() && is_for_everybody(one));
    let mut steps = Vec::new();
    if let Some(closers) = closers.filter(|_| !public.is_empty()) {
        if let Err(fault) = others.leave_out(call, &public).await {
            return vec![step(StepKind::RestorePolicy, async { Err(fault) }).await];
        }
        let why = format!(
            "S3 takes it back only without the public access block, which {closers} needs: the release of that puts it back. Until then \
             whoever it let in has no access by it"
        );
        steps.push(left(&public, &why));
    }
    if refused.is_empty() {
        steps.insert(0, restored);
        return steps;
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
    steps.extend([undone, change.told(call).await]);
    steps
}

/// Says of statements of the customer's why they are not back.
fn left(statements: &[Value], why: &str) -> Step {
    let why = Fault::malformed(format!("the bucket policy is without {}: {why}", named(statements)));
    skipped(StepKind::LeaveOutStatement, why)
}

/// Only what names everybody can be public (Amazon S3 user guide, "Blocking public access to your Amazon S3 storage", "The meaning of
/// public").
fn is_for_everybody(statement: &Value) -> bool {
    let is_everybody = |name: &Value| name == "*" || name.as_array().is_some_and(|names| names.iter().any(|name| name == "*"));
    let principal = statement.get("Principal");
    principal.is_none_or(|who| is_everybody(who) || who.as_object().is_some_and(|kinds| kinds.values().any(is_everybody)))
}

/// The policy without these statements of it.
fn without(policy: &Document, statements: &[Value]) -> Document {
    let places = policy.statements().iter().enumerate().filter(|(_, one)| statements.contains(one)).map(|(at, _)| at);
    // From the end: the place of a statement is that among those which are still there.
    places.collect::<Vec<usize>>().into_iter().rev().fold(policy.clone(), |policy, at| policy.leaving_out(at))
}
