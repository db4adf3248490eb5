//! What else leads to a bucket and decides over its objects: access points, its key, Batch jobs. It is read beside the work, for people;
//! nothing of it is changed.

mod access_points;
mod batch_jobs;
mod control;
mod keys;
mod named;

use crate::base::BaseState;
use crate::protected;
use crate::suspects::Suspects;
use firebreak::fault::Fault;
use firebreak::receipt::Step;
use firebreak::step::{StepKind, StepName};
use firebreak_function::containment::Call;
use firebreak_function::step::skipped;
use firebreak_s3::Bucket;
use jiff::Timestamp;
use std::time::Duration;
use tokio::time::timeout;

/// Nothing waits for a longer look: the bucket is closed beside it.
const PATIENCE: Duration = Duration::from_secs(5);

/// One step for each thing that people must know, the key's state first. `since`: the incident's first activity. What could not be read
/// is said; nothing of it keeps the bucket from being contained.
pub(crate) async fn notes(call: &Call, bucket: &Bucket, base: &BaseState, suspects: &Suspects, since: Timestamp) -> Vec<Step> {
    let (keys, jobs, points) = futures::join!(
        in_time((StepKind::NoteKey, "the bucket's key"), Box::pin(keys::notes(call, bucket, base, suspects))),
        in_time((StepKind::NoteBatchJob, "Batch jobs"), Box::pin(batch_jobs::notes(call, bucket, suspects, since))),
        in_time((StepKind::NoteAccessPoint, "access points"), Box::pin(access_points::notes(call, bucket, suspects))),
    );
    keys.into_iter().chain(jobs).chain(points).chain(protected::note(bucket, base)).collect()
}

async fn in_time((kind, what): (StepKind, &str), notes: impl Future<Output = Vec<Step>>) -> Vec<Step> {
    let late = |_| vec![note(kind, "late", &format!("{what}: not read, no answer in {} seconds", PATIENCE.as_secs()))];
    timeout(PATIENCE, notes).await.unwrap_or_else(late)
}

/// A line for people about a part of what is around the bucket.
fn note(kind: StepKind, part: &str, line: &str) -> Step {
    skipped(StepName::about(kind, part), Fault::malformed(line))
}
