//! How many hosts of a target group are isolated at once, where no Auto Scaling group has them.

use crate::admit::{carry_out, contain_under, decision, open, open_about};
use crate::autoscaling_aws::{AutoScaling, GROUP};
use crate::balancing_aws::{Balancing, arn, target};
use crate::ec2::Ec2;
use crate::release::release;
use crate::{INSTANCE, base, outcome, stage};
use firebreak::decision::Mode;
use firebreak::receipt::{Outcome, Receipt, Status, Step};
use firebreak::step::StepKind;
use firebreak::target::TargetKind;
use firebreak::task::Phase;
use firebreak_aws::clock;
use firebreak_ledger::Fleet;
use firebreak_testkit::dynamodb::Value;
use firebreak_testkit::room;
use firebreak_testkit::scripted::{Answer, Call, ScriptedAws, error, ok};
use std::time::Duration;

/// The other hosts of the groups.
const OTHERS: [&str; 7] = ["i-01", "i-02", "i-03", "i-04", "i-05", "i-06", "i-07"];
/// A quarter of the hosts: two of eight.
const POLICY: &str = "";
/// The step about target groups that were not read.
const UNREAD: &str = "reserve-share target groups";
/// The longest that an isolation takes here which waits for nothing without a bound.
const BOUNDED: Duration = Duration::from_secs(15);

/// The instance serves in these target groups beside the others.
pub(crate) fn serving(aws: &ScriptedAws, groups: &[&str]) -> Balancing {
    let balancing = Balancing::of(aws);
    balancing.change(|all| {
        for group in groups {
            let hosts = OTHERS.into_iter().chain([INSTANCE]).map(|id| target(id, "80"));
            all.groups.insert((*group).to_owned(), hosts.collect());
        }
    });
    balancing
}

/// Other incidents have isolated these hosts of a target group.
async fn isolated(aws: &ScriptedAws, group: &str, ids: &[&str]) {
    let group = arn(group);
    for id in ids {
        let host = room::target(TargetKind::Ec2Instance, id);
        let fleet = Fleet { host: &host, group: &group };
        room::ledger(aws).take_share(fleet, &room::incident("before"), clock::now()).await.expect("written");
    }
}

fn key(group: &str) -> String {
    format!("fleet#111122223333#eu-central-1#{}", arn(group))
}

/// The hosts with a place in a target group.
pub(crate) fn places(aws: &ScriptedAws, group: &str) -> Vec<String> {
    let table = aws.table();
    match table.item(&key(group), "hosts").and_then(|row| row.get("hosts")) {
        Some(Value::M(hosts)) => hosts.keys().cloned().collect(),
        _ => vec![],
    }
}

/// Whether a call writes a place of a target group.
fn writes(call: &Call, group: &str) -> bool {
    call.operation == "UpdateItem" && call.params["Key"]["pk"]["S"].as_str() == Some(key(group).as_str())
}

/// What the step of this name says.
fn said(receipt: &Receipt, name: &str) -> String {
    let step = receipt.steps.iter().find(|step| step.name.as_str() == name).expect(name);
    assert_eq!(step.outcome, Outcome::Skipped, "{step:?}");
    step.error.as_ref().expect("words").message.clone()
}

/// Where in the order of calls an action first is.
fn first(aws: &ScriptedAws, action: &str) -> usize {
    aws.calls().iter().position(|call| call.action() == action).expect(action)
}

#[tokio::test]
async fn a_target_group_that_has_lost_its_share_loses_no_more_without_a_person() {
    let (aws, ec2) = stage().await;
    open(&aws).await;
    let balancing = serving(&aws, &["shop"]);
    isolated(&aws, "shop", &OTHERS[..2]).await;
    let before = (ec2.now(), balancing.now());
    let receipt = contain_under(&aws, POLICY, false).await.expect("a receipt");
    assert_eq!((receipt.status, aws.changes(), base(&aws)), (Status::Waits, vec![], None));
    assert_eq!((ec2.now(), balancing.now()), before);
    let waiting = decision(&aws).await;
    assert_eq!(waiting.mode, Mode::Gate);
    let says = "2 of 8 healthy hosts of target group shop are isolated already; policy allows 2 (25 %)";
    assert!(waiting.reason.contains(says), "{}", waiting.reason);
    assert_eq!(places(&aws, "shop"), OTHERS[..2]);

    contain_under(&aws, POLICY, true).await.expect("a receipt");
    assert!(ec2.now().is_cut_off());
    assert_eq!(places(&aws, "shop").len(), 3, "what is approved counts");
    Box::pin(release(&aws, &[])).await.expect("a release");
    assert_eq!(places(&aws, "shop"), OTHERS[..2]);
}

#[tokio::test]
async fn a_host_within_the_share_has_its_place_before_the_first_change_and_until_it_is_released() {
    let (aws, ec2) = stage().await;
    let balancing = serving(&aws, &["api", "shop"]);
    isolated(&aws, "shop", &OTHERS[..1]).await;
    aws.forget();
    let receipt = contain_under(&aws, POLICY, false).await.expect("a receipt");
    assert_eq!((receipt.status, ec2.now().is_cut_off()), (Status::Contained, true));
    assert_eq!(outcome(&receipt.steps, "reserve-share"), Outcome::Applied);
    let calls = aws.calls();
    let change = calls.iter().position(Call::changes_something).expect("a change");
    for group in ["api", "shop"] {
        let place = calls.iter().rposition(|call| writes(call, group)).expect("a place");
        assert!(place < change, "{group}");
        assert!(places(&aws, group).iter().any(|id| id == INSTANCE), "{group}");
        assert_eq!(outcome(&receipt.steps, &format!("leave-balancer {group} port 80")), Outcome::Applied);
    }
    let asked = |action: &str| aws.calls_of(&format!("elasticloadbalancing:{action}")).len();
    assert_eq!((asked("DescribeTargetGroups"), asked("DescribeTargetHealth")), (1, 2), "nothing is read twice");
    assert!(balancing.now().groups.values().flatten().all(|(id, _)| id != INSTANCE));
    Box::pin(release(&aws, &[])).await.expect("a release");
    assert_eq!((places(&aws, "api"), places(&aws, "shop")), (vec![], vec![OTHERS[0].to_owned()]));
}

#[tokio::test]
async fn of_two_isolations_at_once_only_one_gets_the_last_place() {
    let (aws, _) = stage().await;
    serving(&aws, &["shop"]);
    isolated(&aws, "shop", &OTHERS[6..]).await;
    let other = OTHERS[0];
    // Without an interface: what matters here comes before those.
    aws.on("ec2:DescribeInstances", move |call| {
        (call.param("InstanceId.1") == other).then(|| {
            let state = "<instanceState><name>running</name></instanceState>";
            let instance = format!("<item><instanceId>{other}</instanceId>{state}</item>");
            ok(format!("<reservationSet><item><instancesSet>{instance}</instancesSet></item></reservationSet>"))
        })
    });
    open_about(&aws, "one", INSTANCE).await;
    open_about(&aws, "two", other).await;
    let contain = |incident: &str, id: &str| {
        let request = room::request(Phase::Contain, incident, room::target(TargetKind::Ec2Instance, id));
        Box::pin(carry_out(&aws, POLICY, request))
    };
    let (one, two) = futures::join!(contain("one", INSTANCE), contain("two", other));
    let waiting = [one.expect("a receipt"), two.expect("a receipt")].map(|receipt| receipt.status == Status::Waits);
    assert_ne!(waiting[0], waiting[1], "one of them waits");
    let last = if waiting[0] { other } else { INSTANCE };
    let places = places(&aws, "shop");
    assert!(places.len() == 2 && places.iter().any(|id| id == last), "{places:?}");
}

#[tokio::test]
async fn where_the_second_group_refuses_the_place_in_the_first_one_is_given_back() {
    let (aws, _) = stage().await;
    open(&aws).await;
    serving(&aws, &["api", "shop"]);
    isolated(&aws, "shop", &OTHERS[..2]).await;
    let receipt = contain_under(&aws, POLICY, false).await.expect("a receipt");
    assert_eq!((receipt.status, aws.changes()), (Status::Waits, vec![]));
    assert!(decision(&aws).await.reason.contains("target group shop"), "{receipt:?}");
    assert!(aws.calls().iter().filter(|call| writes(call, "api")).count() >= 2, "it was taken and given back");
    assert_eq!((places(&aws, "api").len(), places(&aws, "shop").len()), (0, 2));
}

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
    let receipt = contained.expect("the list is bounded").expect("a receipt");
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
    let receipt = contained.expect("the look is bounded").expect("a receipt");
    let why = said(&receipt, UNREAD);
    assert!(why.contains("1 of 1 target groups (elasticloadbalancing:DescribeTargetHealth"), "{why}");
    Box::pin(compared_late(&aws, &receipt, &balancing)).await;
}

#[tokio::test]
async fn what_a_killed_run_began_goes_on_whatever_the_share_is_since() {
    for keeps_its_place in [true, false] {
        let (aws, ec2) = stage().await;
        let balancing = serving(&aws, &["shop"]);
        let run = contain_under(&aws, POLICY, false);
        let killed = aws.kill_at("ec2:ModifyNetworkInterfaceAttribute", 1, false, run).await;
        assert!(killed.is_none() && !ec2.now().is_cut_off());
        assert_eq!(places(&aws, "shop"), [INSTANCE]);
        assert_eq!(base(&aws).expect("a base").registrations.len(), 1, "a release would give the place back");
        if !keeps_its_place {
            let host = room::target(TargetKind::Ec2Instance, INSTANCE);
            let shop = arn("shop");
            let fleet = Fleet { host: &host, group: &shop };
            room::ledger(&aws).give_share_back(fleet).await.expect("written");
        }
        isolated(&aws, "shop", &OTHERS[..4]).await;
        let receipt = contain_under(&aws, POLICY, false).await.expect("a receipt");
        assert!(receipt.holds_something() && ec2.now().is_cut_off(), "{receipt:?}");
        assert!(balancing.now().groups["shop"].iter().all(|(id, _)| id != INSTANCE));
        assert_eq!(places(&aws, "shop").len(), 5);
    }
}

#[tokio::test]
async fn an_instance_that_is_isolated_already_does_not_wait_for_its_target_groups_again() {
    let (aws, _) = stage().await;
    serving(&aws, &["shop"]);
    contain_under(&aws, POLICY, false).await.expect("a receipt");
    aws.always("elasticloadbalancing:DescribeTargetHealth", error(403, "AccessDenied"));
    let receipt = contain_under(&aws, POLICY, false).await.expect("a receipt");
    let steps: Vec<&Step> = receipt.steps.iter().filter(|step| step.is(StepKind::ReserveShare)).collect();
    assert!(receipt.status == Status::Contained && steps.is_empty(), "{receipt:?}");
    assert_eq!(places(&aws, "shop"), [INSTANCE]);
}

#[tokio::test]
async fn a_member_of_an_auto_scaling_group_is_not_held_back_by_its_target_groups() {
    let (aws, ec2) = stage().await;
    AutoScaling::with_member(&aws, "InService");
    serving(&aws, &["shop"]);
    isolated(&aws, "shop", &OTHERS).await;
    let receipt = contain_under(&aws, POLICY, false).await.expect("a receipt");
    assert_eq!((receipt.status, ec2.now().is_cut_off()), (Status::Contained, true));
    assert_eq!(outcome(&receipt.steps, &format!("enter-standby {GROUP}")), Outcome::Applied);
    assert_eq!(places(&aws, "shop"), OTHERS);
    let (standby, look) = (first(&aws, "autoscaling:EnterStandby"), first(&aws, "elasticloadbalancing:DescribeTargetHealth"));
    assert!(standby < look, "targets are looked for beside the swap");
    assert_eq!(aws.calls_of("elasticloadbalancing:DescribeTargetGroups").len(), 1);
}

#[tokio::test]
async fn without_a_target_group_that_has_it_there_is_no_step() {
    for has_group in [false, true] {
        let (aws, _) = stage().await;
        let balancing = Balancing::of(&aws);
        if has_group {
            balancing.change(|all| {
                all.groups.insert("shop".to_owned(), OTHERS.map(|id| target(id, "80")).into());
            });
        }
        let receipt = contain_under(&aws, POLICY, false).await.expect("a receipt");
        let steps: Vec<&Step> = receipt.steps.iter().filter(|step| step.is(StepKind::ReserveShare)).collect();
        assert!(receipt.status == Status::Contained && steps.is_empty(), "{has_group}: {receipt:?}");
        assert_eq!(aws.calls_of("elasticloadbalancing:DescribeTargetHealth").len(), usize::from(has_group));
    }
}

#[tokio::test]
async fn places_are_given_back_where_the_base_could_not_be_recorded() {
    let (aws, ec2) = stage().await;
    let balancing = serving(&aws, &["api", "shop"]);
    let before = (ec2.now().interfaces, balancing.now());
    aws.on("dynamodb:UpdateItem", |call| (call.params["Key"]["sk"]["S"] == "base").then(|| error(400, "AccessDeniedException")));
    let receipt = contain_under(&aws, POLICY, false).await.expect("a receipt");
    assert_eq!(outcome(&receipt.steps, "reserve-share"), Outcome::Applied);
    assert_eq!((receipt.status, places(&aws, "api"), places(&aws, "shop")), (Status::Failed, vec![], vec![]));
    assert_eq!((ec2.now().interfaces, balancing.now()), before);
}

#[tokio::test]
async fn a_registration_that_ends_before_it_is_left_is_no_failure() {
    for is_deleted in [false, true] {
        let (aws, ec2) = stage().await;
        let balancing = serving(&aws, &["shop"]);
        aws.on("ec2:ModifyNetworkInterfaceAttribute", move |_| {
            balancing.change(|all| {
                if is_deleted {
                    all.groups.clear();
                } else {
                    all.groups.get_mut("shop").expect("a group").retain(|(id, _)| id != INSTANCE);
                }
            });
            None
        });
        let receipt = contain_under(&aws, POLICY, false).await.expect("a receipt");
        assert_eq!((receipt.status, ec2.now().is_cut_off()), (Status::Contained, true), "{receipt:?}");
        assert_eq!(outcome(&receipt.steps, "leave-balancer shop port 80"), Outcome::Already, "deleted: {is_deleted}");
    }
}
