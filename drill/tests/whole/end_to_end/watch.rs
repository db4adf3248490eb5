//! What happens after the containment: somebody reverts it, or the suspect had done more before.
#![expect(clippy::disallowed_methods, reason = "here somebody else than Firebreak acts")]

use super::triage::stage_with_policy;
use super::{TestResult, send, user_finding};
use firebreak::answer::Answer;
use firebreak::decision::Mode;
use firebreak::ids::IncidentId;
use firebreak::incident::IncidentStatus;
use firebreak::receipt::Status;
use firebreak_aws::clock;
use firebreak_drill::{PlantedRole, PlantedUser, Stage};
use firebreak_testkit::{Call, REGION, SECURITY_ACCOUNT, eventually};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::time::Duration;

/// The first look comes late enough for somebody to act before it.
const SLOW: &str = "default_mode = \"auto\"\nverify_after_seconds = [6, 7]\n";

/// Waits until the deny is there, as an attacker does who polls.
pub(crate) async fn until_denied(user: &PlantedUser) -> TestResult {
    let denied = async || {
        let state = user.observe().await.ok()?;
        let inactive = state.get(&format!("access key {}", user.access_key_id)) == Some("Inactive");
        (inactive && state.get("attached policies") == Some("FirebreakQuarantineDenyAll")).then_some(())
    };
    Ok(eventually("the quarantine", Duration::from_secs(30), denied).await?)
}

pub(crate) fn policy_arn() -> String {
    format!("arn:aws:iam::{SECURITY_ACCOUNT}:policy/firebreak/FirebreakQuarantineDenyAll")
}

#[tokio::test]
async fn a_revert_is_written_again_and_raised() -> TestResult {
    let stage = stage_with_policy(SLOW).await;
    let user = PlantedUser::plant(stage.config(), "alice").await?;
    let (_, id) = send(&stage, &user_finding(&user, SECURITY_ACCOUNT, "reverted")).await?;
    until_denied(&user).await?;
    user.iam().detach_user_policy().user_name("alice").policy_arn(policy_arn()).send().await?;

    let view = stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    assert_eq!(user.observe().await?.get("attached policies"), Some("FirebreakQuarantineDenyAll"), "it was not written again");
    let told = stage.told("CRITICAL, somebody reverted it").await?;
    assert!(told.body.contains("the quarantine policy is not attached"), "{}", told.body);
    assert!(view.timeline.iter().any(|event| event.what.starts_with("REVERTED")), "{:?}", view.timeline);
    let tier_two = view.record.incident.decisions.iter().find(|d| d.mode == Mode::Gate).expect("a gated second tier");
    assert!(
        tier_two.by_hand.as_ref().is_some_and(|what| what.contains("SCP") || what.contains("service control")),
        "{tier_two:?}"
    );
    assert!(view.verifications.iter().all(|check| check.holds), "{:?}", view.verifications);
    Ok(())
}

/// Looks that come fast enough for a test.
const WATCHED: &str = "default_mode = \"auto\"\nverify_after_seconds = 1\n[watch]\nafter_seconds = [1]\nevery_seconds = 2\n";

#[tokio::test]
async fn a_revert_while_the_gate_waits_is_written_again_and_raised_and_the_answer_is_taken() -> TestResult {
    let stage = stage_with_policy(WATCHED).await;
    let user = PlantedUser::plant(stage.config(), "alice").await?;
    let (execution, id) = send(&stage, &user_finding(&user, SECURITY_ACCOUNT, "reverted-late")).await?;
    stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    user.iam().detach_user_policy().user_name("alice").policy_arn(policy_arn()).send().await?;
    stage.told("CRITICAL, somebody reverted it").await?;
    until_denied(&user).await?;
    stage.answer(&id, Answer::Release).await?;
    assert_eq!(stage.ended(&execution).await?, "SUCCEEDED", "whatever a look does");
    assert_eq!(user.observe().await?.get("attached policies"), Some("none"), "no look fights the answer");
    assert_eq!(stage.ended(&watch_of(&id)).await?, "SUCCEEDED", "the watch ends with the incident");
    Ok(())
}

/// The first execution of the watch of an incident.
pub(crate) fn watch_of(id: &IncidentId) -> String {
    format!("arn:aws:states:{REGION}:{SECURITY_ACCOUNT}:execution:{}:{id}", firebreak::names::WATCH_STATE_MACHINE)
}

#[tokio::test]
async fn a_watch_that_is_stopped_rings_and_leaves_the_gate_alone() -> TestResult {
    let stage = stage_with_policy(WATCHED).await;
    let user = PlantedUser::plant(stage.config(), "alice").await?;
    let (execution, id) = send(&stage, &user_finding(&user, SECURITY_ACCOUNT, "unwatched")).await?;
    stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    stage.sfn.stop_execution().execution_arn(watch_of(&id)).send().await?;
    let told = stage.alarmed("somebody stopped an incident's execution").await?;
    assert!(told.body.contains(id.as_str()) && told.body.contains("firebreak-watch"), "{}", told.body);
    let status = stage.ledger.record(&id).await?.map(|record| record.status);
    assert_eq!(status, Some(IncidentStatus::AwaitingReview));
    stage.answer(&id, Answer::Approve).await?;
    assert_eq!(stage.ended(&execution).await?, "SUCCEEDED");
    Ok(())
}

#[tokio::test]
async fn a_new_access_key_is_found_and_made_inactive() -> TestResult {
    let stage = stage_with_policy(SLOW).await;
    let user = PlantedUser::plant(stage.config(), "alice").await?;
    let before = user.observe().await?;
    let (execution, id) = send(&stage, &user_finding(&user, SECURITY_ACCOUNT, "new-key")).await?;
    until_denied(&user).await?;
    // A user has two keys at most: the inactive one makes room.
    let keys = user.iam().list_access_keys().user_name("alice").send().await?;
    let old =
        keys.access_key_metadata().iter().filter_map(|k| k.access_key_id()).find(|key| *key != user.access_key_id).expect("two");
    user.iam().delete_access_key().user_name("alice").access_key_id(old).send().await?;
    let new = user.iam().create_access_key().user_name("alice").send().await?.access_key.expect("a key").access_key_id;

    stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    assert_eq!(user.observe().await?.get(&format!("access key {new}")), Some("Inactive"));
    stage.told("CRITICAL, somebody reverted it").await?;
    stage.answer(&id, Answer::Release).await?;
    assert_eq!(stage.ended(&execution).await?, "SUCCEEDED");
    let now = user.observe().await?;
    assert_eq!(now.get("attached policies"), before.get("attached policies"));
    assert_eq!(now.get(&format!("access key {new}")), Some("Inactive"), "whoever made it was the attacker");
    Ok(())
}

/// A CloudTrail record of what alice did.
fn record(user: &PlantedUser, number: usize, event: &Value) -> Value {
    let region = if event["eventSource"] == "iam.amazonaws.com" { "us-east-1" } else { REGION };
    let mut whole = json!({
        "eventVersion": "1.11", "eventID": format!("e{number}"), "awsRegion": region, "recipientAccountId": SECURITY_ACCOUNT,
        "eventTime": clock::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "userIdentity": { "type": "IAMUser", "principalId": user.principal_id, "userName": user.name, "accountId": SECURITY_ACCOUNT,
            "accessKeyId": user.access_key_id },
    });
    for (field, value) in event.as_object().into_iter().flatten() {
        whole[field] = value.clone();
    }
    json!({ "account": SECURITY_ACCOUNT, "region": region, "event": whole })
}

/// alice made mallory and assumed a role; bob only got an access key from her.
async fn plant_the_past(stage: &Stage, user: &PlantedUser) -> firebreak_drill::Result<(PlantedUser, PlantedRole, PlantedUser)> {
    let mallory = PlantedUser::plant(stage.config(), "mallory").await?;
    let deploy = PlantedRole::plant(stage.config(), "deploy").await?;
    let bob = PlantedUser::plant(stage.config(), "bob").await?;
    let created = json!({ "eventSource": "iam.amazonaws.com", "eventName": "CreateUser", "requestParameters": { "userName": "mallory" },
        "responseElements": { "user": { "userName": "mallory", "userId": mallory.principal_id } } });
    let assumed = json!({ "eventSource": "sts.amazonaws.com", "eventName": "AssumeRole",
        "requestParameters": { "roleArn": format!("arn:aws:iam::{SECURITY_ACCOUNT}:role/deploy"), "roleSessionName": "alice-cli" },
        "responseElements": { "assumedRoleUser": { "assumedRoleId": format!("{}:alice-cli", deploy.principal_id) } } });
    let key = json!({ "eventSource": "iam.amazonaws.com", "eventName": "CreateAccessKey", "requestParameters": { "userName": "bob" },
        "responseElements": { "accessKey": { "userName": "bob", "accessKeyId": bob.access_key_id } } });
    let events: Vec<Value> = [created, assumed, key].iter().enumerate().map(|(n, event)| record(user, n, event)).collect();
    stage.aws.plant_trail(&json!(events))?;
    Ok((mallory, deploy, bob))
}

#[tokio::test]
async fn what_the_suspect_created_is_contained() -> TestResult {
    let stage = stage_with_policy(WATCHED).await;
    let user = PlantedUser::plant(stage.config(), "alice").await?;
    let (mallory, deploy, bob) = plant_the_past(&stage, &user).await?;
    let before = (mallory.observe().await?, deploy.observe().await?, bob.observe().await?);
    let (execution, id) = send(&stage, &user_finding(&user, SECURITY_ACCOUNT, "sweep")).await?;

    let view = stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    let contained = view.receipts.iter().filter(|receipt| receipt.status == Status::Contained).count();
    assert_eq!(contained, 4, "{:?}", view.receipts);
    assert_eq!(mallory.observe().await?.get("attached policies"), Some("FirebreakQuarantineDenyAll"));
    assert_eq!(deploy.observe().await?.get("tag firebreak-session-1"), Some("alice-cli"));
    let now = bob.observe().await?;
    assert_eq!(now.get(&format!("access key {}", bob.access_key_id)), Some("Inactive"), "the key that alice made");
    assert_eq!(now.get("attached policies"), Some("none"), "bob himself is no suspect");
    assert!(stage.told("CloudTrail says").await?.body.contains("mallory"));
    stage.incident_when(&id, "a look at what was found", |view| view.verifications.len() >= 4).await?;

    stage.answer(&id, Answer::Release).await?;
    assert_eq!(stage.ended(&execution).await?, "SUCCEEDED");
    assert_eq!(before.1.differences(&deploy.observe().await?), []);
    assert_eq!(mallory.observe().await?.get("attached policies"), Some("none"));
    assert_eq!(bob.released(&before.2).differences(&bob.observe().await?), []);
    Ok(())
}

#[tokio::test]
async fn a_sweep_that_cannot_look_says_so() -> TestResult {
    let stage = stage_with_policy("default_mode = \"auto\"\nverify_after_seconds = 1\n").await;
    let user = PlantedUser::plant(stage.config(), "alice").await?;
    stage.aws.plan_faults(
        &json!([{ "match": "cloudtrail:LookupEvents", "status": 403, "code": "AccessDeniedException", "times": 0 }]),
    )?;
    let (_, id) = send(&stage, &user_finding(&user, SECURITY_ACCOUNT, "blind")).await?;
    stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    let ticket = stage.told("[Firebreak] Decide").await?;
    assert!(ticket.body.contains("Not seen in CloudTrail") && ticket.body.contains("LookupEvents"), "{}", ticket.body);
    assert_eq!(user.observe().await?.get("attached policies"), Some("FirebreakQuarantineDenyAll"));
    Ok(())
}

#[tokio::test]
async fn the_gate_opens_seconds_after_the_last_containment() -> TestResult {
    let stage = stage_with_policy(WATCHED).await;
    let user = PlantedUser::plant(stage.config(), "alice").await?;
    let (_, id) = send(&stage, &user_finding(&user, SECURITY_ACCOUNT, "soon")).await?;
    stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    let view = stage.incident_when(&id, "the gate", |view| view.review.is_some()).await?;
    let contained = view.receipts.iter().filter_map(|receipt| receipt.finished_at).max().ok_or("nothing was contained")?;
    let opened: Timestamp = view.review.ok_or("no gate")?.opened_at.parse()?;
    let seconds = opened.duration_since(contained).as_secs_f64();
    assert!((0.0..15.0).contains(&seconds), "{seconds} seconds");
    Ok(())
}

#[tokio::test]
async fn an_answer_is_carried_out_while_a_look_hangs() -> TestResult {
    let stage = stage_with_policy(WATCHED).await;
    let user = PlantedUser::plant(stage.config(), "alice").await?;
    let (_, id) = send(&stage, &user_finding(&user, SECURITY_ACCOUNT, "hangs")).await?;
    stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    let hangs = json!([{ "match": "lambda:Invoke", "function": "firebreak-watch", "delay_ms": 45_000, "times": 0 }]);
    stage.aws.plan_faults(&hangs)?;
    stage.aws.forget_calls()?;
    let hanging = async || {
        let calls = stage.aws.calls().ok()?;
        let is_look = |call: &Call| call.action() == "lambda:Invoke" && call.function.as_deref() == Some("firebreak-watch");
        calls.iter().any(|call| is_look(call) && call.ended_at.is_none()).then_some(())
    };
    eventually("a look that hangs", Duration::from_secs(30), hanging).await?;
    stage.answer(&id, Answer::Release).await?;
    let released = async || (user.observe().await.ok()?.get("attached policies") == Some("none")).then_some(());
    eventually("the release", Duration::from_secs(10), released).await?;
    let view = stage.reaches(&id, IncidentStatus::Released).await?;
    assert!(view.releases.iter().any(|release| release.target.id == "alice"), "{:?}", view.releases);
    Ok(())
}

/// Every containment waits for a person.
const GATED: &str = "default_mode = \"gate-first\"\nverify_after_seconds = 1\n[watch]\nafter_seconds = [1]\nevery_seconds = 2\n";

#[tokio::test]
async fn what_a_gated_suspect_made_stands_in_the_ticket_and_an_approval_contains_it() -> TestResult {
    let stage = stage_with_policy(GATED).await;
    let alice = PlantedUser::plant(stage.config(), "alice").await?;
    let backdoor = PlantedUser::plant(stage.config(), "mallory").await?;
    let created = json!({ "eventSource": "iam.amazonaws.com", "eventName": "CreateUser",
        "requestParameters": { "userName": "mallory" },
        "responseElements": { "user": { "userName": "mallory", "userId": backdoor.principal_id } } });
    stage.aws.plant_trail(&json!([record(&alice, 0, &created)]))?;
    let (_, id) = send(&stage, &user_finding(&alice, SECURITY_ACCOUNT, "gated")).await?;
    let view = stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    let waits =
        view.record.incident.decisions.iter().find(|decision| decision.target.id == "mallory").ok_or("nobody found it")?;
    assert_eq!(waits.mode, Mode::Gate, "{waits:?}");
    assert_eq!(backdoor.observe().await?.get("attached policies"), Some("none"), "nobody has approved it");
    let ticket = stage.told("[Firebreak] Decide").await?;
    assert!(ticket.body.contains("mallory"), "{}", ticket.body);
    stage.answer(&id, Answer::Approve).await?;
    for user in [&alice, &backdoor] {
        until_denied(user).await?;
    }
    Ok(())
}
