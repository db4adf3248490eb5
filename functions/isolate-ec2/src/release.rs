//! Puts an instance back on the network as it was.
//!
//! Only what is still as Firebreak left it is put back. An interface that somebody changed since is left as it is: the first release
//! fails on it and says so, the next one passes it. The order is the reverse of the containment's: first the network, then the traffic,
//! then what kept the instance alive, and the tags, by which the guard goes, at the end. The groups that were made stay in the VPC for
//! the next time.
#![expect(clippy::disallowed_methods, reason = "this is the release of the isolation")]

use crate::base::{BaseState, NetworkInterface};
use crate::fleet::{self, Whose};
use crate::interfaces::{SHORTEST, forget_after, own_group};
use crate::isolation_group::{OPEN, patiently};
use crate::read::{self, Seen, Wanted};
use crate::{balancers, protections, scaling, termination, tracked};
use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{Filter, SecurityGroup, Tag};
use firebreak::fault::{Fault, FaultKind};
use firebreak::receipt::{Outcome, Step};
use firebreak::step::{StepKind, StepName};
use firebreak_aws::classify::OrFault;
use firebreak_function::containment::{Call, TAG_KEYS};
use firebreak_function::drift::Change;
use firebreak_function::step::{skipped, step};
use futures::future::join_all;
use std::collections::{BTreeMap, BTreeSet};

/// After how many idle seconds EC2 forgets an established connection, where nobody said otherwise (EC2 user guide, "Idle connection
/// tracking timeout"): on most instance types. EC2 has no way to take the setting back.
const DEFAULT_TIMEOUT: i32 = 432_000;

/// Undoes the isolation of `call.target` down to `base`. Without a base nothing was changed.
///
/// # Errors
/// `Gone` when the instance no longer exists, and read errors. Nothing was changed then.
pub async fn release(call: &Call, base: Option<&BaseState>) -> Result<Vec<Step>, Fault> {
    let Some(base) = base else { return Ok(vec![]) };
    let ec2 = Client::new(&call.config);
    let (seen, existing) = futures::join!(Box::pin(read::read(call, &ec2, Wanted::default())), existing(&ec2, base));
    if seen.as_ref().is_err_and(|fault| fault.kind == FaultKind::Gone) {
        Box::pin(fleet::give_back(call, base, Whose::Anybody)).await;
    }
    let (seen, existing) = (seen?, existing?);
    // What is not seen would count as put back.
    if let Some(fault) = &seen.partial {
        return Err(fault.clone());
    }
    // Which groups are Firebreak's decides what is a change by somebody else.
    let ours = seen.groups.clone()?;
    let each =
        base.interfaces.iter().map(|before| Box::pin(restore_groups(call, &ec2, before, &seen, (ours.as_slice(), &existing))));
    let mut steps: Vec<Step> = join_all(each).await.into_iter().flatten().collect();
    if steps.iter().any(|step| step.outcome == Outcome::Failed) {
        let why = "left as it is, because not every network interface is as it was: release again";
        let rest = [StepKind::RestoreTerminationProtection, StepKind::RestoreTags];
        steps.extend(rest.map(|kind| skipped(kind, Fault::malformed(why))));
        return Ok(steps);
    }
    let each = base.interfaces.iter().map(|before| Box::pin(restore_tracking(call, &ec2, before, &seen.base)));
    let tracked = join_all(each).await;
    let unset = unset_timeouts(base, &tracked);
    steps.extend(tracked.into_iter().chain(unset));
    let mut of_group = None;
    // Before the balancers: on standby its own group's must not send it traffic.
    if let Some(scaling) = &base.scaling {
        let (back, stays) = Box::pin(scaling::restore(call, scaling)).await;
        steps.extend(back);
        of_group = stays;
    }
    if !base.registrations.is_empty() {
        steps.extend(Box::pin(balancers::restore(call, &base.registrations, of_group.as_ref())).await);
    }
    steps.extend(Box::pin(protections::restore(call, &ec2, base, &seen.base)).await);
    let termination = termination::restore(call, &ec2, base, &seen.base);
    steps.push(Box::pin(step(StepKind::RestoreTerminationProtection, termination)).await);
    steps.push(Box::pin(step(StepKind::RestoreTags, restore_tags(call, &ec2, base, &seen.base))).await);
    Box::pin(fleet::give_back(call, base, Whose::Anybody)).await;
    Ok(steps)
}

/// Which of the base's groups are still there.
async fn existing(ec2: &Client, base: &BaseState) -> Result<BTreeSet<String>, Fault> {
    let ids: BTreeSet<&String> = base.interfaces.iter().flat_map(|interface| &interface.groups).collect();
    if ids.is_empty() {
        return Ok(BTreeSet::new());
    }
    // By a filter: a group that is gone is left out, and no error.
    let wanted = Filter::builder().name("group-id").set_values(Some(ids.into_iter().cloned().collect())).build();
    let found = ec2.describe_security_groups().filters(wanted).into_paginator().items().send().try_collect().await;
    let found: Vec<SecurityGroup> = found.or_fault("ec2:DescribeSecurityGroups")?;
    Ok(found.into_iter().filter_map(|group| group.group_id).collect())
}

/// One interface back into those of its groups that are still there, and a change to show for those that are not.
async fn restore_groups(
    call: &Call,
    ec2: &Client,
    before: &NetworkInterface,
    seen: &Seen,
    (ours, existing): (&[SecurityGroup], &BTreeSet<String>),
) -> Vec<Step> {
    let name = StepName::about(StepKind::RestoreGroups, &before.id);
    let Some(current) = seen.base.interface(&before.id) else {
        let why = Fault::gone("the network interface is not attached any more");
        return vec![skipped(name, why)];
    };
    if current.groups == before.groups {
        return vec![step(name, async { Ok(Outcome::Already) }).await];
    }
    let is_open = |id: &String| ours.iter().any(|group| group.group_id() == Some(id.as_str()) && OPEN.is(group));
    let wanted: Vec<String> = before.groups.iter().filter(|id| existing.contains(*id) && !is_open(id)).cloned().collect();
    let missing: Vec<&str> = before.groups.iter().filter(|id| !existing.contains(*id)).map(String::as_str).collect();
    let is_ours = own_group(current, ours).is_some() || tracked::is_in_open(current, ours);
    if !is_ours && (current.groups != wanted || wanted.is_empty()) {
        return vec![
            Change::of(&format!("{} has the security groups {}", before.id, current.groups.join(", "))).told(call).await,
        ];
    }
    if wanted.is_empty() {
        let why = format!("none of its security groups is left ({}): give it one by hand", missing.join(", "));
        return vec![step(name, async { Err(Fault::gone(why)) }).await];
    }
    let mut steps = vec![step(name, Box::pin(put_groups(ec2, current, wanted))).await];
    if !missing.is_empty() {
        let line = format!("{} is without the security groups {}, which were deleted", before.id, missing.join(", "));
        steps.push(Change::of(&line).told(call).await);
    }
    steps
}

async fn put_groups(ec2: &Client, current: &NetworkInterface, wanted: Vec<String>) -> Result<Outcome, Fault> {
    if current.groups == wanted {
        return Ok(Outcome::Already);
    }
    let change = async || {
        let interface = ec2.modify_network_interface_attribute().network_interface_id(&current.id);
        interface.set_groups(Some(wanted.clone())).send().await
    };
    patiently("ec2:ModifyNetworkInterfaceAttribute", change).await?;
    Ok(Outcome::Applied)
}

/// The idle timeout as it was, unless somebody has changed it since.
async fn restore_tracking(call: &Call, ec2: &Client, before: &NetworkInterface, now: &BaseState) -> Step {
    let name = StepName::about(StepKind::RestoreTracking, &before.id);
    let current = now.interface(&before.id).and_then(|interface| interface.tcp_established_timeout);
    let is_ours = current == Some(SHORTEST) && before.tcp_established_timeout != current;
    let failed = StepName::about(StepKind::ShortenTracking, &before.id);
    let outcome = async {
        if !is_ours {
            return Ok(Outcome::Already);
        }
        if call.failed_steps.contains(&failed) {
            return Ok(Outcome::Skipped);
        }
        let seconds = before.tcp_established_timeout.unwrap_or(DEFAULT_TIMEOUT);
        forget_after(ec2, &before.id, seconds).await.map_err(|(_, why)| why)
    };
    step(name, Box::pin(outcome)).await
}

/// Says that a timeout which nobody had set is set now.
fn unset_timeouts(base: &BaseState, restored: &[Step]) -> Option<Step> {
    let was_unset = |interface: &&NetworkInterface| {
        let name = StepName::about(StepKind::RestoreTracking, &interface.id);
        let is_set = restored.iter().any(|step| step.name == name && step.outcome == Outcome::Applied);
        is_set && interface.tcp_established_timeout.is_none()
    };
    let ids: Vec<&str> = base.interfaces.iter().filter(was_unset).map(|interface| interface.id.as_str()).collect();
    let line = format!(
        "the idle timeout of {} was never set, and is {DEFAULT_TIMEOUT} seconds now: EC2 cannot unset it. On instances of Nitro v6 the \
         default is 350 seconds: set that by hand",
        ids.join(", ")
    );
    (!ids.is_empty()).then(|| skipped(StepName::about(StepKind::NoteVolatile, "idle-timeout"), Fault::malformed(line)))
}

/// The tags of the instance and of every interface that is still there.
async fn restore_tags(call: &Call, ec2: &Client, base: &BaseState, now: &BaseState) -> Result<Outcome, Fault> {
    let none = BTreeMap::new();
    let of_interface = |one: &NetworkInterface| {
        let tags = |state: &'_ BaseState| state.interface_tags.get(&one.id).unwrap_or(&none).clone();
        TagChange::of(&one.id, &tags(base), &tags(now))
    };
    let left = now.interfaces.iter().filter(|one| base.interface(&one.id).is_some());
    let instance = TagChange::of(&call.target.id, &base.tags, &now.tags);
    let mut changes: Vec<TagChange> = std::iter::once(instance).chain(left.map(of_interface)).collect();
    changes.retain(|change| !change.old.is_empty() || !change.added.is_empty());
    if changes.is_empty() {
        return Ok(Outcome::Already);
    }
    join_all(changes.into_iter().map(|change| change.undo(ec2))).await.into_iter().collect::<Result<Vec<()>, Fault>>()?;
    Ok(Outcome::Applied)
}

/// Firebreak's tags of one resource that are not as they were.
struct TagChange {
    id: String,
    /// As they were.
    old: Vec<Tag>,
    /// They were not there.
    added: Vec<Tag>,
}

impl TagChange {
    fn of(id: &str, before: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> Self {
        let differing = TAG_KEYS.into_iter().filter(|key| before.get(*key) != now.get(*key));
        let (old, added): (Vec<&str>, Vec<&str>) = differing.partition(|key| before.contains_key(*key));
        let old = old.into_iter().map(|key| Tag::builder().key(key).value(&before[key]).build()).collect();
        let added = added.into_iter().map(|key| Tag::builder().key(key).build()).collect();
        Self { id: id.to_owned(), old, added }
    }

    async fn undo(self, ec2: &Client) -> Result<(), Fault> {
        let Self { id, old, added } = self;
        if !added.is_empty() {
            ec2.delete_tags().resources(&id).set_tags(Some(added)).send().await.or_fault("ec2:DeleteTags")?;
        }
        if !old.is_empty() {
            ec2.create_tags().resources(&id).set_tags(Some(old)).send().await.or_fault("ec2:CreateTags")?;
        }
        Ok(())
    }
}
