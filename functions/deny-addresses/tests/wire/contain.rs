use crate::vpc::{Acl, rule};
use crate::{ATTACKER, ATTACKER_V6, attacker, base, contain, outcomes, responder, stage, target, told};
use deny_addresses::Function;
use firebreak::fault::FaultKind;
use firebreak::policy::Policy;
use firebreak::receipt::{Outcome, Status};
use firebreak::task::{Phase, TaskInput};
use firebreak_testkit::room;
use firebreak_testkit::scripted::{Call, error};

const HOST: &str = "203.0.113.7/32";

#[tokio::test]
async fn an_address_is_denied_in_both_directions_in_every_subnet_and_no_other_entry_is_touched() {
    let (aws, vpc) = stage().await;
    let before = vpc.now();
    let receipt = contain(&aws, &attacker()).await.expect("a receipt");
    assert_eq!((receipt.status, vpc.denies(&[HOST])), (Status::Contained, true), "{receipt:?}");
    let after = vpc.now();
    for (acl, old) in after.acls.iter().zip(&before.acls) {
        assert_eq!(acl.denied(), [(false, 1, HOST), (true, 1, HOST)]);
        assert_eq!(acl.rules[..old.rules.len()], old.rules);
    }
    let names: Vec<&str> = receipt.steps.iter().map(|step| step.name.as_str()).collect();
    assert!(names.contains(&"deny-addresses acl-1 of subnet-a, subnet-other"), "who shares it is told: {names:?}");
    let recorded = base(&aws).await.expect("a base");
    let counts: Vec<_> = recorded.acls.iter().map(|acl| (acl.id.as_str(), acl.before.len(), acl.ours.len())).collect();
    assert_eq!(counts, [("acl-1", 4, 2), ("acl-2", 4, 2)]);
    assert_eq!(aws.unknown(), [""; 0]);
}

#[tokio::test]
async fn a_second_run_finds_everything_done() {
    let (aws, vpc) = stage().await;
    contain(&aws, &attacker()).await.expect("a receipt");
    let first = vpc.now();
    aws.forget();
    let receipt = contain(&aws, &attacker()).await.expect("a receipt");
    assert_eq!(outcomes(&receipt.steps, "deny-addresses"), [Outcome::Already, Outcome::Already]);
    assert_eq!((aws.changes(), vpc.now()), (vec![], first));
}

#[tokio::test]
async fn nobody_is_locked_out_of_the_vpc_itself() {
    let (aws, vpc) = stage().await;
    // A VPC can have public ranges of its own.
    vpc.change(|world| world.ranges = vec!["10.0.0.0/16", "198.51.100.0/24"]);
    let wanted = target(&["10.0.0.2", "169.254.169.253", "192.168.0.1", "198.51.100.9", "fd00:ec2::253", ATTACKER_V6, ATTACKER]);
    contain(&aws, &wanted).await.expect("a receipt");
    assert!(vpc.now().acls.iter().all(|acl| acl.denied() == [(false, 1, HOST), (true, 1, HOST)]), "{:?}", vpc.now());
    let (aws, vpc) = stage().await;
    let receipt = contain(&aws, &target(&["10.0.0.2"])).await.expect("a receipt");
    assert_eq!((receipt.status, aws.changes()), (Status::Failed, vec![]), "{receipt:?}");
    vpc.change(|world| {
        world.ranges = vec!["10.0.0.0/16", "2600:1f18::/56"];
        let everybody = [false, true].map(|egress| rule(egress, 101, "::/0", false));
        world.acls.iter_mut().for_each(|acl| acl.rules.extend(everybody.clone()));
    });
    let receipt = contain(&aws, &target(&[ATTACKER_V6])).await.expect("a receipt");
    assert_eq!((receipt.status, vpc.denies(&["2001:db8::7/128"])), (Status::Contained, true), "{receipt:?}");
}

#[tokio::test]
async fn a_number_is_below_the_first_allow_and_what_has_no_room_says_so() {
    let (aws, vpc) = stage().await;
    vpc.change(|world| {
        world.acls[0].rules.push(rule(false, 1, "192.0.2.0/24", true));
        // Nothing is free below the first entry that allows the address.
        world.acls[1].rules.push(rule(true, 1, "203.0.113.0/24", false));
    });
    let receipt = contain(&aws, &attacker()).await.expect("a receipt");
    let now = vpc.now();
    assert_eq!(now.acls[0].denied(), [(false, 2, HOST), (true, 1, HOST)]);
    assert_eq!(now.acls[1].denied(), [(false, 1, HOST)], "the other direction is denied all the same");
    assert_eq!(receipt.status, Status::Partial);
    assert!(told(&receipt.steps).contains("no outbound number is free"), "{}", told(&receipt.steps));
}

#[tokio::test]
async fn a_full_network_acl_keeps_no_other_one_from_denying() {
    let (aws, vpc) = stage().await;
    vpc.change(|world| {
        let more = (2..21).map(|number| rule(false, 100 + number, "10.0.0.0/8", false));
        world.acls[0].rules.extend(more);
    });
    let receipt = contain(&aws, &attacker()).await.expect("a receipt");
    assert_eq!(receipt.status, Status::Partial);
    assert!(told(&receipt.steps).contains("Rules per network ACL"), "{}", told(&receipt.steps));
    assert_eq!(vpc.now().acls[1].denied(), [(false, 1, HOST), (true, 1, HOST)]);
}

#[tokio::test]
async fn what_is_denied_already_is_left_and_not_recorded_as_ours() {
    let (aws, vpc) = stage().await;
    vpc.change(|world| {
        for acl in &mut world.acls {
            acl.rules.extend([false, true].map(|egress| rule(egress, 50, "203.0.113.0/24", true)));
        }
    });
    let receipt = contain(&aws, &attacker()).await.expect("a receipt");
    assert_eq!((receipt.status, aws.changes()), (Status::Contained, vec![]));
    assert!(base(&aws).await.expect("a base").acls.iter().all(|acl| acl.ours.is_empty()));
}

#[tokio::test]
async fn a_number_that_somebody_takes_meanwhile_is_tried_again_with_another_one() {
    let (aws, vpc) = stage().await;
    let thief = vpc.clone();
    aws.on("ec2:CreateNetworkAclEntry", move |_| {
        thief.change(|world| {
            let rules = &mut world.acls[0].rules;
            let theirs = rule(false, 1, "192.0.2.1/32", true);
            if !rules.iter().any(|rule| (rule.egress, rule.number) == (false, 1)) {
                rules.push(theirs);
            }
        });
        None
    });
    let first = contain(&aws, &attacker()).await.expect_err("worth another try");
    assert_eq!(first.kind, FaultKind::Transient, "{first}");
    assert_eq!(contain(&aws, &attacker()).await.expect("a receipt").status, Status::Contained);
    assert!(vpc.denies(&[HOST]), "{:?}", vpc.now());
    let ours = base(&aws).await.expect("a base").acls[0].ours.clone();
    assert_eq!(ours.len(), 2, "the number of somebody else is not ours to delete: {ours:?}");
}

#[tokio::test]
async fn a_subnet_of_another_account_and_an_instance_that_is_gone_are_told() {
    let (aws, vpc) = stage().await;
    vpc.change(|world| world.acls.retain(|acl| acl.id == "acl-2"));
    let receipt = contain(&aws, &attacker()).await.expect("a receipt");
    assert!(receipt.status == Status::Partial && told(&receipt.steps).contains("another account"), "{receipt:?}");
    vpc.change(|world| world.subnets.clear());
    assert_eq!(contain(&aws, &attacker()).await.expect_err("no instance").kind, FaultKind::Gone);
}

#[tokio::test]
async fn without_a_record_nothing_is_denied() {
    let (aws, vpc) = stage().await;
    let records = |call: &Call| call.params["ExpressionAttributeValues"].get(":doc").is_some();
    aws.on("dynamodb:UpdateItem", move |call| records(call).then(|| error(400, "AccessDeniedException")));
    let receipt = contain(&aws, &attacker()).await.expect("a receipt");
    assert_eq!((receipt.status, aws.changes()), (Status::Failed, vec![]));
    assert_eq!(vpc.now().acls[1], Acl::open("acl-2", &["subnet-b"]));
}

/// Neither function does the other's work: each would need the other's role.
#[tokio::test]
async fn remote_addresses_after_an_approval_and_nothing_else_are_for_deny_addresses() {
    let (aws, _) = stage().await;
    let approved = |phase, target| TaskInput { approved: true, ..room::request(phase, "one", target) };
    let whole = attacker().whole();
    let unasked = room::request(Phase::Contain, "one", attacker());
    for request in [approved(Phase::Verify, attacker()), approved(Phase::Contain, whole), unasked] {
        let refused = Box::pin(Function::new(responder(&aws)).handle(request)).await;
        assert_eq!(refused.expect_err("nobody approved it, or isolate-ec2 does it").kind, FaultKind::Bug);
    }
    let request = approved(Phase::Contain, attacker());
    let own = Box::pin(isolate_ec2::Function::new(responder(&aws), Policy::unrestricted()).handle(request)).await;
    assert_eq!(own.expect_err("another function denies them").kind, FaultKind::Bug);
    assert!(aws.calls().is_empty(), "{:?}", aws.calls());
}
