use crate::stage::{answered, deliver, gate, incident, message, receipt, token, view};
use firebreak::receipt::Status;
use firebreak_testkit::room;
use serde_json::json;

#[tokio::test]
async fn an_answer_recorded_while_the_gate_timed_out_reaches_the_next_one() {
    let (aws, world) = answered().await;
    let recorded = gate(&aws).await.decision.expect("a recorded answer");
    world.waits_for(&token(2));
    assert_eq!(deliver(&aws, &[message(2)]).await, [""; 0]);
    assert_eq!(world.taken(), [recorded]);
    assert_eq!(world.tickets().len(), 1, "nobody is asked twice");
    let gate = gate(&aws).await;
    assert!(gate.delivered && gate.task_token != token(2), "the token is spent");
    let timeline = view(&aws).await.timeline;
    assert!(timeline.iter().any(|event| event.what.contains("handed to the reopened gate")), "{timeline:?}");
}

#[tokio::test]
async fn an_answer_that_meets_a_closed_gate_again_waits_for_the_next_one() {
    let (aws, world) = answered().await;
    assert_eq!(deliver(&aws, &[message(2)]).await, [""; 0], "a closed gate is no error");
    assert!(!gate(&aws).await.delivered, "nobody has taken it");
    world.waits_for(&token(3));
    assert_eq!(deliver(&aws, &[message(3)]).await, [""; 0]);
    assert_eq!((world.taken().len(), world.tickets().len()), (1, 1));
    assert!(gate(&aws).await.delivered);
}

#[tokio::test]
async fn an_answer_that_could_not_be_carried_out_is_asked_for_again() {
    let (aws, world) = answered().await;
    let mut reopened = message(2);
    reopened["after_answer"] = json!(true);
    reopened["report"]["gated"] = json!([receipt(Status::Failed)]);
    world.waits_for(&token(2));
    // The execution took the answer, and what it asked for failed.
    room::ledger(&aws).answer_delivered(&incident().id, &token(1)).await.expect("the ledger takes it");
    assert_eq!(deliver(&aws, &[reopened]).await, [""; 0]);
    assert!(world.taken().is_empty(), "the spent answer is not given a second time");
    let ticket = &world.tickets()[1];
    assert!(ticket.subject.contains("Decide again, NOT all is contained (asked 2 times)"), "{}", ticket.subject);
    assert!(ticket.body.contains("NEEDS A PERSON NOW:\n  - IAM user alice is NOT contained"), "{}", ticket.body);
    let gate = gate(&aws).await;
    assert_eq!((gate.task_token, gate.decision, gate.delivered), (token(2), None, false));
}
