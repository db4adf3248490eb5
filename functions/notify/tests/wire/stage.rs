//! A topic that people read, and the requests of the state machine.

use firebreak::containment::Containment;
use firebreak::fault::Fault;
use firebreak::incident::IncidentStatus;
use firebreak::receipt::{Receipt, Status};
use firebreak::target::TargetKind;
use firebreak_ledger::{IncidentView, RawEvent};
use firebreak_testkit::room;
use firebreak_testkit::scripted::{Call, ScriptedAws, ok};
use notify::{Function, NoticeInput, Sent};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, PoisonError};

pub(crate) const TOPIC: &str = "arn:aws:sns:eu-central-1:123456789012:firebreak-notices";

/// What people got.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) topic: String,
    pub(crate) subject: String,
    pub(crate) body: String,
}

/// The topic. Its messages have the ids `sns-1`, `sns-2` and so on.
#[derive(Clone, Default)]
pub(crate) struct Topic(Arc<Mutex<Vec<Message>>>);

impl Topic {
    /// What was published.
    pub(crate) fn messages(&self) -> Vec<Message> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn publish(&self, call: &Call) -> usize {
        let [topic, subject, body] = ["TopicArn", "Subject", "Message"].map(|name| call.param(name).to_owned());
        let mut messages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        messages.push(Message { topic, subject, body });
        messages.len()
    }
}

/// A server whose ledger knows the incident.
pub(crate) async fn stage() -> (ScriptedAws, Topic) {
    let aws = ScriptedAws::start().await.expect("a port");
    let topic = Topic::default();
    let served = topic.clone();
    aws.on("sns:Publish", move |call| Some(ok(format!("<MessageId>sns-{}</MessageId>", served.publish(call)))));
    let opened = room::opened("one");
    let ledger = room::ledger(&aws);
    let kept = Box::pin(ledger.open_incident(&opened, IncidentStatus::Containing, &RawEvent::Inline("{}"))).await;
    kept.expect("the ledger takes it");
    aws.forget();
    (aws, topic)
}

/// What the state machine sends: an incident with one decision.
pub(crate) fn request(kind: &str) -> Value {
    let mut incident = serde_json::to_value(room::opened("one")).expect("JSON");
    let target = room::target(TargetKind::IamUser, "alice");
    incident["decisions"] =
        json!([{ "target": target, "containment": "quarantine-iam", "mode": "auto", "reason": "the type calls for it" }]);
    json!({ "kind": kind, "incident": incident })
}

/// The closing notice of an incident that somebody answered.
pub(crate) fn closing(answer: &str, report: &Value) -> Value {
    let mut request = request("closed");
    request["report"] = report.clone();
    request["answer"] = json!({ "answer": answer, "by": "ann", "comment": "it was so", "at": "2026-11-21T03:00:00Z" });
    request
}

pub(crate) async fn send(aws: &ScriptedAws, request: &Value) -> Result<Sent, Fault> {
    let request: NoticeInput = serde_json::from_value(request.clone()).expect("a request");
    Box::pin(Function::new(&aws.aws(), room::ledger(aws), TOPIC.to_owned()).handle(request)).await
}

/// A receipt about the user of this name.
pub(crate) fn receipt(user: &str, status: Status) -> Receipt {
    Receipt::of(room::target(TargetKind::IamUser, user), Containment::QuarantineIam, status)
}

pub(crate) async fn view(aws: &ScriptedAws) -> IncidentView {
    let (ledger, id) = (room::ledger(aws), room::incident("one"));
    Box::pin(ledger.incident(&id)).await.expect("the ledger answers").expect("an incident")
}
