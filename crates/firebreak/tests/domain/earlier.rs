//! Payloads as an earlier version wrote them: an execution can wait at its gate for weeks, and meets the functions of an upgrade then.
//!
//! Each text is the shape at 3836077. A field that is added later must have a default; a field that is renamed breaks these.

use firebreak::answer::{Answer, Decided};
use firebreak::decision::{Decision, Mode, ReasonCode};
use firebreak::fault::FaultKind;
use firebreak::incident::Incident;
use firebreak::receipt::{Receipt, Status, Verification};
use firebreak::report::Report;
use firebreak::review::{DecideRequest, GateMessage, Takes};
use firebreak::step::StepKind;
use firebreak::task::TaskInput;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

fn read<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("an earlier shape is still read")
}

fn target() -> Value {
    json!({ "kind": "iam-user", "id": "alice", "account": "111122223333", "region": "eu-central-1", "partition": "aws",
        "principal_id": "AIDAEXAMPLEALICE00001", "access_key_id": "AKIAIOSFODNN7EXAMPLE" })
}

fn decision() -> Value {
    json!({ "target": target(), "containment": "quarantine-iam", "mode": "gate", "reason": "OVER BUDGET: 20 quarantine-iam; why" })
}

fn incident() -> Value {
    json!({
        "id": "fb-eae67d5647a8668b", "verdict": "respond", "reason": null, "dedupe_key": "arn:x",
        "finding": { "id": "arn:x", "type": "Exfiltration:IAMUser/AnomalousBehavior", "severity": 8.0, "severity_band": "high",
            "source": "guardduty", "account": "111122223333", "region": "eu-central-1", "title": "a title" },
        "decisions": [decision()], "execution_arn": "arn:e", "opened_at": "2026-11-20T02:00:00Z",
        "timing": { "verify_waits": [5, 15, 60], "verify_rounds": 3, "review_timeout_seconds": 14400, "review_max_rounds": 42 },
        "over_budget": 1,
    })
}

fn receipts() -> Value {
    let step = json!({ "name": "deactivate-key AKIAIOSFODNN7EXAMPLE", "outcome": "failed", "started_at": "2026-11-20T02:00:01Z",
        "ms": 12, "error": { "kind": "denied", "message": "iam:UpdateAccessKey: AccessDenied" } });
    json!([
        { "target": target(), "containment": "quarantine-iam", "status": "partial", "steps": [step],
            "finished_at": "2026-11-20T02:00:02Z" },
        // What the state machine wrote for a function that failed, and for a decision that waited.
        { "target": target(), "containment": "quarantine-iam", "status": "failed",
            "error": "Firebreak.Gone {\"errorType\":\"Firebreak.Gone\",\"errorMessage\":\"it is gone\"}" },
        { "target": target(), "containment": null, "status": "skipped", "error": "waits for approval" },
    ])
}

#[test]
fn a_decision_and_an_incident() {
    let decision: Decision = read(decision());
    assert_eq!((decision.mode, decision.code), (Mode::Gate, ReasonCode::Row));
    let incident: Incident = read(incident());
    assert_eq!((incident.decisions.len(), incident.findings.len(), incident.over_budget), (1, 0, 1));
    assert_eq!((decision.since, incident.revision), (0, 0), "what triage decided");
    assert!(incident.joining.is_none() && incident.finding.joined.is_none());
    assert_eq!(incident.holders(Some(0)).names().collect::<Vec<_>>(), [&incident.id]);
}

#[test]
fn receipts_of_functions_and_of_the_state_machine() {
    let receipts: Vec<Receipt> = read(receipts());
    assert_eq!(receipts[0].steps[0].kind(), Some(StepKind::DeactivateKey));
    assert_eq!(receipts[0].failed_steps()[0].as_str(), "deactivate-key AKIAIOSFODNN7EXAMPLE");
    assert_eq!((receipts[1].status, receipts[1].fault_kind()), (Status::Failed, Some(FaultKind::Gone)));
    assert_eq!(receipts[2].fault_kind(), None);
    assert!(receipts.iter().all(|receipt| receipt.held_by.is_none()));
}

#[test]
fn what_no_second_approval_could_mend_does_not_keep_an_earlier_gate_open() {
    let gated: Vec<Value> = receipts().as_array().expect("a list")[1..2].to_vec();
    let report: Report = read(json!({ "gated": gated, "containment": { "status": "ok", "receipts": receipts() } }));
    assert_eq!(report.unfinished(Answer::Approve), [""; 0]);
    assert!(!report.problems().is_empty());
}

#[test]
fn a_verification_and_an_answer() {
    let check: Verification =
        read(json!({ "target": target(), "containment": "quarantine-iam", "holds": false, "problems": ["x"] }));
    assert!(check.reverted.is_empty() && check.notes.is_empty());
    let said = json!({ "answer": "release", "by": "an analyst", "comment": "no", "at": "2026-11-20T02:10:00Z" });
    let decided: Decided = read(said);
    assert!(decided.targets.is_all() && decided.from.is_none() && decided.shown.is_none());
    let appended = Decision { since: 7, ..read(decision()) };
    assert!(appended.is_covered(decided.covers), "that version promised to carry out everything");
    let asked = json!({ "incident_id": "fb-eae67d5647a8668b", "answer": "approve", "by": "an analyst", "comment": "yes" });
    assert!(read::<DecideRequest>(asked).targets.is_all());
}

#[test]
fn a_task_and_the_message_of_a_gate() {
    let task: TaskInput = read(json!({ "phase": "contain", "incident": incident(), "target": target() }));
    assert!(!task.approved);
    let message: GateMessage = read(json!({
        "task_token": "token", "execution_arn": "arn:e", "entered_at": "2026-11-20T02:05:00Z", "retry": 0, "round": 1,
        "after_answer": false, "incident": incident(), "report": { "containment": { "status": "ok", "receipts": receipts() } },
    }));
    assert_eq!(message.report.containment.receipts.len(), 3);
    assert_eq!(message.takes, Takes::default(), "its definition knows two answers, for all targets");
}

#[test]
fn an_incident_that_nobody_amended_and_an_answer_without_a_ticket_are_written_as_before() {
    let written = |value: Value| value.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
    let (incident, decision) = (read::<Incident>(incident()), read::<Decision>(decision()));
    for later in ["revision", "joining", "settled"] {
        assert!(!written(json!(incident)).contains(&later.to_owned()), "{later}");
    }
    assert!(!written(json!(incident.finding)).contains(&"joined".to_owned()));
    for later in ["since", "only_by_name"] {
        assert!(!written(json!(decision)).contains(&later.to_owned()), "{later}");
    }
}

#[test]
fn an_answer_that_covers_a_revision_has_one_more_field_and_the_same_word() {
    let decided = Decided { covers: Some(2), ..Decided::new(Answer::Release, "ann", "no", jiff::Timestamp::UNIX_EPOCH) };
    let sent = serde_json::to_value(decided).expect("JSON");
    assert_eq!((&sent["answer"], &sent["covers"]), (&json!("release"), &json!(2)));
}

#[test]
fn an_answer_reaches_an_execution_that_knows_only_the_earlier_words() {
    let decided = Decided::new(Answer::Approve, "an analyst", "yes", jiff::Timestamp::UNIX_EPOCH);
    let sent = serde_json::to_value(decided).expect("JSON");
    assert_eq!(sent["answer"], "approve", "the definition compares this word");
    let known = ["answer", "by", "comment", "at"];
    assert!(sent.as_object().expect("an object").keys().all(|field| known.contains(&field.as_str())), "{sent}");
}
