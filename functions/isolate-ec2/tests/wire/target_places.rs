//! Places in target groups that a run takes, or meets, and gives back because nothing is isolated after all.

use crate::admit::{contain_under, decision, open};
use crate::target_share::{OTHERS, POLICY, is_about, isolated, places, serving, take, writes};
use crate::{INSTANCE, base, outcome, stage};
use firebreak::fault::FaultKind;
use firebreak::receipt::{Outcome, Status};
use firebreak_testkit::scripted::{Call, ScriptedAws, error, ok};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

/// How often a place of a target group was asked for.
fn asked_for(aws: &ScriptedAws, group: &str) -> usize {
    let takes = |call: &&Call| call.params["UpdateExpression"].as_str().is_some_and(|change| change.starts_with("SET hosts"));
    aws.calls().iter().filter(|call| writes(call, group)).filter(takes).count()
}

/// Whether a call is about the base of the instance.
fn is_about_base(call: &Call) -> bool {
    call.params["Key"]["sk"]["S"] == "base"
}

/// Two groups, of which the second one has lost its share.
async fn two_groups(aws: &ScriptedAws) {
    open(aws).await;
    serving(aws, &["api", "shop"]);
    isolated(aws, "shop", &OTHERS[..2]).await;
    aws.forget();
}

/// A place that is given back at once would have refused another host of the first group meanwhile.
#[tokio::test]
async fn where_the_second_group_refuses_no_place_is_taken_in_the_first_one() {
    let (aws, _) = stage().await;
    two_groups(&aws).await;
    let receipt = contain_under(&aws, POLICY, false).await.expect("a receipt");
    assert_eq!((receipt.status, aws.changes()), (Status::Waits, vec![]));
    assert!(decision(&aws).await.reason.contains("target group shop"), "{receipt:?}");
    assert_eq!((asked_for(&aws, "api"), asked_for(&aws, "shop")), (0, 0));
    assert_eq!((places(&aws, "api").len(), places(&aws, "shop").len()), (0, 2));
}

#[tokio::test]
async fn where_the_second_group_fills_meanwhile_the_place_in_the_first_one_is_given_back() {
    let (aws, _) = stage().await;
    two_groups(&aws).await;
    // At the first look nobody has a place.
    let mut is_first = true;
    aws.on("dynamodb:GetItem", move |call| (is_about(call, "shop") && std::mem::take(&mut is_first)).then(|| ok("{}")));
    let receipt = contain_under(&aws, POLICY, false).await.expect("a receipt");
    assert_eq!((receipt.status, aws.changes()), (Status::Waits, vec![]));
    assert_eq!(asked_for(&aws, "api"), 1);
    assert_eq!((places(&aws, "api").len(), places(&aws, "shop").len()), (0, 2));
}

/// The state machine tries again, and a person may say no.
#[tokio::test]
async fn a_place_that_could_not_be_given_back_is_given_back_by_the_next_try() {
    type Broken = fn(&Call) -> bool;
    let cases: [(&str, Broken); 2] = [("dynamodb:UpdateItem", |call| writes(call, "api")), ("dynamodb:GetItem", is_about_base)];
    for (action, is_broken) in cases {
        let (aws, _) = stage().await;
        two_groups(&aws).await;
        // An earlier try took it and was killed.
        take(&aws, "one", "api", INSTANCE).await;
        let over = Arc::new(AtomicBool::new(false));
        let is_over = over.clone();
        aws.on(action, move |call| (is_broken(call) && !is_over.load(Relaxed)).then(|| error(400, "ThrottlingException")));
        let fault = contain_under(&aws, POLICY, false).await.expect_err("another try");
        assert_eq!((fault.kind, aws.changes(), base(&aws)), (FaultKind::Transient, vec![], None), "{action}");
        over.store(true, Relaxed);
        let receipt = contain_under(&aws, POLICY, false).await.expect("a receipt");
        assert_eq!((receipt.status, places(&aws, "api")), (Status::Waits, vec![]), "{action}");
    }
}

#[tokio::test]
async fn where_an_approved_isolation_gets_no_place_in_the_second_group_it_gives_the_first_one_back() {
    let (aws, ec2) = stage().await;
    two_groups(&aws).await;
    aws.on("dynamodb:UpdateItem", |call| writes(call, "shop").then(|| error(400, "ThrottlingException")));
    let fault = contain_under(&aws, POLICY, true).await.expect_err("another try");
    assert_eq!((fault.kind, base(&aws), ec2.now().is_cut_off()), (FaultKind::Transient, None, false));
    assert_eq!(places(&aws, "api"), [""; 0]);
}

/// No release and no look knows such a group.
#[tokio::test]
async fn a_group_that_was_found_late_and_could_not_be_recorded_counts_nobody() {
    let (aws, ec2) = stage().await;
    serving(&aws, &["shop"]);
    aws.next("elasticloadbalancing:DescribeTargetHealth", error(403, "AccessDenied"));
    let mut is_first = true;
    aws.on("dynamodb:UpdateItem", move |call| {
        (is_about_base(call) && !std::mem::take(&mut is_first)).then(|| error(400, "AccessDeniedException"))
    });
    let receipt = contain_under(&aws, POLICY, false).await.expect("a receipt");
    assert!(ec2.now().is_cut_off() && base(&aws).expect("a base").registrations.is_empty(), "{receipt:?}");
    assert_eq!(outcome(&receipt.steps, "leave-balancer shop port 80"), Outcome::Failed);
    assert_eq!(places(&aws, "shop"), [""; 0]);
}

#[tokio::test]
async fn places_are_given_back_where_the_base_could_not_be_recorded() {
    let (aws, ec2) = stage().await;
    let balancing = serving(&aws, &["api", "shop"]);
    let before = (ec2.now().interfaces, balancing.now());
    aws.on("dynamodb:UpdateItem", |call| is_about_base(call).then(|| error(400, "AccessDeniedException")));
    let receipt = contain_under(&aws, POLICY, false).await.expect("a receipt");
    assert_eq!(outcome(&receipt.steps, "reserve-share"), Outcome::Applied);
    assert_eq!((receipt.status, places(&aws, "api"), places(&aws, "shop")), (Status::Failed, vec![], vec![]));
    assert_eq!((ec2.now().interfaces, balancing.now()), before);
}
