//! Asks AWS one question and keeps the raw answer.

use crate::transcript::transcript;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use firebreak_aws::classify::fault;
use firebreak_aws::wire_answer::WireAnswer;
use serde_json::{Value, json};

/// One answer: the operation, and what AWS said or why it said nothing.
pub(crate) struct RawAnswer {
    pub(crate) operation: &'static str,
    /// Tells several answers of one operation apart.
    pub(crate) part: Option<String>,
    pub(crate) content: Result<Value, String>,
}

/// Sends one request and keeps the raw answer. An error that AWS answered is an answer.
macro_rules! ask {
    ($operation:literal, $request:expr) => {
        async {
            let raw = firebreak_aws::wire_answer::WireAnswer::default();
            let result = $request.customize().interceptor(raw.clone()).send().await;
            $crate::ask::answer($operation, &raw, result.as_ref().err())
        }
    };
}

pub(crate) use ask;

pub(crate) fn answer<E: ProvideErrorMetadata>(
    operation: &'static str,
    raw: &WireAnswer,
    error: Option<&SdkError<E, HttpResponse>>,
) -> RawAnswer {
    // What AWS answered counts, whether or not this version of the SDK can read it. A refusal or a fault is not the resource's
    // configuration: it is evidence that is missing.
    let content = match (transcript(raw), error) {
        (Some((status, answer)), _) if matches!(status, 200..=299 | 404) => {
            Ok(json!({ "http_status": status, "answer": answer }))
        }
        (_, Some(error)) => Err(fault(operation, error).message),
        (_, None) => Err(format!("{operation}: no answer")),
    };
    RawAnswer { operation, part: None, content }
}

/// The documents of inline policies could not even be asked for.
pub(crate) fn undocumented<E: ProvideErrorMetadata>(operation: &'static str, error: &SdkError<E, HttpResponse>) -> RawAnswer {
    RawAnswer { operation, part: Some("documents".to_owned()), content: Err(fault(operation, error).message) }
}
