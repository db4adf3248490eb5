//! A function that people call: at its URL, where IAM says who asks.
//!
//! Lambda checks the signature of a request to a function URL of `AuthType` `AWS_IAM` and puts the identity into the event (Lambda
//! developer guide, "Invoking Lambda function URLs": payload format 2.0, `requestContext.authorizer.iam`). A direct Invoke tells a
//! function nothing of its caller, so an event without such an identity is refused. Whoever may call `lambda:InvokeFunction` directly
//! could write an identity into the event: no role of `infra/security-account/people.yaml` may.

use crate::about;
use crate::run::{diagnose, run};
use aws_smithy_types::base64;
use firebreak::fault::{Fault, FaultKind};
use firebreak::ids::AccountId;
use futures::FutureExt as _;
use lambda_runtime::Diagnostic;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use tracing::Instrument as _;

/// The longest body, in bytes: several times what an answer to a gate keeps of its texts.
const LONGEST_BODY: usize = 65_536;
/// What a direct Invoke hears.
const UNSIGNED: &str = "the event names no signed identity: call the function's URL";

/// Who signed a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The ARN, as STS knows it: of a user, or of a session, `arn:aws:sts::<account>:assumed-role/<role>/<session>`.
    pub arn: String,
    /// The account, 12 digits.
    pub account: String,
}

impl Caller {
    /// The name of the role, if it is a session of one.
    #[must_use]
    pub fn role(&self) -> Option<&str> {
        self.arn.split_once(":assumed-role/").and_then(|(_, rest)| rest.split('/').next())
    }
}

/// Serves `handler` at the function's URL until Lambda ends the process.
///
/// The answer is HTTP: status 200 and the handler's answer, or another status and `{errorType, errorMessage}`. A failure is logged as
/// by [`run`], and nothing of the request is. Questions of `firebreak doctor` are answered as by [`run`].
///
/// # Errors
/// Only when the Lambda Runtime API cannot be reached.
pub async fn run_for_people<I, O, F>(handler: F) -> Result<(), lambda_runtime::Error>
where
    I: DeserializeOwned,
    O: Serialize,
    F: AsyncFn(Caller, I) -> Result<O, Fault>,
{
    let handler = &handler;
    run(async |request: Request| serve(request, handler).await).await
}

/// As [`run_for_people`], and gives `direct` what somebody invokes the function with directly and has the form of `D`: a test event of
/// the Lambda console, which nobody signed. A request at the URL never has that form: Lambda makes the event.
///
/// # Errors
/// Only when the Lambda Runtime API cannot be reached.
pub async fn run_for_people_and_console<D, I, O, G, F>(direct: G, handler: F) -> Result<(), lambda_runtime::Error>
where
    D: DeserializeOwned,
    I: DeserializeOwned,
    O: Serialize,
    G: AsyncFn(D) -> Result<O, Fault>,
    F: AsyncFn(Caller, I) -> Result<O, Fault>,
{
    let (direct, handler) = (&direct, &handler);
    run(async |event: Event<D>| match event {
        Event::Direct(asked) => direct(asked).await.map(Answer::Direct),
        Event::Request(request) => serve(request, handler).await.map(Answer::Http),
    })
    .await
}

/// What a function is invoked with that also takes a test event of the console.
#[derive(Deserialize)]
#[serde(untagged)]
enum Event<D> {
    Direct(D),
    Request(Request),
}

/// What it answers.
#[derive(Serialize)]
#[serde(untagged)]
enum Answer<O> {
    Direct(O),
    Http(Response),
}

/// One request. An error of the function itself, not an answer, when nobody signed it.
async fn serve<I, O, F>(request: Request, handler: &F) -> Result<Response, Fault>
where
    I: DeserializeOwned,
    O: Serialize,
    F: AsyncFn(Caller, I) -> Result<O, Fault>,
{
    let caller = request.caller().ok_or_else(|| Fault::malformed(UNSIGNED))?;
    let body = match request.text() {
        Ok(body) => body,
        Err(fault) => return Ok(Response::failed(fault)),
    };
    // The incident that the body names, not the one that the event would.
    let span = about::span(&body);
    let work = async {
        let input: I = serde_json::from_str(&body)
            .map_err(|error| Fault::malformed(format!("the request's body has the wrong form ({:?})", error.classify())))?;
        let answer = handler(caller, input).await?;
        serde_json::to_string(&answer).map_err(|_| Fault::bug("the answer cannot be written as JSON"))
    };
    // Boxed: the SDK nests futures deeper than the compiler lays out in one piece.
    let done = AssertUnwindSafe(Box::pin(work.instrument(span.clone()))).catch_unwind().await;
    Ok(match done {
        Ok(Ok(body)) => Response::of(200, body),
        Ok(Err(fault)) => span.in_scope(|| Response::failed(fault)),
        Err(_) => span.in_scope(|| Response::failed(Fault::bug("the function panicked; its log has the place"))),
    })
}

/// What Lambda makes of a request to the URL. Everything else that it says is not read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    request_context: Option<Context>,
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

#[derive(Deserialize)]
struct Context {
    http: Option<Http>,
    authorizer: Option<Authorizer>,
}

#[derive(Deserialize)]
struct Http {
    method: Option<String>,
}

#[derive(Deserialize)]
struct Authorizer {
    iam: Option<Iam>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Iam {
    user_arn: Option<String>,
    account_id: Option<String>,
}

impl Request {
    /// Who signed it. Nothing unless ARN and account fit each other.
    fn caller(&self) -> Option<Caller> {
        let iam = self.request_context.as_ref()?.authorizer.as_ref()?.iam.as_ref()?;
        let (arn, account) = (iam.user_arn.as_ref()?, iam.account_id.as_ref()?);
        let fits = AccountId::parse(account).is_ok()
            && arn.starts_with("arn:")
            && arn.split(':').nth(4).is_some_and(|owner| owner == account.as_str());
        fits.then(|| Caller { arn: arn.clone(), account: account.clone() })
    }

    /// The body as text.
    fn text(self) -> Result<String, Fault> {
        let method = self.request_context.and_then(|context| context.http).and_then(|http| http.method);
        if method.as_deref() != Some("POST") {
            return Err(Fault::malformed("the URL takes POST and nothing else"));
        }
        let body = self.body.unwrap_or_default();
        let text = if self.is_base64_encoded {
            let bytes = base64::decode(&body).map_err(|_| Fault::malformed("the request's body is not base64"))?;
            String::from_utf8(bytes).map_err(|_| Fault::malformed("the request's body is not UTF-8"))?
        } else {
            body
        };
        if text.len() > LONGEST_BODY {
            return Err(Fault::malformed(format!("the request's body is longer than {LONGEST_BODY} bytes")));
        }
        Ok(text)
    }
}

/// What Lambda makes HTTP of.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    status_code: u16,
    headers: BTreeMap<&'static str, &'static str>,
    body: String,
}

impl Response {
    fn of(status_code: u16, body: String) -> Self {
        Self { status_code, headers: BTreeMap::from([("content-type", "application/json")]), body }
    }

    /// Logs a failure, and tells it.
    fn failed(fault: Fault) -> Self {
        let status_code = status(fault.kind);
        let Diagnostic { error_type, error_message } = diagnose(fault);
        Self::of(status_code, json!({ "errorType": error_type, "errorMessage": error_message }).to_string())
    }
}

/// The HTTP status of a failure. The SDK of the command tries 500 and 503 again.
fn status(kind: FaultKind) -> u16 {
    match kind {
        FaultKind::Malformed => 400,
        FaultKind::Denied => 403,
        FaultKind::Protected => 409,
        FaultKind::Gone => 410,
        FaultKind::Bug => 500,
        FaultKind::Transient => 503,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use firebreak_testkit::log::Log;
    use lambda_runtime::tracing::subscriber;
    use serde_json::Value;

    const ARN: &str = "arn:aws:sts::123456789012:assumed-role/FirebreakAnalyst/alice";

    /// An event as Lambda makes it of a signed request.
    fn event(body: &str) -> Value {
        json!({ "version": "2.0", "routeKey": "$default", "rawPath": "/", "rawQueryString": "", "isBase64Encoded": false,
            "headers": { "authorization": "AWS4-HMAC-SHA256 Credential=SECRET", "x-amz-security-token": "SECRET" }, "body": body,
            "requestContext": { "accountId": "123456789012", "apiId": "url", "http": { "method": "POST", "path": "/" },
                "authorizer": { "iam": { "accessKey": "SECRET", "accountId": "123456789012", "callerId": "AROAEXAMPLE:alice",
                    "cognitoIdentity": null, "principalOrgId": "o-exampleorgid", "userArn": ARN, "userId": "AROAEXAMPLE:alice" } } } })
    }

    /// What becomes of an event, and what was logged.
    async fn served(
        event: Value,
        handler: impl AsyncFn(Caller, Value) -> Result<Value, Fault>,
    ) -> (Result<Value, Fault>, String) {
        let log = Log::default();
        let writer = log.clone();
        let lines = subscriber::fmt().json().without_time().with_writer(move || writer.clone()).finish();
        let guard = tracing::subscriber::set_default(lines);
        let request: Request = serde_json::from_value(event).expect("a request");
        let answer = serve(request, &handler).await;
        drop(guard);
        (answer.map(|response| serde_json::to_value(response).expect("JSON")), log.text())
    }

    /// The answer to an event, and the body of it.
    async fn answered(event: Value, handler: impl AsyncFn(Caller, Value) -> Result<Value, Fault>) -> (Value, Value) {
        let answer = served(event, handler).await.0.expect("an answer");
        let body = serde_json::from_str(answer["body"].as_str().expect("text")).expect("JSON");
        (answer, body)
    }

    /// Must not be asked.
    async fn nobody(_: Caller, _: Value) -> Result<Value, Fault> {
        panic!("on purpose")
    }

    /// Says who asked what.
    async fn echo(caller: Caller, input: Value) -> Result<Value, Fault> {
        Ok(json!({ "by": caller.arn, "account": caller.account, "role": caller.role(), "asked": input }))
    }

    #[tokio::test]
    async fn the_handler_hears_who_signed_and_what_the_body_says() {
        let asked = json!({ "answer": "release" });
        let (answer, body) = answered(event(&asked.to_string()), echo).await;
        assert_eq!((&answer["statusCode"], &answer["headers"]["content-type"]), (&json!(200), &json!("application/json")));
        assert_eq!(body, json!({ "by": ARN, "account": "123456789012", "role": "FirebreakAnalyst", "asked": asked }));
        let mut binary = event(&base64::encode(asked.to_string()));
        binary["isBase64Encoded"] = json!(true);
        assert_eq!(answered(binary, echo).await.1["asked"], asked);
    }

    #[tokio::test]
    async fn an_event_without_a_signed_identity_is_refused_and_nobody_is_asked() {
        let direct = json!({ "incident_id": "fb-0123456789abcdef", "answer": "approve", "by": "alice" });
        let mut unsigned = event("{}");
        unsigned["requestContext"]["authorizer"] = json!(null);
        let mut of_nobody = event("{}");
        of_nobody["requestContext"]["authorizer"]["iam"]["userArn"] = json!("");
        let mut of_another_account = event("{}");
        of_another_account["requestContext"]["authorizer"]["iam"]["accountId"] = json!("111122223333");
        for event in [direct, unsigned, of_nobody, of_another_account] {
            let (answer, _) = served(event, nobody).await;
            let fault = answer.expect_err("nobody signed it");
            assert_eq!((fault.kind, fault.message.as_str()), (FaultKind::Malformed, UNSIGNED));
        }
    }

    #[tokio::test]
    async fn a_request_that_cannot_be_read_is_answered_with_what_is_wrong() {
        let mut get = event("{}");
        get["requestContext"]["http"]["method"] = json!("GET");
        let mut not_base64 = event("{!}");
        not_base64["isBase64Encoded"] = json!(true);
        let long = event(&"x".repeat(LONGEST_BODY + 1));
        for (event, words) in
            [(get, "POST"), (not_base64, "base64"), (long, "longer"), (event("{"), "wrong form"), (event(""), "wrong form")]
        {
            let (answer, body) = answered(event, echo).await;
            assert_eq!((&answer["statusCode"], &body["errorType"]), (&json!(400), &json!("Firebreak.Malformed")), "{body}");
            assert!(body["errorMessage"].as_str().is_some_and(|message| message.contains(words)), "{body}");
        }
    }

    #[tokio::test]
    async fn a_failure_has_a_status_and_its_own_name_and_is_logged_without_the_request() {
        let about = json!({ "incident_id": "fb-0123456789abcdef", "comment": "SECRET" }).to_string();
        for kind in FaultKind::ALL {
            let (answer, log) = served(event(&about), async |_: Caller, _: Value| Err(Fault::new(kind, "what went wrong"))).await;
            let answer = answer.expect("an answer");
            let body: Value = serde_json::from_str(answer["body"].as_str().expect("text")).expect("JSON");
            assert_eq!((&answer["statusCode"], &body["errorType"]), (&json!(status(kind)), &json!(kind.error_type())));
            assert_eq!(body["errorMessage"], "what went wrong");
            assert!(log.contains("what went wrong") && log.contains("fb-0123456789abcdef") && !log.contains("SECRET"), "{log}");
        }
        let (answer, body) = answered(event("{}"), nobody).await;
        assert_eq!((&answer["statusCode"], &body["errorType"]), (&json!(500), &json!("Firebreak.Bug")));
    }

    #[test]
    fn no_failure_looks_like_success() {
        assert!(FaultKind::ALL.into_iter().all(|kind| (400..600).contains(&status(kind))));
    }

    #[test]
    fn only_a_session_has_a_role() {
        let caller = |arn: &str| Caller { arn: arn.to_owned(), account: "123456789012".to_owned() };
        assert_eq!(caller(ARN).role(), Some("FirebreakAnalyst"));
        for other in ["arn:aws:iam::123456789012:user/team/alice", "arn:aws:iam::123456789012:root", "arn:aws:sts::1:user/moto"] {
            assert_eq!(caller(other).role(), None, "{other}");
        }
    }
}
