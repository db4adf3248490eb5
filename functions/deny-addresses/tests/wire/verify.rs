//! `isolate-ec2` looks, with its own role: tried here as its function does.

use crate::vpc::Acl;
use crate::{ATTACKER_V6, attacker, contain, responder, stage, target};
use firebreak::containment::Containment;
use firebreak::fault::{Fault, FaultKind};
use firebreak::target::Target;
use firebreak_aws::clients::MemberRole;
use firebreak_function::containment::Checked;
use firebreak_testkit::room;
use firebreak_testkit::scripted::ScriptedAws;
use serde_json::Value;

async fn verify(aws: &ScriptedAws, target: &Target) -> Result<Checked, Fault> {
    let call = responder(aws).call(target, Containment::IsolateEc2, MemberRole::IsolateEc2, &room::incident("one")).await?;
    Box::pin(deny_addresses::verify(&call)).await
}

#[tokio::test]
async fn a_look_finds_nothing_wrong_with_what_is_denied_and_changes_nothing() {
    let (aws, _) = stage().await;
    contain(&aws, &attacker()).await.expect("a receipt");
    aws.forget();
    assert_eq!((verify(&aws, &attacker()).await, aws.changes()), (Ok(Checked::default()), vec![]));
    // The VPC has no IPv6, and nothing to deny of it.
    assert_eq!(verify(&aws, &target(&[ATTACKER_V6])).await, Ok(Checked::default()));
}

/// The look has another function's role.
#[tokio::test]
async fn the_role_of_isolate_ec2_may_read_all_that_a_look_reads() {
    let (aws, _) = stage().await;
    contain(&aws, &attacker()).await.expect("a receipt");
    aws.forget();
    verify(&aws, &attacker()).await.expect("a look");
    let policy: Value = serde_json::from_str(include_str!("../../../isolate-ec2/member-policy.json")).expect("JSON");
    let statements = policy["Statement"].as_array().expect("statements");
    let allows = statements.iter().filter(|statement| statement["Effect"] == "Allow" && statement["Resource"] == "*");
    let allowed: Vec<&Value> = allows.filter_map(|statement| statement["Action"].as_array()).flatten().collect();
    let calls: Vec<String> = aws.calls().iter().filter(|call| call.service == "ec2").map(|call| call.operation.clone()).collect();
    assert!(calls.len() > 2, "{calls:?}");
    for call in calls {
        assert!(allowed.iter().any(|action| **action == format!("ec2:{call}")), "{call}: {allowed:?}");
    }
}

#[tokio::test]
async fn an_entry_that_somebody_took_away_or_went_around_is_told() {
    let (aws, vpc) = stage().await;
    contain(&aws, &attacker()).await.expect("a receipt");
    vpc.change(|world| {
        world.acls[0].rules.retain(|rule| (rule.egress, rule.number) != (true, 1));
        // Another network ACL for one of the subnets, and an interface in a third one.
        world.acls[1].subnets.clear();
        world.acls.push(Acl::open("acl-3", &["subnet-b"]));
        world.acls.push(Acl::open("acl-4", &["subnet-c"]));
        world.subnets.push("subnet-c");
    });
    let problems = verify(&aws, &attacker()).await.expect("a look").problems;
    for line in [
        "acl-1 does not deny 203.0.113.7 outbound",
        "acl-3 does not deny 203.0.113.7 inbound",
        "acl-4 does not deny 203.0.113.7 outbound",
        "somebody gave subnet-b the network ACL acl-3 in place of acl-2",
    ] {
        assert!(problems.iter().any(|problem| problem == line), "{line}: {problems:?}");
    }
    assert!(!problems.iter().any(|problem| problem.contains("acl-1 does not deny 203.0.113.7 inbound")), "{problems:?}");
}

#[tokio::test]
async fn an_instance_that_is_gone_is_gone() {
    let (aws, vpc) = stage().await;
    contain(&aws, &attacker()).await.expect("a receipt");
    vpc.change(|world| world.subnets.clear());
    assert_eq!(verify(&aws, &attacker()).await.expect_err("no instance").kind, FaultKind::Gone);
}
