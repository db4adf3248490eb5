//! Answers that meet no open gate.

use crate::execution::Execution;
use crate::stage::{TOKEN, approve, caller, decision, gate, message, release, send, send_as, stage, timeline};
use firebreak::answer::{Answer, Decided};
use firebreak::decision::Decision;
use firebreak::review::{DecideOutcome, GateMessage};
use firebreak::revision::{Shown, code};
use firebreak::target::TargetKind;
use firebreak_testkit::dynamodb::Table;
use firebreak_testkit::room;
use firebreak_testkit::scripted::{ScriptedAws, ok};
use serde_json::json;

#[tokio::test]
async fn when_the_execution_has_ended_it_is_too_late_and_nothing_is_recorded() {
    for ended in [Some("SUCCEEDED"), Some("FAILED"), Some("TIMED_OUT"), Some("ABORTED"), None] {
        let (aws, execution) = stage().await;
        execution.set_status(ended);
        assert_eq!(approve(&aws).await.expect("an outcome"), DecideOutcome::TooLate, "{ended:?}");
        assert_eq!((gate(&aws).await.decision, execution.taken().len()), (None, 0), "{ended:?}");
        assert!(aws.calls_of("states:SendTaskSuccess").is_empty(), "{ended:?}");
    }
}

#[tokio::test]
async fn an_answer_that_meets_a_gate_just_closed_is_queued_for_the_next_one() {
    let (aws, execution) = stage().await;
    execution.waits_for(None);
    let outcome = approve(&aws).await.expect("an outcome");
    let open = gate(&aws).await;
    let recorded = open.decision.expect("a recorded answer");
    assert_eq!(outcome, DecideOutcome::Queued { decision: recorded.clone() });
    assert!(!open.delivered && open.task_token == TOKEN, "nobody has taken it");
    assert!(timeline(&aws).await.is_empty(), "the timeline does not say what did not happen");
    let second = release(&aws).await.expect("an outcome");
    assert_eq!(second, DecideOutcome::AlreadyDecided { decision: recorded });
}

#[tokio::test]
async fn an_execution_that_ends_before_it_takes_the_answer_makes_it_too_late() {
    let (aws, execution) = stage().await;
    execution.waits_for(None);
    execution.ends_as("FAILED");
    assert_eq!(approve(&aws).await.expect("an outcome"), DecideOutcome::TooLate);
    assert!(execution.taken().is_empty() && !gate(&aws).await.delivered);
}

#[tokio::test]
async fn an_answer_that_was_taken_and_not_acknowledged_is_already_decided() {
    let (aws, execution) = stage().await;
    execution.takes_unheard();
    execution.ends_as("SUCCEEDED");
    let outcome = approve(&aws).await.expect("an outcome");
    let taken = execution.taken();
    assert_eq!(taken.len(), 1, "the execution has it, whatever the connection says");
    assert_eq!(outcome, DecideOutcome::AlreadyDecided { decision: taken[0].clone() });
    // The same while the execution still carries it out, for whoever asks again.
    execution.set_status(Some("RUNNING"));
    assert_eq!(release(&aws).await.expect("an outcome"), DecideOutcome::AlreadyDecided { decision: taken[0].clone() });
    assert_eq!(execution.taken(), taken);
}

#[tokio::test]
async fn an_incident_without_a_gate_has_no_review() {
    let aws = ScriptedAws::start().await.expect("a port");
    let execution = Execution::waiting(&aws, TOKEN);
    assert_eq!(approve(&aws).await.expect("an outcome"), DecideOutcome::NoReview);
    assert!(execution.taken().is_empty() && aws.table().items().next().is_none(), "an answer makes no gate");
}

/// The next reader of the gate sees it as it was, as if it had read before it opened again.
fn reads_before(aws: &ScriptedAws, mut before: Table) {
    let mut is_read = false;
    aws.on("dynamodb:GetItem", move |call| {
        if is_read || call.params["Key"]["sk"]["S"] != "review" {
            return None;
        }
        is_read = true;
        before.call("GetItem", &call.params).ok().map(|row| ok(row.to_string()))
    });
}

/// The execution opens another gate, with a token of its own.
async fn opens_again(aws: &ScriptedAws, after_answer: bool) -> GateMessage {
    let entered_at = "2026-11-21T03:00:00Z".parse().expect("a time");
    let next = GateMessage { task_token: format!("{TOKEN}2"), entered_at, round: 2, after_answer, ..message() };
    Box::pin(room::ledger(aws).open_gate(&next)).await.expect("the ledger takes it");
    next
}

#[tokio::test]
async fn what_was_not_judged_is_not_recorded_for_a_gate_that_opens_meanwhile() {
    let (aws, execution) = stage().await;
    let (ledger, id) = (room::ledger(&aws), room::incident("one"));
    // Mallory, whom the incident is about, finds a gate that has its answer.
    let target =
        json!({ "kind": "iam-user", "id": "mallory", "account": "123456789012", "region": "eu-central-1", "partition": "aws" });
    let mallory = json!({ "target": target, "containment": "quarantine-iam", "mode": "auto", "reason": "why" });
    let mallory: Decision = serde_json::from_value(mallory).expect("a decision");
    let amended = Box::pin(ledger.amend(&id, |incident| incident.decisions.push(mallory.clone()))).await;
    amended.expect("the ledger takes it").expect("an incident");
    let first = Decided::new(Answer::Approve, "ann", "it was right", room::opened("one").opened_at);
    assert!(Box::pin(ledger.decide(&id, &first)).await.expect("the ledger takes it"));
    let before = aws.table();
    // It could not be carried out, and the next gate has none.
    opens_again(&aws, true).await;
    execution.waits_for(Some(&format!("{TOKEN}2")));
    reads_before(&aws, before);
    let said = json!({ "incident_id": id, "answer": "release", "comment": "it was wrong" });
    let outcome = send_as(&aws, &caller("FirebreakApprover", "mallory"), said).await.expect("an outcome");
    assert_eq!(outcome, DecideOutcome::AlreadyDecided { decision: first });
    assert_eq!((gate(&aws).await.decision, execution.taken().len()), (None, 0), "nobody answered this gate");
}

#[tokio::test]
async fn an_answer_to_a_gate_that_opens_anew_is_judged_anew() {
    let (aws, execution) = stage().await;
    let (ledger, id) = (room::ledger(&aws), room::incident("one"));
    let opened = room::opened("one");
    Box::pin(ledger.ticket_is_out(&message(), &Shown::of(&opened), opened.opened_at)).await.expect("the ledger takes it");
    let before = aws.table();
    let bob = room::target(TargetKind::IamUser, "bob");
    let bob = json!({ "target": bob, "containment": "quarantine-iam", "mode": "gate", "reason": "found later" });
    let bob: Decision = serde_json::from_value(bob).expect("a decision");
    let amended = Box::pin(ledger.amend(&id, |incident| incident.decisions.push(bob.clone()))).await;
    let amended = amended.expect("the ledger takes it").expect("an incident");
    let next = opens_again(&aws, false).await;
    Box::pin(ledger.ticket_is_out(&next, &Shown::of(&amended), opened.opened_at)).await.expect("the ledger takes it");
    execution.waits_for(Some(&next.task_token));
    reads_before(&aws, before.clone());
    let old = json!({ "incident_id": id, "answer": "approve", "comment": "it was right", "shown": code(&opened.shown()) });
    let refused = send(&aws, old).await.expect("an outcome");
    assert!(matches!(refused, DecideOutcome::Changed { .. }), "the ticket of the first gate: {refused:?}");
    assert_eq!((gate(&aws).await.decision, execution.taken().len()), (None, 0));
    // What is about the newest ticket counts for the gate that is open.
    reads_before(&aws, before);
    let taken = approve(&aws).await.expect("an outcome");
    assert_eq!((decision(&taken).covers, execution.taken().len()), (Some(1), 1), "{taken:?}");
}
