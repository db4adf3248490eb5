//! Runs a handler as a Lambda function.
//!
//! What the state machine sees of a failure is its `errorType`. Without the mapping here it would be the name of a Rust type,
//! which no `Retry` or `Catch` can match.

use crate::about;
use firebreak::diagnosis::{Diagnosis, Places, Question};
pub use firebreak::fault::Fault;
use firebreak::fault::FaultKind;
use firebreak::names::{DOCTOR_ALIAS, IMPACT_ALIAS, PREPARE_ALIAS, RECOVERY_ALIAS};
use firebreak::preparation::{Preparation, Prepared};
use firebreak::recovery::{Losses, RecoveryQuestion, Wanted};
use firebreak::task::Phase;
use futures::FutureExt as _;
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::panic::AssertUnwindSafe;
use tracing::Instrument as _;

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
    lambda_runtime::tracing::init_default_subscriber();
    let (handler, look) = (&handler, &look);
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Box<RawValue>>| {
        invoke(event.payload.get(), &event.context.invoked_function_arn, look, handler).await
    }))
    .await
}

/// As [`run_with_diagnosis`], and carries out with `prepare` what `firebreak prepare` asks.
///
/// # Errors
/// Only when the Lambda Runtime API cannot be reached.
pub async fn run_with_preparation<I, O, F, D, P>(look: D, prepare: P, handler: F) -> Result<(), lambda_runtime::Error>
where
    I: DeserializeOwned,
    O: Serialize,
    F: AsyncFn(I) -> Result<O, Fault>,
    D: AsyncFn(Places) -> Result<Diagnosis, Fault>,
    P: AsyncFn(Places) -> Result<Prepared, Fault>,
{
    let either = async |payload: Box<RawValue>| match serde_json::from_str::<Preparation>(payload.get()) {
        Ok(asked) => prepare(asked.prepare).await.map(Answer::Prepared),
        Err(_) => handler(parsed(payload.get())?).await.map(Answer::Task),
    };
    run_with_diagnosis(look, either).await
}

/// As [`run_with_diagnosis`], and says with `recover` what `firebreak s3 recovery-plan` asks.
///
/// # Errors
/// Only when the Lambda Runtime API cannot be reached.
pub async fn run_with_recovery<I, O, F, D, R>(look: D, recover: R, handler: F) -> Result<(), lambda_runtime::Error>
where
    I: DeserializeOwned,
    O: Serialize,
    F: AsyncFn(I) -> Result<O, Fault>,
    D: AsyncFn(Places) -> Result<Diagnosis, Fault>,
    R: AsyncFn(Wanted) -> Result<Losses, Fault>,
{
    let either = async |payload: Box<RawValue>| match serde_json::from_str::<RecoveryQuestion>(payload.get()) {
        Ok(asked) => recover(asked.recover).await.map(Box::new).map(Answer::Losses),
        Err(_) => handler(parsed(payload.get())?).await.map(Answer::Task),
    };
    run_with_diagnosis(look, either).await
}

/// What a function answers that prepares, or says what was lost, too.
#[derive(Serialize)]
#[serde(untagged)]
enum Answer<O> {
    Prepared(Prepared),
    Losses(Box<Losses>),
    Task(O),
}

/// What a task asks for. A phase that is named twice is no task, here and there.
#[derive(Deserialize)]
struct Asked {
    phase: Phase,
}

fn asks_for_impact(payload: &str) -> bool {
    serde_json::from_str::<Asked>(payload).is_ok_and(|asked| asked.phase == Phase::Impact)
}

/// What the alias under which a function was invoked does not take. Lambda says under which ARN: the function's own, or an alias's
/// (Lambda developer guide, "Using the Lambda context object": `invokedFunctionArn`).
fn refused(invoked_arn: &str, payload: &str) -> Option<&'static str> {
    match invoked_arn.split(':').nth(7) {
        Some(DOCTOR_ALIAS) => Some("the alias doctor answers questions only, and takes no task"),
        Some(PREPARE_ALIAS) if serde_json::from_str::<Preparation>(payload).is_err() => {
            Some("the alias prepare takes preparations only, and no task")
        }
        Some(RECOVERY_ALIAS) if serde_json::from_str::<RecoveryQuestion>(payload).is_err() => {
            Some("the alias recovery says what was lost only, and takes no task")
        }
        Some(IMPACT_ALIAS) if !asks_for_impact(payload) => {
            Some("the alias impact says what a containment would hit, and takes no other task")
        }
        _ => None,
    }
}

/// One invocation. Every line that it logs carries what it is about.
async fn invoke<I, O, F, D>(payload: &str, invoked_arn: &str, look: &D, handler: &F) -> Result<Output<O>, Diagnostic>
where
    I: DeserializeOwned,
    F: AsyncFn(I) -> Result<O, Fault>,
    D: AsyncFn(Places) -> Result<Diagnosis, Fault>,
{
    let span = about::span(payload);
    let work = async {
        if let Ok(question) = serde_json::from_str::<Question>(payload) {
            return look(question.diagnose).await.map(Box::new).map(Output::Diagnosis);
        }
        if let Some(why) = refused(invoked_arn, payload) {
            return Err(Fault::new(FaultKind::Denied, why));
        }
        // The payload stays raw until here so that JSON too deep or too odd for a tree still reaches the handler that asks for it.
        handler(parsed(payload)?).await.map(Output::Task)
    };
    // Boxed: the SDK nests futures deeper than the compiler lays out in one piece.
    let answer = AssertUnwindSafe(Box::pin(work.instrument(span.clone()))).catch_unwind().await;
    let fault = match answer {
        Ok(Ok(answer)) => return Ok(answer),
        Ok(Err(fault)) => fault,
        Err(_) => Fault::bug("the function panicked; its log has the place"),
    };
    Err(span.in_scope(|| diagnose(fault)))
}

fn parsed<I: DeserializeOwned>(payload: &str) -> Result<I, Fault> {
    serde_json::from_str(payload)
        .map_err(|error| Fault::malformed(format!("the function's input has the wrong form ({:?})", error.classify())))
}

/// What a function answers.
#[derive(Serialize)]
#[serde(untagged)]
enum Output<O> {
    Diagnosis(Box<Diagnosis>),
    Task(O),
}

/// Logs a failure once, at the boundary, and gives it the name the state machine matches.
pub(crate) fn diagnose(fault: Fault) -> Diagnostic {
    match fault.kind {
        FaultKind::Bug => tracing::error!(fault.kind = ?fault.kind, fault.message = %fault.message, "function failed"),
        _ => tracing::warn!(fault.kind = ?fault.kind, fault.message = %fault.message, "function failed"),
    }
    Diagnostic { error_type: fault.kind.error_type().to_owned(), error_message: fault.message }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::step::step;
    use firebreak::receipt::Outcome;
    use firebreak::step::StepKind;
    use firebreak_testkit::log::Log;
    use lambda_runtime::tracing::subscriber;
    use serde_json::{Value, json};

    const FUNCTION: &str = "arn:aws:lambda:eu-central-1:111122223333:function:firebreak-lockdown-s3";

    /// The lines of one invocation, in the form of production.
    async fn logged(payload: &Value, handler: impl AsyncFn(Value) -> Result<Value, Fault>) -> (String, Vec<Value>) {
        // Every place that logs is asked once whether anybody listens: from the first test on somebody does.
        static ONCE: std::sync::Once = std::sync::Once::new();
        ONCE.call_once(|| tracing::subscriber::set_global_default(subscriber::registry()).expect("nobody listens yet"));
        let log = Log::default();
        let writer = log.clone();
        let lines = subscriber::fmt().json().without_time().with_writer(move || writer.clone()).finish();
        let guard = tracing::subscriber::set_default(lines);
        let look = async |_: Places| Ok(Diagnosis::default());
        let _ = invoke(&payload.to_string(), FUNCTION, &look, &handler).await;
        drop(guard);
        let text = log.text();
        let lines = text.lines().map(|line| serde_json::from_str(line).expect("one line is one JSON object")).collect();
        (text, lines)
    }

    /// A field of the spans that a line stands in.
    fn field<'a>(line: &'a Value, name: &str) -> Option<&'a str> {
        line["spans"].as_array().into_iter().flatten().rev().find_map(|span| span[name].as_str())
    }

    fn task(target: &str) -> Value {
        json!({ "phase": "contain", "incident": { "id": "fb-0123456789abcdef" }, "task_token": "SECRET", "target": {
            "kind": "s3-bucket", "id": target, "account": "111122223333", "region": "eu-central-1", "partition": "aws" } })
    }

    #[tokio::test]
    async fn every_line_carries_incident_target_phase_and_step() {
        let handler = async |_: Value| {
            tracing::info!("a line of the handler");
            let done = async {
                tracing::info!("a line of a step");
                Ok(Outcome::Applied)
            };
            step(StepKind::BlockPublicAccess, done).await;
            Err(Fault::bug("what went wrong"))
        };
        let (_, lines) = logged(&task("acme"), handler).await;
        let messages: Vec<_> = lines.iter().map(|line| line["fields"]["message"].as_str().unwrap_or_default()).collect();
        assert_eq!(messages, ["a line of the handler", "a line of a step", "step done", "function failed"]);
        for line in &lines {
            let about = ["incident", "target", "phase"].map(|name| field(line, name));
            assert_eq!(about, [Some("fb-0123456789abcdef"), Some("S3 bucket acme"), Some("contain")], "{line}");
        }
        assert_eq!(
            lines.iter().map(|line| field(line, "step")).collect::<Vec<_>>(),
            [None, Some("block-public-access"), Some("block-public-access"), None]
        );
    }

    #[tokio::test]
    async fn the_alias_doctor_answers_questions_and_no_task_gets_to_the_function() {
        let handled = std::cell::Cell::new(0);
        let handler = async |_: Value| {
            handled.set(handled.get() + 1);
            Ok(Value::Null)
        };
        let look = async |_: Places| Ok(Diagnosis::default());
        let doctor = format!("{FUNCTION}:doctor");
        let question = json!({ "diagnose": { "partition": "aws", "regions": ["eu-central-1"] } });
        let mut and_a_task = question.clone();
        and_a_task["phase"] = json!("contain");
        for task in [task("acme"), and_a_task, json!({}), json!([question.clone()])] {
            let refused = invoke(&task.to_string(), &doctor, &look, &handler).await.err();
            assert_eq!(refused.map(|error| error.error_type).as_deref(), Some("Firebreak.Denied"), "{task}");
        }
        assert_eq!(handled.get(), 0);
        let answer = invoke(&question.to_string(), &doctor, &look, &handler).await;
        assert!(matches!(answer, Ok(Output::Diagnosis(_))));
        let latest = format!("{FUNCTION}:$LATEST");
        for arn in [FUNCTION, latest.as_str(), ""] {
            let answer = invoke(&task("acme").to_string(), arn, &look, &handler).await;
            assert!(matches!(answer, Ok(Output::Task(_))), "{arn}");
        }
        assert_eq!(handled.get(), 3);
    }

    #[tokio::test]
    async fn the_alias_prepare_takes_preparations_and_no_task_and_the_alias_doctor_takes_none() {
        let handled = std::cell::Cell::new(0);
        let handler = async |_: Value| {
            handled.set(handled.get() + 1);
            Ok(Value::Null)
        };
        let look = async |_: Places| Ok(Diagnosis::default());
        let places = json!({ "partition": "aws", "accounts": ["111122223333"], "regions": ["eu-central-1"] });
        let asked = json!({ "prepare": places });
        let mut and_a_task = task("acme");
        and_a_task["prepare"] = places;
        let prepare = format!("{FUNCTION}:prepare");
        for (arn, payload) in [
            (prepare.clone(), task("acme")),
            (prepare.clone(), and_a_task),
            (prepare.clone(), json!({})),
            (format!("{FUNCTION}:doctor"), asked.clone()),
        ] {
            let refused = invoke(&payload.to_string(), &arn, &look, &handler).await.err();
            assert_eq!(refused.map(|error| error.error_type).as_deref(), Some("Firebreak.Denied"), "{arn}: {payload}");
        }
        assert_eq!(handled.get(), 0);
        for arn in [prepare.as_str(), FUNCTION] {
            assert!(matches!(invoke(&asked.to_string(), arn, &look, &handler).await, Ok(Output::Task(_))), "{arn}");
        }
        assert_eq!(handled.get(), 2);
    }

    #[tokio::test]
    async fn the_alias_recovery_says_what_was_lost_and_takes_no_task_and_no_other_alias_says_it() {
        let handled = std::cell::Cell::new(0);
        let handler = async |_: Value| {
            handled.set(handled.get() + 1);
            Ok(Value::Null)
        };
        let look = async |_: Places| Ok(Diagnosis::default());
        let wanted = json!({ "incident": "fb-0123456789abcdef", "bucket": "acme" });
        let asked = json!({ "recover": wanted });
        let mut and_a_task = task("acme");
        and_a_task["recover"] = wanted;
        let places = json!({ "partition": "aws", "accounts": ["111122223333"], "regions": ["eu-central-1"] });
        let under = |alias: &str| format!("{FUNCTION}:{alias}");
        for (arn, payload) in [
            (under("recovery"), task("acme")),
            (under("recovery"), and_a_task),
            (under("recovery"), json!({})),
            (under("recovery"), json!({ "prepare": places })),
            (under("doctor"), asked.clone()),
            (under("prepare"), asked.clone()),
            (under("impact"), asked.clone()),
        ] {
            let refused = invoke(&payload.to_string(), &arn, &look, &handler).await.err();
            assert_eq!(refused.map(|error| error.error_type).as_deref(), Some("Firebreak.Denied"), "{arn}: {payload}");
        }
        assert_eq!(handled.get(), 0);
        assert!(matches!(invoke(&asked.to_string(), &under("recovery"), &look, &handler).await, Ok(Output::Task(_))));
        assert_eq!(handled.get(), 1);
    }

    #[tokio::test]
    async fn the_alias_impact_takes_no_task_that_changes_anything() {
        let handled = std::cell::Cell::new(0);
        let handler = async |_: Value| {
            handled.set(handled.get() + 1);
            Ok(Value::Null)
        };
        let look = async |_: Places| Ok(Diagnosis::default());
        let impact = format!("{FUNCTION}:impact");
        let places = json!({ "partition": "aws", "accounts": ["111122223333"], "regions": ["eu-central-1"] });
        let of = |phase: &str| {
            let mut task = task("acme");
            task["phase"] = json!(phase);
            task.to_string()
        };
        let twice = of("impact").replacen('{', r#"{"phase":"contain","#, 1);
        let preparation = json!({ "prepare": places }).to_string();
        for payload in [of("contain"), of("verify"), of("IMPACT"), twice, preparation, "{}".to_owned(), "[]".to_owned()] {
            let refused = invoke(&payload, &impact, &look, &handler).await.err();
            assert_eq!(refused.map(|error| error.error_type).as_deref(), Some("Firebreak.Denied"), "{payload}");
        }
        assert_eq!(handled.get(), 0);
        assert!(matches!(invoke(&of("impact"), &impact, &look, &handler).await, Ok(Output::Task(_))));
        assert_eq!(handled.get(), 1);
    }

    #[tokio::test]
    async fn an_incident_that_the_function_learns_later_is_in_the_lines_after_it() {
        let handler = async |_: Value| {
            tracing::info!("before");
            about::incident(&firebreak::ids::IncidentId::of("a finding"));
            tracing::info!("after");
            Ok(Value::Null)
        };
        let (_, lines) = logged(&json!({ "event": {} }), handler).await;
        assert_eq!((field(&lines[0], "incident"), field(&lines[1], "incident").is_some()), (None, true));
    }

    #[tokio::test]
    async fn text_of_an_attacker_is_inert_and_a_token_is_in_no_line() {
        let hostile = "x\u{1b}[2J\r\n{\"level\":\"INFO\"}\u{202e}";
        let mut payload = task(hostile);
        payload["phase"] = json!(hostile);
        let (text, lines) = logged(&payload, async |_: Value| Err(Fault::bug("it failed"))).await;
        assert_eq!(lines.len(), 1, "{text}");
        assert!(!text.contains(['\u{1b}', '\u{202e}']) && !text.contains("\\u001b") && !text.contains("SECRET"), "{text}");
        for odd in
            [json!([]), json!("text"), json!({ "incident": { "id": "../../x" }, "target": 7 }), json!({ "incident": "SECRET" })]
        {
            let (text, lines) = logged(&odd, async |_: Value| Err(Fault::bug("it failed"))).await;
            assert_eq!((lines.len(), field(&lines[0], "incident")), (1, None), "{text}");
            assert!(!text.contains("SECRET") && !text.contains(".."), "{text}");
        }
    }
}
