//! One network interface: into the empty group of its own VPC, and idle connections forgotten soon.

use crate::base::NetworkInterface;
use crate::deadline;
use crate::isolation_group::{self, ISOLATION, is_empty, patiently};
use crate::tracked::{self, Cut};
use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{ConnectionTrackingSpecificationRequest, SecurityGroup};
use firebreak::fault::{Fault, FaultKind};
use firebreak::receipt::{Outcome, Step};
use firebreak::step::{StepKind, StepName};
use firebreak_aws::classify::{OrFault, code, fault};
use firebreak_aws::clock;
use firebreak_function::step::{skipped, step, unrecorded};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::time::Duration;

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
    /// When the run began: an interface is opened only while there is time to close it.
    pub(crate) began_at: Timestamp,
    /// How long a read may be behind a write.
    pub(crate) settle: Duration,
}

/// How an interface gets into the empty group.
#[derive(Debug, Clone, Copy)]
enum Way {
    Move,
    /// It is open, or may be.
    Close(Opened),
}

/// What is known of an open step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Opened {
    /// EC2 was not asked, or refused.
    No,
    /// EC2 was asked and did not answer: the interface may be opened at any moment.
    Maybe,
    Yes,
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

/// Isolates one interface, and has it forget idle connections: after that where it is opened, because nothing may be in the way of closing
/// it, and beside that elsewhere.
pub(crate) async fn contain(ec2: &Client, interface: &NetworkInterface, plan: &Plan, held: bool) -> Vec<Step> {
    let moving = Box::pin(network(ec2, interface, plan, held));
    let shortening = Box::pin(shorten(ec2, interface, plan.began_at, held));
    let (mut steps, shortened) = if matches!(plan.cut, Cut::Through | Cut::Close) {
        let moved = moving.await;
        (moved, shortening.await)
    } else {
        futures::join!(moving, shortening)
    };
    steps.push(shortened);
    steps
}

async fn network(ec2: &Client, interface: &NetworkInterface, plan: &Plan, held: bool) -> Vec<Step> {
    let name = StepName::about(StepKind::CutTracked, &interface.id);
    let (mut cut, opened) = match &plan.cut {
        Cut::Through if deadline::is_late(plan.began_at, clock::now()) => {
            (uncut(name, "no time was left to close it again"), Opened::No)
        }
        Cut::Through => Box::pin(open(ec2, interface, plan, held, name)).await,
        Cut::Not(why) => (uncut(name, why), Opened::No),
        Cut::Unclosed => (uncut(name, "an earlier run could not close it, or EC2 refused to open it"), Opened::No),
        Cut::Done => (step(name, async { Ok(Outcome::Already) }).await, Opened::No),
        Cut::Close => (step(name, async { Ok(Outcome::Applied) }).await, Opened::Yes),
    };
    let way = if opened == Opened::No { Way::Move } else { Way::Close(opened) };
    let isolated = StepName::about(StepKind::IsolateInterface, &interface.id);
    let mut isolated = step(isolated, Box::pin(isolate(ec2, interface, plan, held, way))).await;
    if opened == Opened::No || isolated.outcome != Outcome::Failed {
        if plan.cut == Cut::Unclosed && isolated.outcome == Outcome::Failed {
            // The run after this one must not open it, either.
            cut.outcome = Outcome::Failed;
        }
        return vec![cut, isolated];
    }
    if Box::pin(is_closed_late(ec2, interface, plan)).await {
        (isolated.outcome, isolated.error) = (Outcome::Applied, None);
        return vec![cut, isolated];
    }
    cut.outcome = Outcome::Failed;
    // By this kind of fault the next run knows that it must not open the interface again.
    cut.error = Some(Fault::malformed(format!("{} was open for a moment, and was not seen closed", interface.id)));
    vec![left_open(interface, plan), cut, isolated]
}

fn uncut(name: StepName, why: &str) -> Step {
    skipped(name, Fault::malformed(format!("open connections were not cut: {why}")))
}

/// What people must know at once. A receipt with this step counts as held, so that every look closes the interface.
fn left_open(interface: &NetworkInterface, plan: &Plan) -> Step {
    let id = &interface.id;
    let group = plan.empty.as_deref().unwrap_or("GROUP");
    let why = format!(
        "network interface {id} may be OPEN, to everybody who can reach it. Every look tries to close it. By hand: aws ec2 \
         modify-network-interface-attribute --network-interface-id {id} --groups {group}"
    );
    let left = skipped(StepName::about(StepKind::LeftOpen, id), Fault::malformed(why));
    Step { outcome: Outcome::Failed, ..left }
}

/// Never without a way to close it.
async fn open(ec2: &Client, interface: &NetworkInterface, plan: &Plan, held: bool, name: StepName) -> (Step, Opened) {
    let mut opened = Opened::No;
    let opening = async {
        plan.empty.as_ref().map_err(Clone::clone)?;
        let group = plan.open.as_ref().map_err(Clone::clone)?;
        if !held {
            return Err(unrecorded());
        }
        let moved = tracked::in_time(Box::pin(move_into(ec2, &interface.id, group))).await;
        opened = match &moved {
            Ok(()) => Opened::Yes,
            Err(fault) if matches!(fault.kind, FaultKind::Denied | FaultKind::Gone | FaultKind::Malformed) => Opened::No,
            Err(_) => Opened::Maybe,
        };
        moved.map(|()| Outcome::Applied)
    };
    let cut = step(name, Box::pin(opening)).await;
    (cut, opened)
}

async fn isolate(ec2: &Client, interface: &NetworkInterface, plan: &Plan, held: bool, way: Way) -> Result<Outcome, Fault> {
    if plan.is_isolated {
        return Ok(Outcome::Already);
    }
    let group = plan.empty.as_ref().map_err(Clone::clone)?;
    if interface.groups == [group.as_str()] {
        return Ok(Outcome::Already);
    }
    if !held && matches!(way, Way::Move) {
        // The groups would be lost: without the record nobody could put the instance back. Those of an open interface are recorded.
        return Err(unrecorded());
    }
    match way {
        Way::Close(opened) => close(ec2, &interface.id, group, (opened == Opened::Yes, plan.settle)).await?,
        Way::Move => move_into(ec2, &interface.id, group).await?,
    }
    Ok(Outcome::Applied)
}

/// Closes an interface that is open, or may be: at once, once more where that fails, and on until the time is over where AWS does not
/// answer. `is_sure`: the open step was answered. One that was not may come after the first try, so the interface is read back. `settle`:
/// how long a read may be behind a write, by which the pauses go.
pub(crate) async fn close(ec2: &Client, interface: &str, group: &str, (is_sure, settle): (bool, Duration)) -> Result<(), Fault> {
    let late = || Fault::new(FaultKind::Transient, "ec2:ModifyNetworkInterfaceAttribute: not closed in time");
    let tries = Box::pin(close_now(ec2, interface, group, (is_sure, settle)));
    tokio::time::timeout(deadline::CLOSING, tries).await.unwrap_or_else(|_| Err(late()))
}

async fn close_now(ec2: &Client, interface: &str, group: &str, (mut is_sure, settle): (bool, Duration)) -> Result<(), Fault> {
    let mut pauses = tracked::PAUSES.iter();
    loop {
        let moved = tracked::in_time(Box::pin(move_into(ec2, interface, group))).await;
        let is_known = moved.is_ok() && is_sure;
        if is_known || is_in(ec2, interface, &[group.to_owned()]).await.unwrap_or(false) {
            return Ok(());
        }
        let is_first = pauses.len() == tracked::PAUSES.len();
        let is_passing = moved.as_ref().err().is_none_or(|fault| fault.kind == FaultKind::Transient);
        // The open step came before this answer.
        is_sure |= moved.is_ok();
        match (pauses.next(), moved) {
            (Some(part), _) if is_first || is_passing => tokio::time::sleep(settle.mul_f32(*part)).await,
            // The open step may still come.
            (_, Ok(())) => return Err(Fault::new(FaultKind::Transient, "ec2:ModifyNetworkInterfaceAttribute: not seen closed")),
            (_, refused) => return refused,
        }
    }
}

/// Whether a close that came late has closed it. There is no other way: the role moves interfaces into Firebreak's groups only, so the
/// groups of before are out of its reach.
async fn is_closed_late(ec2: &Client, interface: &NetworkInterface, plan: &Plan) -> bool {
    let shown = tokio::time::timeout(deadline::GLANCE, Box::pin(groups_of(ec2, &interface.id))).await;
    let Ok(Ok(now)) = shown else { return false };
    plan.empty.as_ref().is_ok_and(|empty| now.len() == 1 && now.contains(empty))
}

/// Whether an interface has these groups and no other.
async fn is_in(ec2: &Client, interface: &str, groups: &[String]) -> Result<bool, Fault> {
    let now = groups_of(ec2, interface).await?;
    Ok(now.iter().eq(groups.iter().collect::<BTreeSet<_>>()))
}

async fn groups_of(ec2: &Client, interface: &str) -> Result<BTreeSet<String>, Fault> {
    let read = async {
        let shown = ec2.describe_network_interfaces().network_interface_ids(interface).send().await;
        shown.or_fault("ec2:DescribeNetworkInterfaces")
    };
    let shown = tracked::in_time(Box::pin(read)).await?;
    let now = shown.network_interfaces().iter().flat_map(|one| one.groups()).filter_map(|one| one.group_id());
    Ok(now.map(str::to_owned).collect())
}

/// Replaces all groups of an interface by one.
pub(crate) async fn move_into(ec2: &Client, interface: &str, group: &str) -> Result<(), Fault> {
    set_groups(ec2, interface, &[group.to_owned()]).await
}

async fn set_groups(ec2: &Client, interface: &str, groups: &[String]) -> Result<(), Fault> {
    let change = async || {
        let asked = ec2.modify_network_interface_attribute().network_interface_id(interface);
        asked.set_groups(Some(groups.to_vec())).send().await.map(|_| ())
    };
    patiently("ec2:ModifyNetworkInterfaceAttribute", change).await
}

/// Has EC2 forget idle connections after the shortest time. A call of its own: EC2 takes one attribute at a time.
async fn shorten(ec2: &Client, interface: &NetworkInterface, began_at: Timestamp, held: bool) -> Step {
    let name = StepName::about(StepKind::ShortenTracking, &interface.id);
    if interface.tcp_established_timeout.is_some_and(|seconds| seconds <= SHORTEST) {
        return step(name, async { Ok(Outcome::Already) }).await;
    }
    if !held {
        return step(name, async { Err(unrecorded()) }).await;
    }
    let mut is_unsupported = false;
    let late = || Fault::new(FaultKind::Transient, "no time was left for it");
    let changed = async {
        let left = deadline::time_left(began_at, clock::now());
        if left.is_zero() {
            return Err(late());
        }
        let changing = Box::pin(forget_after(ec2, &interface.id, SHORTEST));
        let answer = tokio::time::timeout(left, changing).await.unwrap_or_else(|_| Err((false, late())));
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
    // It is open: how long a read may be behind a write.
    open: Option<Duration>,
) -> Result<(), Fault> {
    let seen = groups.as_deref().unwrap_or_default();
    if let Some(own) = own_group(interface, seen)
        && isolation_group::empty(ec2, own).await.is_ok()
    {
        return Ok(());
    }
    let group = isolation_group::ensure(ec2, &interface.vpc, groups, suffix).await?;
    match open {
        Some(settle) => close(ec2, &interface.id, &group, (true, settle)).await,
        None => move_into(ec2, &interface.id, &group).await,
    }
}
