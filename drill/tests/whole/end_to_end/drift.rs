//! A release after somebody changed the principal, and what only the organization can deny.
#![expect(clippy::disallowed_methods, reason = "here somebody else than Firebreak acts")]

use super::triage::stage_with_policy;
use super::{TestResult, is_open_again, send, stage, user_finding};
use firebreak::answer::Answer;
use firebreak::incident::IncidentStatus;
use firebreak_aws::clock;
use firebreak_drill::{PlantedRole, PlantedUser, Stage};
use firebreak_testkit::{MEMBER_ACCOUNT, SECURITY_ACCOUNT, fixture};
use serde_json::json;

const BACKDOOR: &str = "arn:aws:iam::aws:policy/AdministratorAccess";

#[tokio::test]
async fn drift_is_shown_and_a_second_answer_leaves_it() -> TestResult {
    let stage = stage().await;
    let user = PlantedUser::plant(stage.config(), "alice").await?;
    let (execution, id) = send(&stage, &user_finding(&user, SECURITY_ACCOUNT, "drift-iam")).await?;
    stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    user.iam().attach_user_policy().user_name("alice").policy_arn(BACKDOOR).send().await?;
    let contained = user.observe().await?;

    stage.answer(&id, Answer::Release).await?;
    let ticket = stage.told("changed by somebody since the containment").await?;
    assert!(ticket.body.contains("AdministratorAccess was added"), "{}", ticket.body);
    assert!(ticket.subject.contains("somebody changed it since") && ticket.body.contains("Answer release again"), "{ticket:?}");
    assert_eq!(contained.differences(&user.observe().await?), [], "nothing is undone before somebody has seen it");

    // Another change after that: it has not been seen.
    stage.incident_when(&id, "an open gate", is_open_again).await?;
    user.iam().create_login_profile().user_name("alice").password("Drill-only-1!").send().await?;
    stage.answer(&id, Answer::Release).await?;
    stage.told("console password was created").await?;
    assert_eq!(contained.differences(&user.observe().await?), [], "nothing is undone before somebody has seen it");

    stage.incident_when(&id, "an open gate", is_open_again).await?;
    stage.answer(&id, Answer::Release).await?;
    assert_eq!(stage.ended(&execution).await?, "SUCCEEDED");
    stage.reaches(&id, IncidentStatus::Released).await?;
    assert_eq!(
        user.observe().await?.get("attached policies"),
        Some("AdministratorAccess"),
        "only what is Firebreak's is taken away"
    );
    Ok(())
}

#[tokio::test]
async fn a_role_created_anew_is_not_released() -> TestResult {
    let stage = stage().await;
    let role = PlantedRole::plant(stage.config(), "app-role").await?;
    let mut event = fixture::load("guardduty/exfiltration-assumed-role")?;
    role.name_in(&mut event, "i-0123456789abcdef0");
    fixture::personalise(&mut event, SECURITY_ACCOUNT, "anew", clock::now());
    let (execution, id) = send(&stage, &event).await?;
    stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    let ours = format!("arn:aws:iam::{SECURITY_ACCOUNT}:policy/firebreak/FirebreakQuarantineDenyTaggedSession");
    role.iam().detach_role_policy().role_name("app-role").policy_arn(ours).send().await?;
    role.iam().delete_role().role_name("app-role").send().await?;
    let anew = PlantedRole::plant(stage.config(), "app-role").await?;
    let namesake = anew.observe().await?;
    stage.answer(&id, Answer::Release).await?;
    assert_eq!(stage.ended(&execution).await?, "SUCCEEDED");
    let view = stage.reaches(&id, IncidentStatus::Released).await?;
    assert!(view.releases[0].error.as_deref().is_some_and(|why| why.contains("created anew")), "{:?}", view.releases);
    assert_eq!(namesake.differences(&anew.observe().await?), []);
    Ok(())
}

async fn quarantine_scp(stage: &Stage) -> firebreak_drill::Result<String> {
    let organization = aws_sdk_organizations::Client::new(stage.config());
    let filter = aws_sdk_organizations::types::PolicyType::ServiceControlPolicy;
    let list = organization.list_policies().filter(filter).send().await?;
    let ours = list.policies().iter().find(|policy| policy.name() == Some("FirebreakQuarantine")).ok_or("no policy")?;
    let policy =
        organization.describe_policy().policy_id(ours.id().unwrap_or_default()).send().await?.policy.ok_or("no policy")?;
    Ok(policy.content.unwrap_or_default())
}

#[tokio::test]
async fn an_identity_center_user_is_denied_by_the_organization() -> TestResult {
    let policy = "default_mode = \"auto\"\nverify_after_seconds = 1\n[organization]\nquarantine_scp = true\n";
    let stage = stage_with_policy(policy).await;
    let member = stage.aws.administrator(MEMBER_ACCOUNT).await?;
    let role = PlantedRole::plant_of_identity_center(&member, "AWSReservedSSO_Admin_0123456789abcdef").await?;
    let before = (role.observe().await?, quarantine_scp(&stage).await?);
    let mut event = fixture::load("guardduty/exfiltration-assumed-role")?;
    role.name_in(&mut event, "alice@example.com");
    fixture::personalise(&mut event, MEMBER_ACCOUNT, "identity-center", clock::now());
    let (execution, id) = send(&stage, &event).await?;
    stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    assert_eq!(quarantine_scp(&stage).await?, before.1, "nothing reaches the organization before an approval");
    stage.answer(&id, Answer::Approve).await?;
    assert_eq!(stage.ended(&execution).await?, "SUCCEEDED");
    stage.reaches(&id, IncidentStatus::Closed).await?;
    let now = quarantine_scp(&stage).await?;
    assert!(now.contains("*:alice@example.com"), "{now}");
    assert_eq!(before.0.differences(&role.observe().await?), [], "AWS's own role is not touched");

    // What an approval wrote can be taken out again.
    let incident = stage.ledger.record(&id).await?.expect("a record").incident;
    let undone = stage.invoke("release", &json!({ "incident": incident, "restore": 1 })).await?;
    assert_eq!(undone.answer["status"], "ok", "{}", undone.answer);
    let restored: serde_json::Value = serde_json::from_str(&quarantine_scp(&stage).await?)?;
    let shipped: serde_json::Value = serde_json::from_str(&before.1)?;
    assert_eq!(restored, shipped);
    Ok(())
}
