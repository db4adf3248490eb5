//! One network interface: into the empty group of its own VPC, and idle connections forgotten soon.

use crate::base::NetworkInterface;
use crate::isolation_group::{self, ISOLATION, is_empty, patiently};
use crate::tracked::{self, Cut};
use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{ConnectionTrackingSpecificationRequest, SecurityGroup};
use firebreak::fault::Fault;
use firebreak::receipt::{Outcome, Step};
use firebreak::step::{StepKind, StepName};
use firebreak_aws::classify::{OrFault, code, fault};
use firebreak_function::step::{skipped, step, unrecorded};

/// The shortest time that EC2 takes for an idle TCP connection.
pub(crate) const SHORTEST: i32 = 60;

/// What is to become of one interface.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// The empty group of its VPC.
    pub(crate) empty: Result<String, Fault>,
    /// The group that it passes, where it does.
    pub(crate) open: Result<String, Fault>,
    pub(crate) cut: Cut,
    /// It is alone in an empty group already.
    pub(crate) is_isolated: bool,
}

/// How an interface gets into the empty group.
#[derive(Debug, Clone, Copy)]
enum Way {
    Move,
    /// It is open, or may be: whether it surely is.
    Close {
        is_sure: bool,
    },
}

/// Whether an interface is alone in an isolation group of its VPC that has no rules.
pub(crate) fn is_isolated(interface: &NetworkInterface, groups: &[SecurityGroup]) -> bool {
    own_group(interface, groups).is_some_and(is_empty)
}

/// The isolation group that an interface is alone in.
pub(crate) fn own_group<'a>(interface: &NetworkInterface, groups: &'a [SecurityGroup]) -> Option<&'a SecurityGroup> {
    let [only] = interface.groups.as_slice() else { return None };
    let is_it = |group: &&SecurityGroup| {
        let is_ours = ISOLATION.is(group) && group.vpc_id() == Some(interface.vpc.as_str());
        is_ours && group.group_id() == Some(only.as_str())
    };
    groups.iter().find(is_it)
}

/// Isolates one interface, and has it forget idle connections beside that.
pub(crate) async fn contain(ec2: &Client, interface: &NetworkInterface, plan: &Plan, held: bool) -> Vec<Step> {
    let (mut steps, shortened) = futures::join!(network(ec2, interface, plan, held), shorten(ec2, interface, held));
    steps.push(shortened);
    steps
}

async fn network(ec2: &Client, interface: &NetworkInterface, plan: &Plan, held: bool) -> Vec<Step> {
    let cut = StepName::about(StepKind::CutTracked, &interface.id);
    let mut opened = match &plan.cut {
        Cut::Not(why) => skipped(cut, Fault::malformed(format!("open connections were not cut: {why}"))),
        Cut::Done => step(cut, async { Ok(Outcome::Already) }).await,
        Cut::Close => step(cut, async { Ok(Outcome::Applied) }).await,
        Cut::Through => step(cut, Box::pin(open(ec2, interface, plan, held))).await,
    };
    let was_open = matches!(plan.cut, Cut::Through | Cut::Close);
    let way = if was_open { Way::Close { is_sure: opened.outcome == Outcome::Applied } } else { Way::Move };
    let isolated = StepName::about(StepKind::IsolateInterface, &interface.id);
    let isolated = step(isolated, Box::pin(isolate(ec2, interface, plan, held, way))).await;
    if was_open && isolated.outcome == Outcome::Failed && opened.outcome == Outcome::Applied {
        opened.outcome = Outcome::Failed;
        opened.error =
            Some(Fault::malformed("the interface was open for a moment, and was not seen closed: the next look closes it"));
    }
    vec![opened, isolated]
}

/// Never without a way to close it.
async fn open(ec2: &Client, interface: &NetworkInterface, plan: &Plan, held: bool) -> Result<Outcome, Fault> {
    plan.empty.as_ref().map_err(Clone::clone)?;
    let group = plan.open.as_ref().map_err(Clone::clone)?;
    if !held {
        return Err(unrecorded());
    }
    // The interface may be open although EC2 did not answer in time: it is closed whatever comes of this.
    tracked::in_time(Box::pin(move_into(ec2, &interface.id, group))).await?;
    Ok(Outcome::Applied)
}

async fn isolate(ec2: &Client, interface: &NetworkInterface, plan: &Plan, held: bool, way: Way) -> Result<Outcome, Fault> {
    if plan.is_isolated {
        return Ok(Outcome::Already);
    }
    let group = plan.empty.as_ref().map_err(Clone::clone)?;
    if interface.groups == [group.as_str()] {
        return Ok(Outcome::Already);
    }
    if !held {
        // The groups would be lost: without the record nobody could put the instance back.
        return Err(unrecorded());
    }
    match way {
        Way::Close { is_sure } => close(ec2, &interface.id, group, is_sure).await?,
        Way::Move => move_into(ec2, &interface.id, group).await?,
    }
    Ok(Outcome::Applied)
}

/// Closes an interface that is open: at once, once more where that fails. Where the open step was not answered it may come after the
/// first, so the interface is read back.
pub(crate) async fn close(ec2: &Client, interface: &str, group: &str, is_sure: bool) -> Result<(), Fault> {
    let moved = tracked::in_time(Box::pin(move_into(ec2, interface, group))).await;
    if moved.is_ok() && (is_sure || is_in(ec2, interface, group).await.unwrap_or(false)) {
        return Ok(());
    }
    match tracked::in_time(Box::pin(move_into(ec2, interface, group))).await {
        Err(_) if is_in(ec2, interface, group).await.unwrap_or(false) => Ok(()),
        moved => moved,
    }
}

async fn is_in(ec2: &Client, interface: &str, group: &str) -> Result<bool, Fault> {
    let read = async {
        let shown = ec2.describe_network_interfaces().network_interface_ids(interface).send().await;
        shown.or_fault("ec2:DescribeNetworkInterfaces")
    };
    let shown = tracked::in_time(Box::pin(read)).await?;
    let groups = shown.network_interfaces().iter().flat_map(|one| one.groups()).filter_map(|one| one.group_id());
    Ok(groups.eq([group]))
}

/// Replaces all groups of an interface by one.
pub(crate) async fn move_into(ec2: &Client, interface: &str, group: &str) -> Result<(), Fault> {
    let change =
        async || ec2.modify_network_interface_attribute().network_interface_id(interface).groups(group).send().await.map(|_| ());
    patiently("ec2:ModifyNetworkInterfaceAttribute", change).await
}

/// Has EC2 forget idle connections after the shortest time. A call of its own: EC2 takes one attribute at a time.
async fn shorten(ec2: &Client, interface: &NetworkInterface, held: bool) -> Step {
    let name = StepName::about(StepKind::ShortenTracking, &interface.id);
    if interface.tcp_established_timeout.is_some_and(|seconds| seconds <= SHORTEST) {
        return step(name, async { Ok(Outcome::Already) }).await;
    }
    if !held {
        return step(name, async { Err(unrecorded()) }).await;
    }
    let mut is_unsupported = false;
    let changed = async {
        let answer = forget_after(ec2, &interface.id, SHORTEST).await;
        answer.map_err(|(unsupported, why)| {
            is_unsupported = unsupported;
            why
        })
    };
    let done = step(name.clone(), Box::pin(changed)).await;
    // Only interfaces of Nitro instances have the setting.
    match done.error {
        Some(why) if is_unsupported => skipped(name, why),
        error => Step { error, ..done },
    }
}

/// Sets after how many idle seconds an established connection is forgotten. An error says first whether the interface cannot have that.
pub(crate) async fn forget_after(ec2: &Client, interface: &str, seconds: i32) -> Result<Outcome, (bool, Fault)> {
    let tracking = ConnectionTrackingSpecificationRequest::builder().tcp_established_timeout(seconds).build();
    let changed =
        ec2.modify_network_interface_attribute().network_interface_id(interface).connection_tracking_specification(tracking);
    match changed.send().await {
        Ok(_) => Ok(Outcome::Applied),
        Err(error) => {
            let unsupported = ["UnsupportedOperation", "InvalidParameterCombination", "InvalidParameterValue"];
            let is_unsupported = code(&error).is_some_and(|code| unsupported.contains(&code));
            Err((is_unsupported, fault("ec2:ModifyNetworkInterfaceAttribute", &error)))
        }
    }
}

/// Empties a group that an interface is in; where that fails the interface goes to another one.
///
/// # Errors
/// The interface could not be isolated.
pub(crate) async fn isolate_again(
    ec2: &Client,
    interface: &NetworkInterface,
    groups: &Result<Vec<SecurityGroup>, Fault>,
    suffix: &str,
    is_open: bool,
) -> Result<(), Fault> {
    let seen = groups.as_deref().unwrap_or_default();
    if let Some(own) = own_group(interface, seen)
        && isolation_group::empty(ec2, own).await.is_ok()
    {
        return Ok(());
    }
    let group = isolation_group::ensure(ec2, &interface.vpc, groups, suffix).await?;
    if is_open { close(ec2, &interface.id, &group, true).await } else { move_into(ec2, &interface.id, &group).await }
}
