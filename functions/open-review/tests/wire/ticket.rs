//! The ticket says what the ledger knows, not what the state machine carried.

use crate::stage::{alice, decision, deliver, deliver_again, exports, incident, message, receipt, stage, view};
use firebreak::containment::Containment;
use firebreak::decision::Mode;
use firebreak::fault::FaultKind;
use firebreak::incident::IncidentStatus;
use firebreak::receipt::{Receipt, Status};
use firebreak_testkit::room;
use firebreak_testkit::scripted::{Call, error};
use serde_json::{Value, json};

/// A message whose report says that the containment of alice ended like this.
fn reporting(receipt: &Receipt) -> Value {
    let mut message = message(1);
    message["report"]["containment"]["receipts"] = json!([receipt]);
    message
}

/// What the state machine writes for a function that failed.
fn written_by_the_state_machine() -> Receipt {
    let error = Some("what people read".to_owned());
    Receipt { finished_at: None, error, fault: Some(FaultKind::Gone.into()), ..receipt(Status::Failed) }
}

#[tokio::test]
async fn what_was_decided_after_the_message_was_made_is_in_the_ticket() {
    let (aws, world) = stage().await;
    let message = message(1);
    assert!(!message.to_string().contains("acme-exports"));
    let found = decision(&exports(), Containment::LockdownS3, Mode::Gate);
    let amended = room::ledger(&aws).amend(&incident().id, |incident| incident.decisions.push(found.clone())).await;
    assert!(amended.expect("the ledger takes it").is_some());
    assert_eq!(deliver(&aws, &[message]).await, [""; 0]);
    let body = &world.tickets()[0].body;
    let asked = "Done only if you approve:\n  - S3 bucket acme-exports: block public access, only if you approve";
    assert!(body.contains(asked), "{body}");
}

#[tokio::test]
async fn while_something_is_paused_the_ticket_says_so_and_is_written_without_that_too() {
    for denied in [false, true] {
        let (aws, world) = stage().await;
        room::pause(&aws, Some(room::ACCOUNT), firebreak_aws::clock::now()).await;
        let paused = |body: &str| body.lines().any(|line| line.starts_with("Paused: ") && line.contains(room::PAUSER));
        if denied {
            let is_pause = |call: &Call| call.operation == "GetItem" && call.params["Key"]["sk"]["S"] == "pause";
            aws.on("dynamodb:GetItem", move |call| is_pause(call).then(|| error(400, "AccessDeniedException")));
        }
        assert_eq!(deliver(&aws, &[message(1)]).await, [""; 0]);
        assert_eq!(paused(&world.tickets()[0].body), !denied, "{}", world.tickets()[0].body);
    }
}

#[tokio::test]
async fn a_receipt_corrected_in_the_ledger_replaces_the_failed_one() {
    let (aws, world) = stage().await;
    let ledger = room::ledger(&aws);
    ledger.keep_receipt(&incident().id, &receipt(Status::Contained)).await.expect("the ledger takes it");
    assert_eq!(deliver(&aws, &[reporting(&receipt(Status::Failed))]).await, [""; 0]);
    let body = &world.tickets()[0].body;
    assert!(body.contains("IAM user alice: contained"), "{body}");
    assert!(!body.contains("NOT contained") && !body.contains("NEEDS A PERSON NOW"), "{body}");
}

#[tokio::test]
async fn a_function_that_failed_is_not_unsaid_by_what_an_earlier_attempt_left() {
    let (aws, world) = stage().await;
    let ledger = room::ledger(&aws);
    ledger.keep_receipt(&incident().id, &receipt(Status::Contained)).await.expect("the ledger takes it");
    assert_eq!(deliver(&aws, &[reporting(&written_by_the_state_machine())]).await, [""; 0]);
    assert!(
        world.tickets()[0].body.contains("NEEDS A PERSON NOW:\n  - IAM user alice is NOT contained"),
        "{}",
        world.tickets()[0].body
    );
    let kept = ledger.receipt(&incident().id, Containment::QuarantineIam, &alice()).await.expect("the ledger answers");
    assert_eq!(kept, Some(receipt(Status::Contained)), "a function's own receipt says more and stays in the ledger");
}

#[tokio::test]
async fn a_ledger_that_cannot_be_read_does_not_keep_the_ticket_from_people() {
    let (aws, world) = stage().await;
    aws.always("dynamodb:Query", firebreak_testkit::scripted::error(400, "AccessDeniedException"));
    assert_eq!(deliver(&aws, &[message(1)]).await, [""; 0]);
    assert!(world.tickets()[0].body.contains("the ledger could not be read"), "{}", world.tickets()[0].body);
}

/// What an approval carries out stands only in the ledger.
#[tokio::test]
async fn a_ticket_without_the_ledger_is_the_last_resort_and_says_what_it_does_not_list() {
    let (aws, world) = stage().await;
    aws.always("dynamodb:Query", firebreak_testkit::scripted::error(400, "ThrottlingException"));
    let mut facts = message(1);
    facts["incident"]["decisions"] = serde_json::json!([]);
    let body = [facts.to_string()];
    for received in ["1", "2"] {
        assert_eq!(deliver_again(&aws, &body, received).await, ["m-0"], "it comes again");
        assert_eq!(world.tickets().len(), 0);
    }
    assert_eq!(deliver_again(&aws, &body, "3").await, [""; 0]);
    let ticket = world.tickets()[0].body.clone();
    assert!(
        ticket.contains("does NOT list what an approval carries out") && ticket.contains("firebreak incidents show"),
        "{ticket}"
    );
}

#[tokio::test]
async fn a_gate_that_opens_again_after_an_answer_waits_whatever_the_release_wrote_last() {
    let (aws, _) = stage().await;
    for (after_answer, expected) in [(false, IncidentStatus::Released), (true, IncidentStatus::AwaitingReview)] {
        let ledger = room::ledger(&aws);
        ledger.finish(&incident().id, IncidentStatus::Released, incident().opened_at, None).await.expect("the ledger takes it");
        let mut again = message(if after_answer { 2 } else { 1 });
        again["after_answer"] = serde_json::json!(after_answer);
        assert_eq!(deliver(&aws, &[again]).await, [""; 0]);
        assert_eq!(view(&aws).await.record.status, expected, "after an answer: {after_answer}");
    }
}

#[tokio::test]
async fn a_receipt_that_exists_nowhere_else_is_kept_and_shown() {
    let (aws, world) = stage().await;
    let written = written_by_the_state_machine();
    assert_eq!(deliver(&aws, &[reporting(&written)]).await, [""; 0]);
    let entered_at = message(1)["entered_at"].as_str().and_then(|at| at.parse().ok());
    assert_eq!(view(&aws).await.receipts, [Receipt { finished_at: entered_at, ..written }], "with the time of the gate");
    let body = &world.tickets()[0].body;
    assert!(body.contains("NEEDS A PERSON NOW:\n  - IAM user alice is NOT contained: what people read"), "{body}");
    // A look that finds it contained after all replaces it.
    let ledger = room::ledger(&aws);
    ledger.keep_receipt(&incident().id, &receipt(Status::Contained)).await.expect("the ledger takes it");
    assert_eq!(view(&aws).await.receipts, [receipt(Status::Contained)]);
}
