//! Whom a level of a bucket's lockdown would hit is read before people are asked.

use crate::{ONE_PAGE, Stage};
use firebreak::decision::Decision;
use firebreak::target::{Scope, Target, TargetKind};
use firebreak_testkit::room;
use firebreak_testkit::scripted::{Call, ok};
use serde_json::{Value, json};
use sweep::Phase;

const BUCKET: &str = "acme-exports";

/// The levels of a freeze that waits: it is asked about at once, the wider ones only by name.
async fn with_levels_that_wait(levels: &[Scope]) -> Stage {
    let mut stage = Stage::start().await;
    let waits = |scope: Scope| -> Decision {
        let target = Target { scope, ..room::target(TargetKind::S3Bucket, BUCKET) };
        let waits = json!({ "target": target, "containment": "lockdown-s3", "mode": "gate", "reason": "a finding",
            "only_by_name": scope == Scope::Seal });
        serde_json::from_value(waits).expect("a decision")
    };
    let decisions: Vec<Decision> = levels.iter().map(|scope| waits(*scope)).collect();
    stage.append(&decisions).await;
    stage.incident.decisions.extend(decisions);
    stage
}

/// What the ledger says of a level.
async fn says(stage: &Stage, level: Scope) -> Option<String> {
    let decisions = stage.view().await.record.incident.decisions;
    let is_level = |decision: &&Decision| decision.target.id == BUCKET && decision.target.scope == level;
    decisions.iter().find(is_level).expect("a decision").says_hits()
}

fn asked(stage: &Stage) -> Vec<Call> {
    stage.aws.calls().into_iter().filter(|call| call.service == "lambda").collect()
}

#[tokio::test]
async fn each_level_is_asked_about_by_itself_and_kept_before_people_are_asked() {
    let mut stage = with_levels_that_wait(&[Scope::Freeze, Scope::Seal]).await;
    stage.aws.on("lambda:*", |call| {
        let asked: Value = serde_json::from_str(&call.body).ok()?;
        let level = asked["target"]["scope"].as_str().unwrap_or_default().to_owned();
        Some(ok(json!({ "hits": [format!("loses access at {level} \u{1b}[2J")] }).to_string()))
    });
    let answer = stage.run(Phase::Look, ONE_PAGE).await.expect("an answer");
    for (level, word) in [(Scope::Freeze, "freeze"), (Scope::Seal, "seal")] {
        let says = says(&stage, level).await.expect("it was read");
        assert!(says.contains(&format!("at {word}")) && !says.contains('\u{1b}'), "{says}");
    }
    let calls = asked(&stage);
    assert!(calls.len() == 2 && calls.iter().all(|call| call.path.contains("firebreak-lockdown-s3/")), "{calls:?}");
    for call in &calls {
        let payload: Value = serde_json::from_str(&call.body).expect("JSON");
        assert_eq!((call.param("Qualifier"), &payload["phase"]), ("impact", &json!("impact")), "it contains nothing");
    }
    stage.incident = answer.incident;
    stage.aws.forget();
    stage.run(Phase::Look, ONE_PAGE).await.expect("an answer");
    assert!(asked(&stage).is_empty(), "it is known");
}

#[tokio::test]
async fn a_bucket_that_says_nothing_is_asked_again_and_one_that_is_gone_is_not() {
    let mut stage = with_levels_that_wait(&[Scope::Destruction]).await;
    let failed = |kind: &str| {
        let error = json!({ "errorType": kind, "errorMessage": "it may not look" }).to_string();
        ok(error).with_header("x-amz-function-error", "Unhandled")
    };
    stage.aws.answer("lambda:*", failed("Firebreak.Denied"));
    let first = stage.run(Phase::Look, ONE_PAGE).await.expect("an answer");
    let is_said = |line: &String| line.starts_with("whom a lockdown would hit, ") && line.contains("Firebreak.Denied");
    assert!(first.report.sweep.missing.iter().any(is_said), "{:?}", first.report.sweep.missing);
    assert_eq!(says(&stage, Scope::Destruction).await, None);

    stage.aws.answer("lambda:*", failed("Firebreak.Gone"));
    let second = stage.run(Phase::Look, ONE_PAGE).await.expect("an answer");
    assert!(says(&stage, Scope::Destruction).await.is_some_and(|says| says.contains("nothing left to lock down")));
    stage.incident = second.incident;
    stage.aws.forget();
    stage.run(Phase::Look, ONE_PAGE).await.expect("an answer");
    assert!(asked(&stage).is_empty(), "other buckets take their turn");
}
