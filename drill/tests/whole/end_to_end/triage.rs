//! What triage makes of updates, floods, doubts, large events and things Firebreak cannot contain.

use super::{TestResult, changes, incident_of, send, stage, stage_apart, stage_with, user_finding};
use firebreak::answer::Answer;
use firebreak::decision::Mode;
use firebreak::ids::IncidentId;
use firebreak::incident::IncidentStatus;
use firebreak::plan::Verdict;
use firebreak::policy::Allowance;
use firebreak::receipt::Status;
use firebreak_aws::clock;
use firebreak_drill::{PlantedInstance, PlantedUser, Stage};
use firebreak_testkit::{MEMBER_ACCOUNT, SECURITY_ACCOUNT, fixture};
use jiff::SignedDuration;
use serde_json::{Value, json};
use std::io::Write as _;

const QUARANTINED: Option<&str> = Some("FirebreakQuarantineDenyAll");

/// A stage under `policy`, with the account in mode auto unless the policy says otherwise.
pub(crate) async fn stage_under(policy: &str) -> Stage {
    stage_with_policy(&format!("verify_after_seconds = 1\n{policy}")).await
}

/// A stage under the whole of a policy.
pub(crate) async fn stage_with_policy(policy: &str) -> Stage {
    let mut file = tempfile::NamedTempFile::new().expect("a scratch file");
    file.write_all(policy.as_bytes()).expect("writable");
    let (_, path) = file.keep().expect("kept while functions may start");
    stage_with(Some(path)).await
}

pub(crate) async fn attached(user: &PlantedUser) -> firebreak_drill::Result<Option<String>> {
    Ok(user.observe().await?.get("attached policies").map(str::to_owned))
}

#[tokio::test]
async fn what_exceeds_the_budget_waits_for_a_person_who_is_told_so() -> TestResult {
    let stage = stage_under(&format!(
        "join_within_hours = 0\n[accounts.{SECURITY_ACCOUNT}]\nmode = \"auto\"\n[budget]\nquarantine-iam = 1\n"
    ))
    .await;
    let (alice, bob) = (PlantedUser::plant(stage.config(), "alice").await?, PlantedUser::plant(stage.config(), "bob").await?);
    let (_, first) = send(&stage, &user_finding(&alice, SECURITY_ACCOUNT, "budget-1")).await?;
    let counted = stage.reaches(&first, IncidentStatus::AwaitingReview).await?.record.incident;
    // A budget is a clock hour's, and the next hour may begin at any moment: its budget is spent on the same target.
    let (next_hour, one) =
        (counted.opened_at + SignedDuration::from_hours(1), Allowance { name: "quarantine-iam-user", limit: 1 });
    assert!(stage.ledger.spend_at_once(&counted.decisions[0].target, one, 30, next_hour).await?.is_none());
    // Another finding about the same target costs nothing.
    let (_, again) = send(&stage, &user_finding(&alice, SECURITY_ACCOUNT, "budget-2")).await?;
    let view = stage.reaches(&again, IncidentStatus::AwaitingReview).await?;
    assert_eq!(view.record.incident.decisions[0].mode, Mode::Auto);

    let (_, beyond) = send(&stage, &user_finding(&bob, SECURITY_ACCOUNT, "budget-3")).await?;
    let view = stage.reaches(&beyond, IncidentStatus::AwaitingReview).await?;
    let decision = &view.record.incident.decisions[0];
    assert_eq!(decision.mode, Mode::Gate);
    assert!(decision.reason.starts_with("more than policy allows"), "{}", decision.reason);
    assert_eq!(attached(&bob).await?.as_deref(), Some("none"));
    let page = stage.told("More than policy allows in an hour").await?;
    assert!(page.subject.contains("decide now"), "{}", page.subject);
    stage.answer(&beyond, Answer::Approve).await?;
    stage.reaches(&beyond, IncidentStatus::Closed).await?;
    assert_eq!(attached(&bob).await?.as_deref(), QUARANTINED);
    Ok(())
}

#[tokio::test]
async fn guardduty_is_asked_before_anything_is_contained() -> TestResult {
    let stage = stage_apart().await;
    let user = PlantedUser::plant(stage.config(), "alice").await?;
    let planted = |serial: &str, archived: bool| {
        let mut finding = user_finding(&user, MEMBER_ACCOUNT, serial)["detail"].clone();
        finding["service"]["archived"] = json!(archived);
        finding
    };
    stage.aws.plant_findings(&json!([planted("standing", false), planted("archived", true)]))?;

    let (archived, id) = send(&stage, &user_finding(&user, MEMBER_ACCOUNT, "archived")).await?;
    assert_eq!(stage.ended(&archived).await?, "SUCCEEDED");
    stage.reaches(&id, IncidentStatus::Ignored).await?;

    let (_, id) = send(&stage, &user_finding(&user, MEMBER_ACCOUNT, "unknown")).await?;
    let view = stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    assert_eq!(view.record.incident.decisions[0].mode, Mode::Gate);
    assert!(
        view.record.incident.decisions[0].reason.contains("GuardDuty did not confirm"),
        "{:?}",
        view.record.incident.decisions
    );

    let (_, id) = send(&stage, &user_finding(&user, MEMBER_ACCOUNT, "standing")).await?;
    let view = stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    assert_eq!(view.record.incident.decisions[0].mode, Mode::Auto);

    // Who breaks the question does not stop the response.
    stage.aws.plan_faults(&json!([{"match": "guardduty:.*", "status": 403, "code": "AccessDeniedException", "times": 0}]))?;
    let (_, id) = send(&stage, &user_finding(&user, MEMBER_ACCOUNT, "unreachable")).await?;
    let view = stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    assert_eq!(view.record.incident.decisions[0].mode, Mode::Auto);
    Ok(())
}

#[tokio::test]
async fn a_finding_of_a_megabyte_is_contained_and_kept_byte_for_byte() -> TestResult {
    let stage = stage().await;
    let user = PlantedUser::plant(stage.config(), "alice").await?;
    let mut event = user_finding(&user, SECURITY_ACCOUNT, "large");
    event["detail"]["service"]["additionalInfo"]["padding"] = json!("日本".repeat(170_000));
    let (_, id) = send(&stage, &event).await?;
    let view = stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    assert_eq!(attached(&user).await?.as_deref(), QUARANTINED);
    assert!(serde_json::to_vec(&view.record.incident)?.len() < 32 * 1024);
    stage.sealed(&id, 2).await?;
    let kept = stage.evidence_object(&format!("incidents/{id}/finding.json")).await?;
    let kept: Value = serde_json::from_slice(&kept)?;
    assert!(kept["detail"] == event["detail"], "the evidence is not the finding that came");
    Ok(())
}

#[tokio::test]
async fn every_finding_of_one_event_is_an_incident_of_its_own() -> TestResult {
    let stage = stage().await;
    let (alice, bob) = (PlantedUser::plant(stage.config(), "alice").await?, PlantedUser::plant(stage.config(), "bob").await?);
    let finding = |user: &PlantedUser, serial: &str| {
        json!({"class_uid": 2004, "activity_id": 1, "severity_id": 4, "status_id": 1,
            "metadata": {"uid": serial, "product": {"uid": "arn:aws:securityhub:eu-central-1::productv2/aws/guardduty"}},
            "finding_info": {"uid": format!("arn:aws:guardduty:eu-central-1:{SECURITY_ACCOUNT}:detector/d/finding/{serial}"),
                             "types": ["Threats", "Exfiltration:IAMUser/AnomalousBehavior"]},
            "cloud": {"account": {"uid": SECURITY_ACCOUNT}, "region": "eu-central-1", "cloud_partition": "aws"},
            "resources": [{"type": "AWS::IAM::AccessKey", "uid": user.access_key_id,
                           "data": {"user_name": user.name, "user_type": "IAMUser", "access_key_id": user.access_key_id}}]})
    };
    let event = json!({"source": "aws.securityhub", "detail-type": "Findings Imported V2",
        "detail": {"findings": [finding(&alice, "one"), finding(&bob, "two")]}});
    assert_eq!(stage.send(&event).await?.len(), 2);
    for (user, serial) in [(&alice, "one"), (&bob, "two")] {
        // The key is GuardDuty's: the same finding by its own route would be the same incident.
        let id = IncidentId::of(&format!("arn:aws:guardduty:eu-central-1:{SECURITY_ACCOUNT}:detector/d/finding/{serial}"));
        let view = stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
        assert_eq!(view.record.incident.decisions.len(), 1);
        assert_eq!(attached(user).await?.as_deref(), QUARANTINED);
    }
    Ok(())
}

#[tokio::test]
async fn a_dry_run_goes_through_everything_and_changes_nothing() -> TestResult {
    let stage = stage_under("default_mode = \"dry-run\"\n").await;
    let user = PlantedUser::plant(stage.config(), "alice").await?;
    let before = user.observe().await?;
    let (execution, id) = send(&stage, &user_finding(&user, SECURITY_ACCOUNT, "rehearsal")).await?;
    let view = stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    assert_eq!(view.record.incident.verdict, Verdict::Respond);
    assert!(view.record.incident.decisions[0].reason.contains("dry run"), "{:?}", view.record.incident.decisions);
    stage.sealed(&id, 2).await?;
    assert!(stage.evidence(&id).await?.len() > 3, "evidence is part of the rehearsal");
    stage.answer(&id, Answer::Approve).await?;
    assert_eq!(stage.ended(&execution).await?, "SUCCEEDED");
    assert!(before.differences(&user.observe().await?).is_empty());
    assert_eq!(changes(&stage.aws.calls()?), Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn what_only_a_person_can_contain_is_reviewed_with_what_to_do() -> TestResult {
    let stage = stage().await;
    let mut event = fixture::load("types/Backdoor-Lambda-C-CActivity.B")?;
    fixture::personalise(&mut event, SECURITY_ACCOUNT, "lambda", clock::now());
    let (execution, id) = send(&stage, &event).await?;
    stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    let ticket = stage.told("For you to do").await?;
    assert!(ticket.body.contains("reserved concurrency"), "{}", ticket.body);
    assert!(ticket.body.contains("function:pay"), "{}", ticket.body);
    stage.answer(&id, Answer::Approve).await?;
    assert_eq!(stage.ended(&execution).await?, "SUCCEEDED");
    stage.reaches(&id, IncidentStatus::Closed).await?;
    Ok(())
}

#[tokio::test]
async fn a_persons_request_waits_until_it_is_approved() -> TestResult {
    let stage = stage().await;
    let user = PlantedUser::plant(stage.config(), "mallory").await?;
    let event = json!({"source": "acme.security", "detail-type": "Firebreak Isolation Request",
        "detail": {"requested_by": "alice@example.com", "reason": "phished",
                   "target": {"kind": "iam-user", "id": user.name, "account": SECURITY_ACCOUNT, "region": "eu-central-1"}}});
    let executions = stage.send(&event).await?;
    assert_eq!(executions.len(), 1);
    let ticket = stage.told("asks: phished").await?;
    assert!(ticket.body.contains("waits until it is approved"), "{}", ticket.body);
    let id = stage.incident_of_execution(&executions[0]).await?;
    stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    assert_eq!(attached(&user).await?.as_deref(), Some("none"));
    stage.answer(&id, Answer::Approve).await?;
    stage.reaches(&id, IncidentStatus::Closed).await?;
    assert_eq!(attached(&user).await?.as_deref(), QUARANTINED);
    Ok(())
}

#[tokio::test]
async fn a_suppressed_finding_is_recorded_with_its_owner_and_wakes_nobody() -> TestResult {
    let stage = stage_under(&format!(
        "[accounts.{SECURITY_ACCOUNT}]\nmode = \"auto\"\n[[suppress]]\nfindings = [\"Exfiltration:IAMUser/AnomalousBehavior\"]\n\
         target = \"backup\"\naccounts = [\"{SECURITY_ACCOUNT}\"]\nowner = \"bob\"\nreason = \"nightly copy\"\nexpires = \"2999-12-31\"\n"
    ))
    .await;
    let user = PlantedUser::plant(stage.config(), "backup").await?;
    let event = user_finding(&user, SECURITY_ACCOUNT, "suppressed");
    let (execution, _) = send(&stage, &event).await?;
    assert_eq!(stage.ended(&execution).await?, "SUCCEEDED");
    let view = stage.reaches(&incident_of(&event), IncidentStatus::Ignored).await?;
    assert!(view.record.incident.decisions[0].reason.contains("by bob: nightly copy"), "{:?}", view.record.incident.decisions);
    assert_eq!(attached(&user).await?.as_deref(), Some("none"));
    assert!(!stage.aws.calls()?.iter().any(|call| call.operation == "Publish"), "somebody was woken");
    Ok(())
}

/// Below the severity from which policy acts, nobody is asked about what would wait: people are told, and evidence is kept. A flood
/// of findings about one host costs one set of snapshots.
#[tokio::test]
async fn of_a_finding_below_the_severity_people_are_told_with_evidence() -> TestResult {
    let stage = stage_with_policy(&format!("[accounts.{SECURITY_ACCOUNT}]\nmode = \"auto\"\n")).await;
    let instance = PlantedInstance::plant(stage.config(), "web-1").await?;
    let before = instance.observe().await?;
    let mut sets = Vec::new();
    for serial in ["medium-1", "medium-2"] {
        let mut event = fixture::load("guardduty/bitcoin-tool")?;
        instance.name_in(&mut event);
        fixture::personalise(&mut event, SECURITY_ACCOUNT, serial, clock::now());
        (event["detail"]["type"], event["detail"]["severity"]) = (json!("Behavior:EC2/NetworkPortUnusual"), json!(5.0));
        let (execution, id) = send(&stage, &event).await?;
        assert_eq!(stage.ended(&execution).await?, "SUCCEEDED");
        stage.reaches(&id, IncidentStatus::Notified).await?;
        let view = stage.sealed(&id, 1).await?;
        assert!(view.review.is_none(), "somebody was asked");
        assert!(stage.evidence(&id).await?.iter().any(|key| key.ends_with("manifest.json")), "no list of the evidence");
        sets.push(view.evidence.into_iter().filter(|entry| entry.sha256.is_none()).map(|entry| entry.key).collect::<Vec<_>>());
    }
    assert_eq!(before.differences(&instance.observe().await?), []);
    assert_eq!(sets[0].len(), 1, "one volume, one snapshot");
    assert_eq!(sets[0], sets[1], "the second incident names the snapshots of the first one");
    assert!(stage.told("Evidence is being kept").await?.subject.contains("Look at this"));
    Ok(())
}

#[tokio::test]
async fn targets_that_are_gone_are_named_and_the_review_opens_all_the_same() -> TestResult {
    let stage = stage().await;
    for (name, serial, gone) in [
        ("guardduty/bitcoin-tool", "gone-instance", "EC2 instance"),
        ("guardduty/bucket-public-access", "gone-bucket", "S3 bucket"),
        ("guardduty/exfiltration-iam-user", "gone-user", "IAM user"),
    ] {
        let mut event = fixture::load(name)?;
        fixture::personalise(&mut event, SECURITY_ACCOUNT, serial, clock::now());
        let (_, id) = send(&stage, &event).await?;
        let view = stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
        assert_eq!(view.receipts[0].status, Status::Failed, "{gone}");
        let receipt = serde_json::to_string(&view.receipts[0])?.to_lowercase();
        assert!(receipt.contains("gone"), "{gone}: {receipt}");
        stage.told(&format!("{gone} ")).await?;
    }
    Ok(())
}
