//! Every call broken in every way, and the process killed at every call: the next run leads to the same end.

use crate::release::{contained, is_done, release};
use crate::vpc::World;
use crate::{attacker, base, contain, stage};
use firebreak::receipt::Status;
use firebreak_testkit::room::each_break;
use firebreak_testkit::scripted::ScriptedAws;

const HOST: &str = "203.0.113.7/32";

fn assert_nothing_deleted(aws: &ScriptedAws) {
    assert!(!aws.calls().iter().any(|call| call.operation.starts_with("Delete")), "{:?}", aws.changes());
}

/// Every entry of a network ACL that was not there before is one that the ledger knows.
async fn is_recorded(aws: &ScriptedAws, before: &World, now: &World) -> bool {
    let recorded = base(aws).await.unwrap_or_default();
    now.acls.iter().zip(&before.acls).all(|(acl, old)| {
        let ours = recorded.acls.iter().find(|known| known.id == acl.id).map(|known| known.ours.as_slice());
        let is_known = |egress, number| ours.unwrap_or_default().iter().any(|e| (e.egress, e.number) == (egress, number));
        acl.rules.iter().filter(|rule| !old.rules.contains(rule)).all(|rule| is_known(rule.egress, rule.number))
    })
}

#[tokio::test]
async fn however_a_call_breaks_the_next_run_denies_the_addresses() {
    let calls = {
        let (aws, _) = stage().await;
        contain(&aws, &attacker()).await.expect("a receipt");
        aws.calls()
    };
    let tried = each_break(&calls, async |point, how| {
        let (aws, vpc) = stage().await;
        let before = vpc.now();
        let broken = how.run(&aws, point, contain(&aws, &attacker())).await;
        if let Some(Ok(receipt)) = &broken {
            let says_more = receipt.status == Status::Contained && !vpc.denies(&[HOST]);
            assert!(!says_more, "{point:?} {how:?}: it says more than it did");
        }
        assert_nothing_deleted(&aws);
        aws.mend();
        assert!(is_recorded(&aws, &before, &vpc.now()).await, "{point:?} {how:?}: changed without a record");
        let again = contain(&aws, &attacker()).await.map(|receipt| receipt.status);
        assert_eq!((again, vpc.denies(&[HOST])), (Ok(Status::Contained), true), "{point:?} {how:?}: {:?}", vpc.now());
        assert!(is_recorded(&aws, &before, &vpc.now()).await, "{point:?} {how:?}");
        assert_nothing_deleted(&aws);
        assert_eq!(aws.unknown(), [""; 0]);
    })
    .await;
    println!("deny-addresses: {tried} broken calls");
}

#[tokio::test]
async fn however_a_call_of_a_release_breaks_the_next_one_takes_the_entries_out() {
    let calls = {
        let (aws, _, _) = contained().await;
        aws.forget();
        release(&aws, vec![]).await.expect("a release");
        aws.calls()
    };
    let tried = each_break(&calls, async |point, how| {
        let (aws, vpc, before) = contained().await;
        let broken = how.run(&aws, point, release(&aws, vec![])).await;
        if let Some(Ok(steps)) = &broken {
            assert!(!is_done(steps) || vpc.now() == before, "{point:?} {how:?}: it says more than it did: {steps:?}");
        }
        aws.mend();
        let again = release(&aws, vec![]).await.map(|steps| is_done(&steps));
        assert_eq!((again, vpc.now()), (Ok(true), before.clone()), "{point:?} {how:?}");
        assert_eq!(aws.unknown(), [""; 0]);
    })
    .await;
    println!("deny-addresses, release: {tried} broken calls");
}
