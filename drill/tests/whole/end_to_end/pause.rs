//! A person pauses what is automatic under the identity that signs the request, and another one resumes it with the command.

use super::triage::attached;
use super::{TestResult, send, stage, user_finding};
use crate::{command, doctor};
use firebreak::answer::Answer;
use firebreak::decision::{Mode, ReasonCode};
use firebreak::incident::IncidentStatus;
use firebreak::pause::UNSIGNED;
use firebreak_cli::signed::call_with;
use firebreak_drill::{PlantedUser, Stage};
use firebreak_testkit::{MEMBER_ACCOUNT, SECURITY_ACCOUNT};
use serde_json::{Value, json};

const ANN: &str = "arn:aws:sts::123456789012:assumed-role/FirebreakOperator/ann";

/// What the command says as JSON.
fn says(stage: &Stage, arguments: &[&str]) -> firebreak_drill::Result<Value> {
    let output = command::run(stage, arguments)?;
    if !output.status.success() {
        return Err(format!("{arguments:?}: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

#[tokio::test]
async fn during_a_pause_a_finding_waits_and_says_who_paused_and_after_it_the_next_one_is_automatic() -> TestResult {
    let stage = stage().await;
    let (alice, bob) = (PlantedUser::plant(stage.config(), "alice").await?, PlantedUser::plant(stage.config(), "bob").await?);
    let carol = PlantedUser::plant(&stage.aws.administrator(MEMBER_ACCOUNT).await?, "carol").await?;
    let ann = stage.aws.person("FirebreakOperator", "ann").await?;
    let mut pause = json!({ "account": SECURITY_ACCOUNT, "for_seconds": 7200, "reason": "a rollout misfires" });
    let said: Value = call_with(&ann, "pause", &json!({ "pause": pause })).await?;
    assert_eq!(said["pause"]["by"], ANN, "the identity that signed: {said}");
    pause["by"] = json!("somebody else");
    call_with::<_, Value>(&ann, "pause", &json!({ "pause": pause })).await.expect_err("nobody names another one");
    assert!(stage.told("PAUSED until").await?.body.contains(ANN));

    let (execution, waits) = send(&stage, &user_finding(&alice, SECURITY_ACCOUNT, "paused-1")).await?;
    let view = stage.reaches(&waits, IncidentStatus::AwaitingReview).await?;
    let decision = &view.record.incident.decisions[0];
    assert_eq!((decision.mode, decision.code), (Mode::Gate, ReasonCode::Paused));
    assert!(decision.reason.contains(ANN) && decision.reason.contains("a rollout misfires"), "{}", decision.reason);
    assert_eq!(attached(&alice).await?.as_deref(), Some("none"));
    let ticket = stage.told("Done only if you approve").await?.body;
    assert!(ticket.lines().any(|line| line.starts_with("Paused: ") && line.contains(ANN)), "{ticket}");

    let (_, elsewhere) = send(&stage, &user_finding(&carol, MEMBER_ACCOUNT, "paused-2")).await?;
    let view = stage.reaches(&elsewhere, IncidentStatus::AwaitingReview).await?;
    assert_eq!(view.record.incident.decisions[0].mode, Mode::Auto, "a pause of one account leaves the others");
    assert_eq!(attached(&carol).await?.as_deref(), Some("FirebreakQuarantineDenyAll"));

    let (_, seen) = doctor::doctor(&stage, true)?;
    let seen: Vec<Value> = serde_json::from_str(&seen)?;
    let is_pause = |seen: &&Value| seen["check"] == "pause" && seen["condition"] == "advice";
    let warned = seen.iter().find(is_pause).ok_or("the doctor says nothing of it")?;
    assert!(warned["found"].as_str().is_some_and(|found| found.contains("a rollout misfires")), "{warned}");

    stage.answer(&waits, Answer::Approve).await?;
    assert_eq!(stage.ended(&execution).await?, "SUCCEEDED");
    assert_eq!(attached(&alice).await?.as_deref(), Some("FirebreakQuarantineDenyAll"), "what is approved is carried out");

    let said = says(&stage, &["resume", "--account", SECURITY_ACCOUNT, "--json"])?;
    assert_eq!((&said["outcome"], &said["resumed"]["pause"]["by"]), (&json!("resumed"), &json!(ANN)), "{said}");
    assert!(stage.told("Resumed: account").await?.body.contains(said["resumed"]["by"].as_str().ok_or("nobody resumed")?));
    let (_, after) = send(&stage, &user_finding(&bob, SECURITY_ACCOUNT, "paused-3")).await?;
    let view = stage.reaches(&after, IncidentStatus::AwaitingReview).await?;
    assert_eq!(view.record.incident.decisions[0].mode, Mode::Auto);
    assert_eq!(attached(&bob).await?.as_deref(), Some("FirebreakQuarantineDenyAll"));
    Ok(())
}

#[tokio::test]
async fn the_command_pauses_and_a_test_event_of_the_console_does_under_no_name() -> TestResult {
    let stage = stage().await;
    let said = says(&stage, &["pause", "--for", "90m", "--reason", "a rollout misfires", "--json"])?;
    assert_eq!(said["outcome"], "paused", "{said}");
    let longer = json!({ "pause": { "for_seconds": 86400, "reason": "a storm" }, "from": "console" });
    let paused = stage.invoke("pause", &longer).await?;
    assert_eq!((paused.error, &paused.answer["pause"]["by"]), (None, &json!(UNSIGNED)), "{}", paused.answer);
    assert!(stage.told("a storm").await?.body.contains("By: unsigned"));
    let direct = stage.invoke("pause", &json!({ "pause": { "for_seconds": 60, "reason": "a storm" } })).await?;
    assert_eq!(direct.error.as_deref(), Some("Firebreak.Malformed"), "{}", direct.answer);
    let (_, resumed) =
        (stage.invoke("pause", &json!({ "resume": {}, "from": "console" })).await?, command::run(&stage, &["resume"])?);
    assert!(String::from_utf8(resumed.stdout)?.contains("nothing was paused there"), "it was resumed from the console");
    Ok(())
}
