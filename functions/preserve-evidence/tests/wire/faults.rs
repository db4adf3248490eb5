//! Every call broken in every way, and the process killed at every call: the manifest of the next run is true and whole.

use crate::seal::hold;
use crate::{Stage, user};
use firebreak::report::Report;
use firebreak::target::{Target, TargetKind};
use firebreak_testkit::room::{self, Break, Point, each_break};
use std::collections::BTreeSet;

fn role() -> Target {
    room::target(TargetKind::IamRole, "deploy")
}

/// What the evidence of an incident is about, whichever copy of an object is vouched for.
fn sources(stage: &Stage) -> BTreeSet<String> {
    let manifest = stage.manifest();
    stage.check(&manifest.entries);
    stage.untouched();
    manifest.entries.into_iter().map(|entry| entry.source).collect()
}

#[tokio::test]
async fn however_a_call_breaks_the_next_collection_is_whole() {
    let (undisturbed, calls) = {
        let stage = Stage::about(&[role()]).await;
        stage.aws.forget();
        stage.collect().await.expect("a branch");
        let calls = stage.aws.calls();
        stage.seal(Report::default()).await.expect("a branch");
        (sources(&stage), calls)
    };
    let tried = each_break(&calls, async |point: &Point, how: Break| {
        let stage = Stage::about(&[role()]).await;
        let broken = how.run(&stage.aws, point, stage.collect()).await;
        stage.aws.mend();
        let vouched = stage.view().await.evidence;
        stage.check(&vouched);
        if let Some(Ok(branch)) = broken {
            let whole = vouched.len() == undisturbed.len();
            assert!(whole || !branch.missing.is_empty(), "{point:?} {how:?}: it says more than it did");
        }
        let again = stage.collect().await.expect("a branch");
        assert_eq!(again.missing, [""; 0], "{point:?} {how:?}");
        stage.seal(Report::default()).await.expect("a branch");
        assert_eq!(sources(&stage), undisturbed, "{point:?} {how:?}");
    })
    .await;
    println!("preserve-evidence: {tried} broken calls of a collection");
}

#[tokio::test]
async fn however_a_call_breaks_the_next_sealing_is_whole() {
    let (undisturbed, calls) = {
        let stage = Stage::about(&[user()]).await;
        hold(&stage, &user()).await;
        stage.aws.forget();
        stage.seal(Report::default()).await.expect("a branch");
        (sources(&stage), stage.aws.calls())
    };
    let tried = each_break(&calls, async |point: &Point, how: Break| {
        let stage = Stage::about(&[user()]).await;
        hold(&stage, &user()).await;
        let _ = how.run(&stage.aws, point, stage.seal(Report::default())).await;
        stage.aws.mend();
        stage.seal(Report::default()).await.expect("a branch");
        assert_eq!(sources(&stage), undisturbed, "{point:?} {how:?}");
        assert_eq!(stage.manifest().missing, [""; 0], "{point:?} {how:?}");
    })
    .await;
    println!("preserve-evidence: {tried} broken calls of a sealing");
}
