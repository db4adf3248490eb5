use crate::ec2::Interface;
use crate::{FIRST, SECOND, VPC_A, VPC_B, base, contain, outcome, recorded, stage, verify};
use firebreak::fault::FaultKind;
use firebreak::receipt::{Outcome, Status};
use firebreak_testkit::room;
use firebreak_testkit::scripted::{Call, error};

#[tokio::test]
async fn every_interface_is_moved_into_the_empty_group_of_its_own_vpc_and_its_base_is_recorded_first() {
    let (aws, ec2) = stage().await;
    ec2.change(|world| world.interfaces.push(Interface::new("eni-3", VPC_A, &["sg-db"])));
    let before = ec2.now();
    let receipt = contain(&aws, "one").await.expect("a receipt");
    let after = ec2.now();
    assert_eq!(receipt.status, Status::Contained);
    assert!(after.is_cut_off(), "{after:?}");
    assert_eq!(after.isolation_groups().len(), 2, "one for each VPC");
    assert_eq!(after.groups[..before.groups.len()], before.groups, "the customer's groups stay as they are");

    let (was, is) = (before.instance.clone().expect("an instance"), after.instance.expect("an instance"));
    assert!(is.protected);
    assert_eq!((is.tags["Name"].as_str(), is.tags["firebreak-state"].as_str()), ("shop", "isolated"));
    assert_eq!(is.tags["firebreak-incident"], room::incident("one").as_str());
    assert!(is.tags.contains_key("firebreak-at"));

    let known = base(&aws).expect("a base");
    assert_eq!((known.termination_protection, known.spot, known.tags), (Some(false), false, was.tags));
    assert_eq!(recorded(&aws), before.memberships());
    let calls = aws.calls();
    let records = |call: &Call| call.operation == "UpdateItem" && call.params["Key"]["sk"]["S"] == "base";
    let record = calls.iter().position(records).expect("a record");
    let change = calls.iter().position(|call| call.operation.starts_with("Modify")).expect("a change");
    assert!(record < change, "the base must be known before anything changes");
}

#[tokio::test]
async fn a_spot_instance_is_isolated_without_the_protection_that_it_cannot_have() {
    let (aws, ec2) = stage().await;
    ec2.change_instance(|instance| instance.spot = true);
    let receipt = contain(&aws, "one").await.expect("a receipt");
    assert_eq!((receipt.status, ec2.now().is_cut_off()), (Status::Contained, true));
    assert_eq!(outcome(&receipt.steps, "protect-from-termination"), Outcome::Skipped);
    assert!(!ec2.now().instance.expect("an instance").protected);
    let asked = aws.calls_of("ec2:ModifyInstanceAttribute");
    assert!(asked.iter().all(|call| call.param("DisableApiTermination.Value").is_empty()), "EC2 refuses it");
    assert!(base(&aws).expect("a base").spot);
}

#[tokio::test]
async fn an_instance_that_is_gone_or_terminated_is_an_error_that_says_so() {
    let (aws, ec2) = stage().await;
    ec2.change_instance(|instance| instance.state = "terminated");
    let terminated = contain(&aws, "one").await.expect_err("nothing to contain");
    assert!(terminated.kind == FaultKind::Gone && terminated.message.contains("terminated"), "{terminated}");
    ec2.change(|world| world.instance = None);
    assert_eq!(contain(&aws, "one").await.expect_err("no instance").kind, FaultKind::Gone);
    assert_eq!(verify(&aws, "one").await.expect_err("no instance").kind, FaultKind::Gone);
    assert_eq!(aws.changes(), [""; 0]);
    assert_eq!(base(&aws), None, "what is gone is held by nobody");
}

#[tokio::test]
async fn containing_twice_changes_nothing_but_the_labels() {
    let (aws, ec2) = stage().await;
    contain(&aws, "one").await.expect("a receipt");
    let (isolated, known) = (ec2.now(), base(&aws));
    aws.forget();
    let again = contain(&aws, "one").await.expect("a receipt");
    assert_eq!(again.status, Status::Contained);
    for step in [format!("isolate-interface {FIRST}"), format!("isolate-interface {SECOND}")] {
        assert_eq!(outcome(&again.steps, &step), Outcome::Already);
    }
    assert_eq!(outcome(&again.steps, "protect-from-termination"), Outcome::Already);
    assert_eq!(aws.changes(), ["ec2:CreateTags"]);
    let now = ec2.now();
    assert_eq!((now.memberships(), now.groups), (isolated.memberships(), isolated.groups));
    assert_eq!(base(&aws), known, "the isolation must never become the base");
}

#[tokio::test]
async fn what_fails_at_one_interface_leaves_no_other_one_on_the_network() {
    let failures =
        [("ec2:ModifyNetworkInterfaceAttribute", "NetworkInterfaceId", SECOND), ("ec2:CreateSecurityGroup", "VpcId", VPC_B)];
    for (action, parameter, value) in failures {
        let (aws, ec2) = stage().await;
        let before = ec2.now();
        aws.on(action, move |call| (call.param(parameter) == value).then(|| error(403, "UnauthorizedOperation")));
        let receipt = contain(&aws, "one").await.expect("a receipt");
        let mut after = ec2.now();
        assert_eq!(receipt.status, Status::Partial, "{action}");
        assert_eq!(outcome(&receipt.steps, &format!("isolate-interface {SECOND}")), Outcome::Failed, "{action}");
        assert_eq!(after.memberships().pop(), before.memberships().pop(), "{action}");
        after.interfaces.pop();
        assert!(after.is_cut_off(), "{action}: {after:?}");
        assert!(after.instance.expect("an instance").protected, "{action}");
    }
}

#[tokio::test]
async fn a_joining_incident_adds_the_interface_that_was_attached_since_to_the_base() {
    let (aws, ec2) = stage().await;
    let mut known = ec2.now().memberships();
    contain(&aws, "one").await.expect("a receipt");
    ec2.change(|world| world.interfaces.push(Interface::new("eni-3", VPC_A, &["sg-web"])));
    let receipt = contain(&aws, "two").await.expect("a receipt");
    assert_eq!((receipt.status, ec2.now().is_cut_off()), (Status::Contained, true));
    known.push(("eni-3".to_owned(), vec!["sg-web".to_owned()]));
    assert_eq!(recorded(&aws), known, "the others keep the groups they had before the first incident");
}

#[tokio::test]
async fn without_a_record_nothing_of_the_instance_is_changed() {
    let (aws, ec2) = stage().await;
    let before = ec2.now();
    aws.always("dynamodb:UpdateItem", error(400, "AccessDeniedException"));
    let receipt = contain(&aws, "one").await.expect("a receipt");
    let after = ec2.now();
    assert_eq!(receipt.status, Status::Failed);
    assert_eq!((after.instance, after.interfaces), (before.instance, before.interfaces));
}

#[tokio::test]
async fn an_interface_that_one_list_does_not_show_yet_is_isolated_too() {
    let (aws, ec2) = stage().await;
    ec2.change(|world| world.hidden.extend([SECOND]));
    let receipt = contain(&aws, "one").await.expect("a receipt");
    assert_eq!((receipt.status, ec2.now().is_cut_off()), (Status::Contained, true));
}

#[tokio::test]
async fn a_read_that_isolating_does_not_need_does_not_keep_the_instance_on_the_network() {
    for action in ["ec2:DescribeInstanceAttribute", "ec2:DescribeNetworkInterfaces", "autoscaling:DescribeAutoScalingInstances"] {
        let (aws, ec2) = stage().await;
        aws.always(action, error(403, "UnauthorizedOperation"));
        let receipt = contain(&aws, "one").await.expect("a receipt");
        assert_eq!((receipt.status, ec2.now().is_cut_off()), (Status::Partial, true), "{action}");
    }
}

#[tokio::test]
async fn instance_and_interfaces_are_labelled_in_one_call_and_one_that_is_gone_keeps_the_label_from_no_other() {
    let (aws, ec2) = stage().await;
    contain(&aws, "one").await.expect("a receipt");
    assert_eq!(aws.calls_of("ec2:CreateTags").len(), 1);
    assert!(ec2.now().interfaces.iter().all(|interface| interface.tags["firebreak-state"] == "isolated"));

    let (aws, ec2) = stage().await;
    aws.on("ec2:CreateTags", |call| {
        let is_all = !call.param("ResourceId.2").is_empty();
        (is_all || call.param("ResourceId.1") == SECOND).then(|| error(400, "InvalidNetworkInterfaceID.NotFound"))
    });
    let receipt = contain(&aws, "one").await.expect("a receipt");
    assert_eq!(outcome(&receipt.steps, "tag"), Outcome::Failed);
    let now = ec2.now();
    assert_eq!(now.interfaces[0].tags["firebreak-state"], "isolated");
    assert_eq!(now.instance.expect("an instance").tags["firebreak-state"], "isolated");
}

#[tokio::test]
async fn the_profile_of_the_host_is_reported_by_its_name_without_the_path() {
    let (aws, ec2) = stage().await;
    ec2.change_instance(|instance| instance.profile = Some("arn:aws:iam::111122223333:instance-profile/apps/web/shop-hosts"));
    let receipt = contain(&aws, "one").await.expect("a receipt");
    assert_eq!(outcome(&receipt.steps, "read-profile shop-hosts"), Outcome::Applied);
    assert!(base(&aws).expect("a base").profile.is_some_and(|arn| arn.ends_with("/shop-hosts")));
}

#[tokio::test]
async fn an_instance_that_does_not_run_is_isolated_and_the_receipt_says_so() {
    for state in ["pending", "stopping", "stopped", "shutting-down"] {
        let (aws, ec2) = stage().await;
        ec2.change_instance(|instance| instance.state = state);
        let receipt = contain(&aws, "one").await.expect("a receipt");
        assert_eq!((receipt.status, ec2.now().is_cut_off()), (Status::Contained, true), "{state}");
        assert_eq!(outcome(&receipt.steps, &format!("note-volatile {state}")), Outcome::Skipped);
    }
}
