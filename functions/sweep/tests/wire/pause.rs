//! What a look finds while a person has paused what is automatic.

use crate::{ONE_PAGE, Stage, modes, names};
use firebreak::decision::{Mode, ReasonCode};
use firebreak_aws::clock;
use firebreak_testkit::room::{self, PAUSER};
use firebreak_testkit::scripted::{Call, error};
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
async fn what_nobody_can_know_to_go_on_waits_and_what_passes_is_tried_again() {
    for (code, passes) in [("AccessDeniedException", false), ("ThrottlingException", true)] {
        let stage = Stage::start().await;
        stage.trail.created_user("mallory");
        let is_pause = |call: &Call| call.params["Key"]["sk"]["S"] == "pause";
        stage.aws.on("dynamodb:GetItem", move |call| is_pause(call).then(|| error(400, code)));
        let answer = stage.run(Phase::Look, ONE_PAGE).await;
        assert_eq!(answer.is_err(), passes, "{code}");
        let decisions = stage.view().await.record.incident.decisions;
        assert!(stage.counted().is_empty(), "{code}: nothing is contained");
        match answer {
            Err(_) => assert_eq!(decisions, stage.incident.decisions),
            Ok(_) => assert_eq!((decisions[1].mode, decisions[1].code), (Mode::Gate, ReasonCode::Paused)),
        }
    }
}

#[tokio::test]
async fn what_was_decided_before_a_pause_and_never_tried_waits() {
    let stage = Stage::start().await;
    stage.append(&[stage.decision("bob", Mode::Auto)]).await;
    room::pause(&stage.aws, None, clock::now()).await;
    let answer = stage.run(Phase::Look, ONE_PAGE).await.expect("an answer");
    assert_eq!((names(&answer.watch.contain), answer.watch.alarm), (vec![], true), "people are told");
    let known = stage.view().await.record.incident;
    assert_eq!((known.decisions[1].mode, known.decisions[1].code), (Mode::Gate, ReasonCode::Paused));
    assert_eq!((known.decisions[0].mode, known.revision), (Mode::Auto, answer.incident.revision));
    assert_eq!(answer.incident.decisions, known.decisions);
}
