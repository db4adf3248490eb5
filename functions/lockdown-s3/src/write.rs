//! The bucket policy of a level: all of its statements go in with one call, or none of them does.

use crate::left_out::{LeftOut, is_same};
use crate::statements::Statements;
use crate::turn;
use firebreak::fault::Fault;
use firebreak::receipt::{Outcome, Step};
use firebreak::step::{StepKind, StepName};
use firebreak::text::inert;
use firebreak_aws::clock;
use firebreak_function::containment::Call;
use firebreak_function::step::{skipped, step, unrecorded};
use firebreak_s3::Bucket;
use firebreak_s3::policy::{self, Document, LIMIT};
use serde_json::Value;
use std::time::Instant;

/// Why a statement of the customer's is missing in the policy.
const LEFT_OUT: &str = "S3 does not take this statement of the bucket policy back: it names a principal that was deleted, or it is public \
                        while BlockPublicPolicy is on. Whoever it let in has no access by it meanwhile. It is recorded, and a release puts \
                        it back if S3 takes it then";

/// Why such a statement is still missing after a try to put it back.
const STILL_OUT: &str = "a run that did not end left this statement of the bucket policy out, and it could not be put back: whoever it let in \
                         has no access by it meanwhile";

/// Writes statements into the bucket policy as it is now, while nobody else of Firebreak changes the bucket. A step for each kind of
/// statement, and one for each statement that S3 did not take back.
pub(crate) async fn policy(call: &Call, bucket: &Bucket, statements: Statements, record: &mut LeftOut<'_>) -> Vec<Step> {
    let statements = &statements;
    let written = turn::alone(call, async || {
        let document = Box::pin(policy::get(bucket)).await?;
        Ok(Box::pin(into(bucket, &document, statements, Some(&mut *record))).await)
    });
    match Box::pin(written).await {
        Ok(written) => written,
        Err(fault) => failed(statements, &fault).await,
    }
}

/// Writes statements into the policy that was read, with those of the customer's that an earlier run left out for a moment. Without a
/// `record` nothing is written.
pub(crate) async fn into(
    bucket: &Bucket,
    document: &Document,
    statements: &Statements,
    mut record: Option<&mut LeftOut<'_>>,
) -> Vec<Step> {
    let ours: Vec<Value> = statements.all.iter().map(|(_, statement)| statement.clone()).collect();
    let absent = record.as_ref().map(|record| record.absent(document)).unwrap_or_default();
    let (started_at, clock) = (clock::now(), Instant::now());
    let wanted = document.without(statements.replaces).with(&absent).with(&ours);
    let has_surplus = has_surplus(document, statements);
    let is_complete = absent.is_empty() && !has_surplus && ours.iter().all(|statement| is_there(document, statement));
    let written = if is_complete { Ok(vec![]) } else { Box::pin(put(bucket, &wanted, record.as_deref_mut())).await };
    if let (Ok(left_out), Some(record)) = (&written, record) {
        Box::pin(record.settle(left_out)).await;
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
    let (left_out, why) = match &written {
        Ok(left_out) => (left_out, LEFT_OUT.to_owned()),
        Err(fault) => (&absent, format!("{STILL_OUT}: {}", fault.message)),
    };
    steps.extend(left_out.iter().zip(1..).map(|(statement, at)| left(statement, at, &why)));
    steps
}

/// Whether more statements about suspects are there than those that are wanted.
fn has_surplus(document: &Document, statements: &Statements) -> bool {
    let ours = statements.all.iter().filter(|(kind, _)| *kind == StepKind::DenySuspects).count();
    let there = document.statements().len() - document.without(statements.replaces).statements().len();
    there > ours
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

/// The fault of statements for which the policy has no room.
pub(crate) fn no_room(bytes: usize) -> Fault {
    Fault::malformed(format!(
        "the bucket policy would have {bytes} bytes, and S3 takes {LIMIT}: take statements out that nobody needs, or seal the bucket"
    ))
}

async fn put(bucket: &Bucket, wanted: &Document, record: Option<&mut LeftOut<'_>>) -> Result<Vec<Value>, Fault> {
    let Some(record) = record else { return Err(unrecorded()) };
    match wanted.bytes() {
        bytes if bytes > LIMIT => Err(no_room(bytes)),
        _ => Box::pin(policy::put(bucket, wanted, async |some: &[Value]| Box::pin(record.foresee(some)).await)).await,
    }
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

fn left(statement: &Value, at: usize, why: &str) -> Step {
    let sid = statement.get("Sid").and_then(Value::as_str).map(|sid| inert(sid, 60));
    let name = sid.unwrap_or_else(|| format!("number {at} without a Sid"));
    skipped(StepName::about(StepKind::LeaveOutStatement, name), Fault::malformed(why))
}
