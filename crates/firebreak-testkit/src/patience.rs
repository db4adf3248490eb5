//! Waiting for a condition instead of for time to pass.

use std::time::{Duration, Instant};

/// The condition did not come true in time.
#[derive(Debug, thiserror::Error)]
#[error("waited {0:?} for {1}")]
pub struct TimedOut(Duration, String);

/// Asks again until `probe` has an answer, at most `patience` long.
///
/// # Errors
/// [`TimedOut`] names what was waited for.
pub async fn eventually<T>(what: &str, patience: Duration, probe: impl AsyncFn() -> Option<T>) -> Result<T, TimedOut> {
    let began = Instant::now();
    loop {
        if let Some(answer) = probe().await {
            return Ok(answer);
        }
        if began.elapsed() > patience {
            return Err(TimedOut(patience, what.to_owned()));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
