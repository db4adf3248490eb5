//! The right resource, all of it, and nobody else's.

use super::{TestResult, is_open_again, send, stage, stage_apart, user_finding};
use firebreak::answer::Answer;
use firebreak::incident::IncidentStatus;
use firebreak::receipt::Status;
use firebreak_aws::clock;
use firebreak_drill::{PlantedInstance, PlantedRole, PlantedUser, Stage};
use firebreak_testkit::{MEMBER_ACCOUNT, SECURITY_ACCOUNT, fixture};
use serde_json::json;

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
    assert_eq!(role.observe().await?.get("attached policies"), Some("none"), "the caller chose the session's name: it waits");
    stage.answer(&id, Answer::Approve).await?;
    stage.reaches(&id, IncidentStatus::Closed).await?;
    let denied = role.observe().await?;
    assert_eq!(denied.get("attached policies"), Some("FirebreakQuarantineDenyTaggedSession"));
    assert_eq!(denied.get("tag firebreak-session-1"), Some("alice"));
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
async fn a_target_of_two_incidents_is_released_with_the_last_one() -> TestResult {
    let stage = stage_apart().await;
    let user = PlantedUser::plant(stage.config(), "alice").await?;
    let before = user.observe().await?;
    let (first, one) = send(&stage, &user_finding(&user, SECURITY_ACCOUNT, "one")).await?;
    stage.reaches(&one, IncidentStatus::AwaitingReview).await?;
    let (second, two) = send(&stage, &user_finding(&user, SECURITY_ACCOUNT, "two")).await?;
    stage.reaches(&two, IncidentStatus::AwaitingReview).await?;
    stage.answer(&one, Answer::Release).await?;
    assert_eq!(stage.ended(&first).await?, "SUCCEEDED");
    assert_eq!(user.observe().await?.get("attached policies"), Some("FirebreakQuarantineDenyAll"), "incident two still holds it");
    let closed = stage.told(&format!("STILL CONTAINED for incident {two}")).await?;
    assert!(closed.body.contains(&format!("still contained for incident {two}")), "{}", closed.body);
    stage.answer(&two, Answer::Release).await?;
    assert_eq!(stage.ended(&second).await?, "SUCCEEDED");
    assert_eq!(user.released(&before).differences(&user.observe().await?), []);
    Ok(())
}

#[tokio::test]
async fn two_releases_at_once_put_the_target_back() -> TestResult {
    let stage = stage_apart().await;
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
    assert_eq!(user.released(&before).differences(&user.observe().await?), []);
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
    let ticket = stage.told("changed by somebody since the containment").await?;
    assert!(ticket.body.contains(&interface), "{}", ticket.body);
    let now = instance.observe().await?;
    assert_eq!(now.get(&format!("security groups of {interface}")), Some("by-hand"));
    // The analyst has seen the change and lets it be: the next release ends.
    stage.incident_when(&id, "an open gate", is_open_again).await?;
    stage.answer(&id, Answer::Release).await?;
    assert_eq!(stage.ended(&execution).await?, "SUCCEEDED");
    stage.reaches(&id, IncidentStatus::Released).await?;
    let now = instance.observe().await?;
    assert_eq!(now.get(&format!("security groups of {interface}")), Some("by-hand"));
    Ok(())
}
