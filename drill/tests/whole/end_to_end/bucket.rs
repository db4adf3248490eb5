//! A bucket is closed in levels, as far as each level says and for whom it says, and put back as it was.
//!
//! The local AWS keeps a policy byte for byte. Whether S3 does is not proven.

use super::buckets::{Callers, Can, changed, decision, finding, is_asked, private, public, receipt, step};
use super::triage::stage_with_policy;
use super::{TestResult, send};
use firebreak::answer::{Answer, Targets};
use firebreak::decision::Mode;
use firebreak::ids::IncidentId;
use firebreak::incident::IncidentStatus;
use firebreak::receipt::{Outcome, Status};
use firebreak::restore::{RestoreOutcome, RestoreRequest};
use firebreak::review::{DecideOutcome, DecideRequest};
use firebreak::target::Scope;
use firebreak_cli::signed::call_with;
use firebreak_drill::{PlantedUser, Stage};
use firebreak_ledger::IncidentView;

/// Each finding has an incident of its own, and one person may ask for a way back.
const APART: &str = "default_mode = \"auto\"\nverify_after_seconds = 1\njoin_within_hours = 0\n[review]\ntwo_persons = []\n";
const CLOSED: Option<&str> = Some("on on on on");

/// Approves one level by its name, and waits until it is contained and the rest is asked again.
async fn approve(stage: &Stage, id: &IncidentId, level: Scope) -> firebreak_drill::Result<IncidentView> {
    let view = stage.incident_when(id, "a ticket", is_asked).await?;
    let targets = Targets { only: vec![decision(&view, level).target.to_string()], except: vec![] };
    let answer = DecideRequest { targets, ..DecideRequest::new(id.clone(), Answer::Approve, "the drill answers") };
    let outcome = stage.decide(&answer).await?;
    assert!(matches!(outcome, DecideOutcome::Accepted { .. }), "{outcome:?}");
    let is_done =
        |view: &IncidentView| is_asked(view) && receipt(view, level).is_some_and(|receipt| receipt.status == Status::Contained);
    stage.incident_when(id, &format!("{level:?} to be contained"), is_done).await
}

/// With the block on, S3 takes no public statement back: it is left out, recorded, and back in its place after the release.
#[tokio::test]
async fn a_bucket_is_closed_level_by_level_and_put_back_byte_for_byte() -> TestResult {
    let stage = stage_with_policy(APART).await;
    let user = PlantedUser::plant(stage.config(), "mallory").await?;
    let bucket = Box::pin(public(stage.config(), "acme-ledger")).await?;
    let callers = Box::pin(Callers::plant(&stage, &user)).await?;
    let before = Box::pin(bucket.observe()).await?;

    let (_, first) = send(&stage, &finding("guardduty/bucket-anonymous-access", &user, &bucket, "opened")).await?;
    stage.reaches(&first, IncidentStatus::AwaitingReview).await?;
    let mut was = Box::pin(bucket.observe()).await?;
    assert_eq!(changed(&before, &was), ["public access block"]);

    let (execution, id) = send(&stage, &finding("guardduty/exfiltration-s3", &user, &bucket, "read")).await?;
    let view = stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    let frozen = receipt(&view, Scope::Freeze).ok_or("a receipt")?;
    assert_eq!(frozen.status, Status::Contained, "{frozen:?}");
    assert!(step(&view, Scope::Freeze, "leave-out-statement Everyone").is_some(), "{frozen:?}");
    let mut now = Box::pin(bucket.observe()).await?;
    assert_eq!(changed(&was, &now), ["blocked encryption", "policy"]);
    let policy = now.get("policy").unwrap_or_default();
    assert!(policy.contains("FirebreakDenySuspects") && policy.contains("FirebreakDenyOutsiders"), "{policy}");
    assert!(policy.contains("TlsOnly") && !policy.contains("Everyone"), "{policy}");
    assert_eq!(Box::pin(callers.can(&bucket.name)).await?, [Can::Nothing, Can::All, Can::Nothing, Can::All]);
    assert!([Scope::Destruction, Scope::Seal].iter().all(|level| decision(&view, *level).is_offered()));

    was = now;
    Box::pin(approve(&stage, &id, Scope::Destruction)).await?;
    now = Box::pin(bucket.observe()).await?;
    let rules =
        ["lifecycle rule old-logs", "lifecycle rule wipe", "policy", "replication rule backup", "replication rule copy-out"];
    assert_eq!(changed(&was, &now), rules);
    assert!(rules.iter().filter(|rule| **rule != "policy").all(|rule| now.get(rule) == Some("Disabled")));
    assert_eq!(Box::pin(callers.can(&bucket.name)).await?, [Can::Nothing, Can::Write, Can::Nothing, Can::Write]);

    was = now;
    Box::pin(approve(&stage, &id, Scope::Seal)).await?;
    now = Box::pin(bucket.observe()).await?;
    assert_eq!(changed(&was, &now), ["policy"], "the root user still reads everything");
    assert_eq!(Box::pin(callers.can(&bucket.name)).await?, [Can::Nothing; 4]);

    stage.answer(&id, Answer::Approve).await?;
    assert_eq!(stage.ended(&execution).await?, "SUCCEEDED");
    stage.reaches(&id, IncidentStatus::Closed).await?;
    stage.answer(&first, Answer::Release).await?;
    stage.reaches(&first, IncidentStatus::Released).await?;
    assert_eq!(Box::pin(bucket.observe()).await?.get("public access block"), CLOSED, "the freeze needs it");
    let asked = RestoreRequest::new(id.clone(), "it was a migration");
    let outcome: RestoreOutcome = call_with(stage.config(), "decide-review", &asked).await?;
    assert!(matches!(outcome, RestoreOutcome::Started { .. }), "{outcome:?}");
    stage.reaches(&id, IncidentStatus::Released).await?;
    assert_eq!(before.differences(&Box::pin(bucket.observe()).await?), [], "the policy byte for byte");
    assert_eq!(Box::pin(callers.can(&bucket.name)).await?, [Can::All; 4]);
    Ok(())
}

#[tokio::test]
async fn a_freeze_by_which_others_would_lose_access_waits_and_changes_nothing() -> TestResult {
    let stage = stage_with_policy(APART).await;
    let user = PlantedUser::plant(stage.config(), "mallory").await?;
    let bucket = Box::pin(public(stage.config(), "acme-downloads")).await?;
    let before = Box::pin(bucket.observe()).await?;
    let (execution, id) = send(&stage, &finding("guardduty/exfiltration-s3", &user, &bucket, "waits")).await?;
    let view = stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    let waiting = receipt(&view, Scope::Freeze).ok_or("a receipt")?;
    let impact = waiting.waits.as_ref().map(|waits| waits.impact.as_str()).unwrap_or_default();
    assert!(waiting.status == Status::Waits && impact.starts_with("would lose access: "), "{waiting:?}");
    assert_eq!(decision(&view, Scope::Freeze).mode, Mode::Gate);
    stage.told("would lose access: ").await?;
    assert_eq!(before.differences(&Box::pin(bucket.observe()).await?), []);
    stage.incident_when(&id, "a ticket", is_asked).await?;
    stage.answer(&id, Answer::Approve).await?;
    assert_eq!(stage.ended(&execution).await?, "SUCCEEDED");
    let view = stage.reaches(&id, IncidentStatus::Closed).await?;
    assert_eq!(receipt(&view, Scope::Freeze).map(|receipt| receipt.status), Some(Status::Contained));
    assert_eq!(Box::pin(bucket.observe()).await?.get("public access block"), CLOSED);
    Ok(())
}

/// Of a revert by somebody who may still change the bucket.
#[tokio::test]
async fn a_policy_that_somebody_puts_back_is_written_again_and_raised() -> TestResult {
    let stage = stage_with_policy(&format!("{APART}[watch]\nafter_seconds = [1]\nevery_seconds = 2\n")).await;
    let user = PlantedUser::plant(stage.config(), "mallory").await?;
    let bucket = Box::pin(private(stage.config(), "acme-reverted")).await?;
    let before = Box::pin(bucket.observe()).await?;
    let (execution, id) = send(&stage, &finding("guardduty/exfiltration-s3", &user, &bucket, "reverted")).await?;
    stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    let frozen = Box::pin(bucket.observe()).await?;
    assert_ne!(before.get("policy"), frozen.get("policy"));
    let old = before.get("policy").unwrap_or_default();
    bucket.s3().put_bucket_policy().bucket(&bucket.name).policy(old).send().await?;
    stage.told("CRITICAL, somebody reverted it").await?;
    let is_back = |view: &IncidentView| view.timeline.iter().any(|event| event.what.starts_with("REVERTED"));
    stage.incident_when(&id, "the revert on record", is_back).await?;
    assert_eq!(Box::pin(bucket.observe()).await?.get("policy"), frozen.get("policy"), "it was not written again");

    stage.incident_when(&id, "a ticket", is_asked).await?;
    stage.answer(&id, Answer::Release).await?;
    assert_eq!(stage.ended(&execution).await?, "SUCCEEDED");
    let view = stage.reaches(&id, IncidentStatus::Released).await?;
    let released = view.releases.iter().find(|receipt| receipt.target.scope == Scope::Freeze).ok_or("a release")?;
    let restored = released.steps.iter().find(|step| step.name.as_str() == "restore-policy").ok_or("a step")?;
    assert_eq!(restored.outcome, Outcome::Applied, "{released:?}");
    assert_eq!(before.differences(&Box::pin(bucket.observe()).await?), []);
    Ok(())
}
