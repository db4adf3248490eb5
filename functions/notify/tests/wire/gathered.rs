//! The state machine carries facts; what people read of decisions and steps is in the ledger.

use crate::stage::{TOPIC, Topic, receipt, request, send, stage};
use firebreak::decision::{Decision, Mode};
use firebreak::facts::Carry;
use firebreak::incident::Incident;
use firebreak::receipt::{Receipt, Status, Step};
use firebreak_testkit::room;
use firebreak_testkit::scripted::{ScriptedAws, error};
use notify::Function;
use serde_json::{Value, json};
use std::time::Duration;

/// A step, as the functions write it.
fn step(name: &str, outcome: &str) -> Step {
    let fault = (outcome == "failed").then(|| json!({ "kind": "denied", "message": "iam:UpdateAccessKey: AccessDenied" }));
    let step = json!({ "name": name, "outcome": outcome, "error": fault, "started_at": "2026-11-21T02:00:00Z", "ms": 1 });
    serde_json::from_value(step).expect("a step")
}

/// What the ledger has: alice is partly contained, bob waits for an approval.
async fn known() -> (ScriptedAws, Topic) {
    let (aws, topic) = stage().await;
    let (ledger, id) = (room::ledger(&aws), room::incident("one"));
    let like = |user: &str, mode| {
        let about = receipt(user, Status::Contained);
        Decision::new(about.target, about.containment, mode, format!("why {user}"))
    };
    let decisions = [like("alice", Mode::Auto), like("bob", Mode::Gate)];
    let amended = ledger.amend(&id, |incident| incident.decisions = decisions.to_vec());
    amended.await.expect("the ledger takes it").expect("an incident");
    ledger.keep_receipt(&id, &partial("alice")).await.expect("the ledger takes it");
    ledger.keep_release(&id, &partial("alice")).await.expect("the ledger takes it");
    aws.forget();
    (aws, topic)
}

fn partial(user: &str) -> Receipt {
    let steps = vec![step("attach-deny", "applied"), step("deactivate-key A", "failed")];
    Receipt { steps, finished_at: Some(room::opened("one").opened_at), ..receipt(user, Status::Partial) }
}

/// A request of the state machine that carries facts: no decision, no step.
fn facts(kind: &str, report: &Value) -> Value {
    let mut request = request(kind);
    let incident: Incident = serde_json::from_value(request["incident"].clone()).expect("an incident");
    request["incident"] = json!(Carry::Facts.incident(incident));
    request["report"] = report.clone();
    request
}

#[tokio::test]
async fn decisions_and_steps_come_from_the_ledger() {
    let fact = json!(Carry::Facts.receipts(vec![partial("alice")]));
    let contained = json!({ "containment": { "status": "ok", "receipts": fact } });
    let released = json!({ "release": { "status": "failed", "receipts": fact } });
    for (kind, report, lines) in [
        ("outcome", &contained, ["FAILED: deactivate-key A: AWS refused", "PARTLY contained (denied everything by policy)"]),
        ("alarm", &contained, ["FAILED: deactivate-key A: AWS refused", "IAM user bob"]),
        ("closed", &released, ["FAILED: deactivate-key A: AWS refused", "denied everything by policy; FAILED: deactivate-key A"]),
    ] {
        let (aws, topic) = known().await;
        let mut request = facts(kind, report);
        if kind == "closed" {
            request["answer"] = json!({ "answer": "release", "by": "ann", "comment": "no", "at": "2026-11-21T03:00:00Z" });
        }
        let sent = send(&aws, &request).await.expect("it is sent");
        assert_eq!(sent.unfinished, usize::from(kind == "closed"));
        let message = topic.messages()[0].clone();
        assert!(message.subject.contains("IAM user alice"), "{kind}: {}", message.subject);
        for line in lines {
            assert!(message.body.contains(line), "{kind}: {line}: {}", message.body);
        }
    }
}

#[tokio::test]
async fn without_the_ledger_people_are_told_what_the_state_machine_knows_and_what_is_missing() {
    let (aws, topic) = known().await;
    aws.always("dynamodb:Query", error(400, "AccessDeniedException"));
    let report = json!({ "containment": { "status": "ok", "receipts": Carry::Facts.receipts(vec![partial("alice")]) } });
    send(&aws, &facts("outcome", &report)).await.expect("people must be told all the same");
    let body = topic.messages()[0].body.clone();
    assert!(body.contains("IAM user alice is NOT contained in full"), "{body}");
    assert!(body.contains("lacks what only the ledger knows"), "{body}");

    // What only the ledger knows is missing; that is no failure of the containment.
    let (aws, topic) = known().await;
    aws.always("dynamodb:Query", error(400, "AccessDeniedException"));
    let contained = Receipt { finished_at: Some(room::opened("one").opened_at), ..receipt("alice", Status::Contained) };
    let report = json!({ "containment": { "status": "ok", "receipts": Carry::Facts.receipts(vec![contained]) } });
    send(&aws, &facts("outcome", &report)).await.expect("people must be told all the same");
    let message = topic.messages()[0].clone();
    assert!(message.subject.starts_with("[Firebreak] Contained: IAM user alice"), "{}", message.subject);
    assert!(message.body.contains("lacks what only the ledger knows"), "{}", message.body);

    // The count decides whether the gate opens again: a fact counts as well.
    let mut closed = facts("closed", &json!({ "gated": Carry::Facts.receipts(vec![partial("alice")]) }));
    closed["answer"] = json!({ "answer": "approve", "by": "ann", "comment": "yes", "at": "2026-11-21T03:00:00Z" });
    assert_eq!(send(&aws, &closed).await.expect("it is sent").unfinished, 1);
}

#[tokio::test]
async fn an_opening_needs_no_ledger() {
    let (aws, _) = known().await;
    send(&aws, &request("opened")).await.expect("it is sent");
    assert_eq!(aws.calls_of("dynamodb:Query").len(), 0, "the first word must not wait");
}

#[tokio::test]
async fn a_ledger_that_hangs_keeps_nobody_from_being_told() {
    let (aws, topic) = known().await;
    aws.delay_call("dynamodb:Query", 1, Duration::from_millis(200));
    let request = serde_json::from_value(facts("outcome", &json!({}))).expect("a request");
    let function = Function::new(&aws.aws(), room::ledger(&aws), TOPIC.to_owned()).patient_for(Duration::from_millis(20));
    Box::pin(function.handle(request)).await.expect("it is sent");
    assert!(topic.messages()[0].body.contains("lacks what only the ledger knows"), "{}", topic.messages()[0].body);
}
