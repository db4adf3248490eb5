//! An incident whose execution ended, and the topic of last resort.

use execution_ended::{Done, Function};
use firebreak::fault::Fault;
use firebreak::ids::IncidentId;
use firebreak::incident::{Incident, IncidentStatus};
use firebreak::plan::{Circumstances, plan_json};
use firebreak::policy::Policy;
use firebreak_ledger::RawEvent;
use firebreak_testkit::scripted::{ScriptedAws, ok};
use firebreak_testkit::{fixture, room};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, PoisonError};

pub(crate) const TOPIC: &str = "arn:aws:sns:eu-central-1:123456789012:firebreak-failures";
pub(crate) const EXECUTION: &str =
    "arn:aws:states:eu-central-1:123456789012:execution:firebreak-incident-response:event-0123456789abcdef-0";

/// What people got: subject and message.
#[derive(Clone, Default)]
pub(crate) struct Topic(Arc<Mutex<Vec<(String, Value)>>>);

impl Topic {
    pub(crate) fn messages(&self) -> Vec<(String, Value)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A server and its topic.
pub(crate) async fn stage() -> (ScriptedAws, Topic) {
    let aws = ScriptedAws::start().await.expect("a port");
    let topic = Topic::default();
    let served = topic.clone();
    aws.on("sns:Publish", move |call| {
        assert_eq!(call.param("TopicArn"), TOPIC);
        let message = serde_json::from_str(call.param("Message")).expect("JSON");
        served.0.lock().unwrap_or_else(PoisonError::into_inner).push((call.param("Subject").to_owned(), message));
        Some(ok("<MessageId>m-1</MessageId>"))
    });
    (aws, topic)
}

/// The event of a finding.
pub(crate) fn finding() -> Value {
    fixture::load("guardduty/exfiltration-iam-user").expect("a fixture")
}

/// The ledger knows the incident of the finding, and that `execution` works on it.
pub(crate) async fn opened(aws: &ScriptedAws, execution: &str, status: IncidentStatus) -> IncidentId {
    let policy = Policy::parse("default_mode = \"auto\"").expect("a policy");
    let now = "2026-11-20T02:10:00Z".parse().expect("a time");
    let event = finding().to_string();
    let plan = plan_json(event.as_bytes(), &Circumstances::new(&policy, now)).expect("a plan");
    let incident = Incident::new(plan, &policy, execution.to_owned(), now);
    room::ledger(aws).open_incident(&incident, status, &RawEvent::Inline(&event)).await.expect("written");
    aws.forget();
    incident.id
}

/// What EventBridge delivers.
pub(crate) fn ended(status: &str, input: Option<&Value>) -> Value {
    json!({ "source": "aws.states", "detail-type": "Step Functions Execution Status Change", "detail": {
        "executionArn": EXECUTION, "status": status, "input": input.map(Value::to_string),
        "inputDetails": { "included": input.is_some() }, "error": "States.Runtime",
        "cause": "The input was {\"x\": \"\u{202e}https://evil.example\"}" } })
}

/// The same, of an execution that raised `error` in the end.
pub(crate) fn raised(error: &str, input: &Value) -> Value {
    let mut event = ended("FAILED", Some(input));
    event["detail"]["error"] = json!(error);
    event
}

pub(crate) async fn deliver(aws: &ScriptedAws, event: &Value) -> Result<Done, Fault> {
    let function = Function::new(&aws.aws(), room::ledger(aws), TOPIC.to_owned());
    Box::pin(function.handle(serde_json::from_value(event.clone()).expect("an event"))).await
}

pub(crate) async fn status(aws: &ScriptedAws, id: &IncidentId) -> IncidentStatus {
    room::ledger(aws).record(id).await.expect("read").expect("known").status
}
