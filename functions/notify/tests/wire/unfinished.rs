//! What an answer left undone. The state machine closes the incident only at 0.

use crate::stage::{closing, receipt, send, stage};
use firebreak::fault::FaultKind;
use firebreak::receipt::{Receipt, Status};
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
