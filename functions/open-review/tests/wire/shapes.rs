//! Messages that an execution of an earlier version sends: a gate can be open for weeks while Firebreak is deployed anew.

use crate::stage::{EXECUTION, deliver, incident, is_announced, stage, token, view};
use firebreak::fault::FaultKind;
use firebreak::incident::IncidentStatus;
use firebreak::receipt::Receipt;
use firebreak_testkit::room;
use serde_json::{Value, json};

fn place(kind: &str, id: &str) -> Value {
    json!({ "kind": kind, "id": id, "account": room::ACCOUNT, "region": room::REGION, "partition": "aws" })
}

fn decision(target: &Value, containment: &str) -> Value {
    json!({ "target": target, "containment": containment, "mode": "auto", "reason": "the type calls for it" })
}

/// Without `findings`, and with decisions that have no `code`.
fn earlier_incident() -> Value {
    json!({
        "id": incident().id, "verdict": "respond", "reason": null, "dedupe_key": "key",
        "finding": {
            "id": "arn:aws:guardduty:eu-central-1:111122223333:detector/d/finding/f", "type": "Recon:IAMUser/MaliciousIPCaller",
            "severity": 8.0, "severity_band": "high", "source": "guardduty", "account": room::ACCOUNT, "region": room::REGION,
            "title": "Reconnaissance"
        },
        "decisions": [
            decision(&place("iam-user", "alice"), "quarantine-iam"),
            decision(&place("ec2-instance", "i-0123456789abcdef0"), "isolate-ec2")
        ],
        "execution_arn": EXECUTION, "opened_at": "2026-11-21T00:59:00Z",
        "timing": { "verify_waits": [30], "verify_rounds": 1, "review_timeout_seconds": 3600, "review_max_rounds": 3 }
    })
}

/// Without `retry` and `after_answer`, and with receipts that have no `fault`.
fn earlier_message() -> Value {
    let step = json!({ "name": "attach-deny", "outcome": "applied", "started_at": "2026-11-21T00:59:01Z", "ms": 12 });
    let contained = json!({
        "target": place("iam-user", "alice"), "containment": "quarantine-iam", "status": "contained", "steps": [step],
        "finished_at": "2026-11-21T00:59:02Z"
    });
    let failed = json!({
        "target": place("ec2-instance", "i-0123456789abcdef0"), "containment": "isolate-ec2", "status": "failed",
        "error": "Firebreak.Gone {\"errorMessage\":\"there is no such instance\",\"errorType\":\"Firebreak.Gone\"}"
    });
    json!({
        "task_token": token(1), "execution_arn": EXECUTION, "entered_at": "2026-11-21T01:00:00Z", "round": 1,
        "incident": earlier_incident(), "report": { "containment": { "status": "ok", "receipts": [contained, failed] } }
    })
}

#[tokio::test]
async fn a_message_of_the_previous_version_is_opened() {
    let (aws, world) = stage().await;
    let mut table = aws.table();
    let row = json!({
        "pk": { "S": format!("incident#{}", incident().id) }, "sk": { "S": "incident" }, "feed": { "S": "incident" },
        "opened_at": { "S": "2026-11-21T00:59:00.000000Z" }, "status": { "S": "containing" },
        "doc": { "S": earlier_incident().to_string() }
    });
    table.call("PutItem", &json!({ "Item": row })).expect("a plain put");
    aws.replace_table(table);
    assert_eq!(deliver(&aws, &[earlier_message()]).await, [""; 0]);
    assert_eq!(world.tickets().len(), 1);
    let body = &world.tickets()[0].body;
    assert!(body.contains("IAM user alice: contained (denied everything by policy)"), "{body}");
    assert!(body.contains("EC2 instance i-0123456789abcdef0 is NOT contained: it does not exist"), "{body}");
    assert!(is_announced(&aws));
    let view = view(&aws).await;
    assert_eq!(view.record.status, IncidentStatus::AwaitingReview);
    let faults: Vec<_> = view.receipts.iter().map(Receipt::fault_kind).collect();
    assert_eq!(faults, [Some(FaultKind::Gone)], "the receipt that exists nowhere else is kept");
}
