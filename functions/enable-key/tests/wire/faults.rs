//! Every call broken in every way, and the process killed at every call: the next run leads to the same end, for a containment, a look and a
//! release.

use crate::key::Key;
use crate::release::{given_back, try_release};
use crate::{base, contain, stage, verify};
use firebreak::receipt::{Outcome, Status};
use firebreak_testkit::room::each_break;
use firebreak_testkit::scripted::ScriptedAws;

/// Nothing that takes a key away is ever called.
fn took_nothing_away(aws: &ScriptedAws) -> bool {
    aws.changes().iter().all(|action| matches!(action.as_str(), "kms:CancelKeyDeletion" | "kms:EnableKey"))
}

#[tokio::test]
async fn however_a_call_breaks_the_next_run_enables_the_key() {
    let calls = {
        let (aws, _) = stage("PendingDeletion").await;
        contain(&aws, "one").await.expect("a receipt");
        aws.calls()
    };
    let tried = each_break(&calls, async |point, how| {
        let (aws, key) = stage("PendingDeletion").await;
        let broken = how.run(&aws, point, contain(&aws, "one")).await;
        if let Some(Ok(receipt)) = &broken {
            let says_more = receipt.status == Status::Contained && key.now() != Some("Enabled");
            assert!(!says_more, "{point:?} {how:?}: it says more than it did");
        }
        assert!(took_nothing_away(&aws), "{point:?} {how:?}: {:?}", aws.changes());
        aws.mend();
        if key.now() != Some("PendingDeletion") {
            assert!(base(&aws).await.is_some(), "{point:?} {how:?}: changed without a record");
        }
        let again = contain(&aws, "one").await.expect("a receipt");
        assert_eq!((again.status, key.now()), (Status::Contained, Some("Enabled")), "{point:?} {how:?}: {:?}", again.steps);
        assert_eq!(base(&aws).await.expect("a base").state, "PendingDeletion", "{point:?} {how:?}");
        assert_eq!(aws.unknown(), [""; 0]);
    })
    .await;
    println!("enable-key: {tried} broken calls");
}

/// Somebody took the key away again.
async fn reverted() -> (ScriptedAws, Key) {
    let (aws, key) = given_back("Disabled").await;
    key.change(|key| key.state = Some("PendingDeletion"));
    (aws, key)
}

#[tokio::test]
async fn however_a_call_of_a_look_breaks_the_next_one_has_the_key_enabled_and_told() {
    let calls = {
        let (aws, _) = reverted().await;
        verify(&aws, "one").await.expect("a look");
        aws.calls()
    };
    let tried = each_break(&calls, async |point, how| {
        let (aws, key) = reverted().await;
        let broken = how.run(&aws, point, verify(&aws, "one")).await;
        if let Some(Ok(check)) = &broken {
            assert!(!check.holds || key.now() == Some("Enabled"), "{point:?} {how:?}: it says more than it did");
        }
        assert!(took_nothing_away(&aws), "{point:?} {how:?}: {:?}", aws.changes());
        aws.mend();
        let check = verify(&aws, "one").await.expect("a look");
        assert_eq!(key.now(), Some("Enabled"), "{point:?} {how:?}: {check:?}");
        assert!(check.reverted.iter().any(|line| line.contains("the key is ")), "{point:?} {how:?}: {check:?}");
        assert_eq!(aws.unknown(), [""; 0]);
    })
    .await;
    println!("enable-key, look: {tried} broken calls");
}

#[tokio::test]
async fn however_a_call_of_a_release_breaks_the_key_stays_enabled() {
    let calls = {
        let (aws, _) = given_back("PendingDeletion").await;
        try_release(&aws, "one").await.expect("a release");
        aws.calls()
    };
    let tried = each_break(&calls, async |point, how| {
        let (aws, key) = given_back("PendingDeletion").await;
        let _ = how.run(&aws, point, try_release(&aws, "one")).await;
        aws.mend();
        let steps = try_release(&aws, "one").await.expect("a release");
        assert!(steps.iter().all(|step| step.outcome == Outcome::Skipped), "{point:?} {how:?}: {steps:?}");
        assert_eq!((aws.changes(), key.now()), (vec![], Some("Enabled")), "{point:?} {how:?}");
    })
    .await;
    println!("enable-key, release: {tried} broken calls");
}
