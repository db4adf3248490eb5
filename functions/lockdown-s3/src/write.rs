//! The bucket policy of a level: all of its statements go in with one call, or none of them does.

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

/// Writes statements into the bucket policy as it is now, while nobody else of Firebreak changes the bucket. A step for each kind of
/// statement, one for each statement that S3 did not take back, and those statements.
pub(crate) async fn policy(call: &Call, bucket: &Bucket, statements: Statements, held: bool) -> (Vec<Step>, Vec<Value>) {
    let statements = &statements;
    let written = turn::alone(call, async || {
        let document = Box::pin(policy::get(bucket)).await?;
        Ok(Box::pin(into(bucket, &document, (statements, &[]), held)).await)
    });
    match Box::pin(written).await {
        Ok(written) => written,
        Err(fault) => (failed(statements, &fault).await, vec![]),
    }
}

/// Writes statements into the policy that was read, with `absent` ones of the customer's that an earlier run left out for a moment.
pub(crate) async fn into(
    bucket: &Bucket,
    document: &Document,
    (statements, absent): (&Statements, &[Value]),
    held: bool,
) -> (Vec<Step>, Vec<Value>) {
    let ours: Vec<Value> = statements.all.iter().map(|(_, statement)| statement.clone()).collect();
    let (started_at, clock) = (clock::now(), Instant::now());
    let is_complete = absent.is_empty() && ours.iter().all(|statement| is_there(document, statement));
    let written = if is_complete { Ok(vec![]) } else { Box::pin(put(bucket, &document.with(absent).with(&ours), held)).await };
    let ms = u64::try_from(clock.elapsed().as_millis()).unwrap_or(u64::MAX);
    let mut steps = Vec::new();
    for kind in kinds(statements) {
        let was_there = statements.all.iter().filter(|(of, _)| *of == kind).all(|(_, statement)| is_there(document, statement));
        let outcome = match &written {
            _ if was_there => Ok(Outcome::Already),
            Ok(_) => Ok(Outcome::Applied),
            Err(fault) => Err(fault.clone()),
        };
        steps.push(Step { started_at, ms, ..step(kind, async { outcome }).await });
    }
    steps.extend(not_written(statements));
    let left_out = written.unwrap_or_default();
    steps.extend(left_out.iter().zip(1..).map(|(statement, at)| left(statement, at)));
    (steps, left_out)
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

/// Statements of the customer's that `before` has and `now` lacks. Only what allows something: S3 takes every Deny back.
pub(crate) fn absent(before: &Document, now: &Document) -> Vec<Value> {
    let allows = |statement: &&Value| statement.get("Effect").and_then(Value::as_str) == Some("Allow");
    let is_gone = |statement: &&Value| !now.foreign().any(|one| is_same(one, statement));
    before.foreign().filter(allows).filter(is_gone).cloned().collect()
}

/// The fault of statements for which the policy has no room.
pub(crate) fn no_room(bytes: usize) -> Fault {
    Fault::malformed(format!(
        "the bucket policy would have {bytes} bytes, and S3 takes {LIMIT}: take statements out that nobody needs, or seal the bucket"
    ))
}

fn is_same(one: &Value, other: &Value) -> bool {
    let alone = |statement: &Value| Document::parse(None).map(|none| none.with(std::slice::from_ref(statement)));
    matches!((alone(one), alone(other)), (Ok(one), Ok(other)) if one.is_same(&other))
}

async fn put(bucket: &Bucket, wanted: &Document, held: bool) -> Result<Vec<Value>, Fault> {
    if !held {
        return Err(unrecorded());
    }
    match wanted.bytes() {
        bytes if bytes > LIMIT => Err(no_room(bytes)),
        _ => Box::pin(policy::put(bucket, wanted)).await,
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
    statements.missing.iter().map(|(kind, why)| skipped(*kind, Fault::malformed(why)))
}

fn left(statement: &Value, at: usize) -> Step {
    let sid = statement.get("Sid").and_then(Value::as_str).map(|sid| inert(sid, 60));
    let name = sid.unwrap_or_else(|| format!("number {at} without a Sid"));
    skipped(StepName::about(StepKind::LeaveOutStatement, name), Fault::malformed(LEFT_OUT))
}
