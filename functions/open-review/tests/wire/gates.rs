use crate::stage::{EXECUTION, TOPIC, decide, deliver, gate, incident, is_announced, message, stage, token, view};
use firebreak::incident::IncidentStatus;
use firebreak_testkit::room;
use serde_json::json;

#[tokio::test]
async fn a_gate_is_told_to_people_and_its_incident_awaits_review() {
    let (aws, world) = stage().await;
    assert_eq!(deliver(&aws, &[message(1)]).await, [""; 0]);
    let tickets = world.tickets();
    assert_eq!((tickets.len(), tickets[0].topic.as_str()), (1, TOPIC));
    assert!(tickets[0].subject.starts_with("[Firebreak] Decide: IAM user alice"), "{}", tickets[0].subject);
    assert!(tickets[0].body.contains(&format!("firebreak review approve {}", incident().id)), "{}", tickets[0].body);
    let (gate, view) = (gate(&aws).await, view(&aws).await);
    assert_eq!((gate.task_token, gate.execution_arn), (token(1), EXECUTION.to_owned()));
    assert_eq!(view.record.status, IncidentStatus::AwaitingReview);
    assert!(view.timeline.iter().any(|event| event.what == "review opened, round 1"), "{:?}", view.timeline);
    assert!(is_announced(&aws));
}

#[tokio::test]
async fn the_same_message_twice_is_one_ticket() {
    let (aws, world) = stage().await;
    assert_eq!(deliver(&aws, &[message(1), message(1)]).await, [""; 0]);
    assert_eq!(deliver(&aws, &[message(1)]).await, [""; 0]);
    assert_eq!(world.tickets().len(), 1);
    assert_eq!(gate(&aws).await.task_token, token(1));
}

#[tokio::test]
async fn the_message_of_an_older_gate_or_an_earlier_attempt_changes_nothing() {
    let (aws, world) = stage().await;
    let mut resent = message(2);
    (resent["retry"], resent["task_token"]) = (json!(1), json!(token(9)));
    assert_eq!(deliver(&aws, &[resent]).await, [""; 0]);
    assert_eq!(world.tickets().len(), 1);
    // The first attempt at the same gate, and the gate before it.
    assert_eq!(deliver(&aws, &[message(2), message(1)]).await, [""; 0]);
    assert_eq!(world.tickets().len(), 1, "a stale message is no ticket");
    assert_eq!(gate(&aws).await.task_token, token(9), "the execution waits for the newest token only");
}

#[tokio::test]
async fn an_incident_that_has_ended_is_not_made_to_wait() {
    for ended in [IncidentStatus::Closed, IncidentStatus::Released, IncidentStatus::Failed] {
        let (aws, _) = stage().await;
        room::ledger(&aws).set_status(&incident().id, ended, &[]).await.expect("the ledger takes it");
        assert_eq!(deliver(&aws, &[message(1)]).await, [""; 0]);
        assert_eq!(view(&aws).await.record.status, ended);
    }
}

#[tokio::test]
async fn a_new_execution_of_the_same_finding_asks_anew() {
    let (aws, world) = stage().await;
    assert_eq!(deliver(&aws, &[message(1)]).await, [""; 0]);
    decide(&aws).await;
    let again = format!("{EXECUTION}-2");
    let mut anew = message(2);
    anew["execution_arn"] = json!(again);
    world.waits_for(&token(2));
    assert_eq!(deliver(&aws, &[anew]).await, [""; 0]);
    assert_eq!((world.tickets().len(), world.taken().len()), (2, 0), "the answer was another execution's");
    let gate = gate(&aws).await;
    assert_eq!((gate.execution_arn, gate.decision), (again, None));
}
