//! A finding joined the incident, and its execution asks for a new ticket.

use crate::shown::append;
use crate::stage::{
    EXECUTION, alice, answered, decision, deliver, deliver_again, exports, gate, incident, message, stage, token, view,
};
use firebreak::containment::Containment;
use firebreak::decision::Mode;
use firebreak::ids::IncidentId;
use firebreak::incident::{Incident, IncidentStatus};
use firebreak::receipt::{Receipt, Status};
use firebreak::revision::Shown;
use firebreak_aws::clock;
use firebreak_ledger::Ticket;
use firebreak_testkit::room::{self, each_break};
use firebreak_testkit::scripted::error;
use serde_json::{Value, json};
use std::time::Duration;

/// What the state machine sends for the finding that joined.
fn asks(entered_at: &str, receipts: &[Receipt]) -> Value {
    let joining = Some(IncidentId::of("the finding that joined"));
    let mut carried = json!(Incident { joining, decisions: vec![], ..incident() });
    carried["opened_at"] = json!(entered_at);
    json!({
        "asks_again": true, "execution_arn": format!("{EXECUTION}-joined"), "entered_at": entered_at, "incident": carried,
        "report": { "containment": { "status": "ok", "receipts": receipts } }
    })
}

const HOUR: Duration = Duration::from_secs(3600);

/// No ticket that is out now went out after it.
fn later() -> String {
    (clock::now() + HOUR).to_string()
}

fn earlier() -> String {
    (clock::now() - HOUR).to_string()
}

#[tokio::test]
async fn people_are_asked_about_everything_and_the_gate_keeps_its_token() {
    let (aws, world) = stage().await;
    assert_eq!(deliver(&aws, &[message(1)]).await, [""; 0]);
    let known = append(&aws).await;
    assert_eq!(deliver(&aws, &[asks(&later(), &[])]).await, [""; 0]);
    let tickets = world.tickets();
    assert_eq!(tickets.len(), 2);
    assert!(tickets[1].body.contains("acme-exports") && !tickets[0].body.contains("acme-exports"), "{}", tickets[1].body);
    let gate = gate(&aws).await;
    assert_eq!((gate.task_token, gate.execution_arn), (token(1), EXECUTION.to_owned()));
    assert_eq!(gate.ticket, Ticket::Out(Shown::of(&known)), "an answer without a code is about the newest ticket");
    let view = view(&aws).await;
    assert_eq!(view.record.status, IncidentStatus::AwaitingReview);
    assert_eq!(view.record.incident.joining, None, "it is carried, and not written");
}

/// The watch carries the incident without a finding that joined.
#[tokio::test]
async fn what_the_watch_found_is_asked_as_well() {
    let (aws, world) = stage().await;
    assert_eq!(deliver(&aws, &[message(1)]).await, [""; 0]);
    append(&aws).await;
    let mut ask = asks(&later(), &[]);
    ask["incident"].as_object_mut().expect("an incident").remove("joining");
    assert_eq!(deliver(&aws, &[ask]).await, [""; 0]);
    let tickets = world.tickets();
    assert!(tickets.len() == 2 && tickets[1].body.contains("acme-exports"), "{tickets:?}");
    let timeline = view(&aws).await.timeline;
    assert!(timeline.iter().any(|event| event.what.ends_with("the watch found more")), "{timeline:?}");
}

#[tokio::test]
async fn many_findings_that_join_at_once_are_one_ticket() {
    let (aws, world) = stage().await;
    assert_eq!(deliver(&aws, &[message(1)]).await, [""; 0]);
    append(&aws).await;
    assert_eq!(deliver(&aws, &[asks(&earlier(), &[]), asks(&earlier(), &[]), asks(&earlier(), &[])]).await, [""; 0]);
    assert_eq!(world.tickets().len(), 2, "the first one lacked what joined");
}

#[tokio::test]
async fn where_no_gate_waits_for_an_answer_nobody_is_asked() {
    let (aws, world) = stage().await;
    assert_eq!(deliver(&aws, &[asks(&later(), &[])]).await, [""; 0]);
    assert_eq!(world.tickets().len(), 0, "the ticket of the first gate says it");

    let (aws, world) = answered().await;
    append(&aws).await;
    assert_eq!(deliver(&aws, &[asks(&later(), &[])]).await, [""; 0]);
    assert_eq!(world.tickets().len(), 1, "the gate opens again with what the answer does not cover");

    let (aws, world) = stage().await;
    assert_eq!(deliver(&aws, &[message(1)]).await, [""; 0]);
    let taken = room::ledger(&aws).amend(&incident().id, |incident| incident.execution_arn = format!("{EXECUTION}-2")).await;
    assert!(taken.expect("the ledger takes it").is_some());
    assert_eq!(deliver(&aws, &[asks(&later(), &[])]).await, [""; 0]);
    assert_eq!(world.tickets().len(), 1, "another execution has taken over, and opens a gate of its own");

    for ended in [IncidentStatus::Closed, IncidentStatus::Released, IncidentStatus::Failed] {
        let (aws, world) = stage().await;
        assert_eq!(deliver(&aws, &[message(1)]).await, [""; 0]);
        room::ledger(&aws).set_status(&incident().id, ended, &[]).await.expect("the ledger takes it");
        assert_eq!(deliver(&aws, &[asks(&later(), &[])]).await, [""; 0]);
        assert_eq!((world.tickets().len(), view(&aws).await.record.status), (1, ended));
    }
}

#[tokio::test]
async fn it_waits_for_the_gates_own_ticket_and_not_for_ever() {
    let (aws, world) = stage().await;
    aws.always("sns:Publish", error(403, "AuthorizationError"));
    assert_eq!(deliver(&aws, &[message(1)]).await, ["m-0"]);
    aws.mend();
    let body = [asks(&later(), &[]).to_string()];
    for received in ["1", "2"] {
        assert_eq!(deliver_again(&aws, &body, received).await, ["m-0"], "it comes again");
        assert_eq!(world.tickets().len(), 0);
    }
    assert_eq!(deliver_again(&aws, &body, "3").await, [""; 0]);
    assert_eq!(world.tickets().len(), 1);
}

#[tokio::test]
async fn what_failed_for_it_is_in_this_ticket_and_in_those_of_the_gate() {
    let (aws, world) = stage().await;
    assert_eq!(deliver(&aws, &[message(1)]).await, [""; 0]);
    let found = decision(&exports(), Containment::LockdownS3, Mode::Auto);
    let amended = room::ledger(&aws).amend(&incident().id, |incident| incident.decisions.push(found.clone())).await;
    assert!(amended.expect("the ledger takes it").is_some());
    let told = Some("what people read".to_owned());
    let failed = Receipt { error: told, ..Receipt::of(exports(), Containment::LockdownS3, Status::Failed) };
    let waits = Receipt::of(alice(), Containment::QuarantineIam, Status::Skipped);
    let entered_at = earlier();
    assert_eq!(deliver(&aws, &[asks(&entered_at, &[failed.clone(), waits])]).await, [""; 0]);
    assert_eq!(view(&aws).await.receipts, [Receipt { finished_at: entered_at.parse().ok(), ..failed }]);
    assert_eq!(deliver(&aws, &[message(2)]).await, [""; 0]);
    let tickets = world.tickets();
    assert_eq!(tickets.len(), 3);
    for ticket in &tickets[1..] {
        assert!(ticket.body.contains("S3 bucket acme-exports is NOT contained: what people read"), "{}", ticket.body);
    }
}

#[tokio::test]
async fn a_message_that_asks_and_has_no_incident_fails_alone() {
    let (aws, world) = stage().await;
    assert_eq!(deliver(&aws, &[json!({ "asks_again": true }), message(1)]).await, ["m-0"]);
    assert_eq!(world.tickets().len(), 1);
}

#[tokio::test]
async fn however_a_call_breaks_the_newest_ticket_shows_what_joined() {
    let entered_at = later();
    let ask = || asks(&entered_at, &[Receipt::of(alice(), Containment::QuarantineIam, Status::Failed)]);
    let calls = {
        let (aws, _) = stage().await;
        assert_eq!(deliver(&aws, &[message(1)]).await, [""; 0]);
        append(&aws).await;
        aws.forget();
        assert_eq!(deliver(&aws, &[ask()]).await, [""; 0]);
        aws.calls()
    };
    let tried = each_break(&calls, async |point, how| {
        let (aws, world) = stage().await;
        assert_eq!(deliver(&aws, &[message(1)]).await, [""; 0]);
        let known = append(&aws).await;
        how.run(&aws, point, deliver(&aws, &[ask()])).await;
        aws.mend();
        assert_eq!(deliver(&aws, &[ask()]).await, [""; 0], "{point:?} {how:?}");
        // Killed between the ticket and its record, it publishes twice, and the SDK sends a call again whose answer is lost: better
        // than not at all.
        assert!((2..=4).contains(&world.tickets().len()), "{point:?} {how:?}: {:?}", world.tickets());
        let gate = gate(&aws).await;
        assert_eq!((gate.ticket, gate.task_token), (Ticket::Out(Shown::of(&known)), token(1)), "{point:?} {how:?}");
        assert_eq!(aws.unknown(), [""; 0]);
    })
    .await;
    println!("open-review, asked again: {tried} broken calls");
}
