//! Breaks every call of a function, one at a time, in every way a call can break.
//!
//! A first run tells which calls there are. Then each of them is broken in each way: a run with the fault, and a clean run after it.

pub use crate::breaks::{Break, Point};

use crate::Call;
use crate::breaks::{Refusal, SERVER_ERROR, denied, throttling};
use firebreak::containment::Containment;
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
    let reads = ["Get", "List", "Describe", "Head", "AssumeRole", "Lookup", "GenerateServiceLast"];
    let own = calls.iter().filter(|call| call.function.as_deref() == Some(function));
    let theirs = own.filter(|call| matches!(call.service.as_str(), "iam" | "ec2" | "s3" | "ssm" | "organizations"));
    theirs.filter(|call| !reads.iter().any(|read| call.operation.starts_with(read))).map(Call::action).collect()
}

/// The calls whose names say that they destroy: none may be made outside a release, but what the containment of the function declares.
#[must_use]
pub fn forbidden(calls: &[Call], function: &str) -> Vec<String> {
    let containment = Containment::of_function(function.strip_prefix("firebreak-").unwrap_or(function));
    let is_declared = |action: &str| containment.is_some_and(|containment| containment.declaration().may_destroy(action));
    let own = calls.iter().filter(|call| call.function.as_deref() == Some(function));
    own.map(Call::action).filter(|action| says_it_destroys(action) && !is_declared(action)).collect()
}

/// Whether the name of an action says that it destroys: `ec2:TerminateInstances`.
#[must_use]
pub fn says_it_destroys(action: &str) -> bool {
    let operation = action.split_once(':').map_or(action, |(_, operation)| operation);
    ["Delete", "Terminate", "Stop", "Detach", "Remove"].iter().any(|word| operation.starts_with(word))
}

/// How many calls had to be answered, one after the other, before the first of `action` could be, itself included.
#[must_use]
pub fn depth(calls: &[Call], function: &str, action: &str) -> Option<usize> {
    depths(calls, function).into_iter().find(|(call, _)| call.action() == action).map(|(_, depth)| depth)
}

/// The calls of a function, in order, each with how many calls had to be answered, one after the other, before its own answer, itself
/// included. The greatest number is the depth of the function's answer.
///
/// A call waits for another one if it began after the other's answer: with the same delay at every call, that is what shows. A busy
/// machine can make the numbers greater, never smaller.
#[must_use]
pub fn depths<'a>(calls: &'a [Call], function: &str) -> Vec<(&'a Call, usize)> {
    let mut placed: Vec<(&Call, usize)> = Vec::new();
    for call in calls.iter().filter(|call| call.function.as_deref() == Some(function)) {
        let waited = placed.iter().filter(|(other, _)| other.ended_at.is_some_and(|ended| ended <= call.started_at));
        let depth = 1 + waited.map(|(_, depth)| *depth).max().unwrap_or(0);
        placed.push((call, depth));
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(function: &str, operation: &str, started_at: f64, ended_at: f64) -> Call {
        let call = json!({ "service": "iam", "operation": operation, "caller": null, "function": function, "started_at": started_at,
            "ended_at": ended_at, "status": 200, "params": {} });
        serde_json::from_value(call).expect("a call")
    }

    #[test]
    fn a_call_is_one_deeper_than_the_deepest_that_was_answered_before_it_began() {
        let calls = [
            call("ours", "First", 0.0, 0.1),
            call("another's", "First", 0.1, 0.11),
            call("ours", "Beside", 0.05, 0.15),
            call("ours", "AfterFirst", 0.12, 0.22),
            call("ours", "AfterBoth", 0.15, 0.25),
            call("ours", "Last", 0.3, 0.4),
        ];
        let found: Vec<_> = depths(&calls, "ours").into_iter().map(|(call, depth)| (call.operation.as_str(), depth)).collect();
        assert_eq!(found, [("First", 1), ("Beside", 1), ("AfterFirst", 2), ("AfterBoth", 2), ("Last", 3)]);
        assert_eq!((depth(&calls, "ours", "iam:Last"), depth(&calls, "ours", "iam:Never")), (Some(3), None));
    }

    #[test]
    fn a_call_that_destroys_is_forbidden_to_everybody_who_does_not_declare_it() {
        let of = |function: &str, service: &str, operation: &str| {
            let call = call(function, operation, 0.0, 0.1);
            forbidden(&[Call { service: service.to_owned(), ..call }], function).len()
        };
        let isolate = "firebreak-isolate-ec2";
        assert_eq!((of(isolate, "ssm", "TerminateSession"), of(isolate, "ec2", "TerminateInstances")), (0, 1));
        assert_eq!((of("firebreak-lockdown-s3", "ssm", "TerminateSession"), of("firebreak-sweep", "iam", "DeleteUser")), (1, 1));
    }
}
