//! Breaks every call of a function, one at a time, in every way a call can break.
//!
//! A first run tells which calls there are. Then each of them is broken in each way: a run with the fault, and a clean run after it.

pub use crate::breaks::{Break, Point};

use crate::Call;
use crate::breaks::{Refusal, SERVER_ERROR, denied, throttling};
use serde_json::{Value, json};

impl Break {
    /// The fault rule of the local AWS that breaks `point` of `function`.
    #[must_use]
    pub fn rule(self, function: &str, point: &Point) -> Value {
        let mut rule = json!({ "match": point.action, "function": function, "nth": point.nth, "times": 0 });
        let refusal = |(status, code): Refusal| json!({ "status": status, "code": code });
        let how = match self {
            Self::Throttle => refusal(throttling(&point.action)),
            Self::ServerError => refusal(SERVER_ERROR),
            Self::Denied => refusal(denied(&point.action)),
            // A client waits 5 seconds for one attempt.
            Self::TimeOut => json!({ "delay_ms": 5_300, "times": 1 }),
            Self::Reset => json!({ "reset": true }),
            Self::KillBefore => json!({ "kill": true, "times": 1 }),
            Self::KillAfter => json!({ "kill_after": true, "times": 1 }),
        };
        if let (Some(rule), Some(how)) = (rule.as_object_mut(), how.as_object()) {
            rule.extend(how.clone());
        }
        rule
    }
}

/// The calls of a run, in order, without those that another program made.
#[must_use]
pub fn points(calls: &[Call], function: &str) -> Vec<Point> {
    let own = calls.iter().filter(|call| call.function.as_deref() == Some(function));
    Point::all(own.map(Call::action))
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
