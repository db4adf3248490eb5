//! Asks AWS one question and keeps the raw answer, of a list the answer of each page.

use crate::transcript::transcript;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use firebreak::fault::Fault;
use firebreak_aws::classify::fault;
use firebreak_aws::pages::{self, Page};
use firebreak_aws::wire_answer::WireAnswer;
use serde_json::{Value, json};
use std::convert::Infallible;

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

/// Sends one request for each page of a list of IAM and keeps every raw answer.
macro_rules! ask_pages {
    ($operation:literal, $request:expr) => {
        $crate::ask::pages_of($operation, |marker| {
            let raw = firebreak_aws::wire_answer::WireAnswer::default();
            let asked = $request.set_marker(marker).customize().interceptor(raw.clone()).send();
            async move {
                let result = asked.await;
                let answer = $crate::ask::answer($operation, &raw, result.as_ref().err());
                let is_truncated = result.as_ref().is_ok_and(|page| page.is_truncated);
                firebreak_aws::pages::Page { items: vec![answer], is_truncated, marker: result.ok().and_then(|page| page.marker) }
            }
        })
    };
}

pub(crate) use {ask, ask_pages};

/// The answers about each page of a list. What could not be read, and what may be missing, is an answer without content.
pub(crate) async fn pages_of<P>(operation: &'static str, ask: impl Fn(Option<String>) -> P) -> Vec<RawAnswer>
where
    P: Future<Output = Page<RawAnswer>>,
{
    let Ok(read) = pages::read(|marker| {
        let page = ask(marker);
        async move { Ok::<_, Infallible>(page.await) }
    })
    .await;
    let mut answers = read.items;
    for (answer, nth) in answers.iter_mut().skip(1).zip(2_u32..) {
        answer.part = Some(format!("page-{nth}"));
    }
    if read.cut.is_some() {
        let content = Err(format!("{operation}: the list was not read to its end"));
        answers.push(RawAnswer { operation, part: Some("rest".to_owned()), content });
    }
    answers
}

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

/// The documents of inline policies, or of some of them, could not even be asked for.
pub(crate) fn undocumented(operation: &'static str, fault: Fault) -> RawAnswer {
    RawAnswer { operation, part: Some("documents".to_owned()), content: Err(fault.message) }
}
