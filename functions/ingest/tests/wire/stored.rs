//! Events that cannot travel as an input: they are stored first, and referred to.

use crate::executions::Executions;
use crate::stage::{ONE, deliver, stage};
use firebreak::stored_event::StoredEvent;
use firebreak_testkit::room;
use firebreak_testkit::scripted::{Call, ScriptedAws, error};

/// The event that the only execution refers to, as triage reads it, and the number of its parts.
async fn referred_to(aws: &ScriptedAws, executions: &Executions) -> (String, usize) {
    let inputs = executions.inputs();
    assert_eq!(inputs.len(), 1);
    let reference = StoredEvent::referred_to_by(&inputs[0]).expect("a reference");
    let event = room::ledger(aws).stored_event(&reference).await.expect("every part is there");
    let pk = format!("event#{}", reference.sha256);
    (event, aws.table().items().filter(|((known, _), _)| *known == pk).count())
}

#[tokio::test]
async fn an_event_of_a_mebibyte_is_stored_in_parts_before_anything_refers_to_it() {
    let (aws, executions) = stage().await;
    // Characters of three bytes: a part must not end in the middle of one.
    let event = format!(r#"{{"source":"aws.guardduty","detail":{{"pad":"{}"}}}}"#, "日".repeat(349_500));
    deliver(&aws, &event).await.expect("it is started");
    let (stored, parts) = referred_to(&aws, &executions).await;
    assert!(stored == event, "{} bytes came back of {}", stored.len(), event.len());
    assert!(parts > 1, "{parts}");
    let order: Vec<String> = aws.calls().iter().map(Call::action).take_while(|action| action != "dynamodb:GetItem").collect();
    let start = order.iter().position(|action| action == "states:StartExecution").expect("a start");
    assert!(start >= parts && order[start..].iter().all(|action| action != "dynamodb:PutItem"), "{order:?}");
    // The same event again: the same items, the same execution.
    let table = aws.table();
    deliver(&aws, &event).await.expect("it runs");
    assert!(aws.table() == table && executions.names().len() == 1);
}

#[tokio::test]
async fn json_that_a_state_machine_would_write_anew_travels_by_reference() {
    let twice = r#"{"source":"aws.guardduty","detail":{"user":"alice","user":"bob"}}"#.to_owned();
    let half = r#"{"source":"aws.guardduty","detail":{"name":"\ud800"}}"#.to_owned();
    let deep = format!(r#"{{"source":"aws.guardduty","detail":{}{}}}"#, "[".repeat(500), "]".repeat(500));
    for event in [twice, half, deep] {
        let (aws, executions) = stage().await;
        deliver(&aws, &event).await.expect("it is started");
        assert_eq!(referred_to(&aws, &executions).await, (event, 1), "triage sees what arrived");
    }
}

#[tokio::test]
async fn what_step_functions_does_not_take_as_an_input_is_stored() {
    let (aws, executions) = stage().await;
    aws.next("states:StartExecution", error(400, "InvalidExecutionInput"));
    deliver(&aws, ONE).await.expect("it is started");
    assert_eq!(referred_to(&aws, &executions).await, (ONE.to_owned(), 1));
}
