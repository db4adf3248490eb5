//! What somebody changed since the containment. A release shows each change once, and leaves it when it was seen.

use crate::containment::Call;
use crate::step::{skipped, step};
use firebreak::digest::sha256_hex;
use firebreak::fault::Fault;
use firebreak::receipt::Step;
use firebreak::step::StepKind;

/// One thing that somebody changed since the containment.
pub struct Change {
    digest: String,
    fault: Fault,
}

impl Change {
    /// The change that `line` tells of: what it is about, and how it is now.
    #[must_use]
    pub fn of(line: &str) -> Self {
        let whole = format!("changed by somebody since the containment: {line}");
        Self { digest: sha256_hex(whole.as_bytes()), fault: Fault::malformed(whole) }
    }

    /// An analyst has seen this change: an earlier release told of the same digest.
    #[must_use]
    pub fn is_seen(&self, call: &Call) -> bool {
        call.seen_drift.contains(&self.digest)
    }

    /// The step `check-drift`, which fails while the change is new to the analyst, so that the gate opens again and the ticket lists
    /// the change. The step is left out once the analyst has seen the change and asked for the release again.
    pub async fn told(self, call: &Call) -> Step {
        if !self.is_seen(call) {
            return self.shown().await;
        }
        Step { digest: Some(self.digest), ..skipped(StepKind::CheckDrift, self.fault) }
    }

    /// The step `check-drift` as a failure, seen or not.
    pub async fn shown(self) -> Step {
        let Self { digest, fault } = self;
        Step { digest: Some(digest), ..step(StepKind::CheckDrift, async { Err(fault) }).await }
    }
}
