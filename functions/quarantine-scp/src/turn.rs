//! One writer at a time.
//!
//! AWS writes a policy whole and takes no condition: of two writers at once, the second would take out what the first put in.

use firebreak::fault::{Fault, FaultKind};
use firebreak_aws::clock;
use firebreak_function::containment::Call;
use firebreak_ledger::Lock;
use jiff::SignedDuration;
use std::time::Duration;

/// Reading, recording, writing and reading back take about a second; each of these calls may take 15.
const LEASE: SignedDuration = SignedDuration::from_secs(60);
/// Several targets of one incident are written at the same time. Each waits for the others before the state machine has to.
const PATIENCE: SignedDuration = SignedDuration::from_secs(12);
const PAUSE: Duration = Duration::from_millis(300);

/// Does `work` while no other function of Firebreak writes the policy `id`.
///
/// # Errors
/// Those of `work`; `Transient` when it is not this one's turn in time.
pub(crate) async fn alone<T>(call: &Call, id: &str, work: impl AsyncFnOnce(&Lock) -> Result<T, Fault>) -> Result<T, Fault> {
    let lock = wait(call, id).await?;
    let done = work(&lock).await;
    if let Err(fault) = call.ledger.unlock(lock).await {
        tracing::error!(fault.message = %fault.message, "the lock on the quarantine policy stays until its lease ends");
    }
    done
}

async fn wait(call: &Call, id: &str) -> Result<Lock, Fault> {
    let end = clock::now() + PATIENCE;
    loop {
        let now = clock::now();
        match call.ledger.lock(id, &call.incident, now, now + LEASE).await {
            Err(fault) if fault.kind == FaultKind::Transient && now < end => tokio::time::sleep(PAUSE).await,
            locked_or_not => return locked_or_not,
        }
    }
}
