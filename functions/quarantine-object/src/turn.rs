//! The turn of one set of objects. `lockdown-s3` takes the same lock: both write the policy.

use firebreak::fault::Fault;
use firebreak::target::{Target, TargetKind};
use firebreak_function::containment::Call;
use firebreak_s3::Turn;

/// The bucket that has the objects of `target`.
pub(crate) fn bucket_of(target: &Target) -> Target {
    Target::new(TargetKind::S3Bucket, target.id.clone(), target.place())
}

/// Does `work` while no other function of Firebreak changes the bucket of `call`.
///
/// The owner of the lock is the set of objects in the name of its holder: a run after one that was killed finds its own lock again.
///
/// # Errors
/// Those of `work`; `Transient` when it is not this one's turn in time; whatever kept the ledger from answering. `work` was not begun then.
pub(crate) async fn alone<T>(call: &Call, work: impl AsyncFnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    let owner = format!("{}#{}#{}", call.incident, call.holder.id(), call.target.scoped_key());
    Turn { bucket: bucket_of(&call.target), owner }.alone(&call.ledger, work).await
}
