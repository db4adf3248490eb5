//! Which revision of the incident an answer is about.

use crate::execution::Execution;
use crate::stage::{TOKEN, approve, caller, decision, gate, message, send, send_as, stage};
use firebreak::decision::{Decision, Mode};
use firebreak::fault::Fault;
use firebreak::incident::{Incident, IncidentStatus};
use firebreak::review::DecideOutcome;
use firebreak::revision::{Shown, code};
use firebreak::target::TargetKind;
use firebreak_ledger::RawEvent;
use firebreak_testkit::room;
use firebreak_testkit::scripted::ScriptedAws;
use serde_json::json;

/// Somebody decides about a user while the gate waits.
async fn append(aws: &ScriptedAws, user: &str) -> Incident {
    let target = room::target(TargetKind::IamUser, user);
    let decided = json!({ "target": target, "containment": "quarantine-iam", "mode": Mode::Gate, "reason": "found later" });
    let decided: Decision = serde_json::from_value(decided).expect("a decision");
    let (ledger, id) = (room::ledger(aws), room::incident("one"));
    let amended = Box::pin(ledger.amend(&id, |incident| incident.decisions.push(decided.clone()))).await;
    amended.expect("the ledger takes it").expect("an incident")
}

/// A ticket goes out that shows this. Returns its code.
async fn ticket(aws: &ScriptedAws, incident: &Incident) -> String {
    let ledger = room::ledger(aws);
    let noted = Box::pin(ledger.ticket_is_out(&message(), &Shown::of(incident), incident.opened_at)).await;
    noted.expect("the ledger takes it");
    code(&incident.shown())
}

async fn approve_shown(aws: &ScriptedAws, code: &str) -> Result<DecideOutcome, Fault> {
    let id = room::incident("one");
    send(aws, json!({ "incident_id": id, "answer": "approve", "comment": "it was right", "shown": code })).await
}

/// The users that a refusal lists.
fn listed(outcome: &DecideOutcome) -> Vec<&str> {
    match outcome {
        DecideOutcome::Changed { decisions, .. } => decisions.iter().map(|decision| decision.target.id.as_str()).collect(),
        other => panic!("it was taken: {other:?}"),
    }
}

#[tokio::test]
async fn an_answer_without_a_code_covers_what_the_newest_ticket_showed() {
    let (aws, execution) = stage().await;
    ticket(&aws, &room::opened("one")).await;
    let bob = append(&aws, "bob").await;
    ticket(&aws, &bob).await;
    append(&aws, "carol").await;
    let outcome = approve(&aws).await.expect("an outcome");
    assert_eq!((decision(&outcome).covers, &decision(&outcome).shown), (Some(1), &None));
    assert_eq!(execution.taken()[0].covers, Some(1), "the execution hears it");
    assert_eq!(gate(&aws).await.decision.expect("a recorded answer").covers, Some(1));
}

#[tokio::test]
async fn the_code_of_the_newest_ticket_covers_what_that_ticket_showed() {
    let (aws, execution) = stage().await;
    let first = ticket(&aws, &room::opened("one")).await;
    append(&aws, "bob").await;
    let outcome = approve_shown(&aws, &first).await.expect("an outcome");
    let taken = &execution.taken()[0];
    assert_eq!((taken.covers, taken.shown.clone()), (Some(0), Some(room::opened("one").shown())), "{outcome:?}");
}

#[tokio::test]
async fn the_code_of_the_incident_as_it_is_now_covers_everything_by_now() {
    let (aws, _) = stage().await;
    ticket(&aws, &room::opened("one")).await;
    let bob = append(&aws, "bob").await;
    let outcome = approve_shown(&aws, &bob.shown()).await.expect("an outcome");
    assert_eq!(decision(&outcome).covers, Some(1));
}

#[tokio::test]
async fn the_code_of_an_older_ticket_is_refused_with_what_was_decided_since_and_records_nothing() {
    let (aws, execution) = stage().await;
    let first = ticket(&aws, &room::opened("one")).await;
    let bob = append(&aws, "bob").await;
    ticket(&aws, &bob).await;
    let carol = append(&aws, "carol").await;
    let outcome = approve_shown(&aws, &first).await.expect("an outcome");
    assert_eq!(listed(&outcome), ["bob", "carol"]);
    assert!(matches!(&outcome, DecideOutcome::Changed { shown, .. } if *shown == Some(carol.shown())), "{outcome:?}");
    assert_eq!((execution.taken().len(), gate(&aws).await.decision), (0, None));
    assert_eq!(decision(&approve(&aws).await.expect("an outcome")).covers, Some(1), "the gate still waits");
}

#[tokio::test]
async fn a_code_that_is_wrong_or_too_short_is_refused() {
    let (aws, execution) = stage().await;
    let first = ticket(&aws, &room::opened("one")).await;
    for wrong in ["", &first[..7], "00000000", "no code at all"] {
        assert_eq!(listed(&approve_shown(&aws, wrong).await.expect("an outcome")), [""; 0], "{wrong}: nothing has changed");
    }
    assert!(execution.taken().is_empty());
}

#[tokio::test]
async fn whoever_comes_second_with_an_old_code_hears_the_first_answer() {
    let (aws, _) = stage().await;
    let first = ticket(&aws, &room::opened("one")).await;
    let bob = append(&aws, "bob").await;
    ticket(&aws, &bob).await;
    let answered = approve(&aws).await.expect("an outcome");
    let second = approve_shown(&aws, &first).await.expect("an outcome");
    assert_eq!(second, DecideOutcome::AlreadyDecided { decision: decision(&answered).clone() });
}

#[tokio::test]
async fn a_gate_that_an_earlier_version_announced_is_answered_for_everything() {
    let (aws, execution) = stage().await;
    append(&aws, "bob").await;
    approve(&aws).await.expect("an outcome");
    assert_eq!(execution.taken()[0].covers, None);
}

#[tokio::test]
async fn one_who_may_not_approve_everything_answers_such_a_gate_for_what_is_decided_by_now() {
    let (aws, execution) = stage().await;
    let said = json!({ "incident_id": room::incident("one"), "answer": "approve", "comment": "it was right" });
    send_as(&aws, &caller("FirebreakAnalyst", "ann"), said).await.expect("nothing waits");
    append(&aws, "bob").await;
    assert_eq!(execution.taken()[0].covers, Some(0), "bob was decided after the look");
}

#[tokio::test]
async fn an_answer_before_the_ticket_is_out_covers_what_is_decided_by_then() {
    let aws = ScriptedAws::start().await.expect("a port");
    let execution = Execution::waiting(&aws, TOKEN);
    let ledger = room::ledger(&aws);
    let opened = Box::pin(ledger.open_incident(&room::opened("one"), IncidentStatus::Containing, &RawEvent::Inline("{}"))).await;
    opened.expect("the ledger takes it");
    append(&aws, "bob").await;
    Box::pin(ledger.open_gate(&message())).await.expect("the ledger takes it");
    approve(&aws).await.expect("an outcome");
    append(&aws, "carol").await;
    assert_eq!(execution.taken()[0].covers, Some(1));
}

#[tokio::test]
async fn a_target_that_the_incident_does_not_name_cannot_be_accepted_as_open() {
    let (aws, execution) = stage().await;
    append(&aws, "bob").await;
    let accept = |target: &str| json!({ "incident_id": room::incident("one"), "answer": "approve", "comment": "bob left the company", "accept_open": [target] });
    let refused = send(&aws, accept("bbo")).await.expect_err("a slip");
    assert!(refused.message.contains("no target bbo"), "{refused:?}");
    assert!(execution.taken().is_empty() && gate(&aws).await.decision.is_none(), "nothing is recorded");
    let taken = send(&aws, accept("bob")).await.expect("an outcome");
    assert_eq!(decision(&taken).accept_open, ["bob"]);
}
