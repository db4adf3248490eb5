//! Open connections: an interface passes the open group, and is never left there.

use crate::ec2::{Ec2, Group, Interface};
use crate::{FIRST, INSTANCE, SECOND, VPC_A, base, contain_under, cutting, outcome, stage, verify};
use firebreak::containment::Containment;
use firebreak::policy::CutTracked;
use firebreak::receipt::{Outcome, Status, Step};
use firebreak::target::TargetKind;
use firebreak_testkit::room::{self, each_break};
use firebreak_testkit::scripted::{ScriptedAws, error};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicUsize};

/// No route leads out of the VPCs.
async fn private() -> (ScriptedAws, Ec2) {
    let (aws, ec2) = stage().await;
    ec2.change(|world| world.routes.iter_mut().for_each(|table| table.ways.clear()));
    (aws, ec2)
}

/// The groups that an interface was moved into, in order: open or not.
fn moves(aws: &ScriptedAws, ec2: &Ec2, interface: &str) -> Vec<bool> {
    let calls = aws.calls_of("ec2:ModifyNetworkInterfaceAttribute");
    let its = calls.iter().filter(|call| call.param("NetworkInterfaceId") == interface);
    let groups = its.map(|call| call.param("SecurityGroupId.1")).filter(|id| !id.is_empty());
    groups.map(|id| ec2.now().group(id).is_open()).collect()
}

fn why(steps: &[Step], interface: &str) -> String {
    let name = format!("cut-tracked {interface}");
    let step = steps.iter().find(|step| step.name.as_str() == name).expect("a step");
    assert_eq!(step.outcome, Outcome::Skipped, "{step:?}");
    step.error.as_ref().expect("a reason").message.clone()
}

#[tokio::test]
async fn a_private_interface_passes_the_open_group_on_its_way_and_the_ledger_knows_before() {
    let (aws, ec2) = private().await;
    let receipt = contain_under(&aws, "one", cutting(CutTracked::Private)).await.expect("a receipt");
    assert_eq!((receipt.status, ec2.now().is_cut_off()), (Status::Contained, true), "{:?}", receipt.steps);
    for interface in [FIRST, SECOND] {
        assert_eq!(moves(&aws, &ec2, interface), [true, false], "open, then empty");
        assert_eq!(outcome(&receipt.steps, &format!("cut-tracked {interface}")), Outcome::Applied);
    }
    let changes = aws.changes();
    let label = changes.iter().position(|action| action == "ec2:CreateTags").expect("a label");
    let closed = changes.iter().rposition(|action| action == "ec2:ModifyNetworkInterfaceAttribute").expect("a move");
    assert!(label < closed, "the label comes no later than the move: {changes:?}");
    assert_eq!(base(&aws).expect("a base").opened, BTreeSet::from([FIRST, SECOND].map(str::to_owned)));
    let open: Vec<Group> = ec2.now().groups.into_iter().filter(Group::is_open).collect();
    assert_eq!(open.len(), 2);
    assert!(open.iter().all(|group| group.ingress.len() == 2 && group.egress.len() == 2), "both ways, both protocols: {open:?}");

    aws.forget();
    let again = contain_under(&aws, "one", cutting(CutTracked::Always)).await.expect("a receipt");
    assert_eq!(moves(&aws, &ec2, FIRST), [false; 0], "what is isolated is never opened again");
    assert_eq!(outcome(&again.steps, &format!("cut-tracked {FIRST}")), Outcome::Already);
}

#[tokio::test]
async fn where_anybody_could_come_in_or_aws_tracks_in_any_case_nothing_is_opened_and_the_receipt_says_why() {
    type Change = fn(&mut Interface);
    type Ways = &'static [(&'static str, &'static str)];
    let cases: [(Change, Ways, &str); 8] = [
        (|one| one.ipv6_prefix = Some("2001:db8::/80"), &[], "IPv6"),
        (|one| one.public = Some("203.0.113.9"), &[], "public address"),
        (|one| one.ipv6 = vec!["2001:db8::9"], &[], "IPv6"),
        (|_| (), &[("natGatewayId", "nat-1")], "nat-1"),
        (|_| (), &[("transitGatewayId", "tgw-1")], "tgw-1"),
        (|_| (), &[("egressOnlyInternetGatewayId", "eigw-1")], "eigw-1"),
        (|_| (), &[("gatewayId", "vpce-1")], "vpce-1"),
        (|_| (), &[("vpcPeeringConnectionId", "pcx-1")], "pcx-1"),
    ];
    for (change, ways, expected) in cases {
        let (aws, ec2) = private().await;
        ec2.change(|world| {
            change(&mut world.interfaces[0]);
            world.routes[0].ways = ways.to_vec();
        });
        let receipt = contain_under(&aws, "one", cutting(CutTracked::Private)).await.expect("a receipt");
        assert_eq!((receipt.status, ec2.now().is_cut_off()), (Status::Contained, true), "{expected}");
        assert!(why(&receipt.steps, FIRST).contains(expected), "{}", why(&receipt.steps, FIRST));
        assert_eq!(moves(&aws, &ec2, FIRST), [false], "{expected}");
    }
}

#[tokio::test]
async fn a_subnets_own_table_counts_and_an_unread_one_or_a_policy_opens_nothing() {
    let (aws, ec2) = stage().await;
    // The main table leads to NAT, and the subnet has one of its own that does not; a unique local address is nobody's outside.
    ec2.change(|world| {
        let own = crate::ec2::Table { vpc: VPC_A, subnet: Some("subnet-a"), ways: vec![("gatewayId", "igw-1")] };
        world.routes.push(own);
        world.interfaces.truncate(1);
        world.interfaces[0].ipv6 = vec!["fd00::9"];
    });
    contain_under(&aws, "one", cutting(CutTracked::Private)).await.expect("a receipt");
    assert_eq!(moves(&aws, &ec2, FIRST), [true, false]);

    let (aws, ec2) = private().await;
    aws.always("ec2:DescribeRouteTables", error(403, "UnauthorizedOperation"));
    let receipt = contain_under(&aws, "one", cutting(CutTracked::Private)).await.expect("a receipt");
    assert!(why(&receipt.steps, FIRST).contains("routes"));
    assert_eq!((receipt.status, moves(&aws, &ec2, FIRST)), (Status::Contained, vec![false]));

    let (aws, ec2) = private().await;
    let receipt = contain_under(&aws, "one", cutting(CutTracked::Never)).await.expect("a receipt");
    assert!(why(&receipt.steps, FIRST).contains("policy"));
    assert_eq!(moves(&aws, &ec2, FIRST), [false]);
    assert!(aws.calls_of("ec2:DescribeRouteTables").is_empty());
}

#[tokio::test]
async fn an_interface_that_could_not_be_closed_at_once_is_tried_again_and_said() {
    let (aws, ec2) = private().await;
    ec2.change(|world| world.interfaces.truncate(1));
    let serving = ec2.clone();
    let mut refused = 0;
    aws.on("ec2:ModifyNetworkInterfaceAttribute", move |call| {
        let id = call.param("SecurityGroupId.1").to_owned();
        let closes = !id.is_empty() && !serving.now().group(&id).is_open();
        refused += i32::from(closes);
        (closes && refused == 1).then(|| error(400, "IncorrectState"))
    });
    let receipt = contain_under(&aws, "one", cutting(CutTracked::Private)).await.expect("a receipt");
    assert_eq!((receipt.status, ec2.now().is_cut_off()), (Status::Contained, true), "the second try closes it");

    let (aws, ec2) = private().await;
    ec2.change(|world| world.interfaces.truncate(1));
    let (serving, refuses) = (ec2.clone(), Arc::new(AtomicBool::new(true)));
    let asked = refuses.clone();
    aws.on("ec2:ModifyNetworkInterfaceAttribute", move |call| {
        let id = call.param("SecurityGroupId.1").to_owned();
        let is_refused = asked.load(Relaxed) && !id.is_empty() && !serving.now().group(&id).is_open();
        is_refused.then(|| error(400, "IncorrectState"))
    });
    let receipt = contain_under(&aws, "one", cutting(CutTracked::Private)).await.expect("a receipt");
    for step in ["left-open", "cut-tracked", "isolate-interface"] {
        assert_eq!(outcome(&receipt.steps, &format!("{step} {FIRST}")), Outcome::Failed, "not seen closed");
    }
    assert_eq!(receipt.status, Status::Partial, "looks and the watch go by it");
    let said: Vec<String> = receipt.steps.iter().filter_map(Step::says).collect();
    assert!(said[0].contains("may be OPEN"), "first, and loud: {said:?}");

    refuses.store(false, Relaxed);
    let check = verify(&aws, "one").await.expect("a look");
    assert!(ec2.now().is_cut_off() && check.reverted.is_empty(), "{check:?}");
}

#[tokio::test]
async fn an_interface_that_no_empty_group_takes_is_left_open_and_people_are_told_first() {
    let (aws, ec2) = private().await;
    ec2.change(|world| world.interfaces.truncate(1));
    let serving = ec2.clone();
    aws.on("ec2:ModifyNetworkInterfaceAttribute", move |call| {
        let id = call.param("SecurityGroupId.1");
        (!id.is_empty() && serving.now().group(id).is_ours()).then(|| error(403, "UnauthorizedOperation"))
    });
    let receipt = contain_under(&aws, "one", cutting(CutTracked::Private)).await.expect("a receipt");
    assert_eq!(receipt.status, Status::Partial, "looks go on");
    assert_eq!(moves(&aws, &ec2, FIRST).first(), Some(&true), "it was open");
    assert!(receipt.steps.iter().any(|step| step.name.as_str().starts_with("left-open")), "{:?}", receipt.steps);
}

#[tokio::test]
async fn behind_a_network_load_balancer_nothing_is_opened() {
    let (aws, ec2) = private().await;
    ec2.change(|world| world.balanced = vec![VPC_A]);
    let receipt = contain_under(&aws, "one", cutting(CutTracked::Private)).await.expect("a receipt");
    assert!(why(&receipt.steps, FIRST).contains("Network Load Balancer"));
    assert_eq!((moves(&aws, &ec2, FIRST), moves(&aws, &ec2, SECOND)), (vec![false], vec![true, false]), "of that VPC only");

    let (aws, ec2) = private().await;
    aws.on("ec2:DescribeNetworkInterfaces", |call| {
        (call.param("Filter.1.Name") == "interface-type").then(|| error(403, "UnauthorizedOperation"))
    });
    contain_under(&aws, "one", cutting(CutTracked::Private)).await.expect("a receipt");
    assert_eq!((moves(&aws, &ec2, FIRST), ec2.now().is_cut_off()), (vec![false], true));
}

/// The state machine has a look also where the containment failed, and the watch looks at what may be half done.
#[tokio::test]
async fn what_two_killed_runs_left_open_a_look_closes_and_leaves_a_receipt_by_which_looks_go_on() {
    let (aws, ec2) = private().await;
    for _ in 0..2 {
        aws.forget();
        let run = Box::pin(contain_under(&aws, "one", cutting(CutTracked::Private)));
        aws.kill_at("ec2:ModifyNetworkInterfaceAttribute", 1, true, run).await;
        ec2.change(|world| {
            let open = world.groups.iter().find(|group| group.is_open() && group.vpc == VPC_A).expect("a group").id.clone();
            world.interfaces[0].groups = vec![open];
        });
    }
    let check = verify(&aws, "one").await.expect("a look");
    assert!(ec2.now().is_cut_off() && !is_open(&ec2), "{check:?}");
    assert!(check.reverted.is_empty(), "nobody reverted anything: {check:?}");
    let target = room::target(TargetKind::Ec2Instance, INSTANCE);
    let receipt = room::ledger(&aws).receipt(&room::incident("one"), Containment::IsolateEc2, &target).await.expect("read");
    assert_eq!(receipt.expect("a receipt").status, Status::Partial, "it says no more than what is known");
}

/// Whether an interface is where everybody can reach it through Firebreak's doing.
fn is_open(ec2: &Ec2) -> bool {
    let now = ec2.now();
    now.interfaces.iter().flat_map(|one| &one.groups).any(|id| now.group(id).is_open())
}

#[tokio::test]
async fn however_a_call_breaks_no_interface_stays_open_after_the_next_run_or_look() {
    let calls = {
        let (aws, _) = private().await;
        contain_under(&aws, "one", cutting(CutTracked::Private)).await.expect("a receipt");
        aws.calls()
    };
    let tried = each_break(&calls, async |point, how| {
        for by_look in [true, false] {
            let (aws, ec2) = private().await;
            let work = Box::pin(contain_under(&aws, "one", cutting(CutTracked::Private)));
            let broken = how.run(&aws, point, work).await;
            if let Some(Ok(receipt)) = &broken {
                let says_more = receipt.status == Status::Contained && !ec2.now().is_cut_off();
                assert!(!says_more, "{point:?} {how:?}: it says more than it did");
            }
            let was_open = is_open(&ec2);
            if was_open {
                assert!(!base(&aws).expect("a base").opened.is_empty(), "{point:?} {how:?}: opened without a record");
            }
            aws.mend();
            if by_look && was_open {
                verify(&aws, "one").await.expect("a look");
            } else {
                let work = Box::pin(contain_under(&aws, "one", cutting(CutTracked::Private)));
                work.await.expect("a receipt");
                assert!(ec2.now().is_cut_off(), "{point:?} {how:?}");
            }
            assert!(!is_open(&ec2), "{point:?} {how:?}, by a look: {by_look}");
        }
    })
    .await;
    println!("isolate-ec2, open connections: {tried} broken calls");
}

#[tokio::test]
async fn an_interface_that_could_not_be_closed_is_not_opened_again() {
    let (aws, ec2) = private().await;
    ec2.change(|world| world.interfaces.truncate(1));
    let (serving, refuses) = (ec2.clone(), Arc::new(AtomicBool::new(true)));
    let asked = refuses.clone();
    aws.on("ec2:ModifyNetworkInterfaceAttribute", move |call| {
        let id = call.param("SecurityGroupId.1");
        let is_refused = asked.load(Relaxed) && !id.is_empty() && serving.now().group(id).is_ours();
        is_refused.then(|| error(403, "UnauthorizedOperation"))
    });
    contain_under(&aws, "one", cutting(CutTracked::Always)).await.expect("a receipt");
    assert!(moves(&aws, &ec2, FIRST).contains(&true), "it was open");
    for _ in 0..2 {
        aws.forget();
        let receipt = contain_under(&aws, "one", cutting(CutTracked::Always)).await.expect("a receipt");
        assert_eq!((receipt.status, moves(&aws, &ec2, FIRST).contains(&true)), (Status::Partial, false), "{receipt:?}");
    }
    refuses.store(false, Relaxed);
    let receipt = contain_under(&aws, "one", cutting(CutTracked::Always)).await.expect("a receipt");
    assert_eq!((receipt.status, ec2.now().is_cut_off()), (Status::Contained, true));
}

/// Puts an interface into the empty group of its VPC, past every handler.
fn close(ec2: &Ec2) {
    ec2.change(|world| {
        let empty = world.groups.iter().find(|group| group.is_ours() && group.vpc == VPC_A).expect("a group").id.clone();
        world.interfaces[0].groups = vec![empty];
    });
}

#[tokio::test]
async fn a_close_that_comes_late_is_not_written_over() {
    let (aws, ec2) = private().await;
    ec2.change(|world| world.interfaces.truncate(1));
    let (serving, refused) = (ec2.clone(), Arc::new(AtomicUsize::new(0)));
    let counted = refused.clone();
    aws.on("ec2:ModifyNetworkInterfaceAttribute", move |call| {
        let id = call.param("SecurityGroupId.1");
        let closes = !id.is_empty() && serving.now().group(id).is_ours();
        counted.fetch_add(usize::from(closes), Relaxed);
        closes.then(|| error(403, "UnauthorizedOperation"))
    });
    let (late, mut reads) = (ec2.clone(), 0);
    aws.on("ec2:DescribeNetworkInterfaces", move |call| {
        // After the last try it is read twice: by that try, and before the last resort.
        reads += i32::from(refused.load(Relaxed) == 2 && !call.param("NetworkInterfaceId.1").is_empty());
        if reads == 2 {
            close(&late);
        }
        None
    });
    let receipt = contain_under(&aws, "one", cutting(CutTracked::Private)).await.expect("a receipt");
    assert!(ec2.now().is_cut_off(), "{receipt:?}");
    assert_eq!(outcome(&receipt.steps, &format!("isolate-interface {FIRST}")), Outcome::Applied);
}

#[tokio::test]
async fn what_a_person_closed_is_told_as_open_no_longer() {
    let (aws, ec2) = private().await;
    ec2.change(|world| world.interfaces.truncate(1));
    let serving = ec2.clone();
    aws.on("ec2:ModifyNetworkInterfaceAttribute", move |call| {
        let id = call.param("SecurityGroupId.1");
        (!id.is_empty() && !serving.now().group(id).is_open()).then(|| error(403, "UnauthorizedOperation"))
    });
    let receipt = contain_under(&aws, "one", cutting(CutTracked::Private)).await.expect("a receipt");
    assert_eq!(outcome(&receipt.steps, &format!("left-open {FIRST}")), Outcome::Failed);
    close(&ec2);
    verify(&aws, "one").await.expect("a look");
    let target = room::target(TargetKind::Ec2Instance, INSTANCE);
    let receipt = room::ledger(&aws).receipt(&room::incident("one"), Containment::IsolateEc2, &target).await.expect("read");
    let steps = receipt.expect("a receipt").steps;
    assert_eq!(outcome(&steps, &format!("left-open {FIRST}")), Outcome::Skipped);
    assert_eq!(outcome(&steps, &format!("isolate-interface {FIRST}")), Outcome::Applied);
}

#[tokio::test]
async fn a_run_closes_what_is_open_also_where_the_ledger_takes_no_record() {
    let (aws, ec2) = private().await;
    ec2.change(|world| world.interfaces.truncate(1));
    let run = Box::pin(contain_under(&aws, "one", cutting(CutTracked::Private)));
    aws.kill_at("ec2:ModifyNetworkInterfaceAttribute", 1, true, run).await;
    ec2.change(|world| {
        let open = world.groups.iter().find(|group| group.is_open()).expect("a group").id.clone();
        world.interfaces[0].groups = vec![open];
    });
    aws.on("dynamodb:UpdateItem", |call| (call.params["Key"]["sk"]["S"] == "base").then(|| error(400, "AccessDeniedException")));
    contain_under(&aws, "one", cutting(CutTracked::Private)).await.expect("a receipt");
    assert!(ec2.now().is_cut_off(), "{:?}", ec2.now().interfaces);
}
