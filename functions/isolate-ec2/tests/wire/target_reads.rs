//! Target groups that are read late, in part or not at all: nothing waits for them for ever, and the receipt says so.

use crate::admit::{contain_under, decision, open};
use crate::balancing_aws::{Balancing, target};
use crate::ec2::Ec2;
use crate::release::release;
use crate::target_share::{OTHERS, POLICY, isolated, places, said, serving};
use crate::{INSTANCE, SECOND, base, stage};
use firebreak::fault::FaultKind;
use firebreak::receipt::{Receipt, Status};
use firebreak_testkit::scripted::{Answer, ScriptedAws, error, ok};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// The step about target groups that were not read.
const UNREAD: &str = "reserve-share target groups";
/// The longest that an isolation takes here which waits for nothing without a bound.
const BOUNDED: Duration = Duration::from_secs(15);

#[tokio::test]
async fn target_groups_that_cannot_be_read_hold_nothing_back_and_the_receipt_says_so() {
    for action in ["elasticloadbalancing:DescribeTargetGroups", "elasticloadbalancing:DescribeTargetHealth"] {
        let (aws, ec2) = stage().await;
        serving(&aws, &["shop"]);
        isolated(&aws, "shop", &OTHERS).await;
        aws.always(action, error(403, "AccessDenied"));
        let receipt = contain_under(&aws, POLICY, false).await.expect("a receipt");
        assert_eq!((receipt.status, ec2.now().is_cut_off()), (Status::Contained, true), "{action}");
        let why = said(&receipt, UNREAD);
        assert!(why.contains("NOT compared with policy") && why.contains(action), "{action}: {why}");
    }
}

/// Answers so as long as the instance has never been cut off.
fn until_cut_off(aws: &ScriptedAws, ec2: &Ec2, operation: &str, answer: Answer) {
    let (ec2, mut is_over) = (ec2.clone(), false);
    aws.on(&format!("elasticloadbalancing:{operation}"), move |_| {
        is_over |= ec2.now().is_cut_off();
        (!is_over).then(|| answer.clone())
    });
}

/// What holds of a group that was read only beside the isolation, although it had lost its share.
async fn compared_late(aws: &ScriptedAws, receipt: &Receipt, balancing: &Balancing) {
    assert_eq!(receipt.status, Status::Contained, "{receipt:?}");
    let why = said(receipt, "reserve-share shop");
    assert!(why.contains("2 of 8 hosts") && why.contains("not held back"), "{why}");
    assert!(balancing.now().groups["shop"].iter().all(|(id, _)| id != INSTANCE), "it is out of it all the same");
    assert_eq!(places(aws, "shop").len(), 3, "it counts for the next one");
    Box::pin(release(aws, &[])).await.expect("a release");
    assert_eq!(places(aws, "shop"), OTHERS[..2]);
}

#[tokio::test]
async fn a_list_that_does_not_end_is_waited_for_two_seconds_and_compared_beside_the_isolation() {
    let (aws, ec2) = stage().await;
    let balancing = serving(&aws, &["shop"]);
    isolated(&aws, "shop", &OTHERS[..2]).await;
    // One empty page after the other, until the instance is cut off.
    let page = "<TargetGroups></TargetGroups><NextMarker>more</NextMarker>";
    until_cut_off(&aws, &ec2, "DescribeTargetGroups", ok(page).after(Duration::from_millis(200)));
    let contained = tokio::time::timeout(BOUNDED, contain_under(&aws, POLICY, false)).await;
    let receipt = contained.expect("the list is bounded").expect("a list that is only slow is worth no other try");
    let why = said(&receipt, UNREAD);
    assert!(why.contains("DescribeTargetGroups: not within 2 s"), "{why}");
    Box::pin(compared_late(&aws, &receipt, &balancing)).await;
}

#[tokio::test]
async fn targets_that_are_shown_too_late_are_compared_beside_the_isolation() {
    let (aws, ec2) = stage().await;
    let balancing = serving(&aws, &["shop"]);
    isolated(&aws, "shop", &OTHERS[..2]).await;
    until_cut_off(&aws, &ec2, "DescribeTargetHealth", ok("").after(Duration::from_secs(5)));
    let contained = tokio::time::timeout(BOUNDED, contain_under(&aws, POLICY, false)).await;
    // The client of a test gives up so early that the read counts as failed, which is worth one more try.
    let receipt = match contained.expect("the look is bounded") {
        Ok(receipt) => receipt,
        Err(_) => contain_under(&aws, POLICY, false).await.expect("and no third one"),
    };
    let why = said(&receipt, UNREAD);
    assert!(why.contains("1 of 1 target groups (elasticloadbalancing:DescribeTargetHealth"), "{why}");
    Box::pin(compared_late(&aws, &receipt, &balancing)).await;
}

/// Whoever has many hosts isolated at once has Firebreak throttle itself.
#[tokio::test]
async fn reads_that_are_throttled_are_repeated_within_their_time() {
    for operation in ["DescribeTargetGroups", "DescribeTargetHealth"] {
        let (aws, _) = stage().await;
        open(&aws).await;
        serving(&aws, &["shop"]);
        isolated(&aws, "shop", &OTHERS[..2]).await;
        aws.forget();
        // More often than the SDK repeats a call.
        aws.break_call(&format!("elasticloadbalancing:{operation}"), 1, error(400, "Throttling"), Some(8));
        let receipt = contain_under(&aws, POLICY, false).await.expect("a receipt");
        assert_eq!((receipt.status, aws.changes()), (Status::Waits, vec![]), "{operation}: {receipt:?}");
        assert!(decision(&aws).await.reason.contains("target group shop"), "{operation}");
    }
}

#[tokio::test]
async fn reads_that_stay_throttled_get_one_more_try_and_then_hold_nothing_back() {
    for operation in ["DescribeTargetGroups", "DescribeTargetHealth"] {
        let (aws, ec2) = stage().await;
        let balancing = serving(&aws, &["shop"]);
        isolated(&aws, "shop", &OTHERS[..2]).await;
        until_cut_off(&aws, &ec2, operation, error(400, "Throttling"));
        let fault = contain_under(&aws, POLICY, false).await.expect_err("one more try");
        assert_eq!((fault.kind, base(&aws), aws.changes()), (FaultKind::Transient, None, vec![]), "{operation}");
        assert_eq!(places(&aws, "shop"), OTHERS[..2]);
        let receipt = contain_under(&aws, POLICY, false).await.expect("a receipt");
        assert!(said(&receipt, UNREAD).contains("Throttling"), "{operation}: {receipt:?}");
        Box::pin(compared_late(&aws, &receipt, &balancing)).await;
    }
}

#[tokio::test]
async fn an_approved_isolation_waits_for_no_other_try() {
    let (aws, ec2) = stage().await;
    serving(&aws, &["shop"]);
    until_cut_off(&aws, &ec2, "DescribeTargetHealth", error(400, "Throttling"));
    let receipt = contain_under(&aws, POLICY, true).await.expect("a receipt");
    assert_eq!((receipt.status, ec2.now().is_cut_off()), (Status::Contained, true));
}

/// A second run does not see a group that the first one left, and sees a place in one that the first one could not leave.
#[tokio::test]
async fn what_a_first_run_said_of_a_share_the_receipt_of_a_second_one_says_too() {
    for is_left in [true, false] {
        let (aws, ec2) = stage().await;
        let balancing = serving(&aws, &["shop"]);
        isolated(&aws, "shop", &OTHERS[..2]).await;
        // Refused before the isolation, and beside it not.
        aws.next("elasticloadbalancing:DescribeTargetHealth", error(403, "AccessDenied"));
        if !is_left {
            aws.always("elasticloadbalancing:DeregisterTargets", error(403, "AccessDenied"));
        }
        let mended = Arc::new(AtomicBool::new(false));
        let is_mended = mended.clone();
        aws.on("ec2:ModifyNetworkInterfaceAttribute", move |call| {
            let is_broken = call.param("NetworkInterfaceId") == SECOND && !is_mended.load(Relaxed);
            is_broken.then(|| error(503, "RequestLimitExceeded"))
        });
        let fault = contain_under(&aws, POLICY, false).await.expect_err("another try");
        assert_eq!((fault.kind, ec2.now().is_cut_off()), (FaultKind::Transient, false));
        let is_target = balancing.now().groups["shop"].contains(&target(INSTANCE, "80"));
        assert_eq!((is_target, places(&aws, "shop").len()), (!is_left, 3));
        mended.store(true, Relaxed);
        let receipt = contain_under(&aws, POLICY, false).await.expect("a receipt");
        assert!(receipt.holds_something() && ec2.now().is_cut_off(), "{receipt:?}");
        assert!(said(&receipt, UNREAD).contains("NOT compared with policy"));
        assert!(said(&receipt, "reserve-share shop").contains("2 of 8 hosts are isolated besides"), "left: {is_left}");
    }
}
