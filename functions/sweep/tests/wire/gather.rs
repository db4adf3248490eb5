//! The ledger is the incident: what somebody wrote there since counts.

use crate::{AUTO, ONE_PAGE, SUSPECT, Stage, modes, names, receipt};
use firebreak::containment::Containment;
use firebreak::decision::{Decision, Mode, ReasonCode, Waits};
use firebreak::incident::IncidentStatus;
use firebreak::receipt::Status;
use firebreak::target::{Scope, Target, TargetKind};
use serde_json::json;
use sweep::{Passing, Phase, SweepInput, SweepOutput};

/// What the state machine sends after an approval that covers this.
fn answered(stage: &Stage, phase: Phase, covers: Option<u32>) -> SweepInput {
    let mut answer = json!({ "answer": "approve", "by": "ann", "comment": "yes", "at": "2026-11-21T03:00:00Z" });
    if let Some(covers) = covers {
        answer["covers"] = json!(covers);
    }
    SweepInput { passing: Passing { gate: None, answer: Some(answer) }, ..stage.request(phase) }
}

#[tokio::test]
async fn what_was_decided_in_the_ledger_is_in_the_answer_and_what_waits_is_carried_out_after_an_approval() {
    let stage = Stage::start().await;
    let by_hand = Decision { containment: None, ..stage.decision("bob", Mode::Gate) };
    stage.append(&[stage.decision("mallory", Mode::Auto), stage.decision("alice", Mode::Gate), by_hand]).await;
    let answer = stage.run(Phase::Gather, AUTO).await.expect("an answer");
    assert_eq!(answer.incident.decisions, stage.view().await.record.incident.decisions);
    assert_eq!(answer.incident.decisions.len(), 4);
    assert_eq!(names(&answer.watch.contain), ["alice", "mallory"], "nobody contains what is by hand");
    assert_eq!(answer.watch.round, 1);
    assert!(stage.aws.calls().iter().all(|call| call.service == "dynamodb"), "gathering asks nobody else");
}

#[tokio::test]
async fn a_decision_that_a_killed_try_appended_comes_out_of_the_next_look() {
    let stage = Stage::start().await;
    stage.append(&[stage.decision("mallory", Mode::Auto), stage.decision("alice", Mode::Gate)]).await;
    let answer = stage.run(Phase::Look, ONE_PAGE).await.expect("an answer");
    assert_eq!(names(&answer.watch.contain), ["mallory"]);
    let all = [(SUSPECT, Mode::Auto), ("mallory", Mode::Auto), ("alice", Mode::Gate)];
    assert_eq!(modes(&answer.incident.decisions), all);
    assert!(answer.watch.alarm, "people have not been told");
}

#[tokio::test]
async fn a_receipt_that_was_corrected_replaces_the_one_that_the_state_machine_carries() {
    let mut stage = Stage::start().await;
    let target = stage.incident.decisions[0].target.clone();
    let before = receipt(&target, Status::Failed);
    stage.report.containment.receipts = vec![before.clone()];
    let failed = stage.run(Phase::Gather, AUTO).await.expect("an answer");
    assert_eq!(failed.report.containment.receipts, [before]);
    let corrected = receipt(&target, Status::Contained);
    stage.ledger().keep_receipt(&stage.incident.id, &corrected).await.expect("the ledger takes it");
    for phase in [Phase::Gather, Phase::Look] {
        let answer = stage.run(phase, ONE_PAGE).await.expect("an answer");
        assert_eq!(answer.report.containment.receipts, std::slice::from_ref(&corrected), "{phase:?}");
        assert!(!answer.watch.idle, "{phase:?}: there is something to look after");
    }
    assert_eq!(stage.aws.calls_of("cloudtrail:LookupEvents").len(), 1, "what is contained is a suspect");
}

#[tokio::test]
async fn a_decision_that_the_ledger_made_wait_is_not_contained_at_once() {
    let mut stage = Stage::start().await;
    let alice = stage.decision("alice", Mode::Auto);
    stage.append(std::slice::from_ref(&alice)).await;
    stage.incident.decisions.push(alice.clone());
    let before = stage.run(Phase::Look, ONE_PAGE).await.expect("an answer");
    assert_eq!(names(&before.watch.contain), ["alice"], "nothing became of it yet");
    let waits = Waits { code: ReasonCode::Impact, impact: "it would stop a pipeline".to_owned() };
    let waiting = stage.ledger().wait_for_approval(&stage.incident.id, Containment::QuarantineIam, &alice.target, &waits).await;
    waiting.expect("the ledger takes it");
    let after = stage.run(Phase::Look, ONE_PAGE).await.expect("an answer");
    assert!(after.watch.contain.is_empty(), "{:?}", after.watch.contain);
    assert_eq!(modes(&after.incident.decisions), [(SUSPECT, Mode::Auto), ("alice", Mode::Gate)]);
    assert_eq!(after.incident.decisions[1].code, ReasonCode::Impact);
    let gathered = stage.run(Phase::Gather, AUTO).await.expect("an answer");
    assert_eq!(names(&gathered.watch.contain), ["alice"], "an approval carries it out");
}

#[tokio::test]
async fn an_approval_carries_out_what_its_ticket_showed_and_what_needs_no_approval() {
    let stage = Stage::start().await;
    stage.append(&[stage.decision("alice", Mode::Gate)]).await;
    stage.append(&[stage.decision("bob", Mode::Gate), stage.decision("mallory", Mode::Auto)]).await;
    for (covers, contained) in [
        (Some(0), vec!["mallory"]),
        (Some(1), vec!["alice", "mallory"]),
        (Some(2), vec!["alice", "bob", "mallory"]),
        // Of an earlier version: as it promised.
        (None, vec!["alice", "bob", "mallory"]),
    ] {
        let request = answered(&stage, Phase::Gather, covers);
        let passed = request.passing.answer.clone();
        let answer = stage.ask(request, AUTO).await.expect("an answer");
        assert_eq!(names(&answer.watch.contain), contained, "{covers:?}");
        assert_eq!(answer.passing.answer, passed, "it passes as it is");
        assert_eq!(answer.incident.decisions.len(), 4, "what is not covered stays in the incident");
    }
}

/// The state machine calls what stands here; the decision may be of an earlier version.
#[tokio::test]
async fn older_sessions_are_for_another_function_than_the_rest_of_their_role() {
    let stage = Stage::start().await;
    let whole = stage.decision("deploy", Mode::Gate);
    let role = Target { kind: TargetKind::IamRole, ..whole.target.clone() };
    let older = Decision { target: Target { scope: Scope::OlderSessions, ..role.clone() }, ..whole.clone() };
    stage.append(&[Decision { target: role, ..whole }, older]).await;
    let answer = stage.ask(answered(&stage, Phase::Gather, None), AUTO).await.expect("an answer");
    let sent = json!(answer.watch.contain);
    let mut called: Vec<&str> = sent.as_array().expect("a list").iter().filter_map(|next| next["containment"].as_str()).collect();
    called.sort_unstable();
    assert_eq!(called, ["quarantine-iam", "revoke-sessions"], "{sent}");
}

#[tokio::test]
async fn a_decision_whose_mode_changed_after_the_ticket_is_not_what_was_approved() {
    let stage = Stage::start().await;
    let alice = stage.decision("alice", Mode::Auto);
    stage.append(std::slice::from_ref(&alice)).await;
    let waits = Waits { code: ReasonCode::Impact, impact: "it would stop a pipeline".to_owned() };
    let waiting = stage.ledger().wait_for_approval(&stage.incident.id, Containment::QuarantineIam, &alice.target, &waits).await;
    waiting.expect("the ledger takes it");
    for (covers, contained) in [(Some(1), vec![]), (Some(2), vec!["alice"])] {
        let answer = stage.ask(answered(&stage, Phase::Gather, covers), AUTO).await.expect("an answer");
        assert_eq!(names(&answer.watch.contain), contained, "{covers:?}");
    }
}

#[tokio::test]
async fn an_incident_that_was_amended_after_the_ticket_is_not_closed() {
    let stage = Stage::start().await;
    stage.append(&[stage.decision("alice", Mode::Gate)]).await;
    let before = stage.view().await.record.status;
    let refused = stage.reply(answered(&stage, Phase::Close, Some(0)), AUTO).await.expect("a reply");
    assert!(matches!(refused, SweepOutput::Closed { status: IncidentStatus::AwaitingReview }), "{refused:?}");
    assert_eq!(json!(refused), json!({ "status": "awaiting-review" }), "the definition compares this word");
    assert_eq!(stage.view().await.record.status, before);
    let alice = receipt(&stage.decision("alice", Mode::Gate).target, Status::Contained);
    for covers in [Some(1), None] {
        let mut request = answered(&stage, Phase::Close, covers);
        request.report.gated = vec![alice.clone()];
        let closed = stage.reply(request, AUTO).await.expect("a reply");
        assert_eq!(json!(closed), json!({ "status": "closed" }), "{covers:?}");
    }
}

#[tokio::test]
async fn what_a_look_appends_has_the_same_revision_in_its_answer_and_in_the_ledger() {
    let stage = Stage::start().await;
    stage.trail.created_user("mallory");
    let answer = stage.run(Phase::Look, ONE_PAGE).await.expect("an answer");
    let known = stage.view().await.record.incident;
    assert_eq!((&answer.incident.decisions, answer.incident.revision), (&known.decisions, 1));
    assert_eq!((answer.incident.decisions[1].since, answer.incident.shown()), (1, known.shown()));
}

#[tokio::test]
async fn what_a_person_accepts_as_open_is_not_tried_again() {
    let stage = Stage::start().await;
    stage.append(&[stage.decision("mallory", Mode::Gate), stage.decision("alice", Mode::Gate)]).await;
    let answer = json!({ "answer": "approve", "by": "ann", "comment": "mallory left", "at": "2026-11-21T03:00:00Z", "accept_open": ["mallory"] });
    let request = SweepInput { passing: Passing { gate: None, answer: Some(answer) }, ..stage.request(Phase::Gather) };
    let swept = stage.ask(request, AUTO).await.expect("an answer");
    assert_eq!(names(&swept.watch.contain), ["alice"], "by now the containment might succeed");
}
