//! The isolation group: whose it is, and that it is empty before anything is put into it.

use crate::ec2::{Group, our_tag};
use crate::rule::Rule;
use crate::{FIRST, VPC_A, contain, outcome, stage};
use firebreak::fault::FaultKind;
use firebreak::receipt::{Outcome, Status};
use firebreak_testkit::room;
use firebreak_testkit::scripted::{error, ok};

#[tokio::test]
async fn a_group_that_has_the_name_and_is_not_ours_is_left_alone_and_another_name_is_taken() {
    let (aws, ec2) = stage().await;
    // Its id is the lowest, so it would be the one to use.
    let theirs = Group::theirs("sg-a", "firebreak-isolation", VPC_A);
    ec2.change(|world| world.groups.push(theirs.clone()));
    let receipt = contain(&aws, "one").await.expect("a receipt");
    let after = ec2.now();
    assert_eq!((receipt.status, after.is_cut_off()), (Status::Contained, true));
    assert_eq!(*after.group("sg-a"), theirs);
    let used = after.group(&after.interfaces[0].groups[0]);
    assert_eq!(used.name, format!("firebreak-isolation-{}", room::incident("one")));
}

#[tokio::test]
async fn a_group_that_another_incident_made_at_the_same_moment_is_used() {
    let (aws, ec2) = stage().await;
    ec2.change(|world| world.interfaces.truncate(1));
    let other = ec2.clone();
    aws.on("ec2:CreateSecurityGroup", move |_| {
        let made = Group { egress: vec![Rule::all("0.0.0.0/0")], ..Group::isolation("sg-of-another", VPC_A) };
        other.change(|world| world.groups.push(made));
        Some(error(400, "InvalidGroup.Duplicate"))
    });
    let receipt = contain(&aws, "one").await.expect("a receipt");
    let after = ec2.now();
    assert_eq!((receipt.status, after.is_cut_off()), (Status::Contained, true));
    assert_eq!(after.interfaces[0].groups, ["sg-of-another"]);
    assert_eq!(aws.calls_of("ec2:CreateSecurityGroup").len(), 1);
}

#[tokio::test]
async fn a_tag_does_not_make_a_production_group_ours() {
    let (aws, ec2) = stage().await;
    ec2.change(|world| {
        world.groups[1].tags = our_tag();
        world.interfaces[0].groups = vec!["sg-web".to_owned()];
    });
    let before = ec2.now();
    let receipt = contain(&aws, "one").await.expect("a receipt");
    let after = ec2.now();
    assert_eq!((receipt.status, after.is_cut_off()), (Status::Contained, true));
    assert_eq!(after.group("sg-web"), before.group("sg-web"), "it must not be emptied");
}

#[tokio::test]
async fn a_group_that_somebody_filled_is_emptied_before_it_is_used() {
    let (aws, ec2) = stage().await;
    let filled = Group {
        ingress: vec![Rule::tcp("22", "198.51.100.7/32"), Rule::all("sg-web"), Rule::tcp("443", "2001:db8::/32")],
        egress: vec![Rule::all("::/0"), Rule::tcp("443", "pl-6da54004")],
        ..Group::isolation("sg-iso", VPC_A)
    };
    ec2.change(|world| {
        world.interfaces.truncate(1);
        world.groups.push(filled);
    });
    let receipt = contain(&aws, "one").await.expect("a receipt");
    let after = ec2.now();
    assert_eq!((receipt.status, after.is_cut_off()), (Status::Contained, true));
    assert_eq!(after.interfaces[0].groups, ["sg-iso"]);
    let order: Vec<String> = aws.changes();
    let position = |action: &str| order.iter().position(|known| known == action).expect(action);
    let moved = position("ec2:ModifyNetworkInterfaceAttribute");
    assert!(position("ec2:RevokeSecurityGroupIngress") < moved && position("ec2:RevokeSecurityGroupEgress") < moved, "{order:?}");
}

#[tokio::test]
async fn a_rule_that_somebody_else_revoked_first_is_no_failure() {
    let (aws, ec2) = stage().await;
    let other = ec2.clone();
    aws.on("ec2:RevokeSecurityGroupEgress", move |_| {
        other.change(|world| world.groups.iter_mut().filter(|group| group.is_ours()).for_each(|group| group.egress.clear()));
        Some(error(400, "InvalidPermission.NotFound"))
    });
    let receipt = contain(&aws, "one").await.expect("a receipt");
    assert_eq!((receipt.status, ec2.now().is_cut_off()), (Status::Contained, true));
}

/// In a default VPC a rule that EC2 does not find is no error.
#[tokio::test]
async fn rules_that_a_revoke_did_not_match_are_looked_at_again() {
    let (aws, ec2) = stage().await;
    ec2.change(|world| world.interfaces.truncate(1));
    let mut is_first = true;
    aws.on("ec2:RevokeSecurityGroupEgress", move |_| {
        let unknown = "<unknownIpPermissionSet><item><ipProtocol>-1</ipProtocol></item></unknownIpPermissionSet>";
        std::mem::take(&mut is_first).then(|| ok(format!("<return>false</return>{unknown}")))
    });
    let receipt = contain(&aws, "one").await.expect("a receipt");
    assert_eq!((receipt.status, ec2.now().is_cut_off()), (Status::Contained, true));
    assert_eq!(aws.calls_of("ec2:RevokeSecurityGroupEgress").len(), 2);
}

#[tokio::test]
async fn the_words_of_a_missing_rule_under_another_code_are_a_failure() {
    let (aws, ec2) = stage().await;
    let before = ec2.now();
    let refused = error(400, "InvalidParameterValue").saying("InvalidPermission.NotFound: the rule does not exist");
    aws.always("ec2:RevokeSecurityGroupEgress", refused);
    let receipt = contain(&aws, "one").await.expect("a receipt");
    assert_ne!(receipt.status, Status::Contained);
    assert_eq!(outcome(&receipt.steps, &format!("isolate-interface {FIRST}")), Outcome::Failed);
    assert_eq!(ec2.now().memberships(), before.memberships());
    assert_eq!(aws.calls_of("ec2:RevokeSecurityGroupEgress").len(), 2, "one for each group: it is no reason to look again");
}

#[tokio::test]
async fn a_group_that_is_not_seen_empty_is_not_used_and_the_next_run_uses_it() {
    let (aws, ec2) = stage().await;
    ec2.change(|world| world.interfaces.truncate(1));
    let before = ec2.now();
    // EC2 revokes none of the rules, because one was missing, and shows them all.
    aws.always("ec2:RevokeSecurityGroupEgress", error(400, "InvalidPermission.NotFound"));
    let fault = contain(&aws, "one").await.expect_err("a passing fault");
    assert_eq!(fault.kind, FaultKind::Transient);
    assert_eq!(ec2.now().memberships(), before.memberships());
    assert_eq!(aws.calls_of("ec2:RevokeSecurityGroupEgress").len(), 3);
    let receipts = aws.table().items().filter(|((_, sk), _)| sk.starts_with("receipt#isolate-ec2#")).count();
    assert_eq!(receipts, 1, "what was tried is kept");
    aws.mend();
    let receipt = contain(&aws, "one").await.expect("a receipt");
    let after = ec2.now();
    assert_eq!((receipt.status, after.is_cut_off()), (Status::Contained, true));
    assert_eq!(after.isolation_groups().len(), 1, "the group that was made is kept");
}

#[tokio::test]
async fn a_new_group_that_ec2_does_not_know_everywhere_yet_is_waited_for() {
    let (aws, ec2) = stage().await;
    ec2.change(|world| world.interfaces.truncate(1));
    for (action, parameter, code) in [
        ("ec2:DescribeSecurityGroups", "GroupId.1", "InvalidGroup.NotFound"),
        ("ec2:RevokeSecurityGroupEgress", "GroupId", "InvalidGroup.NotFound"),
        ("ec2:ModifyNetworkInterfaceAttribute", "SecurityGroupId.1", "InvalidSecurityGroupID.NotFound"),
    ] {
        let mut left = 2;
        aws.on(action, move |call| {
            left -= i32::from(!call.param(parameter).is_empty());
            (left >= 0 && !call.param(parameter).is_empty()).then(|| error(400, code))
        });
    }
    let receipt = contain(&aws, "one").await.expect("a receipt");
    assert_eq!((receipt.status, ec2.now().is_cut_off()), (Status::Contained, true));
    assert_eq!(aws.calls_of("ec2:CreateSecurityGroup").len(), 1, "the id that EC2 gave is used");
}

#[tokio::test]
async fn a_group_that_cannot_be_emptied_is_passed_over_for_an_empty_or_a_fresh_one() {
    for has_another in [true, false] {
        let (aws, ec2) = stage().await;
        let filled = Group { egress: vec![Rule::all("0.0.0.0/0")], ..Group::isolation("sg-a", VPC_A) };
        ec2.change(|world| {
            world.interfaces.truncate(1);
            world.groups.push(filled.clone());
            let another = Group { name: "firebreak-isolation-2".to_owned(), ..Group::isolation("sg-b", VPC_A) };
            world.groups.extend(has_another.then_some(another));
        });
        aws.on("ec2:RevokeSecurityGroupEgress", |call| {
            (call.param("GroupId") == "sg-a").then(|| error(400, "OperationNotPermitted"))
        });
        let receipt = contain(&aws, "one").await.expect("a receipt");
        let after = ec2.now();
        assert_eq!((receipt.status, after.is_cut_off()), (Status::Contained, true));
        assert_eq!(*after.group("sg-a"), filled);
        let used = after.group(&after.interfaces[0].groups[0]);
        let expected = if has_another {
            "firebreak-isolation-2".to_owned()
        } else {
            format!("firebreak-isolation-{}", room::incident("one"))
        };
        assert_eq!(used.name, expected);
    }
}
