//! What is decided while the gate waits: the ledger is the incident, whatever the state machine carries.

use super::{TestResult, send, stage, user_finding};
use firebreak::answer::{Answer, Targets};
use firebreak::decision::{Decision, Mode};
use firebreak::ids::IncidentId;
use firebreak::incident::IncidentStatus;
use firebreak::review::{DecideOutcome, DecideRequest};
use firebreak_drill::{PlantedUser, Stage};
use firebreak_ledger::IncidentView;
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

/// Waits until people were shown this revision and their answer is waited for.
async fn asked(stage: &Stage, id: &IncidentId, revision: u32) -> firebreak_drill::Result<IncidentView> {
    let shows = |view: &IncidentView| {
        view.review.as_ref().is_some_and(|review| review.decision.is_none() && review.shown_revision == Some(revision))
    };
    stage.incident_when(id, &format!("a ticket of revision {revision}"), shows).await
}

#[tokio::test]
async fn a_decision_that_is_appended_while_the_gate_waits_is_asked_about_and_then_approved() -> TestResult {
    let stage = stage().await;
    let (alice, bob) = (PlantedUser::plant(stage.config(), "alice").await?, PlantedUser::plant(stage.config(), "bob").await?);
    let (execution, id) = send(&stage, &user_finding(&alice, SECURITY_ACCOUNT, "appended")).await?;
    stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    let first = asked(&stage, &id, 0).await?.review.and_then(|review| review.shown).ok_or("a digest")?;
    append(&stage, &id, &bob, Mode::Gate).await?;
    let answered = stage.answer(&id, Answer::Approve).await?;
    assert!(matches!(&answered, DecideOutcome::Accepted { decision } if decision.covers == Some(0)), "{answered:?}");
    let told = stage.told("Carried out, and more was decided since").await?;
    assert!(told.body.contains(&bob.name), "people are told what: {}", told.body);
    let view = asked(&stage, &id, 1).await?;
    assert_eq!(view.record.status, IncidentStatus::AwaitingReview, "it is not closed");
    assert_eq!(bob.observe().await?.get("attached policies"), Some("none"), "nobody agreed to that yet");

    // Whoever still has the first ticket cannot answer the second one with it.
    let old = DecideRequest { shown: Some(first), ..DecideRequest::new(id.clone(), Answer::Approve, "the drill answers") };
    let refused = stage.decide(&old).await?;
    let DecideOutcome::Changed { decisions, .. } = &refused else { panic!("{refused:?}") };
    assert!(matches!(decisions.as_slice(), [since] if since.target.id == bob.name), "{decisions:?}");

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
async fn what_was_contained_while_the_gate_waits_stays_so_until_a_ticket_showed_it() -> TestResult {
    let stage = stage().await;
    let (alice, bob) = (PlantedUser::plant(stage.config(), "alice").await?, PlantedUser::plant(stage.config(), "bob").await?);
    let (before_alice, before_bob) = (alice.observe().await?, bob.observe().await?);
    let (execution, id) = send(&stage, &user_finding(&alice, SECURITY_ACCOUNT, "appended")).await?;
    let view = stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    let decision = append(&stage, &id, &bob, Mode::Auto).await?;
    let request = json!({ "phase": "contain", "incident": view.record.incident, "target": decision.target });
    let contained = stage.invoke("quarantine-iam", &request).await?;
    assert_eq!(contained.answer["status"], "contained", "{}", contained.answer);
    stage.answer(&id, Answer::Release).await?;
    asked(&stage, &id, 1).await?;
    assert_eq!(alice.released(&before_alice).differences(&alice.observe().await?), [], "what the ticket showed is put back");
    assert_eq!(bob.observe().await?.get("attached policies"), Some("FirebreakQuarantineDenyAll"), "nobody judged this one yet");

    stage.answer(&id, Answer::Release).await?;
    assert_eq!(stage.ended(&execution).await?, "SUCCEEDED");
    stage.reaches(&id, IncidentStatus::Released).await?;
    assert_eq!(
        bob.observe().await?.differences(&before_bob),
        [],
        "everything is as before: no finding exposed a key of this user"
    );
    Ok(())
}

#[tokio::test]
async fn of_three_actions_that_wait_one_is_chosen_and_two_are_said_and_asked_again() -> TestResult {
    let stage = stage().await;
    let alice = PlantedUser::plant(stage.config(), "alice").await?;
    let (execution, id) = send(&stage, &user_finding(&alice, SECURITY_ACCOUNT, "parts")).await?;
    stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    asked(&stage, &id, 0).await?;
    let mut users = Vec::new();
    for name in ["bob", "carol", "dave"] {
        let user = PlantedUser::plant(stage.config(), name).await?;
        append(&stage, &id, &user, Mode::Gate).await?;
        users.push(user);
    }
    let now = stage.ledger.record(&id).await?.ok_or("an incident")?.incident;
    let targets = Targets { only: vec![users[1].name.clone()], except: vec![] };
    let one =
        DecideRequest { targets, shown: Some(now.shown()), ..DecideRequest::new(id.clone(), Answer::Approve, "only this one") };
    let answered = stage.decide(&one).await?;
    assert!(matches!(answered, DecideOutcome::Accepted { .. }), "{answered:?}");
    let told = stage.told("Carried out, the rest is asked again").await?;
    assert!(told.body.contains(&users[1].name), "{}", told.body);
    let view = asked(&stage, &id, 3).await?;
    let open: Vec<&str> = view.record.incident.unanswered().map(|decision| decision.target.id.as_str()).collect();
    assert_eq!(open, [&alice.name, &users[0].name, &users[2].name]);
    let ticket = stage.told("Decide again, the rest").await?;
    assert!(ticket.body.contains(&users[0].name) && ticket.body.contains("Answered before, and closed"), "{}", ticket.body);

    stage.decide(&DecideRequest::new(id.clone(), Answer::Keep, "the others are innocent")).await?;
    assert_eq!(stage.ended(&execution).await?, "SUCCEEDED");
    stage.reaches(&id, IncidentStatus::Closed).await?;
    let mut policies = Vec::new();
    for user in &users {
        policies.push(user.observe().await?.get("attached policies").unwrap_or_default().to_owned());
    }
    assert_eq!(policies, ["none", "FirebreakQuarantineDenyAll", "none"]);
    assert!(stage.told("Closed, NOT all contained").await?.body.contains("left as it is"));
    Ok(())
}
