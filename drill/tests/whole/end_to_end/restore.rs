//! The way back of a closed incident.

use super::{TestResult, send, stage, user_finding};
use firebreak::answer::Answer;
use firebreak::incident::IncidentStatus;
use firebreak::restore::{RestoreOutcome, RestoreRequest};
use firebreak_cli::signed::call_with;
use firebreak_drill::PlantedUser;
use firebreak_testkit::SECURITY_ACCOUNT;

#[tokio::test]
async fn a_closed_incident_is_put_back_by_two_persons_but_for_the_exposed_key() -> TestResult {
    let stage = stage().await;
    let user = PlantedUser::plant(stage.config(), "alice").await?;
    let before = user.observe().await?;
    let (execution, id) = send(&stage, &user_finding(&user, SECURITY_ACCOUNT, "restored")).await?;
    stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    stage.answer(&id, Answer::Approve).await?;
    assert_eq!(stage.ended(&execution).await?, "SUCCEEDED");
    stage.reaches(&id, IncidentStatus::Closed).await?;

    let asked = RestoreRequest::new(id.clone(), "the user was rotated");
    let bob = stage.aws.person("FirebreakAnalyst", "bob").await?;
    let first: RestoreOutcome = call_with(&bob, "decide-review", &asked).await?;
    assert!(matches!(first, RestoreOutcome::NeedsSecond { .. }), "{first:?}");
    assert_eq!(user.observe().await?.get("attached policies"), Some("FirebreakQuarantineDenyAll"), "one person changes nothing");

    let carol = stage.aws.person("FirebreakApprover", "carol").await?;
    let second: RestoreOutcome = call_with(&carol, "decide-review", &asked).await?;
    assert!(matches!(second, RestoreOutcome::Started { .. }), "{second:?}");
    stage.reaches(&id, IncidentStatus::Released).await?;
    assert_eq!(user.released(&before).differences(&user.observe().await?), [], "a restore must put every field back");
    let told = stage.told("Restored").await?.body;
    assert!(told.contains("FirebreakApprover/carol") && told.contains("FirebreakAnalyst/bob"), "people are told who: {told}");
    Ok(())
}
