//! What the state machine carries: the id and small facts for a definition that asks for them, everything for an earlier one.

use crate::{AUTO, ONE_PAGE, SUSPECT, Stage, names, receipt};
use firebreak::decision::Mode;
use firebreak::facts::Carry;
use firebreak::fault::FaultKind;
use firebreak::incident::IncidentStatus;
use firebreak::receipt::{Receipt, Status, Step};
use firebreak_testkit::room;
use firebreak_testkit::scripted::error;
use serde_json::json;
use sweep::{Phase, SweepInput, SweepOutput};

fn with_steps(receipt: Receipt) -> Receipt {
    let step = json!({ "name": "attach-deny", "outcome": "applied", "started_at": "2026-11-21T02:00:00Z", "ms": 1 });
    let step: Step = serde_json::from_value(step).expect("a step");
    Receipt { steps: vec![step], ..receipt }
}

/// The stage as a definition carries it that asks for facts: no decision, no step.
async fn carrying_facts() -> (Stage, Receipt) {
    let mut stage = Stage::start().await;
    let full = with_steps(stage.report.containment.receipts[0].clone());
    stage.ledger().keep_receipt(&stage.incident.id, &full).await.expect("the ledger takes it");
    stage.incident = Carry::Facts.incident(stage.incident);
    (stage, full)
}

fn facts(stage: &Stage, phase: Phase, decided: usize) -> SweepInput {
    let mut request = SweepInput { carry: Carry::Facts, ..stage.request(phase) };
    request.report.sweep.decided = Some(decided);
    request
}

#[tokio::test]
async fn facts_lead_to_the_same_look_as_everything_and_facts_go_back() {
    let (stage, _) = carrying_facts().await;
    stage.trail.created_user("mallory");
    let answer = stage.ask(facts(&stage, Phase::Look, 1), ONE_PAGE).await.expect("an answer");
    assert_eq!(names(&answer.watch.contain), ["mallory"], "the suspect is contained already");
    assert_eq!((answer.report.sweep.decided, answer.watch.alarm, answer.watch.idle), (Some(2), true, false));
    let [fact] = answer.report.containment.receipts.as_slice() else { panic!("{:?}", answer.report) };
    assert_eq!((fact.target.id.as_str(), fact.status, fact.steps.len()), (SUSPECT, Status::Contained, 0));
    assert!(answer.incident.decisions.is_empty() && answer.incident.findings.is_empty());
    assert_eq!(stage.view().await.record.incident.decisions.len(), 2, "the ledger has them");
    assert_eq!(stage.aws.calls_of("cloudtrail:LookupEvents").len(), 1, "what is contained is a suspect");
}

#[tokio::test]
async fn an_execution_of_an_earlier_definition_asks_for_nothing_and_gets_decisions_and_steps() {
    let (mut stage, full) = carrying_facts().await;
    stage.incident = stage.view().await.record.incident;
    let earlier = json!({ "incident": stage.incident, "report": stage.report, "watch": { "round": 1, "seconds": 5 } });
    for phase in ["look", "gather"] {
        let mut earlier = earlier.clone();
        earlier["phase"] = json!(phase);
        let request: SweepInput = serde_json::from_value(earlier).expect("the shape at 3836077");
        let answer = stage.ask(request, ONE_PAGE).await.expect("an answer");
        assert_eq!(answer.incident.decisions, stage.incident.decisions, "{phase}: its Maps go over them");
        assert_eq!(answer.report.containment.receipts, std::slice::from_ref(&full), "{phase}");
        assert_eq!(answer.watch.alarm, phase == "gather", "nothing is new to a look");
    }
}

#[tokio::test]
async fn what_was_decided_between_two_looks_is_news_once() {
    let (stage, _) = carrying_facts().await;
    stage.append(&[stage.decision_like(&stage.view().await.record.incident, "alice", Mode::Gate)]).await;
    let first = stage.ask(facts(&stage, Phase::Look, 1), ONE_PAGE).await.expect("an answer");
    assert!(first.watch.alarm && first.watch.contain.is_empty(), "a person has to know that it waits");
    let second =
        stage.ask(facts(&stage, Phase::Look, first.report.sweep.decided.expect("a count")), ONE_PAGE).await.expect("an answer");
    assert!(!second.watch.alarm);
}

#[tokio::test]
async fn what_the_first_containments_left_out_because_they_broke_down_is_contained_after_the_look() {
    let (mut stage, _) = carrying_facts().await;
    stage.append(&[stage.decision_like(&stage.view().await.record.incident, "alice", Mode::Auto)]).await;
    "failed".clone_into(&mut stage.report.containment.status);
    stage.report.containment.receipts.clear();
    let answer = stage.ask(facts(&stage, Phase::Look, 2), ONE_PAGE).await.expect("an answer");
    assert_eq!(names(&answer.watch.contain), ["alice"], "the ledger has a receipt of the other");
}

#[tokio::test]
async fn an_incident_that_the_ledger_does_not_know_is_carried_whole() {
    let mut stage = Stage::start().await;
    stage.incident.id = room::incident("nobody wrote it");
    let answer = stage.ask(facts(&stage, Phase::Look, 1), AUTO).await.expect("an answer");
    assert_eq!(answer.incident.decisions, stage.incident.decisions);
}

#[tokio::test]
async fn the_receipt_of_a_function_that_failed_is_nowhere_else_and_is_carried_whole() {
    let (mut stage, _) = carrying_facts().await;
    let lost = Receipt {
        finished_at: None,
        error: Some("Sandbox.Timedout".to_owned()),
        ..receipt(&stage.decision_like(&stage.view().await.record.incident, "bob", Mode::Auto).target, Status::Failed)
    };
    stage.report.derived = vec![lost.clone()];
    let answer = stage.ask(facts(&stage, Phase::Gather, 1), AUTO).await.expect("an answer");
    assert_eq!(answer.report.containment.receipts[1], lost);
}

#[tokio::test]
async fn that_an_approval_was_carried_out_is_written_where_everything_about_an_incident_is_written() {
    let stage = Stage::start().await;
    let reply = stage.reply(stage.request(Phase::Close), AUTO).await.expect("a reply");
    assert!(matches!(reply, SweepOutput::Closed { status: IncidentStatus::Closed }), "{reply:?}");
    assert_eq!(stage.view().await.record.status, IncidentStatus::Closed);
    let row = stage.aws.table().item(&format!("incident#{}", stage.incident.id), "incident").cloned().expect("a row");
    assert!(row.contains_key("finished_at"));

    let mut unknown = stage.request(Phase::Close);
    unknown.incident.id = room::incident("nobody wrote it");
    assert_eq!(stage.reply(unknown, AUTO).await.expect_err("no row is made").kind, FaultKind::Gone);
    stage.aws.always("dynamodb:UpdateItem", error(400, "ThrottlingException"));
    let busy = stage.reply(stage.request(Phase::Close), AUTO).await;
    assert_eq!(busy.expect_err("it is tried again").kind, FaultKind::Transient);
}
