//! Updates of a finding: only what is new is answered, once, whatever breaks on the way.

use super::triage::attached;
use super::{TestResult, changes, send, stage, stage_apart, user_finding};
use firebreak::answer::Answer;
use firebreak::incident::IncidentStatus;
use firebreak_aws::clock;
use firebreak_drill::{PlantedUser, Stage};
use firebreak_testkit::{SECURITY_ACCOUNT, fixture};
use serde_json::{Value, json};

const QUARANTINED: Option<&str> = Some("FirebreakQuarantineDenyAll");

/// A version of an event, `minutes` after now.
pub(crate) fn version(event: &Value, minutes: i64) -> Value {
    let mut later = event.clone();
    let at = clock::now() + jiff::SignedDuration::from_mins(minutes);
    later["detail"]["updatedAt"] = json!(at.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string());
    later
}

pub(crate) fn sequence_about(users: &[&PlantedUser], serial: &str) -> Value {
    let mut event = fixture::load("types/AttackSequence-IAM-CompromisedCredentials").expect("fixture");
    fixture::personalise(&mut event, SECURITY_ACCOUNT, serial, clock::now());
    let actor = |user: &&PlantedUser| {
        json!({"id": user.name, "user": {"name": user.name, "type": "IAMUser", "uid": user.principal_id,
               "credentialUid": user.access_key_id, "account": {"uid": SECURITY_ACCOUNT}}})
    };
    event["detail"]["service"]["detection"]["sequence"]["actors"] = users.iter().map(actor).collect();
    event["detail"]["service"]["detection"]["sequence"]["resources"] = json!([]);
    event
}

async fn planted(stage: &Stage, names: &[&str]) -> firebreak_drill::Result<Vec<PlantedUser>> {
    let mut users = Vec::new();
    for name in names {
        users.push(PlantedUser::plant(stage.config(), name).await?);
    }
    Ok(users)
}

/// How often each user was quarantined.
fn attachments(stage: &Stage) -> firebreak_drill::Result<usize> {
    Ok(changes(&stage.aws.calls()?).iter().filter(|call| *call == "iam:AttachUserPolicy").count())
}

#[tokio::test]
async fn an_update_with_a_new_target_is_answered_for_that_target_alone() -> TestResult {
    let stage = stage_apart().await;
    let (alice, bob) = (PlantedUser::plant(stage.config(), "alice").await?, PlantedUser::plant(stage.config(), "bob").await?);
    let first = sequence_about(&[&alice], "growing");
    let (_, id) = send(&stage, &first).await?;
    stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    assert_eq!(attached(&bob).await?.as_deref(), Some("none"));

    let mut grown = version(&sequence_about(&[&alice, &bob], "growing"), 5);
    let (update, _) = send(&stage, &grown).await?;
    let follow_up = stage.follow_up(&id).await?;
    let view = stage.reaches(&follow_up, IncidentStatus::AwaitingReview).await?;
    let incident = &view.record.incident;
    assert_eq!(incident.execution_arn, update);
    assert_eq!(incident.follows.as_ref(), Some(&id));
    assert_eq!(incident.decisions.iter().map(|d| d.target.id.as_str()).collect::<Vec<_>>(), ["bob"], "alice was decided before");
    assert_eq!(attached(&bob).await?.as_deref(), QUARANTINED);

    // The same version again, an older one, and a later one that says nothing new: no third incident.
    for repeated in [grown.clone(), version(&sequence_about(&[&alice, &bob], "growing"), -60)] {
        let (again, _) = send(&stage, &repeated).await?;
        assert_eq!(stage.ended(&again).await?, "SUCCEEDED");
    }
    grown = version(&grown, 9);
    grown["detail"]["service"]["count"] = json!(74);
    let (again, _) = send(&stage, &grown).await?;
    assert_eq!(stage.ended(&again).await?, "SUCCEEDED");
    assert_eq!(stage.ledger.incidents(10).await?.len(), 2);

    // What the analyst releases of the update leaves the first incident's target alone.
    stage.answer(&follow_up, Answer::Release).await?;
    stage.reaches(&follow_up, IncidentStatus::Released).await?;
    assert_eq!((attached(&bob).await?.as_deref(), attached(&alice).await?.as_deref()), (Some("none"), QUARANTINED));
    Ok(())
}

#[tokio::test]
async fn a_severity_that_rises_is_told_and_contains_nothing_twice() -> TestResult {
    let stage = stage().await;
    let user = PlantedUser::plant(stage.config(), "alice").await?;
    let event = user_finding(&user, SECURITY_ACCOUNT, "rising");
    let (_, id) = send(&stage, &event).await?;
    stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    let mut worse = version(&event, 5);
    worse["detail"]["severity"] = json!(9.1);
    let (update, _) = send(&stage, &worse).await?;
    assert_eq!(stage.ended(&update).await?, "SUCCEEDED");
    let notice = stage.told("its severity rose").await?;
    assert!(notice.body.contains(id.as_str()), "{}", notice.body);
    let attachments = changes(&stage.aws.calls()?).into_iter().filter(|call| call == "iam:AttachUserPolicy").count();
    assert_eq!(attachments, 1);
    Ok(())
}

#[tokio::test]
async fn an_update_is_answered_once_wherever_triage_dies() -> TestResult {
    // Each row makes one of triage's writes fail longer than the SDK tries: the attempt dies there, and the state machine tries again.
    for (serial, operation, body) in [
        ("dies-reserving", "dynamodb:PutItem", "decided#"),
        ("dies-keeping-the-event", "dynamodb:PutItem", "\"raw\""),
        ("dies-opening", "dynamodb:PutItem", "opened_at"),
        ("dies-remembering", "dynamodb:UpdateItem", "SET version"),
    ] {
        let stage = stage_apart().await;
        let users = planted(&stage, &["alice", "bob"]).await?;
        let (_, id) = send(&stage, &sequence_about(&[&users[0]], serial)).await?;
        stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
        let fault = json!([{"match": operation, "body": body, "function": "firebreak-triage", "status": 500,
                            "code": "InternalServerError", "times": 5}]);
        stage.aws.plan_faults(&fault)?;
        send(&stage, &version(&sequence_about(&[&users[0], &users[1]], serial), 20)).await?;
        let follow_up = stage.follow_up(&id).await?;
        stage.reaches(&follow_up, IncidentStatus::AwaitingReview).await?;
        assert_eq!(attached(&users[1]).await?.as_deref(), QUARANTINED, "{serial}");
        assert_eq!(stage.ledger.incidents(10).await?.len(), 2, "{serial}");
        assert_eq!(attachments(&stage)?, 2, "{serial}");
        stage.answer(&follow_up, Answer::Release).await?;
        stage.reaches(&follow_up, IncidentStatus::Released).await?;
        // What was let go stays let go.
        let (again, _) = send(&stage, &version(&sequence_about(&[&users[0], &users[1]], serial), 60)).await?;
        assert_eq!(stage.ended(&again).await?, "SUCCEEDED");
        assert_eq!(attached(&users[1]).await?.as_deref(), Some("none"), "{serial}");
    }
    Ok(())
}

#[tokio::test]
async fn two_updates_at_once_share_their_targets_and_contain_none_twice() -> TestResult {
    let stage = stage().await;
    let users = planted(&stage, &["alice", "bob", "carol"]).await?;
    let (_, id) = send(&stage, &sequence_about(&[&users[0]], "at-once")).await?;
    stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    stage.aws.plan_faults(&json!([{"match": "dynamodb:PutItem", "body": "opened_at", "delay_ms": 700, "times": 0}]))?;
    let two = version(&sequence_about(&[&users[0], &users[1]], "at-once"), 20);
    let three = version(&sequence_about(&[&users[0], &users[1], &users[2]], "at-once"), 40);
    for update in [stage.start(&two.to_string()).await?, stage.start(&three.to_string()).await?] {
        let incident = stage.incident_or_end(&update).await?;
        if let Some(incident) = incident {
            stage.reaches(&incident, IncidentStatus::AwaitingReview).await?;
        }
    }
    for user in &users {
        assert_eq!(attached(user).await?.as_deref(), QUARANTINED);
    }
    assert_eq!(attachments(&stage)?, 3);
    // Every target belongs to one incident: releasing all of them frees all of them.
    for record in stage.ledger.incidents(10).await? {
        stage.answer(&record.incident.id, Answer::Release).await?;
        stage.reaches(&record.incident.id, IncidentStatus::Released).await?;
    }
    for user in &users {
        assert_eq!(attached(user).await?.as_deref(), Some("none"));
    }
    Ok(())
}

#[tokio::test]
async fn an_update_whose_response_broke_down_is_taken_over_under_its_own_id() -> TestResult {
    let stage = stage_apart().await;
    let users = planted(&stage, &["alice", "bob"]).await?;
    let (_, id) = send(&stage, &sequence_about(&[&users[0]], "broken-update")).await?;
    stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    stage.aws.plan_faults(&json!([{"match": "sqs:SendMessage", "status": 403, "code": "AccessDenied", "times": 0}]))?;
    let both = sequence_about(&[&users[0], &users[1]], "broken-update");
    let (broken, _) = send(&stage, &version(&both, 20)).await?;
    assert_eq!(stage.ended(&broken).await?, "FAILED");
    let follow_up = stage.follow_up(&id).await?;
    stage.aws.plan_faults(&json!([]))?;
    for minutes in [40, 60, 80] {
        send(&stage, &version(&both, minutes)).await?;
        stage.reaches(&follow_up, IncidentStatus::AwaitingReview).await?;
    }
    assert_eq!(stage.ledger.incidents(10).await?.len(), 2, "a third incident for the same target");
    stage.answer(&follow_up, Answer::Release).await?;
    stage.reaches(&follow_up, IncidentStatus::Released).await?;
    assert_eq!(attached(&users[1]).await?.as_deref(), Some("none"));
    let (after, _) = send(&stage, &version(&both, 100)).await?;
    assert_eq!(stage.ended(&after).await?, "SUCCEEDED");
    assert_eq!(attached(&users[1]).await?.as_deref(), Some("none"), "a released target was contained again");
    Ok(())
}

#[tokio::test]
async fn what_a_broken_response_contained_can_be_released_after_the_finding_was_archived() -> TestResult {
    let stage = stage().await;
    let user = PlantedUser::plant(stage.config(), "alice").await?;
    let mut event = user_finding(&user, SECURITY_ACCOUNT, "archived-meanwhile");
    stage.aws.plan_faults(&json!([{"match": "sqs:SendMessage", "status": 403, "code": "AccessDenied", "times": 0}]))?;
    let (broken, id) = send(&stage, &event).await?;
    assert_eq!(stage.ended(&broken).await?, "FAILED");
    assert_eq!(attached(&user).await?.as_deref(), QUARANTINED);
    stage.aws.plan_faults(&json!([]))?;
    event["detail"]["service"]["archived"] = json!(true);
    stage.start(&event.to_string()).await?;
    stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    stage.answer(&id, Answer::Release).await?;
    stage.reaches(&id, IncidentStatus::Released).await?;
    assert_eq!(attached(&user).await?.as_deref(), Some("none"));
    Ok(())
}
