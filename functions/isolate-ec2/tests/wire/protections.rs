use crate::ec2::{Instance, Volume};
use crate::release::{contained, release};
use crate::{base, contain, outcome, stage, verify};
use firebreak::receipt::{Outcome, Status};
use firebreak::step::StepKind;
use firebreak_testkit::scripted::{Call, error};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

const VOLUMES: [(&str, &str, bool); 3] =
    [("/dev/xvda", "vol-root", true), ("/dev/sdf", "vol-data", false), ("/dev/sdg", "vol-scratch", true)];

/// An instance that a shutdown from inside terminates, with two volumes of three.
fn fragile(instance: &mut Instance) {
    instance.shutdown = "terminate";
    let volume = |(device, id, delete_on_termination): (&str, &str, bool)| Volume {
        device: device.to_owned(),
        id: id.to_owned(),
        delete_on_termination,
    };
    instance.volumes = VOLUMES.map(volume).into();
}

fn changes_volumes(call: &&Call) -> bool {
    !call.param("BlockDeviceMapping.1.DeviceName").is_empty()
}

#[tokio::test]
async fn nothing_from_outside_or_inside_ends_it_and_a_release_puts_back_what_was_changed() {
    let (aws, ec2, before) = contained(|world| fragile(world.instance.as_mut().expect("an instance"))).await;
    let now = ec2.now().instance.expect("an instance");
    assert_eq!((now.stop_protected, now.shutdown), (true, "stop"));
    assert!(now.volumes.iter().all(|volume| !volume.delete_on_termination), "{now:?}");
    let modified = aws.calls_of("ec2:ModifyInstanceAttribute");
    assert_eq!(modified.iter().filter(changes_volumes).count(), 1, "one call for all volumes");
    let known = base(&aws).expect("a base").protections.expect("protections");
    assert_eq!((known.stop, known.shutdown.as_deref(), known.volumes.len()), (Some(false), Some("terminate"), 3));

    let steps = release(&aws, &[]).await.expect("a release");
    assert!(steps.iter().all(|step| step.outcome != Outcome::Failed), "{steps:?}");
    assert_eq!(ec2.now().instance, before.instance);
    assert_eq!(outcome(&steps, "restore-volume vol-root"), Outcome::Applied);
    assert_eq!(outcome(&steps, "restore-volume vol-data"), Outcome::Already);
}

#[tokio::test]
async fn what_was_on_before_stays_on() {
    let on = |instance: &mut Instance| {
        fragile(instance);
        (instance.stop_protected, instance.shutdown) = (true, "stop");
        instance.volumes.iter_mut().for_each(|volume| volume.delete_on_termination = false);
    };
    let (aws, ec2, before) = contained(|world| on(world.instance.as_mut().expect("an instance"))).await;
    release(&aws, &[]).await.expect("a release");
    assert_eq!(ec2.now().instance, before.instance);
}

#[tokio::test]
async fn an_attribute_that_the_instance_does_not_have_is_left_out() {
    let (aws, ec2) = stage().await;
    ec2.change_instance(fragile);
    aws.on("ec2:ModifyInstanceAttribute", |call| {
        let is_missing =
            ["DisableApiStop.Value", "InstanceInitiatedShutdownBehavior.Value"].iter().any(|name| !call.param(name).is_empty());
        is_missing.then(|| error(400, "UnsupportedOperation"))
    });
    let receipt = contain(&aws, "one").await.expect("a receipt");
    assert_eq!(receipt.status, Status::Contained, "{receipt:?}");
    assert_eq!(outcome(&receipt.steps, "protect-from-stop"), Outcome::Skipped);
    assert_eq!(outcome(&receipt.steps, "stop-on-shutdown"), Outcome::Skipped);
    assert_eq!(outcome(&receipt.steps, "keep-volume vol-root"), Outcome::Applied);
    let check = verify(&aws, "one").await.expect("a look");
    assert!(check.holds, "it is not missed at every look: {check:?}");
}

#[tokio::test]
async fn a_volume_that_ec2_refuses_does_not_cost_the_others() {
    let (aws, ec2) = stage().await;
    ec2.change_instance(fragile);
    aws.on("ec2:ModifyInstanceAttribute", |call| {
        let names = ["BlockDeviceMapping.1.DeviceName", "BlockDeviceMapping.2.DeviceName"];
        names.iter().any(|name| call.param(name) == "/dev/sdg").then(|| error(400, "InvalidInstanceAttributeValue"))
    });
    let receipt = contain(&aws, "one").await.expect("a receipt");
    assert_eq!(outcome(&receipt.steps, "keep-volume vol-root"), Outcome::Applied);
    assert_eq!(outcome(&receipt.steps, "keep-volume vol-scratch"), Outcome::Failed);
    assert!(ec2.now().is_cut_off());
}

#[tokio::test]
async fn a_look_switches_on_again_what_somebody_switched_off() {
    let (aws, ec2, _) = contained(|world| fragile(world.instance.as_mut().expect("an instance"))).await;
    let safe = ec2.now().instance;
    ec2.change_instance(|instance| {
        (instance.stop_protected, instance.shutdown) = (false, "terminate");
        instance.volumes[0].delete_on_termination = true;
    });
    let check = verify(&aws, "one").await.expect("a look");
    assert_eq!(ec2.now().instance, safe);
    assert_eq!(check.reverted.len(), 3, "{check:?}");
}

/// What cannot be put back is not written, and what is written later is recorded first.
#[tokio::test]
async fn what_was_not_read_at_first_no_look_writes_and_the_next_run_records_and_a_release_puts_back() {
    let (aws, ec2) = stage().await;
    ec2.change_instance(fragile);
    let before = ec2.now().instance;
    let is_broken = Arc::new(AtomicBool::new(true));
    let asked = is_broken.clone();
    aws.on("ec2:DescribeInstanceAttribute", move |call| {
        let is_unread = asked.load(Relaxed) && call.param("Attribute") != "disableApiTermination";
        is_unread.then(|| error(403, "UnauthorizedOperation"))
    });
    contain(&aws, "one").await.expect("a receipt");
    is_broken.store(false, Relaxed);
    let check = verify(&aws, "one").await.expect("a look");
    let now = ec2.now().instance.expect("an instance");
    assert_eq!((now.stop_protected, now.shutdown), (false, "terminate"), "{check:?}");
    assert!(check.notes.iter().any(|note| note.contains("stop protection is off")), "{check:?}");

    let volume = Volume { device: "/dev/sdh".to_owned(), id: "vol-later".to_owned(), delete_on_termination: true };
    ec2.change_instance(|instance| instance.volumes.push(volume.clone()));
    contain(&aws, "two").await.expect("a receipt");
    assert!(ec2.now().instance.expect("an instance").stop_protected);
    release(&aws, &[]).await.expect("a release");
    let mut before = before.expect("an instance");
    before.volumes.push(volume);
    assert_eq!(ec2.now().instance, Some(before));
}

#[tokio::test]
async fn what_firebreak_could_not_change_is_not_its_to_undo() {
    let (aws, ec2, _) = contained(|world| fragile(world.instance.as_mut().expect("an instance"))).await;
    let steps = release(&aws, &[StepKind::ProtectFromStop, StepKind::StopOnShutdown]).await.expect("a release");
    assert_eq!(outcome(&steps, "restore-stop-protection"), Outcome::Skipped);
    let now = ec2.now().instance.expect("an instance");
    assert_eq!((now.stop_protected, now.shutdown), (true, "stop"));
}
