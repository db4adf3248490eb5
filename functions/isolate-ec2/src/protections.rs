//! Keeps an instance from being stopped, a shutdown from inside from terminating it, and its volumes from going with it.
//!
//! EC2 takes one attribute in each call (EC2 API reference, `ModifyInstanceAttribute`). All volumes go in one.

use crate::again::{Lost, merged};
use crate::base::{BaseState, Protections, Volume};
use aws_sdk_ec2::Client;
use aws_sdk_ec2::operation::describe_instance_attribute::DescribeInstanceAttributeOutput;
use aws_sdk_ec2::operation::modify_instance_attribute::builders::ModifyInstanceAttributeFluentBuilder;
use aws_sdk_ec2::types::{
    AttributeBooleanValue, AttributeValue, EbsInstanceBlockDeviceSpecification, Instance, InstanceAttributeName,
    InstanceBlockDeviceMapping, InstanceBlockDeviceMappingSpecification,
};
use firebreak::fault::{Fault, FaultKind};
use firebreak::receipt::{Outcome, Step};
use firebreak::step::{StepKind, StepName};
use firebreak_aws::classify::{OrFault, code, fault};
use firebreak_function::containment::{Call, Checked};
use firebreak_function::step::{skipped, step, unrecorded};
use futures::FutureExt as _;
use futures::future::join_all;
use tokio::time::Instant;

const STOP: &str = "stop";
const TERMINATE: &str = "terminate";

impl Volume {
    fn name(&self, kind: StepKind) -> StepName {
        StepName::about(kind, &self.id)
    }
}

/// The attributes that `DescribeInstances` does not show.
#[derive(Debug, Clone)]
pub(crate) struct Attributes {
    /// `disableApiTermination`.
    pub(crate) termination: Result<bool, Fault>,
    /// `disableApiStop`.
    pub(crate) stop: Result<bool, Fault>,
    /// `instanceInitiatedShutdownBehavior`.
    pub(crate) shutdown: Result<String, Fault>,
}

/// Reads all attributes beside each other.
pub(crate) async fn read(call: &Call, ec2: &Client) -> Attributes {
    let (termination, stop, shutdown) = futures::join!(
        attribute(call, ec2, InstanceAttributeName::DisableApiTermination),
        attribute(call, ec2, InstanceAttributeName::DisableApiStop),
        attribute(call, ec2, InstanceAttributeName::InstanceInitiatedShutdownBehavior),
    );
    let is_on = |value: Option<&AttributeBooleanValue>| value.and_then(AttributeBooleanValue::value).unwrap_or(false);
    Attributes {
        termination: termination.map(|read| is_on(read.disable_api_termination())),
        stop: stop.map(|read| is_on(read.disable_api_stop())),
        shutdown: shutdown.and_then(|read| {
            let value = read.instance_initiated_shutdown_behavior().and_then(AttributeValue::value);
            value.map(str::to_owned).ok_or_else(|| Fault::malformed("ec2:DescribeInstanceAttribute: no shutdown behaviour"))
        }),
    }
}

async fn attribute(call: &Call, ec2: &Client, name: InstanceAttributeName) -> Result<DescribeInstanceAttributeOutput, Fault> {
    let asked = ec2.describe_instance_attribute().instance_id(&call.target.id).attribute(name);
    asked.send().await.or_fault("ec2:DescribeInstanceAttribute")
}

/// The EBS volumes of an instance, as `DescribeInstances` shows them.
pub(crate) fn volumes(instance: &Instance) -> Vec<Volume> {
    let volume = |mapping: &InstanceBlockDeviceMapping| {
        let ebs = mapping.ebs()?;
        Some(Volume {
            device: mapping.device_name()?.to_owned(),
            id: ebs.volume_id()?.to_owned(),
            delete_on_termination: ebs.delete_on_termination().unwrap_or(false),
        })
    };
    instance.block_device_mappings().iter().filter_map(volume).collect()
}

/// Switches on what is off in `current`, beside each other. `held`: the state before is recorded.
pub(crate) async fn contain(call: &Call, ec2: &Client, current: &BaseState, held: bool) -> Vec<Step> {
    let Protections { stop, shutdown, volumes } = current.protections.clone().unwrap_or_default();
    let (stop, shutdown, volumes) = futures::join!(
        step(StepKind::ProtectFromStop, protect_from_stop(call, ec2, (current.spot, stop), held)),
        step(StepKind::StopOnShutdown, stop_on_shutdown(call, ec2, shutdown.as_deref(), held)),
        keep(call, ec2, &volumes, held),
    );
    [stop, shutdown].into_iter().chain(volumes).collect()
}

async fn protect_from_stop(call: &Call, ec2: &Client, (spot, on): (bool, Option<bool>), held: bool) -> Result<Outcome, Fault> {
    match on {
        // EC2 user guide, "Enable stop protection": not for Spot Instances, nor for a root device in instance store.
        _ if spot => Ok(Outcome::Skipped),
        None => Err(unread("stop protection")),
        Some(true) => Ok(Outcome::Already),
        Some(false) if !held => Err(unrecorded()),
        Some(false) => set_stop(call, ec2, true).await,
    }
}

async fn stop_on_shutdown(call: &Call, ec2: &Client, behavior: Option<&str>, held: bool) -> Result<Outcome, Fault> {
    match behavior {
        None => Err(unread("the shutdown behaviour")),
        Some(STOP) => Ok(Outcome::Already),
        Some(_) if !held => Err(unrecorded()),
        Some(_) => set_shutdown(call, ec2, STOP).await,
    }
}

/// A release could not put back what nobody read.
fn unread(what: &str) -> Fault {
    Fault::new(FaultKind::Transient, format!("ec2:DescribeInstanceAttribute: {what} could not be read, and is left as it is"))
}

/// One call for all volumes, and one for each where EC2 refused that: one volume must not cost the others.
async fn keep(call: &Call, ec2: &Client, volumes: &[Volume], held: bool) -> Vec<Step> {
    let losing: Vec<&Volume> = volumes.iter().filter(|volume| volume.delete_on_termination).collect();
    let all = set_volumes(call, ec2, &losing, false).shared();
    let each =
        volumes.iter().map(|volume| step(volume.name(StepKind::KeepVolume), keep_one(call, ec2, (volume, held), all.clone())));
    join_all(each).await
}

async fn keep_one(
    call: &Call,
    ec2: &Client,
    (volume, held): (&Volume, bool),
    all: impl Future<Output = Result<(), Fault>>,
) -> Result<Outcome, Fault> {
    if !volume.delete_on_termination {
        return Ok(Outcome::Already);
    }
    if !held {
        return Err(unrecorded());
    }
    set_with_others(call, ec2, (volume, false), all).await
}

async fn set_with_others(
    call: &Call,
    ec2: &Client,
    (volume, delete): (&Volume, bool),
    all: impl Future<Output = Result<(), Fault>>,
) -> Result<Outcome, Fault> {
    match all.await {
        Err(fault) if fault.kind == FaultKind::Malformed => set_volumes(call, ec2, &[volume], delete).await?,
        set => set?,
    }
    Ok(Outcome::Applied)
}

async fn set_stop(call: &Call, ec2: &Client, on: bool) -> Result<Outcome, Fault> {
    let value = AttributeBooleanValue::builder().value(on).build();
    set(ec2.modify_instance_attribute().instance_id(&call.target.id).disable_api_stop(value)).await
}

async fn set_shutdown(call: &Call, ec2: &Client, behavior: &str) -> Result<Outcome, Fault> {
    let value = AttributeValue::builder().value(behavior).build();
    set(ec2.modify_instance_attribute().instance_id(&call.target.id).instance_initiated_shutdown_behavior(value)).await
}

/// Not every instance has every attribute.
async fn set(request: ModifyInstanceAttributeFluentBuilder) -> Result<Outcome, Fault> {
    match request.send().await {
        Ok(_) => Ok(Outcome::Applied),
        Err(error) if matches!(code(&error), Some("UnsupportedOperation" | "UnsupportedInstanceAttribute")) => {
            Ok(Outcome::Skipped)
        }
        Err(error) => Err(fault("ec2:ModifyInstanceAttribute", &error)),
    }
}

async fn set_volumes(call: &Call, ec2: &Client, volumes: &[&Volume], delete: bool) -> Result<(), Fault> {
    let mapping = |volume: &&Volume| {
        let ebs = EbsInstanceBlockDeviceSpecification::builder().volume_id(&volume.id).delete_on_termination(delete).build();
        InstanceBlockDeviceMappingSpecification::builder().device_name(&volume.device).ebs(ebs).build()
    };
    let mappings = volumes.iter().map(mapping).collect();
    let asked = ec2.modify_instance_attribute().instance_id(&call.target.id).set_block_device_mappings(Some(mappings));
    asked.send().await.or_fault("ec2:ModifyInstanceAttribute").map(|_| ())
}

/// Whether the protections hold. Writes again where the look may; the caller holds the guard.
///
/// # Errors
/// Nothing of them could be read.
pub(crate) async fn check(call: &Call, ec2: &Client, base: &BaseState, now: &BaseState) -> Result<Checked, Fault> {
    // An earlier version recorded none, and changed none.
    let Some(before) = &base.protections else { return Ok(Checked::default()) };
    let now = now.protections.as_ref().ok_or_else(|| unread("what protects the instance"))?;
    let (mut checks, read_at) = (Vec::new(), Instant::now());
    if now.stop == Some(false) && !base.spot {
        let line = "stop protection is off".to_owned();
        checks.push(if before.stop.is_some() {
            let still = async { read(call, ec2).await.stop.map(|on| !on) };
            let set = async { set_stop(call, ec2, true).await.map(|_| ()) };
            lost(StepKind::ProtectFromStop, line, read_at).mended(call, Box::pin(still), set).await
        } else {
            unrecorded_since(&line)
        });
    }
    if now.shutdown.as_deref() == Some(TERMINATE) {
        let line = "a shutdown from inside terminates the instance".to_owned();
        checks.push(if before.shutdown.is_some() {
            let still = async { Ok::<_, Fault>(read(call, ec2).await.shutdown? == TERMINATE) };
            let set = async { set_shutdown(call, ec2, STOP).await.map(|_| ()) };
            lost(StepKind::StopOnShutdown, line, read_at).mended(call, Box::pin(still), set).await
        } else {
            unrecorded_since(&line)
        });
    }
    for volume in now.volumes.iter().filter(|volume| volume.delete_on_termination) {
        let line = format!("volume {} is deleted when the instance is terminated", volume.id);
        checks.push(if before.volumes.iter().any(|known| known.id == volume.id) {
            let lost = lost(volume.name(StepKind::KeepVolume), line, read_at);
            lost.mended(call, Box::pin(is_losing(call, ec2, volume)), set_volumes(call, ec2, &[volume], false)).await
        } else {
            unrecorded_since(&line)
        });
    }
    Ok(merged(checks))
}

/// A release would not put back what is in no record.
fn unrecorded_since(line: &str) -> Checked {
    let note = format!("{line}; the containment could not read that, or it was attached since: Firebreak leaves it");
    Checked { notes: vec![note], ..Checked::default() }
}

async fn is_losing(call: &Call, ec2: &Client, volume: &Volume) -> Result<bool, Fault> {
    let answer = ec2.describe_instances().instance_ids(&call.target.id).send().await.or_fault("ec2:DescribeInstances")?;
    let mut now = answer.reservations().iter().flat_map(|reservation| reservation.instances()).flat_map(volumes);
    Ok(now.any(|now| now.id == volume.id && now.delete_on_termination))
}

fn lost(step: impl Into<StepName>, line: String, read_at: Instant) -> Lost {
    Lost { step: step.into(), line, may_be_late: false, read_at }
}

/// Puts back what Firebreak changed, and nothing else. Without a record nothing was changed.
pub(crate) async fn restore(call: &Call, ec2: &Client, base: &BaseState, now: &BaseState) -> Vec<Step> {
    let Some(before) = &base.protections else { return vec![] };
    let now = now.protections.clone().unwrap_or_default();
    let (stop, shutdown, volumes) = futures::join!(
        step(StepKind::RestoreStopProtection, restore_stop(call, ec2, before.stop, now.stop)),
        step(StepKind::RestoreShutdownBehavior, restore_shutdown(call, ec2, before.shutdown.as_deref(), now.shutdown.as_deref())),
        restore_volumes(call, ec2, &before.volumes, &now.volumes),
    );
    [stop, shutdown].into_iter().chain(volumes).collect()
}

async fn restore_stop(call: &Call, ec2: &Client, before: Option<bool>, now: Option<bool>) -> Result<Outcome, Fault> {
    match (before, now) {
        (Some(_), None) => Err(unread("stop protection")),
        (Some(before), Some(now)) if before == now => Ok(Outcome::Already),
        (Some(false), Some(_)) if !failed(call, &StepKind::ProtectFromStop.into()) => set_stop(call, ec2, false).await,
        _ => Ok(Outcome::Skipped),
    }
}

async fn restore_shutdown(call: &Call, ec2: &Client, before: Option<&str>, now: Option<&str>) -> Result<Outcome, Fault> {
    match (before, now) {
        (Some(_), None) => Err(unread("the shutdown behaviour")),
        (Some(before), Some(now)) if before == now => Ok(Outcome::Already),
        (Some(TERMINATE), Some(STOP)) if !failed(call, &StepKind::StopOnShutdown.into()) => {
            set_shutdown(call, ec2, TERMINATE).await
        }
        _ => Ok(Outcome::Skipped),
    }
}

async fn restore_volumes(call: &Call, ec2: &Client, before: &[Volume], now: &[Volume]) -> Vec<Step> {
    let found: Vec<(&Volume, Option<&Volume>)> =
        before.iter().map(|volume| (volume, now.iter().find(|now| now.id == volume.id))).collect();
    // By its device of now: it may have been attached under another one.
    let losing: Vec<&Volume> = found.iter().filter_map(|(before, now)| now.filter(|now| is_ours(call, before, now))).collect();
    let all = set_volumes(call, ec2, &losing, true).shared();
    join_all(found.iter().map(|(before, now)| restore_volume(call, ec2, (*before, *now), all.clone()))).await
}

async fn restore_volume(
    call: &Call,
    ec2: &Client,
    (before, now): (&Volume, Option<&Volume>),
    all: impl Future<Output = Result<(), Fault>>,
) -> Step {
    let name = before.name(StepKind::RestoreVolume);
    match now {
        None => skipped(name, Fault::gone(format!("volume {} is not attached any more", before.id))),
        Some(now) if now.delete_on_termination == before.delete_on_termination => {
            step(name, async { Ok(Outcome::Already) }).await
        }
        Some(now) if is_ours(call, before, now) => step(name, set_with_others(call, ec2, (now, true), all)).await,
        Some(_) => step(name, async { Ok(Outcome::Skipped) }).await,
    }
}

/// Firebreak keeps the volume, and nobody else did.
fn is_ours(call: &Call, before: &Volume, now: &Volume) -> bool {
    let is_kept = before.delete_on_termination && !now.delete_on_termination;
    is_kept && !failed(call, &before.name(StepKind::KeepVolume))
}

/// What the containment could not do is not Firebreak's to undo.
fn failed(call: &Call, step: &StepName) -> bool {
    call.failed_steps.contains(step)
}
