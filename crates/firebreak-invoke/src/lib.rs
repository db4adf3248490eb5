#![doc = include_str!("../README.md")]

use aws_sdk_lambda::Client;
use aws_sdk_lambda::primitives::Blob;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use firebreak::fault::{ErrorName, Fault, FaultKind};
use firebreak::names;
use firebreak::text::inert;
use firebreak_aws::classify::OrFault;
use serde::Deserialize;
use serde_json::Value;
use std::time::Duration;

/// A function has 60 seconds.
const ONE_CALL: Duration = Duration::from_secs(70);
/// With what the SDK tries again.
const ALL_CALLS: Duration = Duration::from_secs(145);
/// A function that failed on a passing fault is asked once more. The next look asks it, too.
const TIMES: u32 = 2;

/// What a function that failed said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Its name: one of Firebreak's, or Lambda's.
    pub error: ErrorName,
    /// For people.
    pub message: String,
}

impl Failure {
    fn passes(&self) -> bool {
        self.error.kind() == Some(FaultKind::Transient)
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self { error: fault.kind.into(), message: fault.message }
    }
}

/// What Lambda answers for a function that failed (Lambda developer guide, "Invoke": the payload then is an error object).
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ErrorObject {
    error_type: Option<String>,
    error_message: Option<String>,
}

/// Invokes the function of a folder and waits for its answer.
///
/// # Errors
/// The function failed, or Lambda did not take the call.
pub async fn invoke(lambda: &Client, folder: &str, payload: &Value) -> Result<Value, Failure> {
    patiently(lambda, (folder, None), payload).await
}

/// The same under an alias, which takes less than the function: who may invoke an alias only can ask for nothing else.
///
/// # Errors
/// As [`invoke`].
pub async fn invoke_alias(lambda: &Client, (folder, alias): (&str, &str), payload: &Value) -> Result<Value, Failure> {
    patiently(lambda, (folder, Some(alias)), payload).await
}

async fn patiently(lambda: &Client, whom: (&str, Option<&str>), payload: &Value) -> Result<Value, Failure> {
    let mut failure = None;
    for _ in 0..TIMES {
        match once(lambda, whom, payload).await {
            Err(failed) if failed.passes() => failure = Some(failed),
            answered => return answered,
        }
    }
    Err(failure.unwrap_or_else(|| Fault::bug("a function was never asked").into()))
}

async fn once(lambda: &Client, (folder, alias): (&str, Option<&str>), payload: &Value) -> Result<Value, Failure> {
    let body = serde_json::to_vec(payload).map_err(|error| Fault::bug(format!("a payload is no JSON: {error}")))?;
    let patient = aws_sdk_lambda::config::Builder::new()
        .retry_config(RetryConfig::standard().with_max_attempts(2))
        .timeout_config(TimeoutConfig::builder().operation_attempt_timeout(ONE_CALL).operation_timeout(ALL_CALLS).build());
    let call =
        lambda.invoke().function_name(names::function(folder)).set_qualifier(alias.map(str::to_owned)).payload(Blob::new(body));
    let answer = call.customize().config_override(patient).send().await.or_fault("lambda:Invoke")?;
    let payload = answer.payload.map(Blob::into_inner).unwrap_or_default();
    // By the header: an answer of any form can stand beside it.
    if let Some(how) = answer.function_error {
        let said: ErrorObject = serde_json::from_slice(&payload).unwrap_or_default();
        let (error, message) = (said.error_type.unwrap_or(how), said.error_message.unwrap_or_default());
        return Err(Failure { error: inert(&error, 100).into(), message: inert(&message, 300) });
    }
    serde_json::from_slice(&payload).map_err(|_| Fault::bug(format!("{folder} answered no JSON")).into())
}
