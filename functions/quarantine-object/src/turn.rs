//! One writer of a bucket at a time.
//!
//! S3 takes a bucket policy and the tags of an object whole and without a condition: of two writers at once, the second one would take out
//! what the first one put in. `lockdown-s3` takes the same lock: both write the policy.

use firebreak::fault::{Fault, FaultKind};
use firebreak::target::{Target, TargetKind};
use firebreak_aws::clock;
use firebreak_function::containment::Call;
use firebreak_ledger::Lock;
use jiff::SignedDuration;
use std::time::Duration;

/// As long as the function may run at most: whoever was killed writes nothing any more.
const LEASE: SignedDuration = SignedDuration::from_secs(60);
/// Others take a few seconds. This one waits for them before the state machine has to.
const PATIENCE: SignedDuration = SignedDuration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(200);

/// The bucket that has the objects of `target`.
pub(crate) fn bucket_of(target: &Target) -> Target {
    Target::new(TargetKind::S3Bucket, target.id.clone(), target.place())
}

/// Does `work` while no other function of Firebreak changes the bucket of `call`.
///
/// The owner of the lock is the set of objects in the name of its holder: a run after one that was killed finds its own lock again. Without
/// a ledger that answers, `work` is done all the same: it records nothing then and changes nothing.
///
/// # Errors
/// Those of `work`; `Transient` when it is not this one's turn in time.
pub(crate) async fn alone<T>(call: &Call, work: impl AsyncFnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    let lock = wait(call).await?;
    let done = work().await;
    if let Some(lock) = lock
        && let Err(fault) = call.ledger.unlock(lock).await
    {
        tracing::error!(fault.message = %fault.message, "the lock on the bucket stays until its lease ends");
    }
    done
}

async fn wait(call: &Call) -> Result<Option<Lock>, Fault> {
    let (name, end) = (bucket_of(&call.target).ledger_key(), clock::now() + PATIENCE);
    let owner = format!("{}#{}#{}", call.incident, call.holder.id(), call.target.scoped_key());
    loop {
        let now = clock::now();
        match call.ledger.lock_for(&name, &owner, now, now + LEASE).await {
            Ok(Some(lock)) => return Ok(Some(lock)),
            Ok(None) if now < end => tokio::time::sleep(PAUSE).await,
            Ok(None) => return Err(Fault::new(FaultKind::Transient, format!("{name} is being changed for somebody else"))),
            Err(fault) => {
                tracing::error!(fault.message = %fault.message, "whether somebody else changes the bucket is not known");
                return Ok(None);
            }
        }
    }
}
