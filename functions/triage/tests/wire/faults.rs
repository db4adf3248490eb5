//! Every call to the ledger broken in every way, and the process killed at every call: the next attempt decides the same.

use crate::{AUTO, ONE, Stage, TWO, USER, counted, deliver, key, stored};
use firebreak::coverage::decision_key;
use firebreak::decision::ReasonCode;
use firebreak::fault::FaultKind;
use firebreak::incident::Incident;
use firebreak_testkit::room::{Break, Point, each_break, ledger, points};
use firebreak_testkit::scripted::{Call, ScriptedAws, error};
use serde_json::Value;

/// The calls to the ledger so far.
fn ledger_calls(aws: &ScriptedAws) -> Vec<Call> {
    aws.calls().into_iter().filter(|call| call.service == "dynamodb").collect()
}

/// Whether a read of the pause was refused: what nobody can know waits, and stays so.
fn is_gated(incident: &Incident) -> bool {
    incident.decisions.iter().any(|decision| decision.code == ReasonCode::Paused)
}

/// A finding that an execution answered which then failed.
async fn abandoned() -> (Stage, Value) {
    let stage = Stage::start().await;
    let event = stage.finding("f1");
    deliver(&stage.aws, AUTO, &event, ONE).await.expect("an incident");
    stage.executions.set(ONE, "FAILED");
    stage.aws.forget();
    (stage, event)
}

/// A finding that an execution answers, and an update of it that names another user.
async fn updated() -> (Stage, Incident, Value) {
    let stage = Stage::start().await;
    let event = stage.finding("f1");
    let first = deliver(&stage.aws, AUTO, &event, ONE).await.expect("an incident");
    stage.aws.forget();
    let update = stage.about(event, "alice");
    (stage, first, update)
}

#[tokio::test]
async fn however_the_ledger_breaks_the_next_attempt_decides_the_same_and_counts_once() {
    let (undisturbed, calls) = {
        let stage = Stage::start().await;
        let incident = deliver(&stage.aws, AUTO, &stage.finding("f1"), ONE).await.expect("an incident");
        (incident, ledger_calls(&stage.aws))
    };
    let tried = each_break(&calls, async |point: &Point, how: Break| {
        let stage = Stage::start().await;
        let event = stage.finding("f1");
        let broken = how.run(&stage.aws, point, deliver(&stage.aws, AUTO, &event, ONE)).await;
        if let Some(Ok(incident)) = &broken
            && !is_gated(incident)
        {
            assert_eq!(incident, &undisturbed, "{point:?} {how:?}");
        }
        stage.aws.mend();
        let again = deliver(&stage.aws, AUTO, &event, ONE).await.expect("an incident");
        if is_gated(&again) {
            assert_eq!(stored(&stage.aws, &again.id).await.expect("an incident").incident, again, "{point:?} {how:?}");
            return;
        }
        assert_eq!(again, undisturbed, "{point:?} {how:?}");
        let kept = stored(&stage.aws, &undisturbed.id).await.expect("an incident");
        assert_eq!(kept.incident, undisturbed, "{point:?} {how:?}");
        assert_eq!(counted(&stage.aws), [key(USER)], "{point:?} {how:?}");
        assert_eq!(stage.aws.unknown(), [""; 0]);
    })
    .await;
    println!("triage: {tried} broken calls");
}

#[tokio::test]
async fn however_the_ledger_breaks_a_take_over_ends_the_same() {
    let (undisturbed, calls) = {
        let (stage, event) = abandoned().await;
        let incident = deliver(&stage.aws, AUTO, &event, TWO).await.expect("an incident");
        (incident, ledger_calls(&stage.aws))
    };
    let tried = each_break(&calls, async |point: &Point, how: Break| {
        let (stage, event) = abandoned().await;
        let broken = how.run(&stage.aws, point, deliver(&stage.aws, AUTO, &event, TWO)).await;
        if let Some(Ok(incident)) = &broken
            && !is_gated(incident)
        {
            assert_eq!(incident, &undisturbed, "{point:?} {how:?}");
        }
        stage.aws.mend();
        let again = deliver(&stage.aws, AUTO, &event, TWO).await.expect("an incident");
        if is_gated(&again) {
            assert_eq!(stored(&stage.aws, &again.id).await.expect("an incident").incident, again, "{point:?} {how:?}");
            return;
        }
        assert_eq!(again, undisturbed, "{point:?} {how:?}");
        let kept = stored(&stage.aws, &undisturbed.id).await.expect("an incident");
        assert_eq!(kept.incident, undisturbed, "{point:?} {how:?}");
        assert_eq!(counted(&stage.aws), [key(USER)], "{point:?} {how:?}");
    })
    .await;
    println!("triage: {tried} broken calls of a take-over");
}

#[tokio::test]
async fn however_the_ledger_breaks_an_update_is_answered_by_one_incident() {
    let (undisturbed, calls) = {
        let (stage, _, event) = updated().await;
        let incident = deliver(&stage.aws, AUTO, &event, TWO).await.expect("an incident");
        (incident, ledger_calls(&stage.aws))
    };
    let tried = each_break(&calls, async |point: &Point, how: Break| {
        let (stage, first, event) = updated().await;
        let _ = how.run(&stage.aws, point, deliver(&stage.aws, AUTO, &event, TWO)).await;
        stage.aws.mend();
        let again = deliver(&stage.aws, AUTO, &event, TWO).await.expect("an incident");
        if is_gated(&again) {
            assert_eq!(stored(&stage.aws, &again.id).await.expect("an incident").incident, again, "{point:?} {how:?}");
            return;
        }
        let told = |incident: &Incident| (incident.id.clone(), incident.follows.clone(), incident.verdict);
        assert_eq!(told(&again), told(&undisturbed), "{point:?} {how:?}");
        assert_eq!(again.decisions, undisturbed.decisions, "{point:?} {how:?}");
        let kept = stored(&stage.aws, &again.id).await.expect("an incident");
        assert_eq!(kept.incident, again, "{point:?} {how:?}");
        let of_first = stored(&stage.aws, &first.id).await.expect("an incident");
        assert_eq!(of_first.incident, first, "{point:?} {how:?}: the first incident stays as it was");
        let known = ledger(&stage.aws).coverage(&first.id).await.expect("the ledger answers");
        let owner = known.decided.get(&decision_key(&again.decisions[0])).expect("somebody answers for it");
        assert_eq!(owner.incident, again.id, "{point:?} {how:?}");
        assert_eq!(counted(&stage.aws), [key("alice"), key(USER)], "{point:?} {how:?}");
    })
    .await;
    println!("triage: {tried} broken calls of an update");
}

#[tokio::test]
async fn whoever_takes_over_from_a_killed_triage_decides_the_same_and_counts_once() {
    let (undisturbed, calls) = {
        let stage = Stage::start().await;
        let incident = deliver(&stage.aws, AUTO, &stage.finding("f1"), ONE).await.expect("an incident");
        (incident, ledger_calls(&stage.aws))
    };
    for point in points(&calls) {
        for after in [false, true] {
            let stage = Stage::start().await;
            let event = stage.finding("f1");
            let work = Box::pin(deliver(&stage.aws, AUTO, &event, ONE));
            let ended = stage.aws.kill_at(&point.action, point.nth, after, work).await;
            assert!(ended.is_none(), "{point:?}: it was killed");
            stage.executions.set(ONE, "FAILED");
            let taken = deliver(&stage.aws, AUTO, &event, TWO).await.expect("an incident");
            assert_eq!((&taken.id, taken.execution_arn.as_str()), (&undisturbed.id, TWO), "{point:?} {after}");
            assert_eq!((taken.verdict, &taken.decisions), (undisturbed.verdict, &undisturbed.decisions), "{point:?} {after}");
            let kept = stored(&stage.aws, &taken.id).await.expect("an incident");
            assert_eq!(kept.incident, taken, "{point:?} {after}");
            assert_eq!(counted(&stage.aws), [key(USER)], "{point:?} {after}");
        }
    }
}

#[tokio::test]
async fn what_the_throttled_ledger_cannot_claim_or_count_is_an_error_that_passes() {
    for action in ["dynamodb:PutItem", "dynamodb:UpdateItem"] {
        let stage = Stage::start().await;
        let event = stage.finding("f1");
        stage.aws.always(action, error(400, "ThrottlingException"));
        let fault = deliver(&stage.aws, AUTO, &event, ONE).await.expect_err("no ledger");
        assert_eq!(fault.kind, FaultKind::Transient, "{action}");
        assert_eq!(counted(&stage.aws), [""; 0], "{action}");
        stage.aws.mend();
        deliver(&stage.aws, AUTO, &event, ONE).await.expect("an incident");
        assert_eq!(counted(&stage.aws), [key(USER)], "{action}");
    }
}
