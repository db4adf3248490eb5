use crate::stage::{EXECUTION, deliver, ended, finding, opened, raised, stage, status};
use execution_ended::Done;
use firebreak::coverage::Responsible;
use firebreak::fault::UNHEARD;
use firebreak::incident::IncidentStatus;
use firebreak_ledger::Joining;
use firebreak_testkit::dynamodb::Table;
use firebreak_testkit::room;
use firebreak_testkit::scripted::ok;
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn an_execution_that_ended_without_a_word_is_told_and_its_incident_has_failed() {
    for (how, subject) in [
        ("ABORTED", "somebody stopped an incident's execution"),
        ("TIMED_OUT", "ran out of time"),
        ("FAILED", "ended without a word"),
    ] {
        let (aws, topic) = stage().await;
        let id = opened(&aws, EXECUTION, IncidentStatus::AwaitingReview).await;
        assert_eq!(deliver(&aws, &ended(how, Some(&finding()))).await.expect("told"), Done::Told);
        let messages = topic.messages();
        let [(said, message)] = messages.as_slice() else { panic!("{messages:?}") };
        assert!(said.contains(subject) && said.len() < 100, "{said}");
        assert_eq!((message["incident"].as_str(), message["execution"].as_str()), (Some(id.as_str()), Some(EXECUTION)));
        assert!(!message.to_string().contains('\u{202e}'), "a finding's text is inert: {message}");
        assert_eq!(status(&aws, &id).await, IncidentStatus::Failed, "{how}");
        assert_eq!(deliver(&aws, &ended(how, Some(&finding()))).await.expect("known"), Done::Nothing, "once");
        assert_eq!(topic.messages().len(), 1);
    }
}

#[tokio::test]
async fn what_said_its_end_itself_is_not_told_again() {
    for over in [IncidentStatus::Failed, IncidentStatus::Closed, IncidentStatus::Released] {
        let (aws, topic) = stage().await;
        let id = opened(&aws, EXECUTION, over).await;
        assert_eq!(deliver(&aws, &ended("FAILED", Some(&finding()))).await.expect("known"), Done::Nothing);
        assert_eq!((topic.messages().len(), status(&aws, &id).await), (0, over));
    }
}

#[tokio::test]
async fn an_incident_that_another_execution_took_over_keeps_its_status() {
    let (aws, topic) = stage().await;
    let id = opened(&aws, "arn:aws:states:eu-central-1:123456789012:execution:x:newer", IncidentStatus::Containing).await;
    assert_eq!(deliver(&aws, &ended("ABORTED", Some(&finding()))).await.expect("told"), Done::Told);
    assert_eq!(status(&aws, &id).await, IncidentStatus::Containing);
    assert_eq!(topic.messages()[0].1["incident"], "untriaged");
}

/// Between the look at the incident and the record there is a message.
#[tokio::test]
async fn an_incident_that_another_execution_takes_over_while_people_are_told_keeps_its_status() {
    let (aws, _) = stage().await;
    opened(&aws, "arn:aws:states:eu-central-1:123456789012:execution:x:newer", IncidentStatus::Containing).await;
    let taken_over = aws.table();
    aws.replace_table(Table::default());
    let id = opened(&aws, EXECUTION, IncidentStatus::AwaitingReview).await;
    aws.answer("sns:Publish", ok("<MessageId>m-1</MessageId>").after(Duration::from_millis(100)));
    let event = ended("ABORTED", Some(&finding()));
    let takes_over = async {
        while aws.calls_of("sns:Publish").is_empty() {
            tokio::task::yield_now().await;
        }
        aws.replace_table(taken_over);
    };
    let (told, ()) = tokio::join!(deliver(&aws, &event), takes_over);
    assert_eq!(told.expect("told"), Done::Told);
    assert_eq!(status(&aws, &id).await, IncidentStatus::Containing, "the incident is alive");
}

#[tokio::test]
async fn the_incident_of_an_update_is_found_and_the_first_one_left_alone() {
    let (aws, topic) = stage().await;
    let first = opened(&aws, "arn:aws:states:eu-central-1:123456789012:execution:x:first", IncidentStatus::AwaitingReview).await;
    let update = firebreak::incident::Incident { execution_arn: EXECUTION.to_owned(), ..room::opened("an update") };
    let ledger = room::ledger(&aws);
    let raw = firebreak_ledger::RawEvent::Inline("{}");
    ledger.open_incident(&update, IncidentStatus::Containing, &raw).await.expect("written");
    let owner = Responsible { incident: update.id.clone(), told_only: false };
    ledger.reserve(&first, "a decision", &owner).await.expect("written");
    deliver(&aws, &ended("ABORTED", Some(&finding()))).await.expect("told");
    assert_eq!(topic.messages()[0].1["incident"], update.id.as_str());
    assert_eq!(status(&aws, &update.id).await, IncidentStatus::Failed);
    assert_eq!(status(&aws, &first).await, IncidentStatus::AwaitingReview);
}

#[tokio::test]
async fn of_a_finding_that_joined_people_are_told_and_the_incident_goes_on() {
    let (aws, topic) = stage().await;
    let finding_id = opened(&aws, "arn:aws:states:eu-central-1:123456789012:execution:x:older", IncidentStatus::Notified).await;
    let ledger = room::ledger(&aws);
    let at = "2026-11-20T02:10:00Z".parse().expect("a time");
    ledger.claim(&finding_id, EXECUTION, at, &firebreak::coverage::Coverage::default()).await.expect("claimed");
    let incident = room::opened("the one that it joined");
    let raw = firebreak_ledger::RawEvent::Inline("{}");
    ledger.open_incident(&incident, IncidentStatus::AwaitingReview, &raw).await.expect("written");
    let joining = Joining { incident: incident.id.clone(), by: EXECUTION.to_owned() };
    assert!(ledger.joins(&finding_id, &joining).await.expect("written"));
    deliver(&aws, &ended("ABORTED", Some(&finding()))).await.expect("told");
    let (_, message) = &topic.messages()[0];
    assert_eq!(message["incident"], incident.id.as_str());
    assert!(message["what_now"].as_str().is_some_and(|now| now.contains("The incident goes on")), "{message}");
    assert_eq!(status(&aws, &incident.id).await, IncidentStatus::AwaitingReview);
}

#[tokio::test]
async fn what_nobody_can_read_is_told_and_an_input_that_the_event_lacks_is_asked_for() {
    let (aws, topic) = stage().await;
    let odd = json!({ "executionArn": EXECUTION, "status": "FAILED", "input": "\u{0}{{{" });
    deliver(&aws, &json!({ "detail": odd })).await.expect("told");
    assert_eq!(topic.messages()[0].1["incident"], "untriaged");
    let id = opened(&aws, EXECUTION, IncidentStatus::Containing).await;
    let input = finding().to_string();
    aws.on("states:DescribeExecution", move |_| {
        Some(ok(json!({ "executionArn": EXECUTION, "stateMachineArn": "arn:x", "status": "ABORTED", "startDate": 1.0, "input": input })
            .to_string()))
    });
    deliver(&aws, &ended("ABORTED", None)).await.expect("told");
    assert_eq!(status(&aws, &id).await, IncidentStatus::Failed);
    // A large event, by reference.
    let (aws, _) = stage().await;
    let id = opened(&aws, EXECUTION, IncidentStatus::Containing).await;
    let stored = room::ledger(&aws).store_event(&finding().to_string()).await.expect("stored");
    let reference = serde_json::to_value(firebreak::stored_event::Reference { firebreak_stored_event: stored }).expect("JSON");
    deliver(&aws, &ended("ABORTED", Some(&reference))).await.expect("told");
    assert_eq!(status(&aws, &id).await, IncidentStatus::Failed);
}

/// The gate waits in the main execution, whatever becomes of those beside it.
#[tokio::test]
async fn the_end_of_an_execution_beside_is_told_and_the_incident_goes_on() {
    let (aws, topic) = stage().await;
    let id = opened(&aws, EXECUTION, IncidentStatus::AwaitingReview).await;
    for (machine, input) in [
        ("firebreak-watch", json!({ "incident_id": id, "look": 3, "generation": 1 })),
        ("firebreak-evidence", json!({ "incident": { "id": id, "decisions": [] } })),
    ] {
        let mut event = ended("ABORTED", Some(&input));
        event["detail"]["executionArn"] = json!(EXECUTION.replace("firebreak-incident-response", machine));
        assert_eq!(deliver(&aws, &event).await.expect("told"), Done::Told);
        let (_, message) = topic.messages().pop().expect("a message");
        assert_eq!(message["incident"], id.as_str());
        assert!(message["what_now"].as_str().is_some_and(|now| now.contains(machine)), "{message}");
        assert_eq!(status(&aws, &id).await, IncidentStatus::AwaitingReview);
        event["detail"]["status"] = json!("FAILED");
        event["detail"]["error"] = json!("Firebreak.Denied");
        assert_eq!(deliver(&aws, &event).await.expect("known"), Done::Nothing, "it told people itself");
    }
}

/// Whoever asked for it waits for it, and can ask again.
#[tokio::test]
async fn the_end_of_a_restore_is_told_and_the_incident_stays_closed() {
    let (aws, topic) = stage().await;
    let id = opened(&aws, EXECUTION, IncidentStatus::Closed).await;
    let input = json!({ "incident": { "id": id, "decisions": [] }, "report": {}, "restore": 1 });
    let of_the_restore = |mut event: serde_json::Value| {
        event["detail"]["executionArn"] = json!(EXECUTION.replace("firebreak-incident-response", "firebreak-restore"));
        event
    };
    for event in [ended("ABORTED", Some(&input)), ended("TIMED_OUT", Some(&input)), raised(UNHEARD, &input)] {
        assert_eq!(deliver(&aws, &of_the_restore(event)).await.expect("told"), Done::Told);
        let (_, message) = topic.messages().pop().expect("a message");
        assert_eq!(message["incident"], id.as_str());
        let again = format!("firebreak restore {id}");
        assert!(message["what_now"].as_str().is_some_and(|now| now.ends_with(&again)), "{message}");
        assert_eq!(status(&aws, &id).await, IncidentStatus::Closed);
    }
    let told_itself = of_the_restore(raised("Firebreak.Denied", &input));
    assert_eq!(deliver(&aws, &told_itself).await.expect("known"), Done::Nothing);
}
