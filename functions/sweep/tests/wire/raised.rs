//! What waited only with a suspect, once the suspect is contained.

use crate::stages::{gated, look};
use crate::{SUSPECT, Stage, key, modes, names, receipt};
use firebreak::answer::{Answer, Settled};
use firebreak::coverage::decision_key;
use firebreak::decision::{Decision, Mode};
use firebreak::receipt::Status;
use firebreak_aws::clock;
use firebreak_testkit::room::{self, Break, Point, each_break};
use std::collections::BTreeSet;
use sweep::Stage as Look;

/// The suspect waited and had made a user, who waits with it. Now it is contained.
async fn contained_since() -> Stage {
    let mut stage = gated().await;
    stage.trail.created_user("mallory");
    let first = look(&stage, Look::First).await.expect("an answer");
    assert_eq!(modes(&first.incident.decisions), [(SUSPECT, Mode::Gate), ("mallory", Mode::Gate)]);
    assert!(first.incident.decisions[1].waits_with.is_some() && stage.counted().is_empty());
    stage.incident = stage.view().await.record.incident;
    stage.report = first.report;
    stage.report.containment.receipts = vec![receipt(&stage.incident.decisions[0].target, Status::Contained)];
    stage
}

async fn mallory(stage: &Stage) -> Decision {
    stage.view().await.record.incident.decisions[1].clone()
}

#[tokio::test]
async fn it_is_contained_at_once_and_counted_once() {
    let stage = contained_since().await;
    for _ in 0..2 {
        let answer = look(&stage, Look::Watch).await.expect("an answer");
        assert_eq!((names(&answer.watch.contain), answer.watch.alarm), (vec!["mallory"], true));
        let known = stage.view().await.record.incident;
        assert_eq!(modes(&known.decisions), [(SUSPECT, Mode::Gate), ("mallory", Mode::Auto)]);
        assert_eq!((known.decisions[1].since, known.revision), (stage.incident.revision + 1, stage.incident.revision + 1));
        assert!(!known.decisions[1].reason.contains("waits with it"), "{}", known.decisions[1].reason);
        assert_eq!(answer.incident.decisions, known.decisions);
        assert_eq!(stage.counted(), BTreeSet::from([key("mallory")]));
    }
}

#[tokio::test]
async fn what_a_person_answered_about_or_a_containment_has_been_at_stays_as_it_is() {
    let answered = contained_since().await;
    let (decision, at) = (mallory(&answered).await, clock::now());
    let settled =
        Settled { decision: decision_key(&decision), since: decision.since, answer: Answer::Keep, by: "ann".to_owned(), at };
    let settle = |known: &mut firebreak::incident::Incident| known.settled.push(settled.clone());
    answered.ledger().amend(&answered.incident.id, settle).await.expect("the ledger takes it");
    let tried = contained_since().await;
    let failed = receipt(&mallory(&tried).await.target, Status::Failed);
    tried.ledger().keep_receipt(&tried.incident.id, &failed).await.expect("the ledger takes it");
    for stage in [answered, tried] {
        let before = mallory(&stage).await;
        let answer = look(&stage, Look::Watch).await.expect("an answer");
        assert_eq!((names(&answer.watch.contain), mallory(&stage).await), (vec![], before));
        assert!(stage.counted().is_empty());
    }
}

#[tokio::test]
async fn a_pause_holds_it_back_and_the_look_after_it_does_not() {
    let stage = contained_since().await;
    let before = mallory(&stage).await;
    room::pause(&stage.aws, None, clock::now()).await;
    let paused = look(&stage, Look::Watch).await.expect("an answer");
    assert_eq!((names(&paused.watch.contain), mallory(&stage).await), (vec![], before));
    assert!(stage.counted().is_empty(), "what waits is not counted");
    stage.ledger().resume(None, "ann", clock::now()).await.expect("the ledger takes it");
    let later = Stage { report: paused.report, ..stage };
    assert_eq!(names(&look(&later, Look::Watch).await.expect("an answer").watch.contain), ["mallory"]);
}

#[tokio::test]
async fn however_a_call_breaks_it_is_raised_once() {
    let calls = {
        let stage = contained_since().await;
        stage.aws.forget();
        look(&stage, Look::Watch).await.expect("an answer");
        stage.aws.calls()
    };
    let tried = each_break(&calls, async |point: &Point, how: Break| {
        let stage = contained_since().await;
        stage.aws.forget();
        let _broken = how.run(&stage.aws, point, look(&stage, Look::Watch)).await;
        stage.aws.mend();
        let again = look(&stage, Look::Watch).await.expect("an answer");
        assert_eq!(names(&again.watch.contain), ["mallory"], "{point:?} {how:?}");
        let known = stage.view().await.record.incident;
        assert_eq!(modes(&known.decisions), [(SUSPECT, Mode::Gate), ("mallory", Mode::Auto)], "{point:?} {how:?}");
        assert_eq!(stage.counted(), BTreeSet::from([key("mallory")]), "{point:?} {how:?}");
    })
    .await;
    println!("sweep, raised: {tried} broken calls");
}
