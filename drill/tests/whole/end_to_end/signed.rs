//! Whose name is on an answer, and who may give which.

use super::{TestResult, send, stage, user_finding};
use firebreak::answer::Answer;
use firebreak::incident::IncidentStatus;
use firebreak::review::{DecideOutcome, DecideRequest};
use firebreak_aws::clock;
use firebreak_cli::signed::call_with;
use firebreak_drill::{PlantedBucket, PlantedUser};
use firebreak_testkit::{SECURITY_ACCOUNT, fixture};
use serde_json::json;

const BOB: &str = "arn:aws:sts::123456789012:assumed-role/FirebreakAnalyst/bob";
const CAROL: &str = "arn:aws:sts::123456789012:assumed-role/FirebreakApprover/carol";

#[tokio::test]
async fn an_answer_has_the_name_that_signed_it_and_no_other() -> TestResult {
    let stage = stage().await;
    let user = PlantedUser::plant(stage.config(), "alice").await?;
    let bucket = PlantedBucket::plant(stage.config(), "acme-gated").await?;
    let mut event = fixture::load("types/Impact-S3-AnomalousBehavior.Permission")?;
    user.name_in(&mut event);
    bucket.name_in(&mut event);
    fixture::personalise(&mut event, SECURITY_ACCOUNT, "signed", clock::now());
    let (execution, id) = send(&stage, &event).await?;
    stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    let forged = json!({ "incident_id": id, "answer": "approve", "by": "somebody else", "comment": "the drill answers" });

    let direct = stage.invoke("decide-review", &forged).await?;
    assert_eq!(direct.error.as_deref(), Some("Firebreak.Malformed"), "{}", direct.answer);
    let bob = stage.aws.person("FirebreakAnalyst", "bob").await?;
    let refused = call_with::<_, DecideOutcome>(&bob, "decide-review", &forged).await.expect_err("a bucket waits for approval");
    assert!(refused.to_string().contains("FirebreakApprover may"), "{refused}");
    let view = stage.ledger.incident(&id).await?.ok_or("an incident")?;
    assert!(view.review.is_some_and(|review| review.decision.is_none()), "nothing is recorded");

    let carol = stage.aws.person("FirebreakApprover", "carol").await?;
    let taken: DecideOutcome = call_with(&carol, "decide-review", &forged).await?;
    assert!(matches!(&taken, DecideOutcome::Accepted { decision } if decision.by == CAROL), "{taken:?}");
    assert_eq!(stage.ended(&execution).await?, "SUCCEEDED");
    assert!(stage.told("Approved and closed").await?.body.contains("FirebreakApprover/carol"), "people are told who");
    assert_eq!(bucket.observe().await?.get("public access block"), Some("on on on on"));

    // Another person is another name.
    let dora = PlantedUser::plant(stage.config(), "dora").await?;
    let (execution, id) = send(&stage, &user_finding(&dora, SECURITY_ACCOUNT, "signed-by-another")).await?;
    stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    let released = DecideRequest::new(id.clone(), Answer::Release, "the drill answers");
    let taken: DecideOutcome = call_with(&bob, "decide-review", &released).await?;
    assert!(matches!(&taken, DecideOutcome::Accepted { decision } if decision.by == BOB), "{taken:?}");
    assert_eq!(stage.ended(&execution).await?, "SUCCEEDED");
    stage.reaches(&id, IncidentStatus::Released).await?;
    Ok(())
}
