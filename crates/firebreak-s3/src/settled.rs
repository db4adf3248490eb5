//! A change that met another change of the same bucket.
//!
//! S3 carries out one change of a bucket's configuration at a time. To another one it answers 409 `OperationAborted`, "a conflicting
//! conditional operation is currently in progress against this resource. Try again" (Amazon S3 API reference, "Error responses"). The
//! SDK does not repeat that.

use firebreak::fault::{Fault, FaultKind};
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Between five tries. With the longest jitter they take less than two seconds.
const PAUSES: [Duration; 4] =
    [Duration::from_millis(50), Duration::from_millis(150), Duration::from_millis(400), Duration::from_millis(700)];
/// No try begins later: what timed out has waited long enough.
const LONGEST: Duration = Duration::from_secs(8);

/// Does `work`, and again after a passing fault, five times at most. Every change of a bucket's configuration goes through this, so
/// `work` must lead to the same end when it runs twice.
///
/// # Errors
/// The fault that does not pass, or the last one that does.
pub async fn settled<T>(work: impl AsyncFnMut() -> Result<T, Fault>) -> Result<T, Fault> {
    repeated(&PAUSES, work).await
}

async fn repeated<T>(pauses: &[Duration], mut work: impl AsyncFnMut() -> Result<T, Fault>) -> Result<T, Fault> {
    let end = Instant::now() + LONGEST;
    for pause in pauses {
        match work().await {
            Err(fault) if fault.kind == FaultKind::Transient && Instant::now() < end => sleep(*pause + jitter(*pause)).await,
            answer => return answer,
        }
    }
    work().await
}

/// At most half of the pause: two that met must not meet again.
fn jitter(pause: Duration) -> Duration {
    let percent = RandomState::new().build_hasher().finish() % 51;
    pause / 100 * u32::try_from(percent).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often something is tried that fails with `kind` the first `failures` times, and whether it ends well.
    async fn tries(failures: usize, kind: FaultKind) -> (usize, bool) {
        let mut tries = 0;
        let work = async || {
            tries += 1;
            if tries > failures { Ok(()) } else { Err(Fault::new(kind, "scripted")) }
        };
        let ended = repeated(&[Duration::ZERO; PAUSES.len()], work).await.is_ok();
        (tries, ended)
    }

    #[tokio::test]
    async fn what_passes_is_tried_five_times_and_what_does_not_once() {
        assert_eq!(tries(0, FaultKind::Transient).await, (1, true));
        assert_eq!(tries(4, FaultKind::Transient).await, (5, true));
        assert_eq!(tries(9, FaultKind::Transient).await, (5, false));
        for kind in FaultKind::ALL.into_iter().filter(|kind| *kind != FaultKind::Transient) {
            assert_eq!(tries(9, kind).await, (1, false), "{kind:?}");
        }
    }

    #[test]
    fn all_pauses_together_are_short() {
        let longest: Duration = PAUSES.iter().map(|pause| *pause + *pause / 2).sum();
        assert!(longest <= Duration::from_secs(2), "{longest:?}");
    }
}
