//! An incident whose gate opens, and what the ledger says about it.

use crate::world::World;
use firebreak::answer::{Answer, Decided};
use firebreak::containment::Containment;
use firebreak::decision::{Decision, Mode};
use firebreak::incident::{Incident, IncidentStatus};
use firebreak::receipt::{Receipt, Status};
use firebreak::target::{Target, TargetKind};
use firebreak_ledger::{Gate, IncidentView, RawEvent};
use firebreak_testkit::room;
use firebreak_testkit::scripted::ScriptedAws;
use lambda_runtime::tracing::subscriber;
use open_review::{Batch, Function};
use serde_json::{Value, json};
use std::sync::Once;

pub(crate) const TOPIC: &str = "arn:aws:sns:eu-central-1:123456789012:firebreak-tickets";
pub(crate) const EXECUTION: &str = "arn:aws:states:eu-central-1:123456789012:execution:firebreak-incident-response:one";
/// A piece of every token.
pub(crate) const SECRET: &str = "9tVPQ+secret/";

/// Every place that logs is asked once whether anybody listens, and keeps the answer. From the first test on somebody does: else a
/// place that is asked while another test begins to listen stays silent.
fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| tracing::subscriber::set_global_default(subscriber::registry()).expect("nobody listens yet"));
}

/// A server whose ledger knows the incident; no gate was opened yet.
pub(crate) async fn stage() -> (ScriptedAws, World) {
    listen();
    let aws = ScriptedAws::start().await.expect("a port");
    let world = World::of(&aws);
    let (ledger, incident) = (room::ledger(&aws), incident());
    let opened = Box::pin(ledger.open_incident(&incident, IncidentStatus::Containing, &RawEvent::Inline("{}"))).await;
    opened.expect("the ledger takes it");
    aws.forget();
    (aws, world)
}

/// The same after the first gate timed out while somebody answered: the ledger has the answer, the execution does not.
pub(crate) async fn answered() -> (ScriptedAws, World) {
    let (aws, world) = stage().await;
    assert_eq!(deliver(&aws, &[message(1)]).await, [""; 0]);
    decide(&aws).await;
    aws.forget();
    (aws, world)
}

pub(crate) fn alice() -> Target {
    room::target(TargetKind::IamUser, "alice")
}

pub(crate) fn exports() -> Target {
    room::target(TargetKind::S3Bucket, "acme-exports")
}

/// A decision as triage, or a look, writes it.
pub(crate) fn decision(target: &Target, containment: Containment, mode: Mode) -> Decision {
    let reason = "the type calls for it";
    let decision = json!({ "target": target, "containment": containment, "mode": mode, "reason": reason });
    serde_json::from_value(decision).expect("a decision")
}

/// What a containment of alice left.
pub(crate) fn receipt(status: Status) -> Receipt {
    let finished_at = Some(incident().opened_at);
    Receipt { finished_at, ..Receipt::of(alice(), Containment::QuarantineIam, status) }
}

/// The incident as triage opened it, and as the state machine carries it.
pub(crate) fn incident() -> Incident {
    let decisions = vec![decision(&alice(), Containment::QuarantineIam, Mode::Auto)];
    Incident { decisions, execution_arn: EXECUTION.to_owned(), ..room::opened("one") }
}

pub(crate) fn token(gate: u32) -> String {
    format!("AQCgAAAAKgAAAAIAAAAA{gate}{SECRET}token==")
}

/// What the state machine puts into the queue at its n-th gate.
pub(crate) fn message(gate: u32) -> Value {
    json!({
        "task_token": token(gate), "execution_arn": EXECUTION, "entered_at": format!("2026-11-21T0{gate}:00:00.000Z"),
        "retry": 0, "round": gate, "after_answer": false, "incident": incident(),
        "report": { "containment": { "status": "ok", "receipts": [receipt(Status::Contained)] } }
    })
}

/// Delivers one batch; returns the ids of the messages that must come again.
pub(crate) async fn deliver(aws: &ScriptedAws, messages: &[Value]) -> Vec<String> {
    let bodies: Vec<String> = messages.iter().map(Value::to_string).collect();
    deliver_bodies(aws, &bodies).await
}

/// The same with bodies that may be anything, in the form of an event source mapping.
pub(crate) async fn deliver_bodies(aws: &ScriptedAws, bodies: &[String]) -> Vec<String> {
    deliver_again(aws, bodies, "").await
}

/// The same, when SQS has handed the messages over so many times.
pub(crate) async fn deliver_again(aws: &ScriptedAws, bodies: &[String], received: &str) -> Vec<String> {
    let record = |(at, body): (usize, &String)| {
        json!({
            "messageId": format!("m-{at}"), "receiptHandle": "handle", "body": body, "messageAttributes": {},
            "attributes": { "ApproximateReceiveCount": received },
            "md5OfBody": "digest", "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:gate",
            "awsRegion": "eu-central-1"
        })
    };
    let records: Vec<Value> = bodies.iter().enumerate().map(record).collect();
    let batch: Batch = serde_json::from_value(json!({ "Records": records })).expect("a batch");
    let function = Function::new(&aws.aws(), room::ledger(aws), TOPIC.to_owned());
    let answer = Box::pin(function.handle(batch)).await.expect("a failure belongs to its message");
    let answer = serde_json::to_value(answer).expect("JSON");
    let failures = answer["batchItemFailures"].as_array().expect("the list that Lambda reads");
    failures.iter().map(|failure| failure["itemIdentifier"].as_str().expect("an id").to_owned()).collect()
}

/// An analyst's answer is recorded; nobody has handed it over yet.
pub(crate) async fn decide(aws: &ScriptedAws) {
    let decided = Decided::new(Answer::Approve, "ann", "it was right", incident().opened_at);
    let (ledger, id) = (room::ledger(aws), incident().id);
    let recorded = Box::pin(ledger.decide(&id, &decided)).await;
    assert!(recorded.expect("the ledger takes it"), "it is the first answer");
}

pub(crate) async fn gate(aws: &ScriptedAws) -> Gate {
    let (ledger, id) = (room::ledger(aws), incident().id);
    Box::pin(ledger.gate(&id)).await.expect("the ledger answers").expect("a gate")
}

pub(crate) async fn view(aws: &ScriptedAws) -> IncidentView {
    let (ledger, id) = (room::ledger(aws), incident().id);
    Box::pin(ledger.incident(&id)).await.expect("the ledger answers").expect("an incident")
}

/// Whether copies of the gate's message are stale from now on.
pub(crate) fn is_announced(aws: &ScriptedAws) -> bool {
    let table = aws.table();
    table.item(&format!("incident#{}", incident().id), "review").is_some_and(|item| item.contains_key("announced"))
}
