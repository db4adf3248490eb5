use crate::ec2::{Group, Interface};
use crate::rule::Rule;
use crate::{FIRST, INSTANCE, SECOND, VPC_A, VPC_B, base, contain, function, recorded, stage, verify};
use firebreak::target::TargetKind;
use firebreak::task::{Phase, TaskOutput};
use firebreak_testkit::room;
use firebreak_testkit::scripted::{error, ok};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

#[tokio::test]
async fn a_look_at_an_isolated_instance_says_that_it_holds_and_changes_nothing() {
    for spot in [false, true] {
        let (aws, ec2) = stage().await;
        ec2.change_instance(|instance| instance.spot = spot);
        assert!(!verify(&aws, "one").await.expect("a look").holds, "it is on the network still");
        contain(&aws, "one").await.expect("a receipt");
        aws.forget();
        let check = verify(&aws, "one").await.expect("a look");
        assert!(check.holds, "spot: {spot}, {check:?}");
        assert_eq!(aws.changes(), [""; 0]);
    }
}

#[tokio::test]
async fn a_look_writes_again_whatever_somebody_reverted_and_tells_of_each() {
    let (aws, ec2) = stage().await;
    contain(&aws, "one").await.expect("a receipt");
    ec2.change(|world| {
        // It is in the isolation group, and not alone.
        world.interfaces[0].groups.push("sg-web".to_owned());
        let ours = world.groups.iter_mut().filter(|group| group.is_ours() && group.vpc == VPC_B);
        ours.for_each(|group| group.egress.push(Rule::all("0.0.0.0/0")));
    });
    ec2.change_instance(|instance| instance.protected = false);
    let check = verify(&aws, "one").await.expect("a look");
    let said = |words: &[&str]| check.reverted.iter().any(|line| words.iter().all(|word| line.contains(word)));
    assert!(check.holds && check.reverted.len() == 3, "{check:?}");
    assert!(said(&[FIRST, "alone"]) && said(&[SECOND, VPC_B, "rules"]) && said(&["termination protection"]), "{check:?}");
    let now = ec2.now();
    assert!(now.is_cut_off() && now.instance.expect("an instance").protected);
    aws.forget();
    let next = verify(&aws, "one").await.expect("a look");
    assert_eq!((next.holds, next.reverted), (true, check.reverted), "what an earlier look saw is not forgotten");
    assert_eq!(aws.changes(), [""; 0]);
}

#[tokio::test]
async fn an_interface_that_was_attached_since_is_recorded_isolated_and_labelled() {
    let (aws, ec2) = stage().await;
    let mut known = ec2.now().memberships();
    contain(&aws, "one").await.expect("a receipt");
    ec2.change(|world| world.interfaces.push(Interface::new("eni-3", VPC_A, &["sg-web"])));
    let check = verify(&aws, "one").await.expect("a look");
    assert!(check.reverted.iter().any(|line| line.contains("eni-3 was attached since")), "{check:?}");
    let now = ec2.now();
    assert!(now.is_cut_off());
    assert_eq!(now.interfaces[2].tags["firebreak-state"], "isolated");
    known.push(("eni-3".to_owned(), vec!["sg-web".to_owned()]));
    assert_eq!(recorded(&aws), known);
    ec2.change(|world| world.interfaces[2].groups = vec!["sg-web".to_owned()]);
    let check = verify(&aws, "one").await.expect("a look");
    assert!(check.reverted.iter().any(|line| line.contains("eni-3 is not in an isolation group alone")), "{check:?}");
}

#[tokio::test]
async fn what_a_look_cannot_write_again_is_a_problem() {
    let (aws, ec2) = stage().await;
    contain(&aws, "one").await.expect("a receipt");
    ec2.change(|world| world.interfaces[0].groups = vec!["sg-web".to_owned()]);
    aws.always("ec2:ModifyNetworkInterfaceAttribute", error(403, "UnauthorizedOperation"));
    let check = verify(&aws, "one").await.expect("a look");
    assert!(!check.holds && check.problems.iter().any(|line| line.contains(FIRST)), "{check:?}");
    assert!(check.reverted.iter().any(|line| line.contains("could not be isolated again")), "{check:?}");
}

#[tokio::test]
async fn what_the_containment_could_not_do_a_look_does_and_nobody_reverted_it() {
    let (aws, ec2) = stage().await;
    let refuses = Arc::new(AtomicBool::new(true));
    let asked = refuses.clone();
    aws.on("ec2:ModifyNetworkInterfaceAttribute", move |call| {
        let is_refused = asked.load(Relaxed) && call.param("NetworkInterfaceId") == SECOND;
        is_refused.then(|| error(403, "UnauthorizedOperation"))
    });
    contain(&aws, "one").await.expect("a receipt");
    assert!(!ec2.now().is_cut_off());
    refuses.store(false, Relaxed);
    let check = verify(&aws, "one").await.expect("a look");
    assert_eq!((check.reverted.len(), ec2.now().is_cut_off()), (0, true), "{check:?}");
}

#[tokio::test]
async fn an_interface_that_a_killed_run_left_in_an_open_group_is_closed_also_while_what_is_automatic_is_paused() {
    for paused in [false, true] {
        let (aws, ec2) = stage().await;
        contain(&aws, "one").await.expect("a receipt");
        ec2.change(|world| {
            world.groups.push(Group::open("sg-open", VPC_A));
            world.interfaces[0].groups = vec!["sg-open".to_owned()];
        });
        if paused {
            room::pause(&aws, None, firebreak_aws::clock::now()).await;
        }
        let check = verify(&aws, "one").await.expect("a look");
        assert!(check.problems.iter().any(|line| line.contains("open group")), "paused: {paused}, {check:?}");
        assert!(check.reverted.is_empty(), "nobody reverted it: {check:?}");
        assert!(ec2.now().is_cut_off(), "paused: {paused}");
    }
}

#[tokio::test]
async fn all_that_is_open_is_closed_first_also_where_the_ledger_takes_no_record_of_a_revert() {
    let (aws, ec2) = stage().await;
    ec2.change(|world| world.interfaces.push(Interface::new("eni-3", VPC_A, &["sg-web"])));
    contain(&aws, "one").await.expect("a receipt");
    ec2.change(|world| {
        world.groups.extend([Group::open("sg-open-a", VPC_A), Group::open("sg-open-b", VPC_B)]);
        // Somebody reverted the first one by its id.
        world.interfaces[0].groups = vec!["sg-web".to_owned()];
        world.interfaces[1].groups = vec!["sg-open-b".to_owned()];
        world.interfaces[2].groups = vec!["sg-open-a".to_owned()];
    });
    aws.on("dynamodb:PutItem", |call| {
        let is_record = call.body.contains("verification#isolate-ec2");
        is_record.then(|| error(400, "AccessDeniedException"))
    });
    verify(&aws, "one").await.expect_err("no record");
    let now = ec2.now();
    let is_open = |interface: &Interface| interface.groups.iter().any(|id| now.group(id).is_open());
    assert!(!now.interfaces.iter().any(is_open), "{now:?}");
    assert_eq!(now.interfaces[0].groups, ["sg-web"], "a revert is not written over without a record");
}

#[tokio::test]
async fn one_old_answer_makes_no_revert() {
    let (aws, _) = stage().await;
    contain(&aws, "one").await.expect("a receipt");
    let mut is_old = true;
    aws.on("ec2:DescribeInstanceAttribute", move |call| {
        let is_answered = is_old && call.param("Attribute") == "disableApiTermination";
        is_old &= !is_answered;
        is_answered.then(|| ok("<disableApiTermination><value>false</value></disableApiTermination>"))
    });
    aws.forget();
    let check = verify(&aws, "one").await.expect("a look");
    assert!(check.holds && check.reverted.is_empty(), "{check:?}");
    assert_eq!(aws.changes(), [""; 0]);
}

#[tokio::test]
async fn a_look_of_an_incident_that_holds_nothing_writes_nothing() {
    let (aws, ec2) = stage().await;
    contain(&aws, "one").await.expect("a receipt");
    ec2.change(|world| world.interfaces[0].groups = vec!["sg-web".to_owned()]);
    aws.forget();
    let check = verify(&aws, "two").await.expect("a look");
    assert!(!check.holds && check.reverted.is_empty(), "{check:?}");
    assert_eq!(aws.changes(), [""; 0]);
}

#[tokio::test]
async fn an_elastic_ip_address_is_kept_and_said() {
    let (aws, ec2) = stage().await;
    ec2.change(|world| world.interfaces[0].public = Some("203.0.113.9"));
    contain(&aws, "one").await.expect("a receipt");
    let check = verify(&aws, "one").await.expect("a look");
    assert!(check.holds && check.notes.iter().any(|line| line.contains("203.0.113.9")), "{check:?}");
    assert_eq!(ec2.now().interfaces[0].public, Some("203.0.113.9"));
}

/// The finding holds the instance from the beginning. Whether it may be isolated, only a containment asks.
#[tokio::test]
async fn where_the_containment_of_a_finding_that_joined_recorded_nothing_a_look_closes_what_is_open_and_no_more() {
    let (aws, ec2) = stage().await;
    let before = ec2.now();
    let joined = async |phase: Phase| {
        let mut request = room::request(phase, "one", room::target(TargetKind::Ec2Instance, INSTANCE));
        request.incident.joining = Some(room::incident("the finding that joined"));
        Box::pin(function(&aws).handle(request)).await
    };
    let look = async || match joined(Phase::Verify).await.expect("a look") {
        TaskOutput::Verification(check) => check,
        TaskOutput::Receipt(_) => unreachable!("a look answers with a verification"),
    };
    aws.always("ec2:DescribeInstances", error(403, "UnauthorizedOperation"));
    joined(Phase::Contain).await.expect_err("the instance could not be read");
    aws.mend();
    let check = look().await;
    assert!(!check.holds && check.problems.iter().any(|line| line.contains("no containment recorded")), "{check:?}");
    assert_eq!((ec2.now(), base(&aws)), (before.clone(), None), "a release would put nothing back");

    ec2.change(|world| {
        world.groups.push(Group::open("sg-open", VPC_A));
        world.interfaces[0].groups = vec!["sg-open".to_owned()];
    });
    look().await;
    let now = ec2.now();
    assert!(now.group(&now.interfaces[0].groups[0]).is_ours(), "{now:?}");
    assert_eq!((&now.interfaces[1], &now.instance), (&before.interfaces[1], &before.instance));
}

/// Nobody knows which of the first ones the killed run had written.
#[tokio::test]
async fn after_a_killed_run_a_second_revert_of_a_protection_is_told() {
    let (aws, ec2) = stage().await;
    let killed = aws.kill_at("ec2:ModifyNetworkInterfaceAttribute", 1, true, contain(&aws, "one")).await;
    assert!(killed.is_none());
    let mut told = vec![];
    for _ in 0..2 {
        ec2.change_instance(|instance| instance.protected = false);
        told = verify(&aws, "one").await.expect("a look").reverted;
    }
    assert!(told.iter().any(|line| line.contains("termination protection")), "{told:?}");
    assert!(ec2.now().instance.expect("an instance").protected);
}
