//! The real state machine, the real binaries, the local AWS. Each test has its own.
#![expect(clippy::expect_used, reason = "a test may fail where it stands")]

use firebreak::ids::IncidentId;
use firebreak::incident::{Incident, IncidentStatus};
use firebreak::receipt::{Outcome, Status};
use firebreak::review::{Answer, DecideOutcome};
use firebreak_aws::clock;
use firebreak_aws::ledger::IncidentView;
use firebreak_drill::{PlantedBucket, PlantedInstance, PlantedRole, PlantedUser, Stage};
use firebreak_testkit::{Call, MEMBER_ACCOUNT, Options, SECURITY_ACCOUNT, fixture};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

type TestResult = firebreak_drill::Result<()>;

/// A fresh local AWS whose logs stay only when the test fails.
async fn stage() -> Stage {
    stage_with(None).await
}

async fn stage_with(policy: Option<PathBuf>) -> Stage {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let name = format!(".local/logs/test-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    let logs = Some(fixture::repository().join(name));
    Stage::set(&Options { policy, logs }).await.expect("the local AWS starts")
}

fn user_finding(user: &PlantedUser, account: &str, serial: &str) -> Value {
    let mut event = fixture::load("guardduty/exfiltration-iam-user").expect("fixture");
    user.name_in(&mut event);
    fixture::personalise(&mut event, account, serial, clock::now());
    event
}

fn incident_of(event: &Value) -> IncidentId {
    IncidentId::of(event["detail"]["arn"].as_str().expect("an ARN"))
}

/// One finding through EventBridge; returns its execution and its incident.
async fn send(stage: &Stage, event: &Value) -> firebreak_drill::Result<(String, IncidentId)> {
    let started = stage.send(event).await?;
    assert_eq!(started.len(), 1, "one rule must match, once");
    Ok((started[0].clone(), incident_of(event)))
}

/// After an answer that could not be carried out, the gate waits for another one.
fn is_open_again(view: &IncidentView) -> bool {
    view.review.as_ref().is_some_and(|review| review.decision.is_none())
}

/// Calls that change something a customer owns: not Firebreak's own table, topics, queue, bucket and executions.
fn changes(calls: &[Call]) -> Vec<String> {
    let reads = ["Get", "List", "Describe", "Head", "AssumeRole"];
    calls
        .iter()
        .filter(|call| matches!(call.service.as_str(), "iam" | "ec2" | "s3"))
        .filter(|call| call.caller.is_some())
        .filter(|call| !reads.iter().any(|read| call.operation.starts_with(read)) && call.operation != "PutObject")
        .map(Call::action)
        .collect()
}

#[tokio::test]
async fn the_same_finding_three_times_is_one_containment() -> TestResult {
    let stage = stage().await;
    let user = PlantedUser::plant(stage.config(), "alice").await?;
    let event = user_finding(&user, SECURITY_ACCOUNT, "thrice");
    let (first, id) = send(&stage, &event).await?;
    let (second, _) = send(&stage, &event).await?;
    let mut later = event.clone();
    later["detail"]["updatedAt"] = json!("2026-11-20T09:00:00.000Z");
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
    let step = denied.steps.iter().find(|step| step.name == "attach-deny").expect("the step is on record");
    assert_eq!(step.outcome, Outcome::Failed);
    assert!(step.error.as_ref().is_some_and(|fault| fault.message.contains("AccessDenied")), "{:?}", step.error);
    assert_eq!(denied.status, Status::Failed, "labels and records are no containment");
    assert_eq!(isolated.status, Status::Contained);
    assert_eq!(instance.isolation_rules().await?, Some(0), "rules are left in the isolation group");
    assert_eq!(instance.snapshots(id.as_str()).await?, 1);
    assert!(stage.evidence(&id).await?.iter().any(|key| key.ends_with("manifest.json")));
    let told = stage.told("PARTLY FAILED").await?;
    assert!(told.body.contains("web-role") && told.body.contains("attach-deny"), "{}", told.body);
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
    assert!(stage.told("NOT CONTAINED").await?.body.contains("is NOT contained: Firebreak.Denied"));
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
    assert_eq!(after.get(&format!("access key {}", user.access_key_id)), Some("Active"));
    Ok(())
}

#[tokio::test]
async fn a_gate_that_times_out_escalates_stays_contained_and_asks_again() -> TestResult {
    let policy = tempfile::NamedTempFile::new()?;
    let text = "default_mode = \"auto\"\nverify_after_seconds = 0\n[review]\ntimeout_seconds = 4\nmax_rounds = 20\n";
    std::fs::write(policy.path(), text)?;
    let stage = stage_with(Some(policy.path().to_owned())).await;
    let user = PlantedUser::plant(stage.config(), "alice").await?;
    let (execution, id) = send(&stage, &user_finding(&user, SECURITY_ACCOUNT, "overdue")).await?;
    let view = stage.incident_when(&id, "the second gate", |view| view.review.as_ref().is_some_and(|r| r.round >= 2)).await?;
    assert_eq!(view.record.status, IncidentStatus::AwaitingReview);
    stage.told("Review overdue (round 1)").await?;
    stage.told("asked 2 times").await?;
    assert_eq!(user.observe().await?.get("attached policies"), Some("FirebreakQuarantineDenyAll"));
    // Whenever the answer comes, also between two gates, it counts.
    let outcome = stage.answer(&id, Answer::Approve).await?;
    assert!(matches!(outcome, DecideOutcome::Accepted { .. } | DecideOutcome::Queued { .. }), "{outcome:?}");
    assert_eq!(stage.ended(&execution).await?, "SUCCEEDED");
    stage.reaches(&id, IncidentStatus::Closed).await?;
    Ok(())
}

#[tokio::test]
async fn the_second_answer_is_told_about_the_first() -> TestResult {
    let stage = stage().await;
    let user = PlantedUser::plant(stage.config(), "alice").await?;
    let before = user.observe().await?;
    let (execution, id) = send(&stage, &user_finding(&user, SECURITY_ACCOUNT, "twice")).await?;
    stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    assert!(matches!(stage.answer(&id, Answer::Release).await?, DecideOutcome::Accepted { .. }));
    for answer in [Answer::Release, Answer::Approve] {
        let outcome = stage.answer(&id, answer).await?;
        let DecideOutcome::AlreadyDecided { decision } = &outcome else { panic!("{outcome:?}") };
        assert_eq!(decision.answer, Answer::Release, "the first answer must stand");
    }
    assert_eq!(stage.ended(&execution).await?, "SUCCEEDED");
    stage.reaches(&id, IncidentStatus::Released).await?;
    assert_eq!(before.differences(&user.observe().await?), [], "release must put every field back");
    Ok(())
}

#[tokio::test]
async fn an_answer_for_an_unknown_incident_is_refused() -> TestResult {
    let stage = stage().await;
    let id = IncidentId::of("no such finding");
    assert_eq!(stage.answer(&id, Answer::Approve).await?, DecideOutcome::NoReview);
    Ok(())
}

#[tokio::test]
async fn a_role_session_named_like_a_user_never_touches_that_user() -> TestResult {
    let stage = stage().await;
    let bystander = PlantedUser::plant(stage.config(), "alice").await?;
    let role = PlantedRole::plant(stage.config(), "app-role").await?;
    let innocent = bystander.observe().await?;
    let mut event = fixture::load("guardduty/exfiltration-assumed-role")?;
    role.name_in(&mut event, "alice");
    fixture::personalise(&mut event, SECURITY_ACCOUNT, "session", clock::now());
    let (_, id) = send(&stage, &event).await?;
    stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    assert_eq!(role.observe().await?.get("attached policies"), Some("FirebreakQuarantineDenyAll"));
    assert_eq!(innocent.differences(&bystander.observe().await?), []);
    Ok(())
}

#[tokio::test]
async fn the_second_account_is_contained_in_the_second_account() -> TestResult {
    let stage = stage().await;
    let member = stage.aws.administrator(MEMBER_ACCOUNT).await?;
    let suspect = PlantedUser::plant(&member, "alice").await?;
    let namesake = PlantedUser::plant(stage.config(), "alice").await?;
    let innocent = namesake.observe().await?;
    let mut event = user_finding(&suspect, MEMBER_ACCOUNT, "member");
    // The delegated administrator's copy: the envelope names another account than the finding.
    event["account"] = json!(SECURITY_ACCOUNT);
    let (_, id) = send(&stage, &event).await?;
    stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    assert_eq!(suspect.observe().await?.get("attached policies"), Some("FirebreakQuarantineDenyAll"));
    assert_eq!(innocent.differences(&namesake.observe().await?), []);
    Ok(())
}

#[tokio::test]
async fn what_waits_for_approval_is_contained_after_it_and_not_before() -> TestResult {
    let stage = stage().await;
    let user = PlantedUser::plant(stage.config(), "alice").await?;
    let bucket = PlantedBucket::plant(stage.config(), "acme-gated").await?;
    let mut event = fixture::load("guardduty/exfiltration-s3")?;
    user.name_in(&mut event);
    bucket.name_in(&mut event);
    fixture::personalise(&mut event, SECURITY_ACCOUNT, "gated", clock::now());
    let (execution, id) = send(&stage, &event).await?;
    stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    assert_eq!(user.observe().await?.get("attached policies"), Some("FirebreakQuarantineDenyAll"));
    assert_eq!(bucket.observe().await?.get("public access block"), Some("absent"), "contained before approval");
    stage.answer(&id, Answer::Approve).await?;
    assert_eq!(stage.ended(&execution).await?, "SUCCEEDED");
    assert_eq!(bucket.observe().await?.get("public access block"), Some("on on on on"));
    Ok(())
}

#[tokio::test]
async fn a_target_of_two_incidents_is_released_with_the_last_one() -> TestResult {
    let stage = stage().await;
    let user = PlantedUser::plant(stage.config(), "alice").await?;
    let before = user.observe().await?;
    let (first, one) = send(&stage, &user_finding(&user, SECURITY_ACCOUNT, "one")).await?;
    stage.reaches(&one, IncidentStatus::AwaitingReview).await?;
    let (second, two) = send(&stage, &user_finding(&user, SECURITY_ACCOUNT, "two")).await?;
    stage.reaches(&two, IncidentStatus::AwaitingReview).await?;
    stage.answer(&one, Answer::Release).await?;
    assert_eq!(stage.ended(&first).await?, "SUCCEEDED");
    assert_eq!(user.observe().await?.get("attached policies"), Some("FirebreakQuarantineDenyAll"), "incident two still holds it");
    stage.answer(&two, Answer::Release).await?;
    assert_eq!(stage.ended(&second).await?, "SUCCEEDED");
    assert_eq!(before.differences(&user.observe().await?), []);
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

#[tokio::test]
async fn bad_input_changes_nothing_and_tells_people() -> TestResult {
    let stage = stage().await;
    let inputs = ["{}", "[]", "null", "\"text\"", "7"].map(str::to_owned).to_vec();
    let hostile = ["unknown-source", "unknown-type", "missing-resource", "resource-null", "detail-is-text", "region-injection"];
    let fixtures = hostile.iter().map(|name| std::fs::read_to_string(fixture::path(&format!("hostile/{name}"))));
    let mut told = 0;
    for (i, input) in inputs.into_iter().map(Ok).chain(fixtures).enumerate() {
        let mut input: String = input?;
        // Fixtures share one finding id; each must be looked at.
        input = input.replace("/finding/", &format!("/finding/n{i}-"));
        let execution = stage.start(&input).await?;
        assert_eq!(stage.ended(&execution).await?, "SUCCEEDED", "{input}");
        let output = stage.sfn.describe_execution().execution_arn(&execution).send().await?.output.unwrap_or_default();
        let incident: Incident = serde_json::from_value(serde_json::from_str::<Value>(&output)?["incident"].clone())?;
        let view = stage.reaches(&incident.id, IncidentStatus::Notified).await?;
        assert!(view.record.incident.reason.is_some(), "{input}: no reason given");
        stage.told(incident.id.as_str()).await?;
        told += 1;
    }
    assert_eq!(told, 11);
    assert_eq!(changes(&stage.aws.calls()?), Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn hostile_text_reaches_people_inert_and_the_token_reaches_nobody() -> TestResult {
    let stage = stage().await;
    let user = PlantedUser::plant(stage.config(), "alice").await?;
    let mut event = user_finding(&user, SECURITY_ACCOUNT, "hostile-text");
    event["detail"]["title"] = json!("\u{1b}[2J\u{202e}evil\r\nBcc: all@example.com \u{7}$.Task.Token States.Format('{}')");
    let (execution, id) = send(&stage, &event).await?;
    let view = stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    stage.told("Decide").await?;
    stage.answer(&id, Answer::Approve).await?;
    stage.ended(&execution).await?;
    stage.told("Approved and closed").await?;
    let gate = stage.sfn.get_execution_history().execution_arn(&execution).send().await?;
    let scheduled = gate.events.iter().filter_map(|e| e.task_scheduled_event_details()).find(|d| d.resource_type() == "sqs");
    let parameters: Value = serde_json::from_str(scheduled.expect("the gate was scheduled").parameters())?;
    let token = parameters["MessageBody"]["task_token"].as_str().expect("the gate's message has a token").to_owned();
    assert!(token.len() > 10);
    for notice in stage.all_told() {
        assert!(!notice.body.contains(&token), "a token in a message: {}", notice.subject);
        let active = |c: char| (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c);
        assert!(!notice.body.contains(active) && !notice.subject.contains(|c: char| c.is_control()), "{:?}", notice.body);
    }
    assert!(!serde_json::to_string(&view)?.contains(&token), "a token in what the command shows");
    let logs =
        std::process::Command::new("grep").args(["-rlF", &token]).arg(fixture::repository().join(".local/logs")).output()?;
    assert_eq!(String::from_utf8_lossy(&logs.stdout), "", "a token in a log");
    Ok(())
}

#[tokio::test]
async fn nothing_is_destroyed_before_a_release() -> TestResult {
    let stage = stage().await;
    let user = PlantedUser::plant(stage.config(), "alice").await?;
    let instance = PlantedInstance::plant(stage.config(), "web-1").await?;
    let bucket = PlantedBucket::plant(stage.config(), "acme-public").await?;
    let mut ec2 = fixture::load("guardduty/bitcoin-tool")?;
    instance.name_in(&mut ec2);
    fixture::personalise(&mut ec2, SECURITY_ACCOUNT, "destroy-ec2", clock::now());
    let mut s3 = fixture::load("guardduty/bucket-anonymous-access")?;
    bucket.name_in(&mut s3);
    fixture::personalise(&mut s3, SECURITY_ACCOUNT, "destroy-s3", clock::now());
    for event in [&user_finding(&user, SECURITY_ACCOUNT, "destroy-iam"), &ec2, &s3] {
        let (execution, id) = send(&stage, event).await?;
        stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
        stage.answer(&id, Answer::Approve).await?;
        assert_eq!(stage.ended(&execution).await?, "SUCCEEDED");
    }
    let made = changes(&stage.aws.calls()?);
    assert!(made.len() > 8, "too few calls were recorded to prove anything: {made:?}");
    for call in &made {
        let operation = call.split(':').nth(1).expect("service:Operation");
        let destroys = ["Delete", "Terminate", "Stop", "Detach", "Remove"].iter().any(|word| operation.starts_with(word));
        assert!(!destroys, "{call} before any release");
    }
    Ok(())
}

#[tokio::test]
async fn a_release_that_is_not_complete_keeps_the_deny_and_asks_again() -> TestResult {
    let stage = stage().await;
    let user = PlantedUser::plant(stage.config(), "alice").await?;
    let before = user.observe().await?;
    let (execution, id) = send(&stage, &user_finding(&user, SECURITY_ACCOUNT, "incomplete")).await?;
    stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    let refuse = json!([{"match": "iam:UpdateAccessKey", "function": "firebreak-release", "status": 403, "code": "AccessDenied", "times": 0}]);
    stage.aws.plan_faults(&refuse)?;
    stage.answer(&id, Answer::Release).await?;
    let ticket = stage.told("reactivate-key").await?;
    assert!(ticket.subject.contains("Decide") && ticket.body.contains("AccessDenied"), "{}", ticket.body);
    assert_eq!(user.observe().await?.get("attached policies"), Some("FirebreakQuarantineDenyAll"), "harmless until all is back");

    stage.aws.plan_faults(&json!([]))?;
    stage.incident_when(&id, "an open gate", is_open_again).await?;
    assert!(matches!(stage.answer(&id, Answer::Release).await?, DecideOutcome::Accepted { .. }));
    assert_eq!(stage.ended(&execution).await?, "SUCCEEDED");
    stage.reaches(&id, IncidentStatus::Released).await?;
    assert_eq!(before.differences(&user.observe().await?), []);
    Ok(())
}

#[tokio::test]
async fn what_was_put_back_stays_put_back_while_the_rest_is_tried_again() -> TestResult {
    let stage = stage().await;
    let role = PlantedRole::plant(stage.config(), "web-role").await?;
    let instance = PlantedInstance::plant(stage.config(), "web-1").await?;
    let mut event = fixture::load("guardduty/instance-credential-exfiltration")?;
    role.name_in(&mut event, &instance.id);
    fixture::personalise(&mut event, SECURITY_ACCOUNT, "two-targets", clock::now());
    let (before_role, before_instance) = (role.observe().await?, instance.observe().await?);
    let (execution, id) = send(&stage, &event).await?;
    stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    let refuse = |times: u32| json!([{"match": "ec2:ModifyNetworkInterfaceAttribute", "function": "firebreak-release", "status": 403, "code": "UnauthorizedOperation", "times": times}]);
    for _ in 0..2 {
        stage.aws.plan_faults(&refuse(0))?;
        stage.answer(&id, Answer::Release).await?;
        stage.incident_when(&id, "an open gate", is_open_again).await?;
        assert_eq!(before_role.differences(&role.observe().await?), [], "the role was put back the first time");
    }
    // An incident on the same target is not kept waiting by the release that did not finish.
    let mut other = fixture::load("guardduty/bitcoin-tool")?;
    instance.name_in(&mut other);
    fixture::personalise(&mut other, SECURITY_ACCOUNT, "meanwhile", clock::now());
    let (_, second) = send(&stage, &other).await?;
    let view = stage.reaches(&second, IncidentStatus::AwaitingReview).await?;
    assert_eq!(view.receipts[0].status, Status::Contained);

    stage.aws.plan_faults(&json!([]))?;
    stage.answer(&id, Answer::Release).await?;
    assert_eq!(stage.ended(&execution).await?, "SUCCEEDED");
    let released = stage.reaches(&id, IncidentStatus::Released).await?;
    let of_role = released.releases.iter().find(|r| r.target.id == "web-role").expect("a receipt");
    assert!(of_role.steps.iter().any(|step| step.name == "detach-deny" && step.outcome == Outcome::Applied), "{of_role:?}");
    stage.answer(&second, Answer::Release).await?;
    stage.reaches(&second, IncidentStatus::Released).await?;
    assert_eq!(before_instance.differences(&instance.observe().await?), []);
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

#[tokio::test]
async fn an_approved_containment_that_fails_is_not_closed_as_done() -> TestResult {
    let stage = stage().await;
    let user = PlantedUser::plant(stage.config(), "alice").await?;
    let bucket = PlantedBucket::plant(stage.config(), "acme-gated").await?;
    stage.aws.plan_faults(&json!([{"match": "s3:PutPublicAccessBlock", "status": 403, "code": "AccessDenied", "times": 0}]))?;
    let mut event = fixture::load("guardduty/exfiltration-s3")?;
    user.name_in(&mut event);
    bucket.name_in(&mut event);
    fixture::personalise(&mut event, SECURITY_ACCOUNT, "gated-denied", clock::now());
    let (execution, id) = send(&stage, &event).await?;
    stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    stage.answer(&id, Answer::Approve).await?;
    assert!(stage.told("NOT FULLY carried out").await?.body.contains("acme-gated"));
    let view = stage.incident_when(&id, "an open gate", is_open_again).await?;
    assert_eq!(view.record.status, IncidentStatus::AwaitingReview);

    stage.aws.plan_faults(&json!([]))?;
    stage.answer(&id, Answer::Approve).await?;
    assert_eq!(stage.ended(&execution).await?, "SUCCEEDED");
    stage.reaches(&id, IncidentStatus::Closed).await?;
    assert_eq!(bucket.observe().await?.get("public access block"), Some("on on on on"));
    Ok(())
}

#[tokio::test]
async fn an_answer_that_nothing_will_act_on_is_refused() -> TestResult {
    let policy = tempfile::NamedTempFile::new()?;
    let text = "default_mode = \"auto\"\nverify_after_seconds = 0\n[review]\ntimeout_seconds = 1\nmax_rounds = 1\n";
    std::fs::write(policy.path(), text)?;
    let stage = stage_with(Some(policy.path().to_owned())).await;
    let user = PlantedUser::plant(stage.config(), "alice").await?;
    let (execution, id) = send(&stage, &user_finding(&user, SECURITY_ACCOUNT, "abandoned")).await?;
    assert_eq!(stage.ended(&execution).await?, "FAILED");
    stage.alarmed("ReviewAbandoned").await?;
    stage.incident_when(&id, "the gate on record", |view| view.review.is_some()).await?;
    let outcome = stage.answer(&id, Answer::Release).await?;
    assert!(matches!(outcome, DecideOutcome::TooLate), "{outcome:?}");
    assert_eq!(user.observe().await?.get("attached policies"), Some("FirebreakQuarantineDenyAll"));
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
async fn two_releases_at_once_put_the_target_back() -> TestResult {
    let stage = stage().await;
    let user = PlantedUser::plant(stage.config(), "alice").await?;
    let before = user.observe().await?;
    let (first, one) = send(&stage, &user_finding(&user, SECURITY_ACCOUNT, "at-once-1")).await?;
    let (second, two) = send(&stage, &user_finding(&user, SECURITY_ACCOUNT, "at-once-2")).await?;
    stage.reaches(&one, IncidentStatus::AwaitingReview).await?;
    stage.reaches(&two, IncidentStatus::AwaitingReview).await?;
    let (a, b) = futures::join!(stage.answer(&one, Answer::Release), stage.answer(&two, Answer::Release));
    a?;
    b?;
    assert_eq!(stage.ended(&first).await?, "SUCCEEDED");
    assert_eq!(stage.ended(&second).await?, "SUCCEEDED");
    assert_eq!(before.differences(&user.observe().await?), []);
    Ok(())
}

/// Isolates an instance and expects it to hold.
async fn isolate(stage: &Stage, instance: &PlantedInstance, serial: &str) -> TestResult {
    let mut event = fixture::load("guardduty/bitcoin-tool")?;
    instance.name_in(&mut event);
    fixture::personalise(&mut event, SECURITY_ACCOUNT, serial, clock::now());
    let (_, id) = send(stage, &event).await?;
    let view = stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    assert_eq!(view.receipts[0].status, Status::Contained);
    assert!(view.verifications.iter().all(|check| check.holds), "{:?}", view.verifications);
    Ok(())
}

#[tokio::test]
async fn an_isolation_group_that_somebody_filled_is_emptied() -> TestResult {
    let stage = stage().await;
    let instance = PlantedInstance::plant(stage.config(), "web-1").await?;
    let filled = instance.plant_open_group("firebreak-isolation", Some(("firebreak-sg", "isolation"))).await?;
    isolate(&stage, &instance, "filled").await?;
    assert_eq!(instance.rules_of(&filled).await?, (0, 0), "IPv4 and IPv6 rules must both be gone");
    Ok(())
}

#[tokio::test]
async fn neither_a_name_nor_a_tag_alone_makes_a_group_ours() -> TestResult {
    let stage = stage().await;
    let instance = PlantedInstance::plant(stage.config(), "web-1").await?;
    let namesake = instance.plant_open_group("firebreak-isolation", None).await?;
    let production = instance.plant_open_group("production", Some(("firebreak-sg", "isolation"))).await?;
    let before = (instance.rules_of(&namesake).await?, instance.rules_of(&production).await?);
    isolate(&stage, &instance, "prepared").await?;
    let after = (instance.rules_of(&namesake).await?, instance.rules_of(&production).await?);
    assert_eq!(before, after, "somebody else's group was emptied");
    Ok(())
}

#[tokio::test]
async fn what_somebody_changed_meanwhile_is_left_alone_and_reported() -> TestResult {
    let stage = stage().await;
    let instance = PlantedInstance::plant(stage.config(), "web-1").await?;
    let mut event = fixture::load("guardduty/bitcoin-tool")?;
    instance.name_in(&mut event);
    fixture::personalise(&mut event, SECURITY_ACCOUNT, "drift", clock::now());
    let (execution, id) = send(&stage, &event).await?;
    stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    let other = instance.plant_open_group("by-hand", None).await?;
    let interface = instance.move_first_interface_to(&other).await?;
    stage.answer(&id, Answer::Release).await?;
    let ticket = stage.told("was changed since the containment").await?;
    assert!(ticket.body.contains(&interface), "{}", ticket.body);
    let now = instance.observe().await?;
    assert_eq!(now.get(&format!("security groups of {interface}")), Some("by-hand"));
    // The analyst has seen it and lets it be: approve closes the incident.
    stage.incident_when(&id, "an open gate", is_open_again).await?;
    stage.answer(&id, Answer::Approve).await?;
    assert_eq!(stage.ended(&execution).await?, "SUCCEEDED");
    stage.reaches(&id, IncidentStatus::Closed).await?;
    Ok(())
}

#[tokio::test]
async fn the_manifest_vouches_for_every_object_and_nothing_else() -> TestResult {
    let stage = stage().await;
    let user = PlantedUser::plant(stage.config(), "alice").await?;
    let event = user_finding(&user, SECURITY_ACCOUNT, "manifest");
    let (_, id) = send(&stage, &event).await?;
    stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    let manifest_key = firebreak::evidence::manifest_key(&id);
    let manifest: Value = serde_json::from_slice(&stage.evidence_object(&manifest_key).await?)?;
    let mut vouched: Vec<String> = vec![manifest_key];
    for entry in manifest["entries"].as_array().expect("entries") {
        let key = entry["key"].as_str().expect("a key");
        let bytes = stage.evidence_object(key).await?;
        assert_eq!(entry["sha256"], firebreak::evidence::sha256_hex(&bytes), "{key}");
        assert_eq!(entry["bytes"], bytes.len(), "{key}");
        assert!(entry["source"].is_string() && entry["collected_at"].is_string(), "{key}");
        vouched.push(key.to_owned());
    }
    let mut stored = stage.evidence(&id).await?;
    stored.sort();
    vouched.sort();
    assert_eq!(stored, vouched);
    let finding: Value = serde_json::from_slice(&stage.evidence_object(&format!("incidents/{id}/finding.json")).await?)?;
    assert_eq!(finding["detail"], event["detail"]);
    let state = vouched.iter().find(|key| key.ends_with("state-before-containment.json")).expect("the prior state");
    let state: Value = serde_json::from_slice(&stage.evidence_object(state).await?)?;
    assert_eq!(state["state"]["attached_policies"], json!([]), "the base must be the state without the quarantine");
    Ok(())
}
