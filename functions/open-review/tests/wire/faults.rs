//! Every call broken in every way, and the process killed at every call: the message comes again, and leads to the same end.

use crate::stage::{answered, deliver, gate, is_announced, message, receipt, stage, token, view};
use firebreak::incident::IncidentStatus;
use firebreak::receipt::{Receipt, Status};
use firebreak_testkit::room::each_break;
use firebreak_testkit::scripted::error;
use serde_json::{Value, json};

/// A message that makes the function use every call it has: one receipt was written by the state machine.
fn full_message() -> Value {
    let mut message = message(1);
    let written = Receipt { finished_at: None, ..receipt(Status::Failed) };
    message["report"]["containment"]["receipts"] = json!([written]);
    message
}

#[tokio::test]
async fn a_gate_that_nobody_could_be_told_of_is_told_when_the_message_comes_again() {
    let (aws, world) = stage().await;
    aws.always("sns:Publish", error(403, "AuthorizationError"));
    assert_eq!(deliver(&aws, &[message(1)]).await, ["m-0"]);
    assert!(!is_announced(&aws));
    assert_eq!(view(&aws).await.record.status, IncidentStatus::Containing, "nobody was asked yet");
    aws.mend();
    assert_eq!(deliver(&aws, &[message(1)]).await, [""; 0]);
    assert_eq!(world.tickets().len(), 1);
    assert!(is_announced(&aws));
}

#[tokio::test]
async fn however_a_call_breaks_the_gate_is_announced_in_the_end() {
    let calls = {
        let (aws, _) = stage().await;
        assert_eq!(deliver(&aws, &[full_message()]).await, [""; 0]);
        aws.calls()
    };
    let tried = each_break(&calls, async |point, how| {
        let (aws, world) = stage().await;
        let failed = how.run(&aws, point, deliver(&aws, &[full_message()])).await;
        if failed.is_some_and(|failed| failed.is_empty()) {
            assert!(is_announced(&aws), "{point:?} {how:?}: a message that was taken does not come again");
        }
        aws.mend();
        assert_eq!(deliver(&aws, &[full_message()]).await, [""; 0], "{point:?} {how:?}");
        // Killed between the ticket and the mark, it publishes twice: better than not at all.
        assert!((1..=2).contains(&world.tickets().len()), "{point:?} {how:?}: {:?}", world.tickets());
        assert!(is_announced(&aws), "{point:?} {how:?}");
        let view = view(&aws).await;
        assert_eq!((view.record.status, view.receipts.len()), (IncidentStatus::AwaitingReview, 1), "{point:?} {how:?}");
        assert_eq!(aws.unknown(), [""; 0]);
    })
    .await;
    println!("open-review: {tried} broken calls");
}

#[tokio::test]
async fn however_a_call_breaks_a_recorded_answer_reaches_the_execution_once() {
    let calls = {
        let (aws, world) = answered().await;
        world.waits_for(&token(2));
        assert_eq!(deliver(&aws, &[message(2)]).await, [""; 0]);
        aws.calls()
    };
    let tried = each_break(&calls, async |point, how| {
        let (aws, world) = answered().await;
        let recorded = gate(&aws).await.decision.expect("a recorded answer");
        world.waits_for(&token(2));
        how.run(&aws, point, deliver(&aws, &[message(2)])).await;
        aws.mend();
        assert_eq!(deliver(&aws, &[message(2)]).await, [""; 0], "{point:?} {how:?}");
        assert_eq!(world.taken(), [recorded], "{point:?} {how:?}");
        assert_eq!(world.tickets().len(), 1, "{point:?} {how:?}: nobody is asked twice");
        assert_eq!(aws.unknown(), [""; 0]);
    })
    .await;
    println!("open-review, answered: {tried} broken calls");
}
