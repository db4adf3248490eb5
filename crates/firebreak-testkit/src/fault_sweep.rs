//! Breaks every call of a function, one at a time, in every way a call can break.
//!
//! A first run tells which calls there are. Then each of them is broken in each way: a run with the fault, and a clean run after it.

use crate::Call;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// One call of a function: the n-th of an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point {
    /// For example `iam:AttachUserPolicy`.
    pub action: String,
    /// Which one of them, from 1.
    pub nth: usize,
}

/// A way in which a call breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Break {
    /// The service throttles, for ever.
    Throttle,
    /// The service fails with a 500, for ever.
    ServerError,
    /// The service refuses.
    Denied,
    /// The answer takes longer than the client waits, once; the service carries the call out all the same, late.
    TimeOut,
    /// The connection is closed without an answer, for ever.
    Reset,
    /// The function's process is killed when it makes the call.
    Kill,
}

impl Break {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Throttle, Self::ServerError, Self::Denied, Self::TimeOut, Self::Reset, Self::Kill];

    /// Whether the SDK's own retries are enough.
    #[must_use]
    pub fn passes(self) -> bool {
        self == Self::TimeOut
    }

    /// The fault rule that breaks `point` of `function`.
    #[must_use]
    pub fn rule(self, function: &str, point: &Point) -> Value {
        let mut rule = json!({ "match": point.action, "function": function, "nth": point.nth, "times": 0 });
        let how = match self {
            Self::Throttle => {
                let (status, code) = throttling(&point.action);
                json!({ "status": status, "code": code })
            }
            Self::ServerError => json!({ "status": 500, "code": "InternalFailure" }),
            Self::Denied => json!({ "status": 403, "code": denied(&point.action) }),
            // A client waits 5 seconds for one attempt.
            Self::TimeOut => json!({ "delay_ms": 5_300, "times": 1 }),
            Self::Reset => json!({ "reset": true }),
            Self::Kill => json!({ "kill": true, "times": 1 }),
        };
        if let (Some(rule), Some(how)) = (rule.as_object_mut(), how.as_object()) {
            rule.extend(how.clone());
        }
        rule
    }
}

/// In the service's own words.
fn throttling(action: &str) -> (u16, &'static str) {
    match action.split(':').next() {
        Some("dynamodb" | "organizations") => (400, "ThrottlingException"),
        Some("ec2") => (503, "RequestLimitExceeded"),
        Some("s3") => (503, "SlowDown"),
        _ => (400, "Throttling"),
    }
}

fn denied(action: &str) -> &'static str {
    match action.split(':').next() {
        Some("dynamodb" | "organizations") => "AccessDeniedException",
        Some("ec2") => "UnauthorizedOperation",
        _ => "AccessDenied",
    }
}

/// The calls of a run, in order, without those that another program made.
#[must_use]
pub fn points(calls: &[Call], function: &str) -> Vec<Point> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let own = calls.iter().filter(|call| call.function.as_deref() == Some(function));
    own.map(|call| {
        let action = call.action();
        let nth = counts.entry(action.clone()).or_default();
        *nth += 1;
        Point { action, nth: *nth }
    })
    .collect()
}

/// The actions of a run that change what a customer owns: not Firebreak's ledger, and no reads.
#[must_use]
pub fn changes(calls: &[Call], function: &str) -> Vec<String> {
    let reads = ["Get", "List", "Describe", "Head", "AssumeRole", "Lookup"];
    let own = calls.iter().filter(|call| call.function.as_deref() == Some(function));
    let theirs = own.filter(|call| matches!(call.service.as_str(), "iam" | "ec2" | "s3" | "organizations"));
    theirs.filter(|call| !reads.iter().any(|read| call.operation.starts_with(read))).map(Call::action).collect()
}

/// The calls whose names say that they destroy: none may be made outside a release.
#[must_use]
pub fn forbidden(calls: &[Call], function: &str) -> Vec<String> {
    let destroys = ["Delete", "Terminate", "Stop", "Detach", "Remove"];
    let own = calls.iter().filter(|call| call.function.as_deref() == Some(function));
    own.filter(|call| destroys.iter().any(|word| call.operation.starts_with(word))).map(Call::action).collect()
}

/// How many calls had to be answered, one after the other, before the first of `action` could be, itself included.
///
/// A call waits for another one if it began after the other's answer: with the same delay at every call, that is what shows.
#[must_use]
pub fn depth(calls: &[Call], function: &str, action: &str) -> Option<usize> {
    let own: Vec<&Call> = calls.iter().filter(|call| call.function.as_deref() == Some(function)).collect();
    let mut depths: Vec<usize> = Vec::with_capacity(own.len());
    for (at, call) in own.iter().enumerate() {
        let before = own[..at].iter().zip(&depths);
        let waited = before.filter(|(other, _)| other.ended_at.is_some_and(|ended| ended <= call.started_at));
        depths.push(1 + waited.map(|(_, depth)| *depth).max().unwrap_or(0));
    }
    own.iter().zip(depths).filter(|(call, _)| call.action() == action).map(|(_, depth)| depth).next()
}
