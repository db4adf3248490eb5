use crate::autoscaling_aws::{AutoScaling, GROUP};
use crate::balancing_aws::{Balancing, arn};
use crate::release::release;
use crate::{INSTANCE, base, contain, outcome, stage, verify};
use firebreak::receipt::{Outcome, Status, Step};
use firebreak::step::StepKind;
use firebreak_testkit::scripted::ScriptedAws;
use std::time::Duration;

/// All that the steps say to people.
fn said(steps: &[Step]) -> String {
    steps.iter().filter_map(Step::says).collect::<Vec<_>>().join("\n")
}

/// Where in the order of calls an action first is.
fn first(aws: &ScriptedAws, action: &str) -> usize {
    aws.calls().iter().position(|call| call.action() == action).expect(action)
}

#[tokio::test]
async fn a_member_goes_on_standby_before_it_is_cut_off_and_its_group_starts_a_replacement() {
    let (aws, ec2) = stage().await;
    let scaling = AutoScaling::with_member(&aws, "InService");
    let receipt = contain(&aws, "one").await.expect("a receipt");
    let group = scaling.now();
    assert_eq!((group.lifecycle, group.protected, group.desired), (Some("Standby"), true, 2));
    assert_eq!((receipt.status, ec2.now().is_cut_off()), (Status::Contained, true));
    assert_eq!(outcome(&receipt.steps, &format!("enter-standby {GROUP}")), Outcome::Applied);
    let (standby, swap) = (first(&aws, "autoscaling:EnterStandby"), first(&aws, "ec2:ModifyNetworkInterfaceAttribute"));
    assert!(standby < swap, "a group terminates what fails its health check");
    let known = base(&aws).expect("a base").scaling.expect("a membership");
    let known = (known.group.as_str(), known.lifecycle.as_str(), known.protected_from_scale_in);
    assert_eq!(known, (GROUP, "InService", false));

    aws.forget();
    let again = contain(&aws, "one").await.expect("a receipt");
    assert_eq!(outcome(&again.steps, &format!("enter-standby {GROUP}")), Outcome::Already);
    assert!(aws.changes().iter().all(|change| !change.starts_with("autoscaling:")), "{:?}", aws.changes());
}

#[tokio::test]
async fn a_release_takes_it_back_into_service_and_says_that_the_capacity_rose() {
    let (aws, _) = stage().await;
    let scaling = AutoScaling::with_member(&aws, "InService");
    contain(&aws, "one").await.expect("a receipt");
    let steps = release(&aws, &[]).await.expect("a release");
    let group = scaling.now();
    assert_eq!((group.lifecycle, group.protected, group.desired), (Some("Pending"), false, 3));
    assert!(steps.iter().all(|step| step.outcome != Outcome::Failed), "{steps:?}");
    assert!(said(&steps).contains("raised the desired capacity"), "{steps:?}");
    let again = release(&aws, &[]).await.expect("a release");
    assert_eq!(outcome(&again, &format!("exit-standby {GROUP}")), Outcome::Already);
    assert_eq!(scaling.now(), group);
}

#[tokio::test]
async fn above_the_maximum_it_stays_on_standby_until_a_person_raises_it_and_nothing_is_lowered() {
    let (aws, _) = stage().await;
    let scaling = AutoScaling::with_member(&aws, "InService");
    contain(&aws, "one").await.expect("a receipt");
    scaling.change(|group| group.max = 2);
    let steps = release(&aws, &[]).await.expect("a release");
    assert_eq!(outcome(&steps, &format!("exit-standby {GROUP}")), Outcome::Failed);
    let command = format!("aws autoscaling update-auto-scaling-group --auto-scaling-group-name {GROUP} --max-size 3");
    assert!(said(&steps).contains(&command), "{steps:?}");
    let group = scaling.now();
    assert_eq!((group.lifecycle, group.desired, group.max), (Some("Standby"), 2, 2));
    scaling.change(|group| group.max = 3);
    let steps = release(&aws, &[]).await.expect("a release");
    assert_eq!(outcome(&steps, &format!("exit-standby {GROUP}")), Outcome::Applied);
}

#[tokio::test]
async fn while_it_stays_on_standby_the_balancers_of_its_group_send_it_nothing() {
    let (aws, _) = stage().await;
    let (scaling, balancing) = (AutoScaling::with_member(&aws, "InService"), Balancing::with_instance(&aws));
    scaling.change(|group| group.target_group = Some(arn("shop")));
    contain(&aws, "one").await.expect("a receipt");
    let max = scaling.now().max;
    scaling.change(|group| group.max = 2);
    let steps = release(&aws, &[]).await.expect("a release");
    let is_in = |targets: &str| balancing.now().groups[targets].iter().any(|(id, _)| id == INSTANCE);
    assert!(!is_in("shop"), "{steps:?}");
    assert!(said(&steps).contains("while it is on standby"), "{steps:?}");
    assert_eq!(outcome(&steps, "join-balancer old (classic)"), Outcome::Applied, "what is not the group's");

    scaling.change(|group| group.max = max);
    release(&aws, &[]).await.expect("a release");
    assert!(is_in("shop"));
}

#[tokio::test]
async fn the_swap_waits_for_standby_and_for_nothing_else_of_auto_scaling() {
    let (aws, ec2) = stage().await;
    AutoScaling::with_member(&aws, "InService");
    let late = Duration::from_millis(250);
    aws.delay_call("autoscaling:SetInstanceProtection", 1, late);
    aws.delay_call("autoscaling:DescribeInstanceRefreshes", 1, late);
    contain(&aws, "one").await.expect("a receipt");
    assert!(ec2.now().is_cut_off());
    let swapped = aws.calls_of("ec2:ModifyNetworkInterfaceAttribute")[0].arrived_at;
    for action in ["autoscaling:SetInstanceProtection", "autoscaling:DescribeInstanceRefreshes"] {
        assert!(aws.calls_of(action)[0].answered_at.is_some_and(|answered| swapped < answered), "{action}");
    }
}

#[tokio::test]
async fn in_every_other_state_it_is_isolated_all_the_same_and_the_receipt_says_what_is_lost() {
    for lifecycle in ["Pending:Wait", "Terminating:Wait", "Warmed:Running", "Detached", "Quarantined"] {
        let (aws, ec2) = stage().await;
        let scaling = AutoScaling::with_member(&aws, lifecycle);
        let receipt = contain(&aws, "one").await.expect("a receipt");
        assert_eq!((receipt.status, ec2.now().is_cut_off()), (Status::Contained, true), "{lifecycle}");
        assert_eq!(outcome(&receipt.steps, &format!("enter-standby {GROUP}")), Outcome::Skipped, "{lifecycle}");
        assert!(said(&receipt.steps).contains(lifecycle), "{lifecycle}: {receipt:?}");
        assert_eq!((scaling.now().lifecycle, scaling.now().protected), (Some(lifecycle), false));
    }
}

#[tokio::test]
async fn an_answer_that_is_lost_is_no_failure() {
    let (aws, _) = stage().await;
    let scaling = AutoScaling::with_member(&aws, "InService");
    aws.delay_call("autoscaling:EnterStandby", 1, Duration::from_millis(500));
    let receipt = contain(&aws, "one").await.expect("a receipt");
    assert_eq!(outcome(&receipt.steps, &format!("enter-standby {GROUP}")), Outcome::Applied);
    aws.delay_call("autoscaling:ExitStandby", 1, Duration::from_millis(500));
    let steps = release(&aws, &[]).await.expect("a release");
    assert_eq!(outcome(&steps, &format!("exit-standby {GROUP}")), Outcome::Applied);
    assert_eq!(scaling.now().desired, 3, "once");
}

#[tokio::test]
async fn what_cannot_be_read_or_written_leaves_no_instance_on_the_network() {
    for action in ["autoscaling:DescribeAutoScalingInstances", "autoscaling:EnterStandby", "autoscaling:SetInstanceProtection"] {
        let (aws, ec2) = stage().await;
        AutoScaling::with_member(&aws, "InService");
        aws.always(action, firebreak_testkit::scripted::error(403, "AccessDenied"));
        let receipt = contain(&aws, "one").await.expect("a receipt");
        assert!(ec2.now().is_cut_off(), "{action}");
        assert!(receipt.steps.iter().any(|step| step.error.is_some()), "{action}: {receipt:?}");
    }
}

#[tokio::test]
async fn a_look_puts_it_on_standby_again_and_says_who_took_it_off() {
    let (aws, _) = stage().await;
    let scaling = AutoScaling::with_member(&aws, "InService");
    contain(&aws, "one").await.expect("a receipt");
    scaling.change(|group| (group.lifecycle, group.protected) = (Some("InService"), false));
    let check = verify(&aws, "one").await.expect("a look");
    let group = scaling.now();
    assert_eq!((group.lifecycle, group.protected), (Some("Standby"), true));
    assert_eq!(check.reverted.len(), 2, "{check:?}");
    let check = verify(&aws, "one").await.expect("a look");
    assert!(check.holds && check.reverted.len() == 2, "it is told once: {check:?}");
}

#[tokio::test]
async fn a_look_makes_up_for_what_the_containment_could_not_do_and_blames_nobody() {
    let (aws, _) = stage().await;
    let scaling = AutoScaling::with_member(&aws, "InService");
    aws.always("autoscaling:EnterStandby", firebreak_testkit::scripted::error(400, "ScalingActivityInProgress"));
    contain(&aws, "one").await.expect("a receipt");
    aws.mend();
    let check = verify(&aws, "one").await.expect("a look");
    assert_eq!(scaling.now().lifecycle, Some("Standby"));
    assert_eq!(check.reverted, [""; 0]);
}

#[tokio::test]
async fn a_membership_that_ended_meanwhile_is_told_and_not_made_again() {
    let (aws, _) = stage().await;
    let scaling = AutoScaling::with_member(&aws, "InService");
    contain(&aws, "one").await.expect("a receipt");
    scaling.change(|group| group.lifecycle = None);
    let check = verify(&aws, "one").await.expect("a look");
    assert!(check.holds && check.notes.iter().any(|note| note.contains("no longer a member")), "{check:?}");
    let steps = release(&aws, &[]).await.expect("a release");
    assert_eq!(outcome(&steps, &format!("exit-standby {GROUP}")), Outcome::Skipped);
    assert!(said(&steps).contains("no longer a member"), "{steps:?}");
    assert_eq!(scaling.now().lifecycle, None);
}

#[tokio::test]
async fn an_instance_refresh_that_terminates_what_is_on_standby_is_said() {
    for (standby, is_said) in [("Terminate", true), ("Ignore", false), ("Wait", false)] {
        let (aws, _) = stage().await;
        let scaling = AutoScaling::with_member(&aws, "InService");
        scaling.change(|group| group.refresh = Some(standby));
        let receipt = contain(&aws, "one").await.expect("a receipt");
        let notes: Vec<&Step> = receipt.steps.iter().filter(|step| step.is(StepKind::NoteVolatile)).collect();
        assert_eq!(said(&receipt.steps).contains("cancel-instance-refresh"), is_said, "{standby}: {notes:?}");
    }
}
