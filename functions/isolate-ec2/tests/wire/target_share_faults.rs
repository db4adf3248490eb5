//! Every call of an isolation of a host that serves in target groups, without an Auto Scaling group, broken in every way.

use crate::admit::{contain_under, open};
use crate::balancing_aws::Balancing;
use crate::ec2::Ec2;
use crate::release::release;
use crate::target_share::{isolated, places, serving};
use crate::{INSTANCE, base, contain, destroys, stage, verify};
use firebreak::receipt::{Receipt, Status};
use firebreak_testkit::room::each_break;
use firebreak_testkit::scripted::ScriptedAws;

async fn host() -> (ScriptedAws, Ec2, Balancing) {
    let (aws, ec2) = stage().await;
    let balancing = serving(&aws, &["shop"]);
    (aws, ec2, balancing)
}

/// Whether the receipt says that the share was not compared.
fn says_so(receipt: &Receipt) -> bool {
    receipt.steps.iter().filter_map(|step| step.error.as_ref()).any(|fault| fault.message.contains("NOT compared"))
}

#[tokio::test]
async fn however_a_call_breaks_the_host_ends_cut_off_and_is_counted_until_its_release_unless_the_receipt_says_otherwise() {
    let calls = {
        let (aws, ..) = host().await;
        contain(&aws, "one").await.expect("a receipt");
        aws.calls()
    };
    let tried = each_break(&calls, async |point, how| {
        let (aws, ec2, balancing) = host().await;
        let broken = how.run(&aws, point, contain(&aws, "one")).await;
        let mut is_said = false;
        if let Some(Ok(receipt)) = &broken {
            let says_more = receipt.status == Status::Contained && !ec2.now().is_cut_off();
            assert!(!says_more, "{point:?} {how:?}: it says more than it did");
            is_said = says_so(receipt);
        }
        aws.mend();
        contain(&aws, "one").await.expect("a receipt");
        // A look does what the runs could not.
        verify(&aws, "one").await.expect("a look");
        assert!(ec2.now().is_cut_off(), "{point:?} {how:?}");
        let now = balancing.now();
        assert!(now.groups["shop"].iter().all(|(id, _)| id != INSTANCE), "{point:?} {how:?}: {now:?}");
        assert!(is_said || places(&aws, "shop") == [INSTANCE], "{point:?} {how:?}: {:?}", places(&aws, "shop"));
        assert!(!aws.calls().iter().any(destroys), "{point:?} {how:?}");
        release(&aws, &[]).await.expect("a release");
        assert_eq!(places(&aws, "shop"), [""; 0], "{point:?} {how:?}");
        assert_eq!(aws.unknown(), [""; 0]);
    })
    .await;
    println!("isolate-ec2, host of a target group: {tried} broken calls");
}

/// In two groups, of which the second one has lost its share.
async fn host_of_two() -> ScriptedAws {
    let (aws, _) = stage().await;
    open(&aws).await;
    serving(&aws, &["api", "shop"]);
    isolated(&aws, "shop", &["i-01", "i-02"]).await;
    aws.forget();
    aws
}

#[tokio::test]
async fn however_a_call_breaks_a_host_keeps_no_place_that_a_release_would_not_give_back() {
    for approved in [false, true] {
        let calls = {
            let aws = host_of_two().await;
            contain_under(&aws, "", approved).await.expect("a receipt");
            aws.calls()
        };
        let tried = each_break(&calls, async |point, how| {
            let aws = host_of_two().await;
            how.run(&aws, point, contain_under(&aws, "", approved)).await;
            aws.mend();
            // The state machine tries again; what was approved before is not any more.
            let again = contain_under(&aws, "", false).await.expect("a receipt");
            let has_record = base(&aws).is_some();
            assert_eq!(again.status == Status::Waits, !has_record, "{point:?} {how:?}: {again:?}");
            for group in ["api", "shop"] {
                let has_place = places(&aws, group).iter().any(|id| id == INSTANCE);
                assert!(has_record || !has_place, "{point:?} {how:?}: {group}");
            }
            if has_record {
                release(&aws, &[]).await.expect("a release");
            }
            assert_eq!((places(&aws, "api").len(), places(&aws, "shop").len()), (0, 2), "{point:?} {how:?}");
            assert_eq!(aws.unknown(), [""; 0]);
        })
        .await;
        println!("isolate-ec2, host of two target groups, approved: {approved}: {tried} broken calls");
    }
}
