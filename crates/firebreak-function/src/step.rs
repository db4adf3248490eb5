//! One step of a containment: timed, recorded, never fatal to its siblings.

use firebreak::fault::Fault;
use firebreak::receipt::{Outcome, Step};
use firebreak::step::StepName;
use firebreak_aws::clock;
use std::future::Future;
use std::time::Instant;
use tracing::Instrument as _;

/// Runs `work` and records how it ended. A failure becomes part of the record, not of the control flow: the other steps go on.
pub async fn step(name: impl Into<StepName>, work: impl Future<Output = Result<Outcome, Fault>>) -> Step {
    let name = name.into();
    let span = tracing::error_span!("step", step = %name);
    async {
        let (started_at, clock) = (clock::now(), Instant::now());
        let (outcome, error) = match work.await {
            Ok(outcome) => (outcome, None),
            Err(fault) => (Outcome::Failed, Some(fault)),
        };
        let ms = u64::try_from(clock.elapsed().as_millis()).unwrap_or(u64::MAX);
        match &error {
            Some(fault) => tracing::warn!(duration_ms = ms, fault.message = %fault.message, "step failed"),
            None => tracing::info!(outcome = ?outcome, duration_ms = ms, "step done"),
        }
        Step { name, outcome, error, digest: None, started_at, ms }
    }
    .instrument(span)
    .await
}

/// How a step ended, for whoever needs it done.
///
/// # Errors
/// Why the step failed.
pub fn ended(step: &Step) -> Result<(), Fault> {
    if step.outcome != Outcome::Failed {
        return Ok(());
    }
    Err(step.error.clone().unwrap_or_else(|| Fault::bug("a step failed without a reason")))
}

/// The fault of a step that would lose what was there before.
#[must_use]
pub fn unrecorded() -> Fault {
    Fault::bug("not tried: the base state could not be recorded")
}

/// A step that was left out, and why, for the record. It took no time and is no failure.
#[must_use]
pub fn skipped(name: impl Into<StepName>, why: Fault) -> Step {
    let name = name.into();
    tracing::info!(step = %name, fault.message = %why.message, "step left out");
    Step { name, outcome: Outcome::Skipped, error: Some(why), digest: None, started_at: clock::now(), ms: 0 }
}
