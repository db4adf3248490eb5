//! Every call broken in every way, and the process killed at every call: what was found is decided once.

use crate::{SUSPECT, Stage, key, names};
use firebreak::coverage::decision_key;
use firebreak::decision::{Decision, Mode, ReasonCode};
use firebreak::fault::Fault;
use firebreak_aws::clock;
use firebreak_testkit::room::{Break, Point, each_break};
use jiff::Timestamp;
use std::collections::BTreeSet;
use sweep::Stage as Look;
use sweep::{Phase, SweepInput, SweptState};

/// Every account is contained at once; few pages.
const RULES: &str = "default_mode = \"auto\"\n[sweep]\npages = 4\n";

/// One suspect is contained, and one waits. Each has made a user.
async fn two_suspects(opened: Timestamp) -> Stage {
    let stage = Stage::opened_at(opened).await;
    stage.append(&[stage.decision("bob", Mode::Gate)]).await;
    stage.trail.created_user("mallory");
    stage.trail.created_user_by("bob", "eve");
    stage
}

async fn look(stage: &Stage, which: Look) -> Result<SweptState, Fault> {
    stage.ask(SweepInput { stage: Some(which), ..stage.request(Phase::Look) }, RULES).await
}

/// Whom decisions are about, whichever look decided it.
fn decided(decisions: &[Decision]) -> BTreeSet<(&str, &'static str)> {
    decisions.iter().map(|decision| (decision.target.id.as_str(), decision.mode.name())).collect()
}

#[tokio::test]
async fn however_a_call_breaks_the_next_look_decides_once() {
    for which in [Look::First, Look::Watch, Look::Approved] {
        Box::pin(breaks_of(which, clock::now())).await;
    }
}

async fn breaks_of(which: Look, opened: Timestamp) {
    let all = BTreeSet::from([(SUSPECT, "auto"), ("bob", "gate"), ("mallory", "auto"), ("eve", "gate")]);
    let calls = {
        let stage = two_suspects(opened).await;
        stage.aws.forget();
        let answer = look(&stage, which).await.expect("an answer");
        assert_eq!(
            (decided(&answer.incident.decisions), names(&answer.watch.contain)),
            (all.clone(), vec!["mallory"]),
            "{which:?}"
        );
        stage.aws.calls()
    };
    let tried = each_break(&calls, async |point: &Point, how: Break| {
        let stage = two_suspects(opened).await;
        let broken = how.run(&stage.aws, point, look(&stage, which)).await;
        stage.aws.mend();
        if let Some(Ok(answer)) = &broken {
            let known = stage.view().await.record.incident;
            let (has, says) = (decided(&known.decisions), decided(&answer.incident.decisions));
            assert_eq!(has, says, "{which:?} {point:?} {how:?}: it says what the ledger has");
        }
        let again = look(&stage, which).await.expect("an answer");
        let decisions = &again.incident.decisions;
        let view = stage.view().await;
        assert_eq!(&view.record.incident.decisions, decisions, "{which:?} {point:?} {how:?}");
        // A read of the pause was refused: what nobody can know waits.
        if decisions.iter().any(|decision| decision.code == ReasonCode::Paused) {
            return;
        }
        assert_eq!((decided(decisions), decisions.len()), (all.clone(), 4), "{which:?} {point:?} {how:?}");
        assert_eq!(names(&again.watch.contain), ["mallory"], "{which:?} {point:?} {how:?}");
        assert_eq!(again.incident.over_budget, 0, "{which:?} {point:?} {how:?}");
        assert_eq!(view.sweep.as_ref(), Some(&again.report.sweep), "{which:?} {point:?} {how:?}");
        let known = stage.ledger().coverage(&stage.incident.id).await.expect("the ledger answers");
        for decision in decisions.iter().filter(|decision| decision.code == ReasonCode::Traced) {
            let owner = known.decided.get(&decision_key(decision)).expect("somebody answers for it");
            assert_eq!(owner.incident, stage.incident.id, "{which:?} {point:?} {how:?}");
        }
        assert_eq!(stage.counted(), BTreeSet::from([key("mallory")]), "{which:?} {point:?} {how:?}");
        assert_eq!(stage.aws.unknown(), [""; 0]);
    })
    .await;
    println!("sweep, {which:?}: {tried} broken calls");
}
