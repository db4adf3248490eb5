//! A look goes on where the one before ended, if it has that one's lines.

use crate::Stage;
use crate::stages::look;
use firebreak_testkit::scripted::{Call, error};
use sweep::Stage as Look;

/// From when on everybody's `CreateUser` was asked for, look by look.
fn asked_from(stage: &Stage) -> Vec<f64> {
    let calls = stage.aws.calls_of("cloudtrail:LookupEvents");
    let named = calls.iter().filter(|call| call.params["LookupAttributes"][0]["AttributeValue"] == "CreateUser");
    named.map(|call| call.params["StartTime"].as_f64().expect("a time")).collect()
}

#[tokio::test]
async fn the_next_look_asks_what_is_new_and_a_second_try_of_it_the_same() {
    let mut stage = Stage::start().await;
    stage.report.sweep = look(&stage, Look::First).await.expect("an answer").report.sweep;
    let second = look(&stage, Look::Watch).await.expect("an answer");
    assert_eq!(stage.view().await.sweep.as_ref(), Some(&second.report.sweep));
    look(&stage, Look::Watch).await.expect("a second try");
    let from = asked_from(&stage);
    assert!(from.len() == 3 && from[1] > from[0] && from[2].to_bits() == from[1].to_bits(), "{from:?}");
    // The second try has other lines than the first one.
    stage.report.sweep = second.report.sweep;
    look(&stage, Look::Watch).await.expect("an answer");
    let from = asked_from(&stage);
    assert_eq!(from[3].to_bits(), from[0].to_bits(), "nothing is left of that look: it begins anew");
}

#[tokio::test]
async fn a_second_try_finds_again_what_the_first_one_found() {
    let mut stage = Stage::start().await;
    stage.report.sweep = look(&stage, Look::First).await.expect("an answer").report.sweep;
    stage.trail.created_user("mallory");
    let first = look(&stage, Look::Watch).await.expect("an answer");
    let second = look(&stage, Look::Watch).await.expect("a second try");
    assert_eq!(first.report.sweep.found.len(), 1);
    assert_eq!((second.report.sweep.found, second.watch.alarm), (first.report.sweep.found, true), "people are told");
}

#[tokio::test]
async fn without_the_row_a_look_begins_anew() {
    for broken in ["dynamodb:GetItem", "dynamodb:PutItem"] {
        let mut stage = Stage::start().await;
        let is_row = |call: &Call| call.params["Key"]["sk"]["S"] == "looked" || call.params["Item"]["sk"]["S"] == "looked";
        stage.aws.on(broken, move |call| is_row(call).then(|| error(400, "AccessDeniedException")));
        stage.report.sweep = look(&stage, Look::First).await.expect("an answer").report.sweep;
        let second = look(&stage, Look::Watch).await.expect("an answer");
        assert_eq!(second.report.sweep.status, "ok", "{broken}");
        let from = asked_from(&stage);
        assert!(from.len() == 2 && from[1].to_bits() == from[0].to_bits(), "{broken}: {from:?}");
    }
}
