use crate::ec2::{Ec2, Interface, World};
use crate::{FIRST, INSTANCE, SECOND, VPC_A, contain, outcome, responder, stage};
use firebreak::containment::Containment;
use firebreak::fault::{Fault, FaultKind};
use firebreak::receipt::{Outcome, Step};
use firebreak::step::StepKind;
use firebreak::target::TargetKind;
use firebreak_aws::clients::MemberRole;
use firebreak_testkit::room;
use firebreak_testkit::scripted::{ScriptedAws, error};

/// Releases the instance from its recorded base, as the function `release` does.
pub(crate) async fn release(aws: &ScriptedAws, failed: &[StepKind]) -> Result<Vec<Step>, Fault> {
    Box::pin(release_past(aws, failed, vec![])).await
}

/// As [`release`], and an analyst has seen the changes with these digests.
async fn release_past(aws: &ScriptedAws, failed: &[StepKind], seen_drift: Vec<String>) -> Result<Vec<Step>, Fault> {
    let target = room::target(TargetKind::Ec2Instance, INSTANCE);
    let incident = room::incident("one");
    let mut call = responder(aws).call(&target, Containment::IsolateEc2, MemberRole::Release, &incident).await?;
    call.failed_steps = failed.iter().map(|kind| (*kind).into()).collect();
    call.seen_drift = seen_drift;
    let base = call.ledger.base(call.held()).await?.map(|(base, _)| base);
    Box::pin(isolate_ec2::release(&call, base.as_ref())).await
}

/// An isolated instance, and how everything was before.
pub(crate) async fn contained(before: impl FnOnce(&mut World)) -> (ScriptedAws, Ec2, World) {
    let (aws, ec2) = stage().await;
    ec2.change(before);
    let before = ec2.now();
    contain(&aws, "one").await.expect("a receipt");
    assert!(ec2.now().is_cut_off());
    (aws, ec2, before)
}

#[tokio::test]
async fn an_instance_is_as_it_was_and_a_second_release_finds_nothing_to_do() {
    for protected in [false, true] {
        let (aws, ec2, before) = contained(|world| world.instance.as_mut().expect("an instance").protected = protected).await;
        let steps = release(&aws, &[]).await.expect("a release");
        assert!(steps.iter().all(|step| step.outcome != Outcome::Failed), "{steps:?}");
        let after = ec2.now();
        assert_eq!((after.interfaces.clone(), after.instance.clone()), (before.interfaces, before.instance));
        assert_eq!(after.isolation_groups().len(), 2, "they stay for the next time");
        aws.forget();
        let again = release(&aws, &[]).await.expect("a release");
        assert!(again.iter().all(|step| step.outcome == Outcome::Already), "{again:?}");
        assert_eq!(aws.changes(), [""; 0]);
    }
}

#[tokio::test]
async fn what_somebody_changed_since_is_shown_once_and_left() {
    let (aws, ec2, before) = contained(|world| world.interfaces.push(Interface::new("eni-3", VPC_A, &["sg-db"]))).await;
    ec2.change(|world| {
        // One interface was moved by hand, another one was detached.
        world.interfaces[0].groups = vec!["sg-web".to_owned()];
        world.interfaces.pop();
    });
    let steps = release(&aws, &[]).await.expect("a release");
    let after = ec2.now();
    let shown: Vec<&Step> = steps.iter().filter(|step| step.is(StepKind::CheckDrift)).collect();
    assert!(shown.len() == 1 && shown[0].outcome == Outcome::Failed, "{steps:?}");
    assert!(shown[0].error.as_ref().is_some_and(|fault| fault.message.contains(FIRST)), "{shown:?}");
    assert_eq!(after.interfaces[0].groups, ["sg-web"]);
    assert_eq!(outcome(&steps, "restore-groups eni-3"), Outcome::Skipped);
    assert_eq!(outcome(&steps, &format!("restore-groups {SECOND}")), Outcome::Applied);
    assert_eq!(after.interfaces[1].groups, before.interfaces[1].groups);

    let digests = steps.iter().filter_map(|step| step.digest.clone()).collect();
    let second = release_past(&aws, &[], digests).await.expect("a release");
    assert!(second.iter().all(|step| step.outcome != Outcome::Failed), "the second release ends: {second:?}");
    assert_eq!(ec2.now().interfaces[0].groups, ["sg-web"], "theirs stays");
    let digests = second.iter().filter_map(|step| step.digest.clone()).collect();
    ec2.change(|world| world.interfaces[0].groups = vec!["sg-another".to_owned()]);
    let third = release_past(&aws, &[], digests).await.expect("a release");
    assert!(third.iter().any(|step| step.outcome == Outcome::Failed), "a later change is shown first: {third:?}");

    ec2.change(|world| world.instance = None);
    assert_eq!(release(&aws, &[]).await.expect_err("no instance").kind, FaultKind::Gone);
}

#[tokio::test]
async fn protection_that_firebreak_could_not_switch_on_is_not_its_to_switch_off() {
    let (aws, ec2, before) = contained(|_| ()).await;
    let steps = release(&aws, &[StepKind::ProtectFromTermination]).await.expect("a release");
    assert_eq!(outcome(&steps, "restore-termination-protection"), Outcome::Skipped);
    let after = ec2.now();
    assert!(after.instance.expect("an instance").protected);
    assert_eq!(after.interfaces, before.interfaces);
}

#[tokio::test]
async fn of_groups_that_were_deleted_meanwhile_the_others_are_put_back_and_the_release_says_which_is_missing() {
    let (aws, ec2, _) = contained(|_| ()).await;
    ec2.change(|world| world.groups.retain(|group| group.id != "sg-db"));
    let steps = release(&aws, &[]).await.expect("a release");
    assert_eq!(ec2.now().interfaces[0].groups, ["sg-web"]);
    let shown: Vec<&Step> = steps.iter().filter(|step| step.is(StepKind::CheckDrift)).collect();
    assert!(shown.len() == 1 && shown[0].error.as_ref().is_some_and(|fault| fault.message.contains("sg-db")), "{steps:?}");
    let digests = steps.iter().filter_map(|step| step.digest.clone()).collect();
    let second = release_past(&aws, &[], digests).await.expect("a release");
    assert!(second.iter().all(|step| step.outcome != Outcome::Failed), "{second:?}");

    let (aws, ec2, _) = contained(|_| ()).await;
    ec2.change(|world| world.groups.retain(|group| group.vpc != VPC_A || group.is_ours()));
    let steps = release(&aws, &[]).await.expect("a release");
    assert_eq!(outcome(&steps, &format!("restore-groups {FIRST}")), Outcome::Failed);
    assert!(ec2.now().group(&ec2.now().interfaces[0].groups[0]).is_ours(), "it stays isolated");
}

#[tokio::test]
async fn after_a_failed_group_the_protections_and_the_labels_stay() {
    let (aws, ec2, _) = contained(|_| ()).await;
    aws.on("ec2:ModifyNetworkInterfaceAttribute", |call| {
        (call.param("NetworkInterfaceId") == SECOND).then(|| error(403, "UnauthorizedOperation"))
    });
    let steps = release(&aws, &[]).await.expect("a release");
    assert_eq!(outcome(&steps, &format!("restore-groups {SECOND}")), Outcome::Failed);
    assert_eq!(outcome(&steps, "restore-tags"), Outcome::Skipped);
    let instance = ec2.now().instance.expect("an instance");
    assert!(instance.protected && instance.tags.contains_key("firebreak-at"));
}

#[tokio::test]
async fn groups_come_back_first_and_tags_last() {
    let (aws, _, _) = contained(|_| ()).await;
    aws.forget();
    release(&aws, &[]).await.expect("a release");
    let changes = aws.changes();
    let first = |action: &str| changes.iter().position(|known| known == action).expect(action);
    let last = |action: &str| changes.iter().rposition(|known| known == action).expect(action);
    assert!(last("ec2:ModifyNetworkInterfaceAttribute") < first("ec2:ModifyInstanceAttribute"), "{changes:?}");
    assert!(last("ec2:ModifyInstanceAttribute") < first("ec2:DeleteTags"), "{changes:?}");
}

#[tokio::test]
async fn interfaces_that_are_not_shown_are_not_taken_for_put_back() {
    let (aws, ec2, _) = contained(|_| ()).await;
    aws.always("ec2:DescribeNetworkInterfaces", error(403, "UnauthorizedOperation"));
    aws.forget();
    assert_eq!(release(&aws, &[]).await.expect_err("it sees too little").kind, FaultKind::Denied);
    assert_eq!(aws.changes(), [""; 0]);
    assert!(ec2.now().is_cut_off());
}
