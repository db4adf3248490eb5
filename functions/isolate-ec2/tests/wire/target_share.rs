//! How many hosts of a target group are isolated at once, where no Auto Scaling group has them.

use crate::admit::{carry_out, contain_under, decision, open, open_about};
use crate::autoscaling_aws::{AutoScaling, GROUP};
use crate::balancing_aws::{Balancing, Kind, arn, target};
use crate::release::release;
use crate::{INSTANCE, VPC_A, base, outcome, stage};
use firebreak::decision::Mode;
use firebreak::receipt::{Outcome, Receipt, Status, Step};
use firebreak::step::StepKind;
use firebreak::target::TargetKind;
use firebreak::task::Phase;
use firebreak_aws::clock;
use firebreak_ledger::Fleet;
use firebreak_testkit::dynamodb::Value;
use firebreak_testkit::room;
use firebreak_testkit::scripted::{Call, ScriptedAws, error, ok};
use std::collections::BTreeSet;

/// The other hosts of the groups.
pub(crate) const OTHERS: [&str; 7] = ["i-01", "i-02", "i-03", "i-04", "i-05", "i-06", "i-07"];
/// A quarter of the hosts: two of eight.
pub(crate) const POLICY: &str = "";

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
pub(crate) async fn isolated(aws: &ScriptedAws, group: &str, ids: &[&str]) {
    for id in ids {
        take(aws, "before", group, id).await;
    }
}

/// Gives a host a place for an incident.
pub(crate) async fn take(aws: &ScriptedAws, incident: &str, group: &str, id: &str) {
    let (host, group) = (room::target(TargetKind::Ec2Instance, id), arn(group));
    let fleet = Fleet { host: &host, group: &group };
    let taken = room::ledger(aws).take_share(fleet, &room::incident(incident), &BTreeSet::new(), clock::now()).await;
    taken.expect("written");
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

/// Whether a call is about the places of a target group.
pub(crate) fn is_about(call: &Call, group: &str) -> bool {
    call.params["Key"]["pk"]["S"].as_str() == Some(key(group).as_str())
}

/// Whether a call writes a place of a target group.
pub(crate) fn writes(call: &Call, group: &str) -> bool {
    call.operation == "UpdateItem" && is_about(call, group)
}

/// What the step of this name says.
pub(crate) fn said(receipt: &Receipt, name: &str) -> String {
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

/// EC2 knows another instance, with this `networkInterfaceSet`.
fn another(aws: &ScriptedAws, id: &'static str, interfaces: impl Into<String>) {
    let interfaces = interfaces.into();
    aws.on("ec2:DescribeInstances", move |call| {
        (call.param("InstanceId.1") == id).then(|| {
            let state = "<instanceState><name>running</name></instanceState>";
            let interfaces = format!("<networkInterfaceSet>{interfaces}</networkInterfaceSet>");
            let instance = format!("<item><instanceId>{id}</instanceId>{state}{interfaces}</item>");
            ok(format!("<reservationSet><item><instancesSet>{instance}</instancesSet></item></reservationSet>"))
        })
    });
}

#[tokio::test]
async fn of_two_isolations_at_once_only_one_gets_the_last_place() {
    let (aws, _) = stage().await;
    serving(&aws, &["shop"]);
    isolated(&aws, "shop", &OTHERS[6..]).await;
    let other = OTHERS[0];
    // Without an interface: what matters here comes before those.
    another(&aws, other, "");
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

/// For example what a deleted load balancer left over, or what an attacker made for the purpose.
#[tokio::test]
async fn a_group_that_no_balancer_uses_holds_nothing_back_and_is_left_all_the_same() {
    for (has_balancer, policy) in [(false, POLICY), (true, POLICY), (true, "[instances]\nfleet_percent = 100")] {
        let (aws, ec2) = stage().await;
        let balancing = serving(&aws, &["old"]);
        balancing.change(|all| {
            all.kinds.insert("old".to_owned(), Kind { state: "unused", has_balancer, ..Kind::default() });
        });
        isolated(&aws, "old", &OTHERS[..1]).await;
        let receipt = contain_under(&aws, policy, false).await.expect("a receipt");
        assert_eq!((receipt.status, ec2.now().is_cut_off()), (Status::Contained, true), "{has_balancer} {policy}");
        assert_eq!(outcome(&receipt.steps, "leave-balancer old port 80"), Outcome::Applied);
        assert!(!receipt.steps.iter().any(|step| step.is(StepKind::ReserveShare)), "{receipt:?}");
        assert_eq!(places(&aws, "old"), OTHERS[..1]);
        Box::pin(release(&aws, &[])).await.expect("a release");
        assert!(balancing.now().groups["old"].contains(&target(INSTANCE, "80")), "it is back where it was");
    }
}

/// From its place to its way out of the group, its target stands there under its address.
#[tokio::test]
async fn an_isolated_host_that_its_group_knows_by_address_counts_once() {
    let (aws, ec2) = stage().await;
    ec2.change(|world| world.interfaces[0].ipv6 = vec!["2001:db8::1"]);
    let balancing = Balancing::of(&aws);
    balancing.change(|all| {
        let targets = (1..=7).map(|number| target(&format!("2001:db8::{number}"), "80"));
        all.groups.insert("shop".to_owned(), targets.collect());
        all.kinds.insert("shop".to_owned(), Kind { by_address_in: Some(VPC_A), ..Kind::default() });
    });
    aws.always("elasticloadbalancing:DeregisterTargets", error(403, "AccessDenied"));
    let receipt = contain_under(&aws, POLICY, false).await.expect("a receipt");
    assert!(ec2.now().is_cut_off() && places(&aws, "shop") == [INSTANCE], "{receipt:?}");
    assert_eq!(outcome(&receipt.steps, "leave-balancer shop 2001:db8::1 port 80"), Outcome::Failed);

    let address = "<ipv6AddressesSet><item><ipv6Address>2001:db8::2</ipv6Address></item></ipv6AddressesSet>";
    let interface = format!("<item><networkInterfaceId>eni-9</networkInterfaceId><vpcId>{VPC_A}</vpcId>{address}</item>");
    another(&aws, OTHERS[0], interface);
    open_about(&aws, "two", OTHERS[0]).await;
    let request = room::request(Phase::Contain, "two", room::target(TargetKind::Ec2Instance, OTHERS[0]));
    let receipt = Box::pin(carry_out(&aws, POLICY, request)).await.expect("a receipt");
    let says = "1 of 7 healthy hosts of target group shop are isolated already; policy allows 1 (25 %)";
    assert!(receipt.status == Status::Waits && receipt.error.as_deref().is_some_and(|why| why.contains(says)), "{receipt:?}");
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
        assert!(said(&receipt, "reserve-share shop").contains("4 of 8 hosts are isolated besides"), "{keeps_its_place}");
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
