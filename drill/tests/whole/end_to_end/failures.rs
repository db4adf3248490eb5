//! What fails is on record and told, and takes nothing else with it.

use super::triage::attached;
use super::{TestResult, send, stage, user_finding};
use firebreak::answer::Answer;
use firebreak::incident::IncidentStatus;
use firebreak::receipt::{Outcome, Status};
use firebreak::review::DecideOutcome;
use firebreak_aws::clock;
use firebreak_drill::{PlantedBucket, PlantedInstance, PlantedRole, PlantedUser};
use firebreak_testkit::{SECURITY_ACCOUNT, fixture};
use serde_json::json;

#[tokio::test]
async fn one_denied_containment_leaves_the_others_and_the_evidence_alone() -> TestResult {
    let stage = stage().await;
    let role = PlantedRole::plant(stage.config(), "web-role").await?;
    let instance = PlantedInstance::plant(stage.config(), "web-1").await?;
    stage.aws.plan_faults(&json!([{"match": "iam:AttachRolePolicy", "status": 403, "code": "AccessDenied", "times": 0}]))?;
    let mut event = fixture::load("guardduty/instance-credential-exfiltration")?;
    role.name_in(&mut event, &instance.id);
    fixture::personalise(&mut event, SECURITY_ACCOUNT, "denied", clock::now());
    let (_, id) = send(&stage, &event).await?;

    let view = stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    let receipt = |name: &str| view.receipts.iter().find(|r| r.target.id == name).expect("a receipt").clone();
    let (denied, isolated) = (receipt("web-role"), receipt(&instance.id));
    let step = denied.steps.iter().find(|step| step.name.as_str() == "deny-session").expect("the step is on record");
    assert_eq!(step.outcome, Outcome::Failed);
    assert!(step.error.as_ref().is_some_and(|fault| fault.message.contains("AccessDenied")), "{:?}", step.error);
    assert_eq!(denied.status, Status::Failed, "labels and records are no containment");
    assert_eq!(isolated.status, Status::Contained);
    assert_eq!(instance.isolation_rules().await?, Some(0), "rules are left in the isolation group");
    stage.sealed(&id, 2).await?;
    assert_eq!(instance.snapshots(id.as_str()).await?, 1);
    assert!(stage.evidence(&id).await?.iter().any(|key| key.ends_with("manifest.json")));
    let told = stage.told("PARTLY NOT CONTAINED").await?;
    assert!(told.body.contains("web-role") && told.body.contains("deny-session"), "{}", told.body);
    Ok(())
}

#[tokio::test]
async fn a_member_account_that_trusts_nobody_is_reported_not_swallowed() -> TestResult {
    let stage = stage().await;
    let user = PlantedUser::plant(stage.config(), "alice").await?;
    stage.aws.plan_faults(
        &json!([{"match": "sts:AssumeRole", "body": "QuarantineIam", "status": 403, "code": "AccessDenied", "times": 0}]),
    )?;
    let (_, id) = send(&stage, &user_finding(&user, SECURITY_ACCOUNT, "untrusted")).await?;
    let view = stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    assert_eq!(view.receipts[0].status, Status::Failed);
    assert!(view.receipts[0].error.as_deref().is_some_and(|e| e.starts_with("Firebreak.Denied")), "{:?}", view.receipts[0].error);
    assert!(stage.told("NOT CONTAINED").await?.body.contains("is NOT contained: AWS refused"));
    Ok(())
}

/// Outside the execution: nothing inside can tell of its own end.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "here somebody else than Firebreak acts")]
async fn an_execution_that_somebody_stops_is_told_and_its_incident_has_failed() -> TestResult {
    let stage = stage().await;
    let user = PlantedUser::plant(stage.config(), "alice").await?;
    let (execution, id) = send(&stage, &user_finding(&user, SECURITY_ACCOUNT, "stopped")).await?;
    stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    let began = std::time::Instant::now();
    stage.sfn.stop_execution().execution_arn(&execution).send().await?;
    let told = stage.alarmed("somebody stopped an incident's execution").await?;
    assert!(told.body.contains(id.as_str()) && told.body.contains("stays contained"), "{}", told.body);
    stage.reaches(&id, IncidentStatus::Failed).await?;
    assert!(began.elapsed().as_secs() < 60, "{:?}", began.elapsed());
    assert!(attached(&user).await?.is_some(), "what was contained stays contained");
    let answer = stage.answer(&id, Answer::Approve).await?;
    assert!(matches!(answer, DecideOutcome::TooLate), "{answer:?}");
    Ok(())
}

#[tokio::test]
async fn a_panic_in_a_containment_is_a_failed_receipt() -> TestResult {
    let stage = stage().await;
    let user = PlantedUser::plant(stage.config(), "alice").await?;
    stage.aws.replace_function("firebreak-quarantine-iam", Some("panicking-function"))?;
    let (_, id) = send(&stage, &user_finding(&user, SECURITY_ACCOUNT, "panic")).await?;
    let view = stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    assert_eq!(view.receipts[0].status, Status::Failed);
    assert!(view.receipts[0].error.as_deref().is_some_and(|e| e.starts_with("Firebreak.Bug")), "{:?}", view.receipts[0].error);
    assert!(stage.evidence(&id).await?.iter().any(|key| key.ends_with("manifest.json")), "the evidence was dropped, too");
    Ok(())
}

#[tokio::test]
async fn a_throttled_ledger_delays_a_containment_and_does_not_lose_it() -> TestResult {
    let stage = stage().await;
    let bucket = PlantedBucket::plant(stage.config(), "acme-throttled").await?;
    // More refusals than one call of the SDK survives: only the state machine's retry gets past them.
    let throttle = json!([{"match": "dynamodb:UpdateItem", "function": "firebreak-lockdown-s3", "body": "captured_by",
        "status": 400, "code": "ProvisionedThroughputExceededException", "times": 5}]);
    stage.aws.plan_faults(&throttle)?;
    let mut event = fixture::load("guardduty/bucket-anonymous-access")?;
    bucket.name_in(&mut event);
    fixture::personalise(&mut event, SECURITY_ACCOUNT, "throttled", clock::now());
    let (_, id) = send(&stage, &event).await?;
    let view = stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    assert_eq!(view.receipts[0].status, Status::Contained, "{:?}", view.receipts[0]);
    assert_eq!(bucket.observe().await?.get("public access block"), Some("on on on on"));
    Ok(())
}
