//! The bucket policy of a level: all of its statements go in with one call, or none of them does.

use crate::deleted::is_same;
use crate::left_out::LeftOut;
use crate::lineage;
use crate::room::{self, Room};
use crate::statements::Statements;
use crate::turn::{self, Run};
use firebreak::fault::{Fault, FaultKind};
use firebreak::receipt::{Outcome, Step};
use firebreak::step::{StepKind, StepName};
use firebreak::text::inert;
use firebreak_aws::clock;
use firebreak_function::containment::Call;
use firebreak_function::step::{skipped, step, unrecorded};
use firebreak_s3::policy::{self, Document, LIMIT, Refused, denies_nobody};
use firebreak_s3::{Bucket, until_shown};
use serde_json::Value;
use std::time::Instant;

/// Why a statement of the customer's is missing in the policy.
const LEFT_OUT: &str = "S3 does not take this statement of the bucket policy back: it names a principal that was deleted, or it is public \
                        while BlockPublicPolicy is on. Whoever it let in has no access by it meanwhile. It is recorded, and a release puts \
                        it back if S3 takes it then";

/// Why such a statement is still missing after a try to put it back.
const STILL_OUT: &str = "a run that did not end left this statement of the bucket policy out, and it could not be put back: whoever it let in \
                         has no access by it meanwhile";
/// Why a Deny of the customer's is missing.
const DENIES_NOBODY: &str = "S3 does not take this statement of the bucket policy back: it denies only principals that were deleted. Nobody \
                             who exists is denied less without it. It is recorded";
/// Why a Deny of the customer's has fewer names.
const CUT: &str = "S3 takes no policy that names deleted principals: this Deny of the bucket policy is without them now, and denies everybody \
                   else whom it denied";
/// Why nobody is taken out of a policy that has nothing else.
const NOTHING_LEFT: &str = "nothing else is in the bucket policy, which would have to be deleted: only a release does that";
/// Why a look writes nothing.
const OUTDATED: &str =
    "the record of the bucket was changed for another incident or a release at the same time: the next look writes";
/// Why a statement of the customer's is missing under a seal.
const NO_ROOM: &str = "left out so that the seal has room in the bucket policy. Meanwhile the seal denies whatever it allows. It is recorded, and \
                       a release puts it back";

/// What came of statements that were to be in the policy.
pub(crate) struct Written {
    /// A step for each kind of statement, and one for each statement that S3 did not take back.
    pub(crate) steps: Vec<Step>,
    /// S3 took a new policy.
    pub(crate) is_new: bool,
}

/// Writes statements into the bucket policy as it is now, for a look, while nobody else of Firebreak changes the bucket. Nothing is written where
/// the ledger does not say any more what `record` says: the statements were made from that.
///
/// # Errors
/// Those of the turn, of the ledger, and of the read; `Transient` when the record was changed at the same time.
pub(crate) async fn policy(
    call: &Call,
    bucket: &Bucket,
    statements: &Statements,
    record: &mut LeftOut<'_>,
) -> Result<Vec<Step>, Fault> {
    let written = turn::alone(call, Run::Look, async || {
        let others = Box::pin(lineage::others(call)).await?;
        if others.own() != Some(record.base()) {
            return Err(Fault::new(FaultKind::Transient, OUTDATED));
        }
        let document = Box::pin(policy::get(bucket)).await?.without(&others.free_sids());
        let Written { steps, is_new } = Box::pin(into(bucket, &document, statements, Some(&mut *record))).await;
        if is_new {
            Box::pin(until_shown(bucket, call.settle, |now| is_complete(now, statements))).await;
        }
        Ok(steps)
    });
    Box::pin(written).await
}

/// Writes statements into the policy that was read, with those of the customer's that an earlier run left out for a moment. Without a
/// `record` nothing is written. Whoever writes waits in the same turn until S3 shows it.
pub(crate) async fn into(
    bucket: &Bucket,
    document: &Document,
    statements: &Statements,
    mut record: Option<&mut LeftOut<'_>>,
) -> Written {
    let ours: Vec<Value> = statements.all.iter().map(|(_, statement)| statement.clone()).collect();
    let absent = record.as_ref().map(|record| record.absent(document)).unwrap_or_default();
    let (started_at, clock) = (clock::now(), Instant::now());
    let has_surplus = has_surplus(document, statements);
    let is_as_wanted = absent.is_empty() && is_complete(document, statements);
    let (written, cleared) = if is_as_wanted {
        (Ok(Refused::default()), vec![])
    } else {
        let room = room::made(document.without(statements.replaces).with(&absent).with(&ours), statements);
        (Box::pin(put(bucket, (&room, statements), record.as_deref_mut())).await, room.left_out)
    };
    if let (Ok(refused), Some(record)) = (&written, record) {
        let left_out: Vec<Value> = cleared.iter().chain(&refused.left_out).cloned().collect();
        Box::pin(record.settle(&left_out)).await;
    }
    let ms = u64::try_from(clock.elapsed().as_millis()).unwrap_or(u64::MAX);
    let mut steps = Vec::new();
    for kind in kinds(statements) {
        let is_kept = kind != StepKind::DenySuspects || !has_surplus;
        let was_there = statements.all.iter().filter(|(of, _)| *of == kind).all(|(_, statement)| is_there(document, statement));
        let outcome = match &written {
            _ if was_there && is_kept => Ok(Outcome::Already),
            Ok(_) => Ok(Outcome::Applied),
            Err(fault) => Err(fault.clone()),
        };
        steps.push(Step { started_at, ms, ..step(kind, async { outcome }).await });
    }
    if let Err(fault) = &written
        && has_surplus
        && !kinds(statements).contains(&StepKind::DenySuspects)
    {
        // Nobody is to be denied any more, and somebody still is.
        steps.push(step(StepKind::DenySuspects, async { Err(fault.clone()) }).await);
    }
    steps.extend(not_written(statements));
    match &written {
        Ok(refused) => steps.extend(told(&cleared, refused)),
        Err(fault) => {
            let why = format!("{STILL_OUT}: {}", fault.message);
            steps.extend(absent.iter().zip(1..).map(|one| left(one, &why)));
        }
    }
    Written { steps, is_new: written.is_ok() && !is_as_wanted }
}

/// Whether a policy has the statements, and no others about suspects.
pub(crate) fn is_complete(document: &Document, statements: &Statements) -> bool {
    !has_surplus(document, statements) && statements.all.iter().all(|(_, statement)| is_there(document, statement))
}

/// Whether more statements about suspects are there than those that are wanted.
fn has_surplus(document: &Document, statements: &Statements) -> bool {
    let ours = statements.all.iter().filter(|(kind, _)| *kind == StepKind::DenySuspects).count();
    let there = document.statements().len() - document.without(statements.replaces).statements().len();
    there > ours
}

/// A step for each statement of the customer's that is not in the policy as it was.
fn told(cleared: &[Value], refused: &Refused) -> Vec<Step> {
    let (nobody, others): (Vec<&Value>, Vec<&Value>) = refused.left_out.iter().partition(|statement| denies_nobody(statement));
    let missing = cleared.iter().map(|statement| (statement, NO_ROOM)).chain(others.into_iter().map(|one| (one, LEFT_OUT)));
    missing.zip(1..).map(|((one, why), at)| left((one, at), why)).chain(of_deleted(nobody, &refused.cut)).collect()
}

/// Steps of Denies that are not written as they were, because principals were deleted. They deny everybody who exists all the same.
pub(crate) fn of_deleted<'a>(nobody: Vec<&'a Value>, cut: &'a [Value]) -> impl Iterator<Item = Step> {
    let all = nobody.into_iter().map(|one| (one, DENIES_NOBODY)).chain(cut.iter().map(|one| (one, CUT)));
    all.zip(1..).map(|((statement, why), at)| left((statement, at), why))
}

/// The steps of statements that cannot be written because of `fault`.
pub(crate) async fn failed(statements: &Statements, fault: &Fault) -> Vec<Step> {
    let mut steps = Vec::new();
    for kind in kinds(statements) {
        steps.push(step(kind, async { Err(fault.clone()) }).await);
    }
    steps.extend(not_written(statements));
    steps
}

/// Whether `document` has a statement of Firebreak's, however S3 spells it.
pub(crate) fn is_there(document: &Document, statement: &Value) -> bool {
    let known = statement.get("Sid").and_then(Value::as_str).and_then(|sid| document.sid(sid));
    known.is_some_and(|known| is_same(known, statement))
}

/// Writes the policy, once the record says what is not in it so that it fits.
async fn put(
    bucket: &Bucket,
    (room, statements): (&Room, &Statements),
    record: Option<&mut LeftOut<'_>>,
) -> Result<Refused, Fault> {
    let Some(record) = record else { return Err(unrecorded()) };
    if room.document.statements().is_empty() {
        return Err(Fault::malformed(NOTHING_LEFT));
    }
    let bytes = room.document.bytes();
    if bytes > LIMIT {
        return Err(room::none(bytes, statements, &bucket.name));
    }
    Box::pin(record.clear(&room.left_out)).await?;
    Box::pin(policy::put(bucket, &room.document, async |some: &[Value]| Box::pin(record.foresee(some)).await)).await
}

/// Each kind of statement once, in order.
fn kinds(statements: &Statements) -> Vec<StepKind> {
    let mut kinds: Vec<StepKind> = Vec::new();
    for (kind, _) in &statements.all {
        if !kinds.contains(kind) {
            kinds.push(*kind);
        }
    }
    kinds
}

fn not_written(statements: &Statements) -> impl Iterator<Item = Step> {
    let left = |(kind, why): &(StepKind, String)| skipped(*kind, Fault::malformed(why));
    let failed = move |one: &(StepKind, String)| Step { outcome: Outcome::Failed, ..left(one) };
    statements.missing.iter().map(left).chain(statements.refused.iter().map(failed))
}

/// The step of the statement number `at` of those that are not in the policy as they were.
pub(crate) fn left((statement, at): (&Value, usize), why: &str) -> Step {
    let sid = statement.get("Sid").and_then(Value::as_str).map(|sid| inert(sid, 60));
    let name = sid.unwrap_or_else(|| format!("number {at} without a Sid"));
    skipped(StepName::about(StepKind::LeaveOutStatement, name), Fault::malformed(why))
}
