//! What a look finds while a person has paused what is automatic.

use crate::{ONE_PAGE, Stage, modes, names};
use firebreak::decision::{Mode, ReasonCode};
use firebreak_aws::clock;
use firebreak_testkit::room::{self, PAUSER};
use firebreak_testkit::scripted::error;
use sweep::Phase;

#[tokio::test]
async fn what_a_look_finds_during_a_pause_waits_and_says_who_paused() {
    let stage = Stage::start().await;
    stage.trail.created_user("mallory");
    room::pause(&stage.aws, Some(room::ACCOUNT), clock::now()).await;
    let answer = stage.run(Phase::Look, ONE_PAGE).await.expect("an answer");
    assert_eq!((names(&answer.watch.contain), answer.watch.alarm), (vec![], true), "people are told");
    let decided = &answer.incident.decisions[1];
    assert_eq!((decided.mode, decided.code, answer.incident.over_budget), (Mode::Gate, ReasonCode::Paused, 0));
    assert!(decided.reason.contains(PAUSER), "{}", decided.reason);
    assert_eq!(answer.incident.decisions[0].mode, Mode::Auto, "what was contained before stays as it was decided");
    assert_eq!(stage.view().await.record.incident.decisions, answer.incident.decisions);
    assert!(stage.counted().is_empty(), "what waits is not counted");
}

#[tokio::test]
async fn a_pause_of_another_account_leaves_what_a_look_finds() {
    let stage = Stage::start().await;
    stage.trail.created_user("mallory");
    room::pause(&stage.aws, Some("444455556666"), clock::now()).await;
    let answer = stage.run(Phase::Look, ONE_PAGE).await.expect("an answer");
    assert_eq!((names(&answer.watch.contain), modes(&answer.incident.decisions)[1].1), (vec!["mallory"], Mode::Auto));
}

#[tokio::test]
async fn what_cannot_be_known_to_go_on_is_not_decided() {
    let stage = Stage::start().await;
    stage.trail.created_user("mallory");
    stage.aws.always("dynamodb:GetItem", error(400, "AccessDeniedException"));
    stage.run(Phase::Look, ONE_PAGE).await.expect_err("the state machine tries again");
    assert!(stage.counted().is_empty());
    assert_eq!(stage.view().await.record.incident.decisions, stage.incident.decisions);
}
