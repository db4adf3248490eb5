//! Every call to the ledger broken in every way, and the process killed at every call: what was found is decided once.

use crate::{ONE_PAGE, Stage, key, names};
use firebreak::coverage::decision_key;
use firebreak::decision::ReasonCode;
use firebreak_aws::clock;
use firebreak_testkit::room::{Break, Point, each_break};
use firebreak_testkit::scripted::Call;
use std::collections::BTreeSet;
use sweep::Phase;

#[tokio::test]
async fn however_the_ledger_breaks_the_next_look_decides_once() {
    let opened = clock::now();
    let (undisturbed, calls) = {
        let stage = Stage::opened_at(opened).await;
        stage.trail.created_user("mallory");
        stage.aws.forget();
        let answer = stage.run(Phase::Look, ONE_PAGE).await.expect("an answer");
        let calls: Vec<Call> = stage.aws.calls().into_iter().filter(|call| call.service == "dynamodb").collect();
        (answer, calls)
    };
    assert_eq!(undisturbed.watch.contain.len(), 1);
    let tried = each_break(&calls, async |point: &Point, how: Break| {
        let stage = Stage::opened_at(opened).await;
        stage.trail.created_user("mallory");
        let broken = how.run(&stage.aws, point, stage.run(Phase::Look, ONE_PAGE)).await;
        stage.aws.mend();
        if let Some(Ok(answer)) = &broken {
            let decided = &stage.view().await.record.incident.decisions;
            assert_eq!(decided, &answer.incident.decisions, "{point:?} {how:?}: it says what the ledger has");
        }
        let again = stage.run(Phase::Look, ONE_PAGE).await.expect("an answer");
        // A read of the pause was refused: what nobody can know waits.
        if again.incident.decisions.iter().any(|decision| decision.code == ReasonCode::Paused) {
            assert_eq!(stage.view().await.record.incident.decisions, again.incident.decisions, "{point:?} {how:?}");
            return;
        }
        assert_eq!(again.incident.decisions, undisturbed.incident.decisions, "{point:?} {how:?}");
        assert_eq!(names(&again.watch.contain), ["mallory"], "{point:?} {how:?}");
        assert_eq!(again.incident.over_budget, 0, "{point:?} {how:?}");
        let view = stage.view().await;
        assert_eq!(view.record.incident.decisions, undisturbed.incident.decisions, "{point:?} {how:?}");
        assert_eq!(view.sweep.as_ref(), Some(&again.report.sweep), "{point:?} {how:?}");
        let known = stage.ledger().coverage(&stage.incident.id).await.expect("the ledger answers");
        let owner = known.decided.get(&decision_key(&again.incident.decisions[1])).expect("somebody answers for it");
        assert_eq!(owner.incident, stage.incident.id, "{point:?} {how:?}");
        assert_eq!(stage.counted(), BTreeSet::from([key("mallory")]), "{point:?} {how:?}");
        assert_eq!(stage.aws.unknown(), [""; 0]);
    })
    .await;
    println!("sweep: {tried} broken calls");
}
