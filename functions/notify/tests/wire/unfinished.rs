//! What an answer left undone. The state machine closes the incident only at 0.

use crate::stage::{Topic, closing, receipt, send, stage};
use firebreak::answer::{Answer, Decided};
use firebreak::decision::Decision;
use firebreak::fault::FaultKind;
use firebreak::receipt::{Receipt, Status};
use firebreak_testkit::room;
use firebreak_testkit::scripted::{ScriptedAws, error};
use serde_json::{Value, json};

/// A receipt with two steps that failed and one that holds.
fn partial(user: &str) -> Value {
    let step =
        |name: &str, outcome: &str| json!({ "name": name, "outcome": outcome, "started_at": "2026-11-21T02:00:00Z", "ms": 1 });
    let mut receipt = serde_json::to_value(receipt(user, Status::Partial)).expect("JSON");
    receipt["steps"] =
        json!([step("attach-deny", "applied"), step("deactivate-key A", "failed"), step("list-ssh-keys", "failed")]);
    receipt
}

/// A receipt that ended with this error, as the state machine writes it now.
fn failed(user: &str, fault: &str) -> Receipt {
    let error = Some("what people read".to_owned());
    Receipt { error, fault: Some(fault.to_owned().into()), ..receipt(user, Status::Failed) }
}

#[tokio::test]
async fn what_an_answer_left_undone_is_counted_and_the_subject_says_so() {
    let gated =
        json!([receipt("a", Status::Contained), partial("b"), receipt("c", Status::Failed), receipt("d", Status::Skipped)]);
    let released = json!([receipt("a", Status::Failed), receipt("b", Status::Contained)]);
    let cases = [
        ("approve", json!({ "gated": gated }), 3),
        ("approve", json!({ "gated": gated, "approval": { "status": "failed", "error": "States.Timeout" } }), 4),
        ("release", json!({ "release": { "status": "failed", "receipts": released } }), 1),
        ("release", json!({ "release": { "status": "failed", "error": "Firebreak.Bug" } }), 1),
        // What the other answer asked for is nobody's business any more.
        ("release", json!({ "gated": gated }), 0),
    ];
    for (answer, report, unfinished) in cases {
        let (aws, topic) = stage().await;
        let sent = send(&aws, &closing(answer, &report)).await.expect("it is sent");
        assert_eq!(sent.unfinished, unfinished, "{answer}: {report}");
        let subject = topic.messages()[0].subject.clone();
        assert_eq!(subject.contains("NOT FULLY carried out"), unfinished > 0, "{subject}");
    }
}

#[tokio::test]
async fn what_is_not_contained_keeps_the_incident_open_until_somebody_accepts_it() {
    for kind in FaultKind::ALL {
        // An execution that began under an earlier definition wrote no `fault`: its error begins with the name.
        let mut earlier = serde_json::to_value(receipt("alice", Status::Failed)).expect("JSON");
        earlier["error"] = json!(format!("{} {{\"errorMessage\":\"what people read\"}}", kind.error_type()));
        let now = json!(failed("alice", kind.error_type()));
        for gated in [earlier, now] {
            let (aws, topic) = stage().await;
            let mut request = closing("approve", &json!({ "gated": [gated] }));
            assert_eq!(send(&aws, &request).await.expect("it is sent").unfinished, 1, "{gated}");
            request["answer"]["accept_open"] = json!(["alice"]);
            assert_eq!(send(&aws, &request).await.expect("it is sent").unfinished, 0, "{gated}");
            let messages = topic.messages();
            assert!(messages[0].subject.contains("NOT FULLY carried out"), "{}", messages[0].subject);
            let last = &messages[1];
            assert!(last.subject.contains("Closed, NOT all contained"), "{}", last.subject);
            assert!(last.body.contains("Accepted as NOT contained: alice"), "{}", last.body);
            assert!(last.body.contains("After the approval:\n  - IAM user alice: NOT contained"), "{}", last.body);
        }
    }
}

#[tokio::test]
async fn what_was_contained_and_is_gone_since_needs_nothing_more() {
    let (aws, _) = stage().await;
    let held = receipt("alice", Status::Contained);
    let report = json!({ "containment": { "status": "ok", "receipts": [held] }, "gated": [failed("alice", "Firebreak.Gone")] });
    assert_eq!(send(&aws, &closing("approve", &report)).await.expect("it is sent").unfinished, 0);
}

/// The same after somebody decided about bob while the gate waited.
async fn amended() -> (ScriptedAws, Topic) {
    let (aws, topic) = stage().await;
    let bob = json!({ "target": receipt("bob", Status::Contained).target, "containment": "quarantine-iam", "mode": "gate",
        "reason": "found later" });
    let bob: Decision = serde_json::from_value(bob).expect("a decision");
    let (ledger, id) = (room::ledger(&aws), room::incident("one"));
    let amended = Box::pin(ledger.amend(&id, |incident| incident.decisions.push(bob.clone()))).await;
    amended.expect("the ledger takes it").expect("an incident");
    (aws, topic)
}

#[tokio::test]
async fn what_no_ticket_showed_keeps_the_incident_open_and_the_words_say_that_the_rest_is_done() {
    let (done, not) = (receipt("alice", Status::Contained), receipt("alice", Status::Failed));
    for (gated, covers, unfinished, headline) in [
        (&done, json!(0), 1, "Carried out, and more was decided since"),
        (&not, json!(0), 2, "NOT FULLY carried out"),
        (&done, json!(1), 0, "Approved and closed"),
        // Of an earlier version: it covers everything.
        (&done, Value::Null, 0, "Approved and closed"),
    ] {
        let (aws, topic) = amended().await;
        let mut request = closing("approve", &json!({ "gated": [gated] }));
        request["answer"]["covers"] = covers.clone();
        assert_eq!(send(&aws, &request).await.expect("it is sent").unfinished, unfinished, "{covers}");
        let message = topic.messages()[0].clone();
        assert!(message.subject.contains(headline), "{}", message.subject);
        let told = message.body.contains("IAM user bob: decided after the ticket that was answered");
        assert_eq!(told, covers == json!(0), "{}", message.body);
    }
}

#[tokio::test]
async fn without_the_ledger_the_revision_that_is_carried_keeps_the_incident_open() {
    let (aws, topic) = amended().await;
    aws.always("dynamodb:Query", error(400, "AccessDeniedException"));
    let mut request = closing("approve", &json!({}));
    (request["incident"]["revision"], request["incident"]["decisions"]) = (json!(1), json!([]));
    request["answer"]["covers"] = json!(0);
    assert_eq!(send(&aws, &request).await.expect("it is sent").unfinished, 1);
    assert!(topic.messages()[0].body.contains("something was decided after the ticket"), "{}", topic.messages()[0].body);
}

#[tokio::test]
async fn a_restore_that_failed_is_told_as_such_although_every_decision_is_settled() {
    let (aws, topic) = stage().await;
    let mut request = closing("release", &json!({ "release": { "status": "failed", "receipts": [partial("alice")] } }));
    request["kind"] = json!("restored");
    let (ledger, id) = (room::ledger(&aws), room::incident("one"));
    let alice: Vec<Decision> = serde_json::from_value(request["incident"]["decisions"].clone()).expect("decisions");
    let approved = Decided::new(Answer::Approve, "ann", "it was right", room::opened("one").opened_at);
    let decided = Box::pin(ledger.amend(&id, |incident| incident.decisions.clone_from(&alice))).await;
    decided.expect("the ledger takes it").expect("an incident");
    let settled = Box::pin(ledger.amend(&id, |incident| incident.settle(&approved, |_| true))).await;
    let settled = settled.expect("the ledger takes it").expect("an incident");
    assert_eq!(settled.settled.len(), 1);
    assert_eq!(send(&aws, &request).await.expect("it is sent").unfinished, 2, "two steps failed");
    let message = topic.messages()[0].clone();
    assert!(message.subject.contains("NOT all is put back, the incident stays closed"), "{}", message.subject);
    assert!(!message.body.contains("nothing of it is contained"), "{}", message.body);
}
