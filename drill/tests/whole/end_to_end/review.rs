//! The gate, the answer, and what becomes of it.

use super::{TestResult, is_open_again, send, stage, stage_apart, stage_with, user_finding};
use firebreak::answer::Answer;
use firebreak::ids::IncidentId;
use firebreak::incident::IncidentStatus;
use firebreak::receipt::{Outcome, Status};
use firebreak::review::{DecideOutcome, DecideRequest};
use firebreak_aws::clock;
use firebreak_cli::follow::{End, Follower};
use firebreak_cli::screen::Screen;
use firebreak_drill::{PlantedBucket, PlantedInstance, PlantedRole, PlantedUser};
use firebreak_testkit::{SECURITY_ACCOUNT, fixture};
use jiff::SignedDuration;
use serde_json::json;

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
async fn the_second_answer_after_an_approval_is_told_about_it() -> TestResult {
    let stage = stage().await;
    let user = PlantedUser::plant(stage.config(), "alice").await?;
    let (execution, id) = send(&stage, &user_finding(&user, SECURITY_ACCOUNT, "approved-twice")).await?;
    stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    assert!(matches!(stage.answer(&id, Answer::Approve).await?, DecideOutcome::Accepted { .. }));
    for answer in [Answer::Approve, Answer::Release] {
        let outcome = stage.answer(&id, answer).await?;
        let DecideOutcome::AlreadyDecided { decision } = &outcome else { panic!("{outcome:?}") };
        assert_eq!(decision.answer, Answer::Approve, "the first answer must stand");
    }
    assert_eq!(stage.ended(&execution).await?, "SUCCEEDED");
    stage.reaches(&id, IncidentStatus::Closed).await?;
    assert_eq!(user.observe().await?.get("attached policies"), Some("FirebreakQuarantineDenyAll"), "approved means contained");
    Ok(())
}

#[tokio::test]
async fn the_second_answer_after_a_release_is_told_about_it() -> TestResult {
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
    assert_eq!(user.released(&before).differences(&user.observe().await?), [], "release must put every field back");
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
async fn what_waits_for_approval_is_contained_after_it_and_not_before() -> TestResult {
    let stage = stage().await;
    let user = PlantedUser::plant(stage.config(), "alice").await?;
    let bucket = PlantedBucket::plant(stage.config(), "acme-gated").await?;
    let mut event = fixture::load("types/Impact-S3-AnomalousBehavior.Permission")?;
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
async fn a_release_that_is_not_complete_keeps_the_deny_and_asks_again() -> TestResult {
    let stage = stage().await;
    let user = PlantedUser::plant(stage.config(), "alice").await?;
    let before = user.observe().await?;
    let (execution, id) = send(&stage, &user_finding(&user, SECURITY_ACCOUNT, "incomplete")).await?;
    stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    let refuse = json!([{"match": "iam:UpdateSSHPublicKey", "function": "firebreak-release", "status": 403, "code": "AccessDenied", "times": 0}]);
    stage.aws.plan_faults(&refuse)?;
    stage.answer(&id, Answer::Release).await?;
    let ticket = stage.told("reactivate-ssh-key").await?;
    assert!(ticket.subject.contains("Decide") && ticket.body.contains("AccessDenied"), "{}", ticket.body);
    assert_eq!(user.observe().await?.get("attached policies"), Some("FirebreakQuarantineDenyAll"), "harmless until all is back");

    stage.aws.plan_faults(&json!([]))?;
    stage.incident_when(&id, "an open gate", is_open_again).await?;
    assert!(matches!(stage.answer(&id, Answer::Release).await?, DecideOutcome::Accepted { .. }));
    assert_eq!(stage.ended(&execution).await?, "SUCCEEDED");
    stage.reaches(&id, IncidentStatus::Released).await?;
    assert_eq!(user.released(&before).differences(&user.observe().await?), []);
    Ok(())
}

#[tokio::test]
async fn what_was_put_back_stays_put_back_while_the_rest_is_tried_again() -> TestResult {
    let stage = stage_apart().await;
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
    assert!(
        of_role.steps.iter().any(|step| step.name.as_str() == "detach-deny" && step.outcome == Outcome::Applied),
        "{of_role:?}"
    );
    stage.answer(&second, Answer::Release).await?;
    stage.reaches(&second, IncidentStatus::Released).await?;
    assert_eq!(before_instance.differences(&instance.observe().await?), []);
    Ok(())
}

#[tokio::test]
async fn an_approved_containment_that_fails_is_not_closed_as_done() -> TestResult {
    let stage = stage().await;
    let user = PlantedUser::plant(stage.config(), "alice").await?;
    let bucket = PlantedBucket::plant(stage.config(), "acme-gated").await?;
    stage.aws.plan_faults(&json!([{"match": "s3:PutPublicAccessBlock", "status": 403, "code": "AccessDenied", "times": 0}]))?;
    let mut event = fixture::load("types/Impact-S3-AnomalousBehavior.Permission")?;
    user.name_in(&mut event);
    bucket.name_in(&mut event);
    fixture::personalise(&mut event, SECURITY_ACCOUNT, "gated-denied", clock::now());
    let (execution, id) = send(&stage, &event).await?;
    stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    stage.answer(&id, Answer::Approve).await?;
    // Whoever follows the execution must not wait for ever.
    let screen = Screen::silent();
    let mut follower = Follower::new(&stage.sfn, &screen, execution.clone(), String::new());
    assert_eq!(follower.to_end().await.map_err(|error| error.to_string())?, End::AtGate);
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

/// An approval of what is NOT contained tries it again, refuses to close while it fails, and closes it open only when somebody says
/// so. A later version of the finding is then taken up.
#[tokio::test]
async fn an_approval_of_what_is_not_contained_tries_again_and_does_not_close() -> TestResult {
    let stage = stage().await;
    let user = PlantedUser::plant(stage.config(), "alice").await?;
    let refused =
        json!([{"match": "sts:AssumeRole", "body": "QuarantineIam", "status": 403, "code": "AccessDenied", "times": 0}]);
    stage.aws.plan_faults(&refused)?;
    let mut event = user_finding(&user, SECURITY_ACCOUNT, "not-contained");
    let (execution, id) = send(&stage, &event).await?;
    let view = stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    assert_eq!(view.receipts[0].status, Status::Failed);
    stage.answer(&id, Answer::Approve).await?;
    let view = stage.incident_when(&id, "an open gate", is_open_again).await?;
    assert_eq!((view.record.status, view.receipts[0].status), (IncidentStatus::AwaitingReview, Status::Failed));
    assert!(stage.told("NOT FULLY carried out").await?.body.contains("IAM user alice"));

    let accepted = DecideRequest {
        accept_open: vec!["alice".to_owned()],
        ..DecideRequest::new(id.clone(), Answer::Approve, "we rebuild the account anyway")
    };
    stage.decide(&accepted).await?;
    assert_eq!(stage.ended(&execution).await?, "SUCCEEDED");
    stage.reaches(&id, IncidentStatus::Closed).await?;
    assert!(stage.told("Closed, NOT all contained").await?.body.contains("Accepted as NOT contained: alice"));
    assert_eq!(user.observe().await?.get("attached policies"), Some("none"));

    stage.aws.plan_faults(&json!([]))?;
    event["detail"]["updatedAt"] = json!((clock::now() + SignedDuration::from_secs(60)).to_string());
    let (again, _) = send(&stage, &event).await?;
    let view = stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    assert_eq!(view.receipts[0].status, Status::Contained, "the next delivery takes it up");
    stage.answer(&id, Answer::Approve).await?;
    assert_eq!(stage.ended(&again).await?, "SUCCEEDED");
    stage.reaches(&id, IncidentStatus::Closed).await?;
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
