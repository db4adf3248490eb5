use crate::balancing_aws::{Balancers, Balancing, target};
use crate::release::release;
use crate::{INSTANCE, base, contain, outcome, stage, verify};
use firebreak::containment::Containment;
use firebreak::receipt::{Outcome, Status};
use firebreak::target::TargetKind;
use firebreak_testkit::room;
use firebreak_testkit::scripted::error;

const STEPS: [&str; 3] = ["shop port 80", "shop port 8080", "old (classic)"];

/// Whether any balancer sends the instance traffic.
fn has_it(all: &Balancers) -> bool {
    all.groups.values().flatten().any(|(id, _)| id == INSTANCE) || all.classic.values().flatten().any(|id| id == INSTANCE)
}

#[tokio::test]
async fn it_leaves_every_balancer_and_a_release_puts_it_back_with_its_ports() {
    let (aws, _) = stage().await;
    let balancing = Balancing::with_instance(&aws);
    let before = balancing.now();
    let receipt = contain(&aws, "one").await.expect("a receipt");
    assert_eq!(receipt.status, Status::Contained, "{receipt:?}");
    let after = balancing.now();
    assert!(!has_it(&after), "{after:?}");
    assert_eq!(after.groups["other"], before.groups["other"]);
    assert_eq!(after.groups["shop"].len() + after.classic["old"].len(), 2, "others stay");
    for name in STEPS {
        assert_eq!(outcome(&receipt.steps, &format!("leave-balancer {name}")), Outcome::Applied);
    }
    assert_eq!(base(&aws).expect("a base").registrations.len(), 3);

    let steps = release(&aws, &[]).await.expect("a release");
    assert!(steps.iter().all(|step| step.outcome != Outcome::Failed), "{steps:?}");
    assert_eq!(balancing.now(), before);
    let again = release(&aws, &[]).await.expect("a release");
    for name in STEPS {
        assert_eq!(outcome(&again, &format!("join-balancer {name}")), Outcome::Already);
    }
}

#[tokio::test]
async fn a_hundred_target_groups_are_looked_through_and_the_rest_is_said() {
    let (aws, ec2) = stage().await;
    let balancing = Balancing::with_instance(&aws);
    balancing.change(|all| {
        for number in 0..99 {
            all.groups.insert(format!("a-{number:03}"), [target("i-0fedcba9876543210", "80")].into());
        }
    });
    let receipt = contain(&aws, "one").await.expect("a receipt");
    assert_eq!(aws.calls_of("elasticloadbalancing:DescribeTargetHealth").len(), 100);
    assert_eq!((receipt.status, ec2.now().is_cut_off()), (Status::Contained, true));
    let said: Vec<String> = receipt.steps.iter().filter_map(firebreak::receipt::Step::says).collect();
    assert!(said.iter().any(|line| line.contains("target groups after the first 100")), "{said:?}");
}

#[tokio::test]
async fn balancers_that_cannot_be_read_cost_no_isolation_and_are_said() {
    for action in ["DescribeTargetGroups", "DescribeTargetHealth", "DescribeLoadBalancers"] {
        let (aws, ec2) = stage().await;
        Balancing::with_instance(&aws);
        aws.always(&format!("elasticloadbalancing:{action}"), error(403, "AccessDenied"));
        let receipt = contain(&aws, "one").await.expect("a receipt");
        assert!(ec2.now().is_cut_off(), "{action}");
        let said: Vec<String> = receipt.steps.iter().filter_map(firebreak::receipt::Step::says).collect();
        assert!(said.iter().any(|line| line.contains("load balancers not looked through")), "{action}: {said:?}");
    }
}

#[tokio::test]
async fn a_look_takes_it_out_again() {
    let (aws, _) = stage().await;
    let balancing = Balancing::with_instance(&aws);
    let before = balancing.now();
    contain(&aws, "one").await.expect("a receipt");
    balancing.change(|all| *all = before.clone());
    let check = verify(&aws, "one").await.expect("a look");
    assert!(!has_it(&balancing.now()), "{check:?}");
    assert_eq!(check.reverted.len(), 3, "{check:?}");
}

#[tokio::test]
async fn a_balancer_that_is_gone_is_told_and_one_that_could_not_be_left_is_not_joined() {
    let (aws, _) = stage().await;
    let balancing = Balancing::with_instance(&aws);
    aws.on("elasticloadbalancing:DeregisterTargets", |call| {
        (call.param("Targets.member.1.Port") == "80").then(|| error(403, "AccessDenied"))
    });
    let receipt = contain(&aws, "one").await.expect("a receipt");
    assert_eq!(outcome(&receipt.steps, "leave-balancer shop port 80"), Outcome::Failed);
    assert_eq!(outcome(&receipt.steps, "leave-balancer shop port 8080"), Outcome::Applied);
    balancing.change(|all| all.classic.clear());
    let steps = release(&aws, &[]).await.expect("a release");
    let old = steps.iter().find(|step| step.name.as_str() == "join-balancer old (classic)").expect("a step");
    assert!(old.outcome == Outcome::Skipped && old.error.is_some(), "{old:?}");
    assert_eq!(outcome(&steps, "join-balancer shop port 80"), Outcome::Already);
    assert_eq!(outcome(&steps, "join-balancer shop port 8080"), Outcome::Applied);
}

/// A release takes the instance only into what the receipt says it was taken out of.
#[tokio::test]
async fn what_aws_carried_out_without_an_answer_a_look_keeps_as_done() {
    let (aws, _) = stage().await;
    let balancing = Balancing::with_instance(&aws);
    let serving = balancing.clone();
    aws.on("elasticloadbalancing:DeregisterTargets", move |call| {
        let is_late = call.param("Targets.member.1.Port") == "80";
        if is_late {
            serving.change(|all| {
                all.groups.get_mut("shop").expect("a group").remove(&target(INSTANCE, "80"));
            });
        }
        is_late.then(|| error(503, "ServiceUnavailable"))
    });
    let name = "leave-balancer shop port 80";
    let receipt = contain(&aws, "one").await.expect("a receipt");
    assert_eq!(outcome(&receipt.steps, name), Outcome::Failed);
    verify(&aws, "one").await.expect("a look");
    let target = room::target(TargetKind::Ec2Instance, INSTANCE);
    let receipt = room::ledger(&aws).receipt(&room::incident("one"), Containment::IsolateEc2, &target).await.expect("read");
    assert_eq!(outcome(&receipt.expect("a receipt").steps, name), Outcome::Applied);
}
