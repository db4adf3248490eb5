//! Roles of which no single session can be denied, and roles that nobody may touch.
#![expect(clippy::disallowed_methods, reason = "here somebody else than Firebreak acts")]

use super::quarantine::{contain, session_finding};
use super::{TestResult, send, stage};
use aws_sdk_iam::types::Tag;
use firebreak::answer::Answer;
use firebreak::decision::{Decision, Mode};
use firebreak::incident::IncidentStatus;
use firebreak::receipt::Status;
use firebreak::target::Scope;
use firebreak_drill::{PlantedRole, Stage};
use serde_json::json;

/// Sends a finding about a session of the role; returns its execution, its incident and what waits for approval about the whole role.
async fn waits(
    stage: &Stage,
    role: &PlantedRole,
    expected: Status,
) -> firebreak_drill::Result<(String, firebreak::ids::IncidentId, Decision)> {
    let (execution, id) = send(stage, &session_finding(role, "i-0123456789abcdef0", "whole-role")).await?;
    let view = stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    assert_eq!(view.receipts[0].status, expected, "{:?}", view.receipts[0]);
    let mut decisions = view.record.incident.decisions.into_iter();
    let whole = decisions.find(|d| d.mode == Mode::Gate && d.target.scope == Scope::Principal).expect("the whole role waits");
    assert!(stage.told("[Firebreak] Decide").await?.body.contains("Done only if you approve"));
    Ok((execution, id, whole))
}

#[tokio::test]
async fn a_role_with_a_boundary_and_no_room_waits_for_approval_as_a_whole() -> TestResult {
    let stage = stage().await;
    let role = PlantedRole::plant(stage.config(), "fleet").await?;
    role.fill_policy_quota().await?;
    let boundary = "arn:aws:iam::aws:policy/ReadOnlyAccess";
    role.iam().put_role_permissions_boundary().role_name("fleet").permissions_boundary(boundary).send().await?;
    let (execution, id, whole) = waits(&stage, &role, Status::Failed).await?;
    assert!(whole.reason.contains("only the whole role"), "{}", whole.reason);
    assert_eq!(role.observe().await?.get("boundary"), Some(boundary), "it limits every session: nobody may lift it");
    stage.answer(&id, Answer::Approve).await?;
    assert_eq!(stage.ended(&execution).await?, "SUCCEEDED");
    let now = role.observe().await?;
    assert!(now.get("boundary").is_some_and(|arn| arn.ends_with("/FirebreakQuarantineDenyAll")), "{now:?}");
    Ok(())
}

#[tokio::test]
async fn a_role_without_room_for_a_tag_waits_for_approval_as_a_whole() -> TestResult {
    let stage = stage().await;
    let role = PlantedRole::plant(stage.config(), "fleet").await?;
    let tag = |n: usize| Tag::builder().key(format!("filler-{n}")).value("x").build().expect("a tag");
    role.iam().tag_role().role_name("fleet").set_tags(Some((0..50).map(tag).collect())).send().await?;
    let (_, _, whole) = waits(&stage, &role, Status::Failed).await?;
    assert!(whole.reason.contains("LimitExceeded"), "{}", whole.reason);
    Ok(())
}

#[tokio::test]
async fn a_role_whose_sessions_may_carry_tags_waits_for_approval_as_a_whole() -> TestResult {
    let stage = stage().await;
    let role = PlantedRole::plant(stage.config(), "fleet").await?;
    let trust = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Principal": { "AWS": "*" },
        "Action": ["sts:AssumeRole", "sts:TagSession"] }] });
    role.iam().update_assume_role_policy().role_name("fleet").policy_document(trust.to_string()).send().await?;
    let (_, _, whole) = waits(&stage, &role, Status::Contained).await?;
    assert!(whole.reason.contains("session tags"), "{}", whole.reason);
    assert_eq!(role.observe().await?.get("tag firebreak-session-1"), Some("i-0123456789abcdef0"), "denied all the same");
    Ok(())
}

#[tokio::test]
async fn a_role_under_firebreak_s_path_is_refused() -> TestResult {
    let stage = stage().await;
    let iam = aws_sdk_iam::Client::new(stage.config());
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
    iam.create_role().role_name("Borrowed").path("/firebreak/").assume_role_policy_document(trust).send().await?;
    let refused = contain(&stage, 1, &json!({ "kind": "iam-role", "id": "Borrowed" })).await?;
    assert_eq!(refused.error.as_deref(), Some("Firebreak.Protected"), "{}", refused.answer);
    let attached = iam.list_attached_role_policies().role_name("Borrowed").send().await?;
    assert!(attached.attached_policies().is_empty(), "{attached:?}");
    Ok(())
}
