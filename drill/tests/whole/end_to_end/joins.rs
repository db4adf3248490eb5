//! One attack is one incident: what comes about the same target while it is open is part of it.

use super::updates::{sequence_about, version};
use super::{TestResult, incident_of, is_open_again, send, stage, user_finding};
use firebreak::answer::{Answer, Decided};
use firebreak::ids::IncidentId;
use firebreak::incident::IncidentStatus;
use firebreak::review::DecideOutcome;
use firebreak_aws::clock;
use firebreak_drill::{Notice, PlantedInstance, PlantedUser, Stage};
use firebreak_ledger::IncidentView;
use firebreak_testkit::{MEMBER_ACCOUNT, SECURITY_ACCOUNT, fixture};
use serde_json::{Value, json};

/// Every ticket that people got so far.
fn tickets(stage: &Stage) -> Vec<Notice> {
    stage.all_told().into_iter().filter(|notice| notice.subject.starts_with("[Firebreak] Decide")).collect()
}

/// Waits until people were shown this revision and their answer is waited for.
async fn asked(stage: &Stage, id: &IncidentId, revision: u32) -> firebreak_drill::Result<IncidentView> {
    let shows = |view: &IncidentView| {
        view.review.as_ref().is_some_and(|review| review.decision.is_none() && review.shown_revision == Some(revision))
    };
    stage.incident_when(id, &format!("a ticket of revision {revision}"), shows).await
}

/// What GuardDuty reports about an instance.
fn instance_finding(fixture: &str, instance: &PlantedInstance, serial: &str) -> Value {
    let mut event = fixture::load(fixture).expect("a fixture");
    instance.name_in(&mut event);
    fixture::personalise(&mut event, SECURITY_ACCOUNT, serial, clock::now());
    event
}

#[tokio::test]
async fn the_same_iam_finding_from_five_regions_is_one_incident_one_ticket_and_one_release() -> TestResult {
    let stage = stage().await;
    let member = stage.aws.administrator(MEMBER_ACCOUNT).await?;
    let user = PlantedUser::plant(&member, "alice").await?;
    let before = user.observe().await?;
    let mut executions = Vec::new();
    let mut ids = Vec::new();
    for region in ["eu-central-1", "us-east-1", "us-west-2", "eu-west-1", "ap-southeast-2"] {
        let text = user_finding(&user, MEMBER_ACCOUNT, region).to_string().replace("eu-central-1", region);
        let event: Value = serde_json::from_str(&text)?;
        let (execution, id) = send(&stage, &event).await?;
        executions.push(execution);
        ids.push(id);
    }
    // Whichever is first opens the incident.
    let listed = stage.ledger.incidents(10).await?;
    let [record] = listed.as_slice() else { panic!("one incident, not {listed:?}") };
    let id = record.incident.id.clone();
    let opener = ids.iter().position(|own| *own == id).ok_or("one of the five")?;
    for (at, execution) in executions.iter().enumerate().filter(|(at, _)| *at != opener) {
        assert_eq!(stage.ended(execution).await?, "SUCCEEDED", "{at}: it adds nothing");
    }
    let view = stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    assert_eq!((view.record.incident.findings.len(), view.record.incident.revision), (5, 0));
    assert_eq!(user.observe().await?.get("attached policies"), Some("FirebreakQuarantineDenyAll"));

    stage.answer(&id, Answer::Release).await?;
    assert_eq!(stage.ended(&executions[opener]).await?, "SUCCEEDED");
    stage.reaches(&id, IncidentStatus::Released).await?;
    assert_eq!(user.released(&before).differences(&user.observe().await?), []);
    stage.told("Released and closed").await?;
    let tickets = tickets(&stage);
    assert_eq!(tickets.len(), 1, "{tickets:?}");
    Ok(())
}

#[tokio::test]
async fn two_findings_about_one_instance_are_one_incident_and_a_third_after_the_answer_opens_the_gate_again() -> TestResult {
    let stage = stage().await;
    let instance = PlantedInstance::plant(stage.config(), "web-1").await?;
    let before = instance.observe().await?;
    let (execution, id) = send(&stage, &instance_finding("guardduty/bitcoin-tool", &instance, "one")).await?;
    stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    stage.sealed(&id, 2).await?;
    let snapshots = instance.snapshots(id.as_str()).await?;
    assert!(snapshots > 0);

    let second = instance_finding("guardduty/command-and-control-dns", &instance, "two");
    let (joining, own) = send(&stage, &second).await?;
    assert_eq!(stage.ended(&joining).await?, "SUCCEEDED");
    let view = asked(&stage, &id, 1).await?;
    assert_eq!((view.record.status, view.record.incident.findings.len()), (IncidentStatus::AwaitingReview, 2));
    assert!(stage.ledger.record(&own).await?.is_none(), "it is one incident");
    stage.sealed(&id, 4).await?;
    let all = instance.snapshots("*").await?;
    assert_eq!((instance.snapshots(id.as_str()).await?, all), (snapshots, snapshots), "one set of snapshots");
    let ticket = stage.told("Decide again, one more finding").await?;
    for finding in &view.record.incident.findings {
        let kind = finding.finding_type.as_deref().unwrap_or_default();
        assert!(ticket.body.contains(kind), "the ticket lists {kind}: {}", ticket.body);
    }
    let evidence = stage.evidence(&id).await?;
    assert!(evidence.iter().any(|key| key.ends_with(&format!("finding-{own}.json"))), "{evidence:?}");

    // The answer is on record and the third finding joins before the answer is handed over.
    let covers = Some(1);
    let decided = Decided { covers, ..Decided::new(Answer::Release, "analyst@example.com", "drill", clock::now()) };
    assert!(stage.ledger.decide(&id, &decided).await?);
    let (third, _) = send(&stage, &instance_finding("guardduty/bitcoin-tool", &instance, "three")).await?;
    assert_eq!(stage.ended(&third).await?, "SUCCEEDED");
    let handed = stage.answer(&id, Answer::Release).await?;
    assert!(!matches!(handed, DecideOutcome::Changed { .. }), "{handed:?}");
    asked(&stage, &id, 2).await?;
    let isolated = instance.observe().await?;
    assert_ne!(before.differences(&isolated), [], "what the third finding holds stays isolated");

    stage.answer(&id, Answer::Release).await?;
    assert_eq!(stage.ended(&execution).await?, "SUCCEEDED");
    let view = stage.reaches(&id, IncidentStatus::Released).await?;
    assert_eq!(view.record.incident.findings.len(), 3);
    assert_eq!(before.differences(&instance.observe().await?), [], "one release releases all");
    Ok(())
}

#[tokio::test]
async fn another_key_of_the_same_user_is_contained_and_stays_inactive_after_the_release() -> TestResult {
    let stage = stage().await;
    let user = PlantedUser::plant(stage.config(), "alice").await?;
    let keys = user.iam().list_access_keys().user_name("alice").send().await?.access_key_metadata;
    let other = keys.iter().filter_map(|key| key.access_key_id()).find(|key| *key != user.access_key_id).ok_or("a second key")?;
    let activate = user.iam().update_access_key().user_name("alice").access_key_id(other).status("Active".into());
    activate.clone().send().await?;
    let before = user.observe().await?;
    let (execution, id) = send(&stage, &user_finding(&user, SECURITY_ACCOUNT, "one")).await?;
    stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    // Somebody activates it, and GuardDuty sees it at work.
    activate.send().await?;
    let mut second = user_finding(&user, SECURITY_ACCOUNT, "two");
    second["detail"]["resource"]["accessKeyDetails"]["accessKeyId"] = json!(other);
    let (joining, own) = send(&stage, &second).await?;
    assert_eq!(stage.ended(&joining).await?, "SUCCEEDED");
    asked(&stage, &id, 1).await?;
    assert!(stage.ledger.record(&own).await?.is_none() && own == incident_of(&second));
    assert_eq!(user.observe().await?.get(&format!("access key {other}")), Some("Inactive"));

    stage.answer(&id, Answer::Release).await?;
    assert_eq!(stage.ended(&execution).await?, "SUCCEEDED");
    stage.reaches(&id, IncidentStatus::Released).await?;
    let mut expected = user.released(&before);
    expected.set(format!("access key {other}"), "Inactive");
    assert_eq!(expected.differences(&user.observe().await?), [], "both keys were exposed");
    Ok(())
}

#[tokio::test]
async fn a_finding_after_the_incident_is_closed_has_its_own_gate() -> TestResult {
    let stage = stage().await;
    let user = PlantedUser::plant(stage.config(), "alice").await?;
    let (execution, one) = send(&stage, &user_finding(&user, SECURITY_ACCOUNT, "one")).await?;
    stage.reaches(&one, IncidentStatus::AwaitingReview).await?;
    stage.answer(&one, Answer::Approve).await?;
    assert_eq!(stage.ended(&execution).await?, "SUCCEEDED");
    let (_, two) = send(&stage, &user_finding(&user, SECURITY_ACCOUNT, "two")).await?;
    let view = stage.reaches(&two, IncidentStatus::AwaitingReview).await?;
    assert!(is_open_again(&view), "a person is asked");
    Ok(())
}

#[tokio::test]
async fn a_joining_execution_that_fails_leaves_the_incident_waiting_and_the_next_delivery_goes_on() -> TestResult {
    let stage = stage().await;
    let user = PlantedUser::plant(stage.config(), "alice").await?;
    let (execution, id) = send(&stage, &user_finding(&user, SECURITY_ACCOUNT, "one")).await?;
    stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    stage.aws.plan_faults(&json!([{"match": "sqs:SendMessage", "status": 403, "code": "AccessDenied", "times": 0}]))?;
    let second = user_finding(&user, SECURITY_ACCOUNT, "two");
    let (broken, own) = send(&stage, &second).await?;
    assert_eq!(stage.ended(&broken).await?, "FAILED");
    stage.alarmed("Firebreak could not finish an incident").await?;
    let view = stage.ledger.incident(&id).await?.ok_or("an incident")?;
    assert_eq!(view.record.status, IncidentStatus::AwaitingReview, "its own execution goes on");
    stage.aws.plan_faults(&json!([]))?;
    let again = stage.start(&second.to_string()).await?;
    assert_eq!(stage.ended(&again).await?, "SUCCEEDED");
    let view = asked(&stage, &id, 1).await?;
    assert!(view.record.incident.lists(&own) && view.record.incident.findings.len() == 2);
    stage.answer(&id, Answer::Release).await?;
    assert_eq!(stage.ended(&execution).await?, "SUCCEEDED");
    assert_eq!(user.observe().await?.get("attached policies"), Some("none"), "one release releases all");
    Ok(())
}

#[tokio::test]
async fn an_update_with_a_new_target_joins_the_finding_s_own_incident() -> TestResult {
    let stage = stage().await;
    let (alice, bob) = (PlantedUser::plant(stage.config(), "alice").await?, PlantedUser::plant(stage.config(), "bob").await?);
    let (execution, id) = send(&stage, &sequence_about(&[&alice], "growing")).await?;
    stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    let grown = sequence_about(&[&alice, &bob], "growing");
    let (update, _) = send(&stage, &version(&grown, 5)).await?;
    assert_eq!(stage.ended(&update).await?, "SUCCEEDED");
    let view = asked(&stage, &id, 1).await?;
    let users: Vec<&str> = view.record.incident.decisions.iter().map(|d| d.target.id.as_str()).collect();
    assert_eq!((users, stage.ledger.incidents(10).await?.len()), (vec!["alice", "bob"], 1));
    assert_eq!(bob.observe().await?.get("attached policies"), Some("FirebreakQuarantineDenyAll"));
    stage.answer(&id, Answer::Release).await?;
    assert_eq!(stage.ended(&execution).await?, "SUCCEEDED");
    // What was let go stays let go.
    let (again, _) = send(&stage, &version(&grown, 20)).await?;
    assert_eq!(stage.ended(&again).await?, "SUCCEEDED");
    for user in [&alice, &bob] {
        assert_eq!(user.observe().await?.get("attached policies"), Some("none"), "{}", user.name);
    }
    Ok(())
}
