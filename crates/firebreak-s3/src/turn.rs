//! One writer of a bucket at a time.
//!
//! S3 takes a bucket policy, a lifecycle, a replication and the tags of an object whole and without a condition: of two writers at once, the
//! second one would take out what the first one put in. So each function that changes a bucket takes the bucket's lock in the ledger.

use firebreak::fault::{Fault, FaultKind};
use firebreak::target::Target;
use firebreak_aws::clock;
use firebreak_ledger::{Ledger, Lock};
use jiff::SignedDuration;
use std::time::Duration;
use tokio::time::sleep;

/// As long as a function that changes a bucket may run at most: whoever was killed writes nothing any more.
const LEASE: SignedDuration = SignedDuration::from_secs(60);
/// Others take a few seconds. Each waits for them before the state machine has to.
const PATIENCE: SignedDuration = SignedDuration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(200);

/// The turn of one writer.
#[derive(Debug, Clone)]
pub struct Turn {
    /// The whole bucket: the lock bears its name.
    pub bucket: Target,
    /// Whose turn it is. A run after one that was killed has the same owner, and finds its own lock again.
    pub owner: String,
}

impl Turn {
    /// Does `work` while no other function of Firebreak changes the bucket. Without an answer about the lock nothing is done: somebody else
    /// may be writing, and one of the two would take out what the other one put in.
    ///
    /// # Errors
    /// Those of `work`. `Transient` when it is not this one's turn in time, and whatever kept the ledger from answering: `work` was not begun
    /// then.
    pub async fn alone<T>(&self, ledger: &Ledger, work: impl AsyncFnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
        let lock = self.wait(ledger).await?;
        let done = work().await;
        if let Err(fault) = ledger.unlock(lock).await {
            tracing::error!(fault.message = %fault.message, "the lock on the bucket stays until its lease ends");
        }
        done
    }

    async fn wait(&self, ledger: &Ledger) -> Result<Lock, Fault> {
        let (name, end) = (self.bucket.ledger_key(), clock::now() + PATIENCE);
        loop {
            let now = clock::now();
            match ledger.lock_for(&name, &self.owner, now, now + LEASE).await? {
                Some(lock) => return Ok(lock),
                None if now < end => sleep(PAUSE).await,
                None => return Err(Fault::new(FaultKind::Transient, format!("{name} is being changed for somebody else"))),
            }
        }
    }
}
