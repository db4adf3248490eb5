//! Puts an instance back on the network as it was.
//!
//! Only what is still as Firebreak left it is put back. An interface that somebody changed since is left as it is: the first release
//! fails on it and says so, the next one passes it. The empty group stays in the VPC for the next time.
#![expect(clippy::disallowed_methods, reason = "this is the release of the isolation")]

use crate::base::{self, BaseState, NetworkInterface};
use crate::isolation_group;
use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{AttributeBooleanValue, Tag};
use firebreak::fault::Fault;
use firebreak::receipt::{Outcome, Step};
use firebreak::step::{StepKind, StepName};
use firebreak_aws::classify::OrFault;
use firebreak_function::containment::{Call, TAG_KEYS};
use firebreak_function::drift::Change;
use firebreak_function::step::step;
use futures::future::join_all;

/// Undoes the isolation of `call.target` down to `base`. Without a base nothing was changed.
///
/// # Errors
/// `Gone` when the instance no longer exists, and read errors. Nothing was changed then.
pub async fn release(call: &Call, base: Option<&BaseState>) -> Result<Vec<Step>, Fault> {
    let Some(base) = base else { return Ok(vec![]) };
    let ec2 = Client::new(&call.config);
    let now = base::read(&ec2, &call.target.id).await?;
    let mut steps = join_all(base.interfaces.iter().map(|interface| restore_groups(call, &ec2, interface, &now))).await;
    steps.push(step(StepKind::RestoreTerminationProtection, restore_protection(call, &ec2, base, &now)).await);
    steps.push(step(StepKind::RestoreTags, restore_tags(call, &ec2, base, &now)).await);
    Ok(steps)
}

async fn restore_groups(call: &Call, ec2: &Client, before: &NetworkInterface, now: &BaseState) -> Step {
    let current = now.interfaces.iter().find(|interface| interface.id == before.id);
    let changed = match current {
        Some(current) => changed(ec2, before, current).await,
        None => Ok(None),
    };
    match changed {
        Ok(Some(change)) => change.told(call).await,
        Ok(None) => step(StepName::about(StepKind::RestoreGroups, &before.id), put_groups(ec2, before, current)).await,
        Err(fault) => step(StepName::about(StepKind::RestoreGroups, &before.id), async { Err(fault) }).await,
    }
}

/// Neither as before the containment nor as Firebreak left the interface.
async fn changed(ec2: &Client, before: &NetworkInterface, current: &NetworkInterface) -> Result<Option<Change>, Fault> {
    if current.groups == before.groups {
        return Ok(None);
    }
    let isolated = isolation_group::all(ec2, &before.vpc).await?;
    let is_ours = isolated.iter().filter_map(|group| group.group_id()).any(|id| current.groups == [id]);
    let change = || Change::of(&format!("{} has the security groups {}", before.id, current.groups.join(", ")));
    Ok((!is_ours).then(change))
}

async fn put_groups(ec2: &Client, before: &NetworkInterface, current: Option<&NetworkInterface>) -> Result<Outcome, Fault> {
    let Some(current) = current else { return Ok(Outcome::Skipped) };
    if current.groups == before.groups {
        return Ok(Outcome::Already);
    }
    ec2.modify_network_interface_attribute()
        .network_interface_id(&before.id)
        .set_groups(Some(before.groups.clone()))
        .send()
        .await
        .or_fault("ec2:ModifyNetworkInterfaceAttribute")?;
    Ok(Outcome::Applied)
}

async fn restore_protection(call: &Call, ec2: &Client, base: &BaseState, now: &BaseState) -> Result<Outcome, Fault> {
    if base.termination_protection == now.termination_protection {
        return Ok(Outcome::Already);
    }
    if base.termination_protection || call.failed_steps.iter().any(|step| step.kind() == Some(StepKind::ProtectFromTermination)) {
        return Ok(Outcome::Skipped);
    }
    ec2.modify_instance_attribute()
        .instance_id(&call.target.id)
        .disable_api_termination(AttributeBooleanValue::builder().value(false).build())
        .send()
        .await
        .or_fault("ec2:ModifyInstanceAttribute")?;
    Ok(Outcome::Applied)
}

async fn restore_tags(call: &Call, ec2: &Client, base: &BaseState, now: &BaseState) -> Result<Outcome, Fault> {
    let differing = TAG_KEYS.into_iter().filter(|key| base.tags.get(*key) != now.tags.get(*key));
    let (before, added): (Vec<&str>, Vec<&str>) = differing.partition(|key| base.tags.contains_key(*key));
    if before.is_empty() && added.is_empty() {
        return Ok(Outcome::Already);
    }
    if !added.is_empty() {
        let keys = added.iter().map(|key| Tag::builder().key(*key).build()).collect();
        ec2.delete_tags().resources(&call.target.id).set_tags(Some(keys)).send().await.or_fault("ec2:DeleteTags")?;
    }
    if !before.is_empty() {
        let old = before.iter().map(|key| Tag::builder().key(*key).value(&base.tags[*key]).build()).collect();
        ec2.create_tags().resources(&call.target.id).set_tags(Some(old)).send().await.or_fault("ec2:CreateTags")?;
    }
    Ok(Outcome::Applied)
}
