//! Which execution handles a finding, however often and by whatever route it is delivered.

use super::{TestResult, changes, incident_of, send, stage, user_finding};
use firebreak::answer::Answer;
use firebreak::incident::IncidentStatus;
use firebreak::receipt::Status;
use firebreak_drill::PlantedUser;
use firebreak_testkit::{SECURITY_ACCOUNT, fixture};
use serde_json::json;

#[tokio::test]
async fn the_same_finding_three_times_is_one_containment() -> TestResult {
    let stage = stage().await;
    let user = PlantedUser::plant(stage.config(), "alice").await?;
    let event = user_finding(&user, SECURITY_ACCOUNT, "thrice");
    let (first, id) = send(&stage, &event).await?;
    let (second, _) = send(&stage, &event).await?;
    let mut later = event.clone();
    let at = firebreak_aws::clock::now() + jiff::SignedDuration::from_hours(6);
    later["detail"]["updatedAt"] = json!(at.to_string());
    later["detail"]["service"]["count"] = json!(7);
    let (third, _) = send(&stage, &later).await?;
    let view = stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    // Executions run side by side: any of the three may have been the first to claim the finding.
    let winner = view.record.incident.execution_arn;
    let executions = [first, second, third];
    assert!(executions.contains(&winner));
    for duplicate in executions.iter().filter(|arn| **arn != winner) {
        assert_eq!(stage.ended(duplicate).await?, "SUCCEEDED");
    }
    let attached: Vec<String> = changes(&stage.aws.calls()?).into_iter().filter(|c| c == "iam:AttachUserPolicy").collect();
    assert_eq!(attached.len(), 1, "contained more than once");
    assert_eq!(stage.ledger.incidents(10).await?.len(), 1);
    stage.answer(&id, Answer::Approve).await?;
    assert_eq!(stage.ended(&winner).await?, "SUCCEEDED");
    Ok(())
}

#[tokio::test]
async fn a_panic_in_triage_sounds_the_alarm_and_the_next_delivery_is_handled() -> TestResult {
    let stage = stage().await;
    let user = PlantedUser::plant(stage.config(), "alice").await?;
    let event = user_finding(&user, SECURITY_ACCOUNT, "triage-panic");
    stage.aws.replace_function("firebreak-triage", Some("panicking-function"))?;
    let (execution, id) = send(&stage, &event).await?;
    assert_eq!(stage.ended(&execution).await?, "FAILED");
    let alarm = stage.alarmed("could not finish").await?;
    assert!(alarm.body.contains(&execution) && alarm.body.contains("Firebreak.Bug"), "{}", alarm.body);

    stage.aws.replace_function("firebreak-triage", None)?;
    send(&stage, &event).await?;
    let view = stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    assert_eq!(view.receipts[0].status, Status::Contained);
    Ok(())
}

#[tokio::test]
async fn a_response_that_broke_down_is_taken_over_by_the_next_delivery() -> TestResult {
    let stage = stage().await;
    let user = PlantedUser::plant(stage.config(), "alice").await?;
    let event = user_finding(&user, SECURITY_ACCOUNT, "taken-over");
    // The gate cannot be opened, so the execution fails after the containment.
    stage.aws.plan_faults(&json!([{"match": "sqs:SendMessage", "status": 403, "code": "AccessDenied", "times": 0}]))?;
    let (execution, id) = send(&stage, &event).await?;
    assert_eq!(stage.ended(&execution).await?, "FAILED");
    stage.reaches(&id, IncidentStatus::Failed).await?;
    stage.alarmed(id.as_str()).await?;

    stage.aws.plan_faults(&json!([]))?;
    let (second, _) = send(&stage, &event).await?;
    let view = stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    assert_eq!(view.record.incident.execution_arn, second);
    let before = user.observe().await?;
    assert_eq!(before.get("attached policies"), Some("FirebreakQuarantineDenyAll"));
    stage.answer(&id, Answer::Release).await?;
    assert_eq!(stage.ended(&second).await?, "SUCCEEDED");
    let after = user.observe().await?;
    assert_eq!(after.get("attached policies"), Some("none"), "the second run recorded the quarantined state as the base");
    assert_eq!(after.get(&format!("access key {}", user.access_key_id)), Some("Inactive"), "it was exposed");
    Ok(())
}

#[tokio::test]
async fn a_finding_that_was_only_announced_is_contained_when_it_calls_for_it() -> TestResult {
    let stage = stage().await;
    let user = PlantedUser::plant(stage.config(), "alice").await?;
    let mut event = user_finding(&user, SECURITY_ACCOUNT, "unarchived");
    event["detail"]["service"]["archived"] = json!(true);
    let first = stage.start(&event.to_string()).await?;
    assert_eq!(stage.ended(&first).await?, "SUCCEEDED");
    let id = incident_of(&event);
    stage.reaches(&id, IncidentStatus::Ignored).await?;
    event["detail"]["service"]["archived"] = json!(false);
    send(&stage, &event).await?;
    stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    assert_eq!(user.observe().await?.get("attached policies"), Some("FirebreakQuarantineDenyAll"));
    Ok(())
}

#[tokio::test]
async fn a_security_hub_finding_reaches_the_state_machine_and_guardduty_copies_do_not() -> TestResult {
    let stage = stage().await;
    let copy = fixture::load("security-hub/guardduty-through-security-hub")?;
    assert_eq!(stage.send(&copy).await?.len(), 0, "GuardDuty's own findings come by their own route");
    let mut other = copy;
    other["detail"]["findings"][0]["ProductArn"] = json!("arn:aws:securityhub:eu-central-1::product/aws/macie");
    other["detail"]["findings"][0]["Types"] = json!(["Sensitive Data Identifications/PII"]);
    let started = stage.send(&other).await?;
    assert_eq!(started.len(), 1);
    assert_eq!(stage.ended(&started[0]).await?, "SUCCEEDED");
    stage.told("Look at this").await?;
    Ok(())
}
