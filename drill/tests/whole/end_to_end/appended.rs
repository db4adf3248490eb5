//! What is decided while the gate waits: the ledger is the incident, whatever the state machine carries.

use super::{TestResult, send, stage, user_finding};
use firebreak::answer::Answer;
use firebreak::decision::{Decision, Mode};
use firebreak::ids::IncidentId;
use firebreak::incident::IncidentStatus;
use firebreak_drill::{PlantedUser, Stage};
use firebreak_testkit::SECURITY_ACCOUNT;
use serde_json::json;

/// Somebody decides about another user, in the ledger, as a look or a person may do.
async fn append(stage: &Stage, id: &IncidentId, user: &PlantedUser, mode: Mode) -> firebreak_drill::Result<Decision> {
    let like = stage.ledger.record(id).await?.ok_or("an incident")?.incident.decisions[0].clone();
    let mut decision = Decision { mode, reason: "found by hand".to_owned(), ..like };
    decision.target.id.clone_from(&user.name);
    (decision.target.principal_id, decision.target.access_key_id) = (None, None);
    stage.ledger.amend(id, |incident| incident.decisions.push(decision.clone())).await?.ok_or("an incident")?;
    Ok(decision)
}

#[tokio::test]
async fn a_decision_that_is_appended_while_the_gate_waits_is_approved() -> TestResult {
    let stage = stage().await;
    let (alice, bob) = (PlantedUser::plant(stage.config(), "alice").await?, PlantedUser::plant(stage.config(), "bob").await?);
    let (execution, id) = send(&stage, &user_finding(&alice, SECURITY_ACCOUNT, "appended")).await?;
    stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    append(&stage, &id, &bob, Mode::Gate).await?;
    assert_eq!(bob.observe().await?.get("attached policies"), Some("none"), "it waits");
    stage.answer(&id, Answer::Approve).await?;
    assert_eq!(stage.ended(&execution).await?, "SUCCEEDED");
    let view = stage.reaches(&id, IncidentStatus::Closed).await?;
    assert_eq!(bob.observe().await?.get("attached policies"), Some("FirebreakQuarantineDenyAll"));
    assert!(view.receipts.iter().any(|receipt| receipt.target.id == bob.name), "{:?}", view.receipts);
    let closed = stage.told("Approved and closed").await?;
    assert!(closed.body.contains(&bob.name), "people are told: {}", closed.body);
    Ok(())
}

#[tokio::test]
async fn what_was_contained_while_the_gate_waits_is_released() -> TestResult {
    let stage = stage().await;
    let (alice, bob) = (PlantedUser::plant(stage.config(), "alice").await?, PlantedUser::plant(stage.config(), "bob").await?);
    let before = bob.observe().await?;
    let (execution, id) = send(&stage, &user_finding(&alice, SECURITY_ACCOUNT, "appended")).await?;
    let view = stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    let decision = append(&stage, &id, &bob, Mode::Auto).await?;
    let request = json!({ "phase": "contain", "incident": view.record.incident, "target": decision.target });
    let contained = stage.invoke("quarantine-iam", &request).await?;
    assert_eq!(contained.answer["status"], "contained", "{}", contained.answer);
    stage.answer(&id, Answer::Release).await?;
    assert_eq!(stage.ended(&execution).await?, "SUCCEEDED");
    stage.reaches(&id, IncidentStatus::Released).await?;
    assert_eq!(bob.observe().await?.differences(&before), [], "everything is as before: no finding exposed a key of this user");
    Ok(())
}
