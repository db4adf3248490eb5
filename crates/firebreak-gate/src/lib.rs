#![doc = include_str!("../README.md")]

use aws_sdk_sfn::Client;
use firebreak::answer::Decided;
use firebreak::fault::{Fault, FaultKind};
use firebreak_aws::classify::{code, fault};

/// What became of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandOver {
    /// The execution took it.
    Taken,
    /// The gate has closed: it timed out, or an earlier attempt handed the answer over.
    Closed,
}

/// Codes of a token that is finished or unknown (Step Functions API reference, `SendTaskSuccess`).
const CLOSED: [&str; 3] = ["TaskTimedOut", "TaskDoesNotExist", "InvalidToken"];

/// Hands `decided` to the execution that waits with `task_token`.
///
/// # Errors
/// The answer was not handed over. The fault has the code that AWS gave, and never its message: AWS may quote the token there.
pub async fn hand_over(executions: &Client, task_token: &str, decided: &Decided) -> Result<HandOver, Fault> {
    let output = serde_json::to_string(decided).map_err(|error| Fault::bug(format!("cannot serialise an answer: {error}")))?;
    let Err(error) = executions.send_task_success().task_token(task_token).output(output).send().await else {
        return Ok(HandOver::Taken);
    };
    if code(&error).is_some_and(|code| CLOSED.contains(&code)) {
        return Ok(HandOver::Closed);
    }
    let kind = match fault("states:SendTaskSuccess", &error).kind {
        // The request is ours: what is wrong with it is no input of anybody.
        FaultKind::Malformed => FaultKind::Bug,
        kind => kind,
    };
    Err(Fault::new(kind, format!("states:SendTaskSuccess: {}", code(&error).unwrap_or("no answer"))))
}
