//! Calls a function that people call: at its URL, signed, so that the function knows who asks.
//!
//! The SDK signs and sends: the call is its `Invoke` with the URL in place of the API's, signed for `lambda` with the credentials of
//! the connection, session token included. The SDK follows no redirect.

use crate::{CommandError, Connection};
use aws_config::SdkConfig;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::primitives::Blob;
use aws_smithy_types::timeout::TimeoutConfig;
use firebreak::fault::FaultKind;
use firebreak::names;
use firebreak::text::inert;
use firebreak_aws::classify::{OrFault, fault};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::time::Duration;

/// Longer than the time limit of a function that people call, with its start.
const ONE_TRY: Duration = Duration::from_secs(40);
const ALL_TRIES: Duration = Duration::from_secs(90);
/// Where a local AWS may be.
const THIS_MACHINE: [&str; 2] = ["127.0.0.1", "localhost"];

/// Asks the function of a folder below `functions`, as whoever the connection is.
///
/// # Errors
/// One line: what is missing, or what the function says.
pub(crate) async fn call<I: Serialize, O: DeserializeOwned>(
    connection: &Connection,
    function: &str,
    input: &I,
) -> Result<O, CommandError> {
    call_with(&connection.config, function, input).await
}

/// As the command calls it, with these credentials.
///
/// # Errors
/// One line: what is missing, or what the function says.
pub async fn call_with<I: Serialize, O: DeserializeOwned>(
    config: &SdkConfig,
    function: &str,
    input: &I,
) -> Result<O, CommandError> {
    let unwritten = |error: serde_json::Error| CommandError::Bad(format!("the question to {function} is no JSON: {error}"));
    let body = serde_json::to_vec(input).map_err(unwritten)?;
    let (client, name) = (Client::new(config), names::function(function));
    let url = url(&client, &name, config.endpoint_url().is_some()).await?;
    let patient = aws_sdk_lambda::config::Builder::new()
        .timeout_config(TimeoutConfig::builder().operation_attempt_timeout(ONE_TRY).operation_timeout(ALL_TRIES).build());
    let at_its_url =
        client.invoke().function_name(&name).payload(Blob::new(body)).customize().config_override(patient).map_request(
            // Before the request is signed. A URL that does not parse ends the call.
            move |mut request| {
                let set = request.set_uri(url.as_str());
                set.map(|()| {
                    request.headers_mut().insert("content-type", "application/json");
                    request
                })
            },
        );
    let answer = match at_its_url.send().await {
        Ok(answer) => answer,
        Err(error) => {
            let raw = error.raw_response().map(|raw| (raw.status().as_u16(), raw.body().bytes().unwrap_or_default()));
            let told = raw.and_then(|(status, body)| refusal(function, status, body));
            let told = told.unwrap_or_else(|| fault(&format!("the URL of {name}"), &error).message);
            return Err(CommandError::Bad(told));
        }
    };
    let payload = answer.payload.map(Blob::into_inner).unwrap_or_default();
    serde_json::from_slice(&payload)
        .map_err(|error| CommandError::Bad(format!("{function} gave an unknown answer: {:?}", error.classify())))
}

/// The function's URL, if a signed request may go there.
async fn url(client: &Client, name: &str, is_local: bool) -> Result<String, CommandError> {
    let found = client.get_function_url_config().function_name(name).send().await;
    let found = found.or_fault(&format!("lambda:GetFunctionUrlConfig of {name}")).map_err(|fault| match fault.kind {
        FaultKind::Gone => CommandError::Bad(format!("{name} has no URL: deploy the stack of the security account")),
        _ => CommandError::from(fault),
    })?;
    let url = found.function_url();
    if is_safe(url, is_local) {
        return Ok(url.to_owned());
    }
    Err(CommandError::Bad(format!("{name} is not asked: its URL is {}, and a request goes over https only", inert(url, 200))))
}

/// Whether a request may go there: over TLS, or to a local AWS on this machine.
fn is_safe(url: &str, is_local: bool) -> bool {
    match url.split_once("://") {
        Some(("https", rest)) => host(rest).is_some(),
        Some(("http", rest)) => is_local && host(rest).is_some_and(|host| THIS_MACHINE.contains(&host)),
        _ => false,
    }
}

/// The host of what follows the scheme of a URL, without its port. Nothing when it also says who.
fn host(rest: &str) -> Option<&str> {
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.split_once(':').map_or(authority, |(host, _)| host);
    (!host.is_empty() && !authority.contains(['@', '\\'])).then_some(host)
}

/// What an answer with another status than 200 means. Nothing: what AWS says is all there is to say.
fn refusal(function: &str, status: u16, body: &[u8]) -> Option<String> {
    let said: Value = serde_json::from_slice(body).unwrap_or_default();
    if said.get("errorType").is_some() {
        let message = said.get("errorMessage").and_then(Value::as_str).unwrap_or("no message");
        return Some(format!("{function} failed: {}", inert(message, 300)));
    }
    let name = names::function(function);
    match status {
        300..=399 => Some(format!("the URL of {name} answered with a redirect, which is not followed")),
        403 => Some(format!(
            "the URL of {name} refused these credentials: they need lambda:InvokeFunctionUrl and lambda:InvokeFunction on it \
             (docs/install.md, \"People\")"
        )),
        429 => Some(format!("the URL of {name} is throttled, and nothing was done: try again in a moment")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use firebreak_testkit::scripted::{Answer, Call, ScriptedAws, error, ok};
    use serde_json::json;

    const CONFIG: &str = "lambda:GET /2021-10-31/functions/firebreak-decide-review/url";
    const ASKED: &str = "lambda:POST /its-url/";

    /// A server whose function has this URL; `{}` is the server's own address.
    async fn server(url: &str) -> (ScriptedAws, SdkConfig) {
        let aws = ScriptedAws::start().await.expect("a port");
        let config = aws.config();
        let url = url.replace("{}", config.endpoint_url().expect("an address"));
        let known = json!({ "FunctionUrl": url, "FunctionArn": "arn:x", "AuthType": "AWS_IAM",
            "CreationTime": "2026-11-29T00:00:00Z", "LastModifiedTime": "2026-11-29T00:00:00Z" });
        aws.answer(CONFIG, ok(known.to_string()));
        (aws, config)
    }

    async fn ask(config: &SdkConfig) -> Result<Value, String> {
        let asked = json!({ "answer": "release" });
        Box::pin(call_with(config, "decide-review", &asked)).await.map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn a_question_goes_signed_to_the_url_and_the_answer_comes_back() {
        let (aws, config) = server("{}/its-url/").await;
        aws.answer(ASKED, ok(r#"{"outcome":"no-review"}"#));
        assert_eq!(ask(&config).await, Ok(json!({ "outcome": "no-review" })));
        // The scripted server knows service and Region from the signature alone.
        let asked: Vec<Call> = aws.calls_of(ASKED);
        assert_eq!(
            (asked.len(), asked[0].region.as_str(), asked[0].body.as_str()),
            (1, "eu-central-1", r#"{"answer":"release"}"#)
        );
        assert_eq!(aws.calls().len(), 2, "{:?}", aws.calls());
    }

    #[tokio::test]
    async fn a_refusal_is_one_line_that_says_what_is_missing() {
        let failed = r#"{"errorType":"Firebreak.Denied","errorMessage":"only an approver\u001b may"}"#;
        for (answer, words) in [
            (Answer::raw(403, r#"{"Message":"Forbidden"}"#), "lambda:InvokeFunctionUrl"),
            (Answer::raw(403, failed), "decide-review failed: only an approver"),
            (Answer::raw(302, "").with_header("location", "https://elsewhere.example/"), "redirect"),
            (Answer::raw(200, "no JSON"), "unknown answer"),
            (error(404, "ResourceNotFoundException"), "the URL of firebreak-decide-review"),
        ] {
            let (aws, config) = server("{}/its-url/").await;
            aws.answer(ASKED, answer);
            let told = ask(&config).await.expect_err(words);
            assert!(told.contains(words) && !told.contains(['\n', '\u{1b}']), "{told}");
            assert_eq!(aws.calls_of(ASKED).len(), 1, "asked once, and nobody else");
        }
    }

    #[test]
    fn a_throttled_url_says_that_it_is_to_be_tried_again() {
        let told = refusal("pause", 429, b"").expect("a line");
        assert!(told.contains("throttled") && told.contains("try again"), "{told}");
    }

    #[tokio::test]
    async fn without_a_safe_url_nothing_is_sent() {
        for (url, words) in [("http://elsewhere.example/", "https only"), ("{}@elsewhere.example/", "https only")] {
            let (aws, config) = server(url).await;
            assert!(ask(&config).await.expect_err(words).contains(words));
            assert_eq!(aws.calls().len(), 1, "{:?}", aws.calls());
        }
        let (aws, config) = server("").await;
        aws.always(CONFIG, error(404, "ResourceNotFoundException"));
        assert!(ask(&config).await.expect_err("no URL").contains("has no URL"));
    }

    #[test]
    fn a_request_leaves_this_machine_over_tls_only() {
        assert!(is_safe("https://abc.lambda-url.eu-central-1.on.aws/", false) && is_safe("http://127.0.0.1:4566/x/", true));
        for (url, is_local) in [
            ("http://127.0.0.1:4566/", false),
            ("http://abc.lambda-url.eu-central-1.on.aws/", true),
            ("http://127.0.0.1@elsewhere.example/", true),
            ("http://127.0.0.1.elsewhere.example/", true),
            ("https://user@elsewhere.example/", false),
            ("https:///", false),
            ("ftp://127.0.0.1/", true),
            ("", true),
        ] {
            assert!(!is_safe(url, is_local), "{url}");
        }
    }
}
