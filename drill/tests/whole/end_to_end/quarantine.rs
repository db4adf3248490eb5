//! What a quarantine takes from a user, a session or a role, and what it leaves alone.

use super::triage::stage_under;
use super::{TestResult, changes, send, stage, stage_apart, user_finding};
use aws_sdk_iam::types::Tag;
use firebreak::answer::Answer;
use firebreak::incident::IncidentStatus;
use firebreak::receipt::{Outcome, Receipt, Status};
use firebreak_aws::clock;
use firebreak_drill::{PlantedRole, PlantedUser, Stage};
use firebreak_testkit::{REGION, SECURITY_ACCOUNT, fixture};
use serde_json::{Value, json};

/// A finding about one session of a role.
pub(crate) fn session_finding(role: &PlantedRole, session: &str, serial: &str) -> Value {
    let mut event = fixture::load("guardduty/exfiltration-assumed-role").expect("fixture");
    role.name_in(&mut event, session);
    fixture::personalise(&mut event, SECURITY_ACCOUNT, serial, clock::now());
    event
}

fn outcome(receipt: &Receipt, step: &str) -> Option<Outcome> {
    receipt.steps.iter().find(|s| s.name.as_str() == step).map(|step| step.outcome)
}

fn view_of_nothing() -> Value {
    json!({ "id": null, "type": null, "severity": null, "severity_band": null, "source": "guardduty", "account": null,
        "region": null, "title": null })
}

/// Asks `quarantine-iam` directly, without a finding.
pub(crate) async fn contain(stage: &Stage, incident: u8, target: &Value) -> firebreak_drill::Result<firebreak_drill::Invoked> {
    let place = json!({ "account": SECURITY_ACCOUNT, "region": REGION, "partition": "aws" });
    let fields = [&place, target].into_iter().filter_map(Value::as_object).flatten().map(|(k, v)| (k.clone(), v.clone()));
    let incident = json!({
        "id": format!("fb-{incident:016x}"), "verdict": "respond", "reason": null, "dedupe_key": "direct", "decisions": [],
        "finding": view_of_nothing(),
        "execution_arn": "x", "opened_at": "2026-11-20T02:00:00Z", "timing": { "review_timeout_seconds": 60, "review_max_rounds": 1 },
    });
    let request = json!({ "phase": "contain", "incident": incident, "target": Value::Object(fields.collect()) });
    stage.invoke("quarantine-iam", &request).await
}

#[tokio::test]
async fn an_api_only_user_is_quarantined_with_every_credential() -> TestResult {
    let stage = stage().await;
    let user = PlantedUser::plant(stage.config(), "alice").await?;
    let before = user.observe().await?;
    let (execution, id) = send(&stage, &user_finding(&user, SECURITY_ACCOUNT, "every-credential")).await?;
    let view = stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    assert_eq!(view.receipts[0].status, Status::Contained, "{:?}", view.receipts[0]);
    let now = user.observe().await?;
    assert_eq!(now.get("attached policies"), Some("FirebreakQuarantineDenyAll"));
    let kinds = ["access key ", "service credential ", "SSH key "];
    for kind in kinds {
        let statuses: Vec<&str> = now.fields().filter(|(name, _)| name.starts_with(kind)).map(|(_, status)| status).collect();
        assert!(!statuses.is_empty() && statuses.iter().all(|status| *status == "Inactive"), "{kind}: {statuses:?}");
    }
    let made = changes(&stage.aws.calls()?);
    assert!(made.iter().all(|call| !call.contains("LoginProfile") && !call.contains("Delete")), "{made:?}");
    let sessions: Vec<Value> =
        stage.aws.calls()?.into_iter().filter(|c| c.action() == "sts:AssumeRole").map(|c| c.params).collect();
    let own = sessions.iter().find(|p| p["RoleArn"].as_str().is_some_and(|arn| arn.ends_with("QuarantineIam"))).expect("assumed");
    assert_eq!((own["RoleSessionName"].as_str(), own["SourceIdentity"].as_str()), (Some(id.as_str()), Some(id.as_str())));
    assert!(own["Policy"].as_str().is_some_and(|policy| policy.contains("user/alice") && !policy.contains("\"Resource\":\"*\"")));
    stage.answer(&id, Answer::Release).await?;
    assert_eq!(stage.ended(&execution).await?, "SUCCEEDED");
    assert_eq!(user.released(&before).differences(&user.observe().await?), []);
    Ok(())
}

#[tokio::test]
async fn a_full_policy_quota_leads_to_a_boundary_and_back() -> TestResult {
    let stage = stage().await;
    let user = PlantedUser::plant(stage.config(), "alice").await?;
    user.fill_policy_quota().await?;
    let boundary = user.set_boundary().await?;
    let before = user.observe().await?;
    let (execution, id) = send(&stage, &user_finding(&user, SECURITY_ACCOUNT, "quota")).await?;
    let view = stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    let receipt = &view.receipts[0];
    assert_eq!(receipt.status, Status::Contained, "{receipt:?}");
    assert_eq!(outcome(receipt, "attach-deny"), Some(Outcome::Skipped));
    assert_eq!(outcome(receipt, "deny-by-boundary"), Some(Outcome::Applied));
    let now = user.observe().await?;
    assert!(now.get("boundary").is_some_and(|arn| arn.ends_with("/FirebreakQuarantineDenyAll")), "{now:?}");
    assert!(view.verifications.iter().all(|check| check.holds && check.reverted.is_empty()), "{:?}", view.verifications);
    stage.answer(&id, Answer::Release).await?;
    assert_eq!(stage.ended(&execution).await?, "SUCCEEDED");
    assert_eq!(user.observe().await?.get("boundary"), Some(boundary.as_str()));
    assert_eq!(user.released(&before).differences(&user.observe().await?), []);
    Ok(())
}

#[tokio::test]
async fn fifty_tags_do_not_stop_a_containment() -> TestResult {
    let stage = stage().await;
    let user = PlantedUser::plant(stage.config(), "alice").await?;
    let tag = |n: usize| Tag::builder().key(format!("filler-{n}")).value("x").build().expect("a tag");
    user.iam().tag_user().user_name(&user.name).set_tags(Some((0..49).map(tag).collect())).send().await?;
    let (_, id) = send(&stage, &user_finding(&user, SECURITY_ACCOUNT, "fifty-tags")).await?;
    let view = stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    assert_eq!(view.receipts[0].status, Status::Contained, "{:?}", view.receipts[0]);
    assert_eq!(outcome(&view.receipts[0], "tag"), Some(Outcome::Skipped));
    assert_eq!(user.observe().await?.get("attached policies"), Some("FirebreakQuarantineDenyAll"));
    Ok(())
}

#[tokio::test]
async fn one_session_is_denied_and_its_sibling_is_not() -> TestResult {
    let stage = stage().await;
    let role = PlantedRole::plant(stage.config(), "fleet").await?;
    let before = role.observe().await?;
    let (execution, id) = send(&stage, &session_finding(&role, "i-0123456789abcdef0", "one-session")).await?;
    let view = stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    assert_eq!(view.receipts[0].status, Status::Contained, "{:?}", view.receipts[0]);
    let now = role.observe().await?;
    // What this policy means for siblings is in policies/tests: here is all that was written.
    assert_eq!(now.get("attached policies"), Some("FirebreakQuarantineDenyTaggedSession"));
    assert_eq!(now.get("tag firebreak-session-1"), Some("i-0123456789abcdef0"));
    assert_eq!((now.get("boundary"), now.get("inline policies")), (Some("none"), Some("none")));
    stage.answer(&id, Answer::Release).await?;
    assert_eq!(stage.ended(&execution).await?, "SUCCEEDED");
    assert_eq!(before.differences(&role.observe().await?), []);
    Ok(())
}

#[tokio::test]
async fn a_session_is_denied_by_boundary_when_the_quota_is_full() -> TestResult {
    let stage = stage().await;
    let role = PlantedRole::plant(stage.config(), "fleet").await?;
    role.fill_policy_quota().await?;
    let before = role.observe().await?;
    let (execution, id) = send(&stage, &session_finding(&role, "i-0123456789abcdef0", "session-quota")).await?;
    let view = stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    assert_eq!(view.receipts[0].status, Status::Contained, "{:?}", view.receipts[0]);
    assert!(view.verifications.iter().all(|check| check.holds && check.reverted.is_empty()), "{:?}", view.verifications);
    let boundary = role.observe().await?.get("boundary").map(str::to_owned);
    assert!(boundary.is_some_and(|arn| arn.ends_with("/FirebreakQuarantineDenyTaggedSessionBoundary")));
    stage.answer(&id, Answer::Release).await?;
    assert_eq!(stage.ended(&execution).await?, "SUCCEEDED");
    assert_eq!(before.differences(&role.observe().await?), []);
    Ok(())
}

#[tokio::test]
async fn a_second_session_takes_the_next_slot() -> TestResult {
    let stage = stage_apart().await;
    let role = PlantedRole::plant(stage.config(), "fleet").await?;
    let before = role.observe().await?;
    let (first, one) = send(&stage, &session_finding(&role, "i-0123456789abcdef0", "slot-1")).await?;
    stage.reaches(&one, IncidentStatus::AwaitingReview).await?;
    let (second, two) = send(&stage, &session_finding(&role, "i-0fedcba9876543210", "slot-2")).await?;
    stage.reaches(&two, IncidentStatus::AwaitingReview).await?;
    let both = role.observe().await?;
    assert_eq!(both.get("tag firebreak-session-1"), Some("i-0123456789abcdef0"));
    assert_eq!(both.get("tag firebreak-session-2"), Some("i-0fedcba9876543210"));
    stage.answer(&two, Answer::Release).await?;
    assert_eq!(stage.ended(&second).await?, "SUCCEEDED");
    let held = role.observe().await?;
    assert_eq!(held.get("attached policies"), Some("FirebreakQuarantineDenyTaggedSession"), "the other session is denied still");
    assert_eq!(held.get("tag firebreak-session-1"), Some("i-0123456789abcdef0"));
    assert_eq!(held.get("tag firebreak-session-2"), None, "a released session must not wait for another incident");
    let again = contain(&stage, 9, &json!({ "kind": "iam-role", "id": "fleet", "session": "third", "scope": "session" })).await?;
    assert_eq!(again.answer["status"], "contained", "{}", again.answer);
    let named = role.observe().await?;
    assert!(named.fields().any(|(field, name)| field.starts_with("tag firebreak-session-") && name == "third"), "{named:?}");
    let third = json!({ "id": format!("fb-{:016x}", 9), "verdict": "respond", "reason": null, "dedupe_key": "direct",
        "finding": view_of_nothing(), "decisions": [{ "target": again.answer["target"], "containment": "quarantine-iam", "mode": "auto",
        "reason": "drill" }], "execution_arn": "x", "opened_at": "2026-11-20T02:00:00Z",
        "timing": { "review_timeout_seconds": 60, "review_max_rounds": 1 } });
    let released = stage.invoke("release", &json!({ "incident": third })).await?;
    assert_eq!(released.answer["status"], "ok", "{}", released.answer);
    stage.answer(&one, Answer::Release).await?;
    assert_eq!(stage.ended(&first).await?, "SUCCEEDED");
    assert_eq!(before.differences(&role.observe().await?), []);
    Ok(())
}

#[tokio::test]
async fn a_tag_that_somebody_set_in_advance_denies_no_bystander() -> TestResult {
    let stage = stage().await;
    let role = PlantedRole::plant(stage.config(), "fleet").await?;
    let trap = Tag::builder().key("firebreak-session-3").value("production").build()?;
    role.iam().tag_role().role_name("fleet").tags(trap).send().await?;
    let (_, id) = send(&stage, &session_finding(&role, "i-0123456789abcdef0", "trap")).await?;
    let view = stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    assert_eq!(view.receipts[0].status, Status::Contained, "{:?}", view.receipts[0]);
    let now = role.observe().await?;
    assert_eq!(now.get("tag firebreak-session-1"), Some("i-0123456789abcdef0"));
    assert_eq!(now.get("tag firebreak-session-3"), Some("firebreak-none"), "the policy compares with this tag, too");
    Ok(())
}

#[tokio::test]
async fn a_quarantine_policy_that_somebody_changed_is_raised() -> TestResult {
    let stage = stage().await;
    let user = PlantedUser::plant(stage.config(), "alice").await?;
    let arn = format!("arn:aws:iam::{SECURITY_ACCOUNT}:policy/firebreak/FirebreakQuarantineDenyAll");
    let disarmed = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"s3:ListBucket","Resource":"*"}]}"#;
    user.iam().create_policy_version().policy_arn(arn).policy_document(disarmed).set_as_default(true).send().await?;
    let (_, id) = send(&stage, &user_finding(&user, SECURITY_ACCOUNT, "disarmed")).await?;
    let view = stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    assert!(view.verifications.iter().any(|check| !check.holds), "a policy that denies nothing contains nobody");
    assert!(stage.told("Contained, NOT confirmed").await?.body.contains("SOMEBODY CHANGED"));
    Ok(())
}

#[tokio::test]
async fn a_service_linked_role_is_left_alone() -> TestResult {
    let stage = stage().await;
    let iam = aws_sdk_iam::Client::new(stage.config());
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"support.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
    let path = "/aws-service-role/support.amazonaws.com/";
    iam.create_role().role_name("ServiceLinked").path(path).assume_role_policy_document(trust).send().await?;
    let whole = contain(&stage, 1, &json!({ "kind": "iam-role", "id": "ServiceLinked" })).await?;
    assert_eq!(whole.error.as_deref(), Some("Firebreak.Protected"), "{}", whole.answer);
    let session = json!({ "kind": "iam-role", "id": "ServiceLinked", "session": "anybody", "scope": "session" });
    let session = contain(&stage, 2, &session).await?;
    assert_eq!(session.answer["status"], "failed", "{}", session.answer);
    let attached = iam.list_attached_role_policies().role_name("ServiceLinked").send().await?;
    assert!(attached.attached_policies().is_empty(), "{attached:?}");
    Ok(())
}

#[tokio::test]
async fn a_bare_access_key_leads_to_its_owner() -> TestResult {
    let stage = stage().await;
    let user = PlantedUser::plant(stage.config(), "alice").await?;
    let mut event = fixture::load("security-hub/iam-finding-with-instance-first")?;
    let finding = &mut event["detail"]["findings"][0];
    finding["AwsAccountId"] = json!(SECURITY_ACCOUNT);
    finding["Resources"] =
        json!([{ "Type": "AwsIamAccessKey", "Id": format!("AWS::IAM::AccessKey:{}", user.access_key_id), "Partition": "aws" }]);
    let execution = stage.start(&event.to_string()).await?;
    let id = stage.incident_of_execution(&execution).await?;
    let view = stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    assert_eq!(view.record.incident.decisions[0].target.to_string(), "IAM user alice");
    assert_eq!(user.observe().await?.get("attached policies"), Some("FirebreakQuarantineDenyAll"));
    Ok(())
}

#[tokio::test]
async fn a_federated_session_leads_to_its_creator() -> TestResult {
    let stage = stage().await;
    let user = PlantedUser::plant(stage.config(), "alice").await?;
    let key = "ASIAEXAMPLEFEDERATED";
    let mut event = fixture::load("hostile/H42_federated")?;
    event["detail"]["resource"]["accessKeyDetails"]["accessKeyId"] = json!(key);
    fixture::personalise(&mut event, SECURITY_ACCOUNT, "federated", clock::now());
    let issuer =
        json!({ "type": "IAMUser", "principalId": user.principal_id, "accountId": SECURITY_ACCOUNT, "userName": "alice" });
    stage.aws.plant_trail(&json!([{ "account": SECURITY_ACCOUNT, "region": REGION, "event": {
        "eventID": "f1", "eventTime": clock::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(), "eventName": "ListBuckets", "eventSource": "s3.amazonaws.com",
        "userIdentity": { "type": "FederatedUser", "principalId": format!("{SECURITY_ACCOUNT}:fed-name"), "accessKeyId": key,
            "sessionContext": { "sessionIssuer": issuer } } } }]))?;
    let (_, id) = send(&stage, &event).await?;
    stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    assert_eq!(user.observe().await?.get("attached policies"), Some("FirebreakQuarantineDenyAll"));
    Ok(())
}

#[tokio::test]
async fn older_sessions_end_after_approval() -> TestResult {
    let policy = format!("[accounts.{SECURITY_ACCOUNT}]\nmode = \"auto\"\n[roles]\nalso = \"older-sessions\"\n");
    let stage = stage_under(&policy).await;
    let role = PlantedRole::plant(stage.config(), "deploy").await?;
    let (execution, id) = send(&stage, &session_finding(&role, "mallory", "older")).await?;
    stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    let waiting = role.observe().await?;
    assert_eq!(waiting.get("attached policies"), Some("none"), "the caller chose the session's name");
    assert_eq!(waiting.get("inline policies"), Some("none"), "before the approval");
    stage.answer(&id, Answer::Approve).await?;
    assert_eq!(stage.ended(&execution).await?, "SUCCEEDED");
    let revocation = format!("FirebreakRevoke-{id}");
    assert_eq!(role.observe().await?.get("inline policies"), Some(revocation.as_str()));
    let written = role.iam().get_role_policy().role_name("deploy").policy_name(revocation).send().await?;
    assert!(written.policy_document.contains("aws%3ATokenIssueTime"), "{}", written.policy_document);
    let calls = stage.aws.calls()?;
    let written = calls.iter().filter(|c| c.operation == "PutRolePolicy");
    let assumed: Vec<&str> = written.filter_map(|c| c.caller.as_deref()).collect();
    assert!(assumed.iter().all(|caller| caller.contains("FirebreakMemberRevokeSessions")), "{assumed:?}");
    let let_in = calls.iter().filter(|c| c.operation == "AssumeRole" && c.params.to_string().contains("MemberRevokeSessions"));
    let by: Vec<Option<&str>> = let_in.map(|c| c.function.as_deref()).collect();
    assert!(!by.is_empty() && by.iter().all(|function| *function == Some("firebreak-revoke-sessions")), "{by:?}");
    Ok(())
}

#[tokio::test]
async fn the_sixth_session_of_a_role_is_a_person_s_matter() -> TestResult {
    let stage = stage().await;
    let role = PlantedRole::plant(stage.config(), "fleet").await?;
    let session = |name: &str| json!({ "kind": "iam-role", "id": "fleet", "principal_id": role.principal_id, "session": name, "scope": "session" });
    for n in 1..=5 {
        let run = contain(&stage, n, &session(&format!("session-{n}"))).await?;
        assert_eq!(run.answer["status"], "contained", "{}", run.answer);
    }
    let sixth = contain(&stage, 6, &session("session-6")).await?;
    assert_eq!(sixth.answer["status"], "failed", "{}", sixth.answer);
    assert!(sixth.answer.to_string().contains("whole role"), "{}", sixth.answer);
    let now = role.observe().await?;
    assert_eq!(now.get("tag firebreak-session-5"), Some("session-5"), "no decided session lost its slot");
    Ok(())
}
