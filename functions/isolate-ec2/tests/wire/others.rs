//! Services that know nothing of the instance, until a test says otherwise.

use firebreak_testkit::scripted::{Answer, Call, ScriptedAws, ok};

/// No Auto Scaling group, no load balancer, no shell.
pub(crate) fn nothing(aws: &ScriptedAws) {
    aws.on("autoscaling:*", |call| Some(empty(call)));
    aws.on("elasticloadbalancing:*", |call| Some(empty(call)));
    aws.on("ssm:*", |call| (call.operation == "DescribeSessions").then(|| ok(r#"{"Sessions":[]}"#)));
}

/// A list without members, as the query protocol writes it.
fn empty(call: &Call) -> Answer {
    let operation = &call.operation;
    Answer::raw(200, format!("<{operation}Response><{operation}Result></{operation}Result></{operation}Response>"))
}
