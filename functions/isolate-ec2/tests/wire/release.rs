use crate::ec2::{Ec2, Interface, World};
use crate::{FIRST, INSTANCE, SECOND, VPC_A, contain, outcome, responder, stage};
use firebreak::containment::Containment;
use firebreak::fault::{Fault, FaultKind};
use firebreak::receipt::{Outcome, Step};
use firebreak::step::StepKind;
use firebreak::target::TargetKind;
use firebreak_aws::clients::MemberRole;
use firebreak_testkit::room;
use firebreak_testkit::scripted::ScriptedAws;

/// Releases the instance from its recorded base, as the function `release` does.
pub(crate) async fn release(aws: &ScriptedAws, failed: &[StepKind]) -> Result<Vec<Step>, Fault> {
    let target = room::target(TargetKind::Ec2Instance, INSTANCE);
    let incident = room::incident("one");
    let mut call = responder(aws).call(&target, Containment::IsolateEc2, MemberRole::Release, &incident).await?;
    call.failed_steps = failed.iter().map(|kind| (*kind).into()).collect();
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
async fn what_somebody_changed_since_is_left_and_said() {
    let (aws, ec2, before) = contained(|world| world.interfaces.push(Interface::new("eni-3", VPC_A, &["sg-db"]))).await;
    ec2.change(|world| {
        // One interface was moved by hand, another one was detached.
        world.interfaces[0].groups = vec!["sg-web".to_owned()];
        world.interfaces.pop();
    });
    let steps = release(&aws, &[]).await.expect("a release");
    let after = ec2.now();
    assert_eq!(outcome(&steps, &format!("restore-groups {FIRST}")), Outcome::Failed);
    assert_eq!(after.interfaces[0].groups, ["sg-web"]);
    assert_eq!(outcome(&steps, "restore-groups eni-3"), Outcome::Skipped);
    assert_eq!(outcome(&steps, &format!("restore-groups {SECOND}")), Outcome::Applied);
    assert_eq!(after.interfaces[1], before.interfaces[1]);

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
