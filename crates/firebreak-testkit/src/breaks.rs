//! One call of a run, and the ways in which it can break. The scripted AWS breaks it for a future, the local AWS for a process.

use std::collections::BTreeMap;

/// One call of a run: the n-th of an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point {
    /// For example `iam:AttachUserPolicy`.
    pub action: String,
    /// Which one of them, from 1.
    pub nth: usize,
}

impl Point {
    /// The calls of a run, from their actions in order.
    pub(crate) fn all(actions: impl Iterator<Item = String>) -> Vec<Self> {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        let point = |action: String| {
            let nth = counts.entry(action.clone()).or_default();
            *nth += 1;
            Self { action, nth: *nth }
        };
        actions.map(point).collect()
    }
}

/// A way in which a call breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Break {
    /// The service throttles, for ever.
    Throttle,
    /// The service fails with a 500, for ever.
    ServerError,
    /// The service refuses, for ever.
    Denied,
    /// The answer takes longer than the client waits, once. The service carries the call out all the same: the scripted AWS at once,
    /// the local AWS late.
    TimeOut,
    /// The connection is closed without an answer, for ever.
    Reset,
    /// The process is killed before the service has seen the call.
    KillBefore,
    /// The process is killed after the service has carried the call out.
    KillAfter,
}

impl Break {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Throttle, Self::ServerError, Self::Denied, Self::TimeOut, Self::Reset, Self::KillBefore, Self::KillAfter];

    /// Whether the SDK's own retries are enough.
    #[must_use]
    pub fn passes(self) -> bool {
        self == Self::TimeOut
    }
}

/// The status and the code of an error answer.
pub(crate) type Refusal = (u16, &'static str);

/// A service that fails.
pub(crate) const SERVER_ERROR: Refusal = (500, "InternalFailure");

/// A service that throttles, in its own words.
pub(crate) fn throttling(action: &str) -> Refusal {
    match action.split(':').next() {
        Some("dynamodb" | "kms" | "organizations" | "states") => (400, "ThrottlingException"),
        Some("ec2") => (503, "RequestLimitExceeded"),
        Some("s3") => (503, "SlowDown"),
        _ => (400, "Throttling"),
    }
}

/// A service that refuses, in its own words.
pub(crate) fn denied(action: &str) -> Refusal {
    match action.split(':').next() {
        Some("dynamodb" | "kms" | "organizations" | "states") => (400, "AccessDeniedException"),
        Some("ec2") => (403, "UnauthorizedOperation"),
        _ => (403, "AccessDenied"),
    }
}
