//! Runs a handler as a Lambda function.
//!
//! What the state machine sees of a failure is its `errorType`. Without the mapping here it would be the name of a Rust type,
//! which no `Retry` or `Catch` can match.

use firebreak::diagnosis::{Diagnosis, Places, Question};
pub use firebreak::fault::Fault;
use firebreak::fault::FaultKind;
use futures::FutureExt as _;
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn, tracing};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use std::panic::AssertUnwindSafe;

/// Serves `handler` until Lambda ends the process.
///
/// Input that does not have the form of `I` is a `Firebreak.Malformed`, a panic a `Firebreak.Bug`. Neither message repeats the
/// input: it holds attacker-controlled text and, at the gate, a task token.
///
/// # Errors
/// Only when the Lambda Runtime API cannot be reached.
pub async fn run<I, O, F>(handler: F) -> Result<(), lambda_runtime::Error>
where
    I: DeserializeOwned,
    O: Serialize,
    F: AsyncFn(I) -> Result<O, Fault>,
{
    // A function that looks at nothing still shows that it starts and answers.
    let look = async |_: Places| Ok(Diagnosis::default());
    run_with_diagnosis(look, handler).await
}

/// As [`run`], and answers the questions of `firebreak doctor` with `look`.
///
/// # Errors
/// Only when the Lambda Runtime API cannot be reached.
pub async fn run_with_diagnosis<I, O, F, D>(look: D, handler: F) -> Result<(), lambda_runtime::Error>
where
    I: DeserializeOwned,
    O: Serialize,
    F: AsyncFn(I) -> Result<O, Fault>,
    D: AsyncFn(Places) -> Result<Diagnosis, Fault>,
{
    tracing::init_default_subscriber();
    let (handler, look) = (&handler, &look);
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Box<RawValue>>| {
        let work = async {
            if let Ok(question) = serde_json::from_str::<Question>(event.payload.get()) {
                return look(question.diagnose).await.map(Output::Diagnosis);
            }
            // The payload stays raw until here so that JSON too deep or too odd for a tree still reaches the handler that asks for it.
            let input: I = serde_json::from_str(event.payload.get())
                .map_err(|error| Fault::malformed(format!("the function's input has the wrong form ({:?})", error.classify())))?;
            handler(input).await.map(Output::Task)
        };
        // Boxed: the SDK nests futures deeper than the compiler lays out in one piece.
        match AssertUnwindSafe(Box::pin(work)).catch_unwind().await {
            Ok(answer) => answer.map_err(diagnose),
            Err(_) => Err(diagnose(Fault::bug("the function panicked; its log has the place"))),
        }
    }))
    .await
}

/// What a function answers.
#[derive(Serialize)]
#[serde(untagged)]
enum Output<O> {
    Diagnosis(Diagnosis),
    Task(O),
}

/// Logs a failure once, at the boundary, and gives it the name the state machine matches.
fn diagnose(fault: Fault) -> Diagnostic {
    match fault.kind {
        FaultKind::Bug => tracing::error!(fault.kind = ?fault.kind, fault.message = %fault.message, "function failed"),
        _ => tracing::warn!(fault.kind = ?fault.kind, fault.message = %fault.message, "function failed"),
    }
    Diagnostic { error_type: fault.kind.error_type().to_owned(), error_message: fault.message }
}
