//! The share of target groups, for an instance that no Auto Scaling group has.
//!
//! The target groups that send the instance traffic are looked for before the first change, for a bounded time. Those that were not read
//! in that time are compared beside the isolation, which they do not hold back.

use super::{Whose, counted, give_back_in, passed, waits};
use crate::admission::{Admission, has_begun};
use crate::balancers::Early;
use firebreak::fault::{Fault, FaultKind};
use firebreak::policy::Policy;
use firebreak::receipt::Step;
use firebreak::step::{StepKind, StepName};
use firebreak::text::inert;
use firebreak_function::containment::Call;
use firebreak_function::step::skipped;
use firebreak_ledger::{Fleet, Hosts, Share};
use futures::StreamExt as _;
use futures::future::join_all;
use futures::stream;
use std::collections::BTreeMap;

/// Rows of the ledger that are read at the same time.
const AT_ONCE: usize = 16;

/// The hosts of each target group that sends the instance traffic, by the group's ARN.
type Groups = BTreeMap<String, Hosts>;

/// Reserves a place among the hosts that each of the target groups may lose. What was not read holds nothing back, and a step says so;
/// only reads that AWS throttled are worth one more try.
///
/// # Errors
/// The ledger did not answer, or AWS throttled reads for the first time. Nothing was changed.
pub(crate) async fn reserve_in_target_groups(call: &Call, policy: &Policy, early: &Early) -> Result<Admission, Fault> {
    if let Some(fault) = early.passing()
        && Box::pin(is_tried_again(call)).await?
    {
        return Err(fault.clone());
    }
    let groups = early.hosts();
    let admission = if call.approved {
        Box::pin(take_all(call, groups)).await
    } else {
        Box::pin(reserve_all(call, policy.instances.fleet_percent, groups)).await
    };
    if let Ok(Admission::Go(steps)) = admission {
        return Ok(Admission::Go(steps.into_iter().chain(early.unread().map(unread)).collect()));
    }
    // Also those that an earlier try could not give back. What an earlier run isolated keeps them.
    if !has_begun(call).await?
        && let Some(passing) = Box::pin(give_back_in(call, groups.keys().map(String::as_str), Whose::ThisIncident)).await
    {
        return Err(passing);
    }
    admission
}

/// Isolations of many hosts at once have AWS throttle their own reads. A second try a moment later may read what decides, and nothing waits
/// for a third one. What was approved, or begun, waits for none.
async fn is_tried_again(call: &Call) -> Result<bool, Fault> {
    if call.approved || has_begun(call).await? {
        return Ok(false);
    }
    let group = format!("target groups of {}", call.target.id);
    call.ledger.is_first_unread(Fleet { host: &call.target, group: &group }, call.began_at).await
}

/// One group after the other, in the order of their ARNs: of two isolations that need the same places one is refused at the first of
/// them, and takes no place that the other one needs.
async fn reserve_all(call: &Call, percent: u8, groups: &Groups) -> Result<Admission, Fault> {
    if let Some(refused) = Box::pin(refused(call, percent, groups)).await? {
        return Ok(refused);
    }
    let (mut is_counted, mut said) = (false, Vec::new());
    for (arn, hosts) in groups {
        let fleet = Fleet { host: &call.target, group: arn };
        match call.ledger.reserve_share(fleet, &call.incident, hosts, percent, call.began_at).await {
            Ok(share) if share.granted => {
                is_counted = true;
                said.extend(share.is_used_up().then(|| above(arn, share, percent, "")));
            }
            // What an earlier run began goes on.
            Ok(share) if has_begun(call).await? => {
                let (step, is_taken) = Box::pin(take_above(call, (arn.as_str(), hosts), share, percent)).await?;
                is_counted |= is_taken;
                said.push(step);
            }
            Ok(share) => return Ok(waits(share, &named(arn), percent)),
            Err(fault) if fault.kind == FaultKind::Transient => return Err(fault),
            Err(fault) => said.push(uncompared(arn, &fault)),
        }
    }
    Ok(Admission::Go(told(is_counted, said).await))
}

/// The first group that has lost its share, seen before a place is taken in any: a place that is given back at once would have refused
/// another host meanwhile. A single group is looked at by the reservation itself. What cannot be read here is met again there.
async fn refused(call: &Call, percent: u8, groups: &Groups) -> Result<Option<Admission>, Fault> {
    if groups.len() < 2 {
        return Ok(None);
    }
    let looks: Vec<_> = groups.iter().map(|(arn, hosts)| share_of(call, percent, arn, hosts)).collect();
    let shares: Vec<_> = stream::iter(looks).buffered(AT_ONCE).collect().await;
    let is_refused = |share: &Share| !share.granted && share.is_used_up();
    let refused = groups.keys().zip(shares).find_map(|(arn, share)| Some((arn, share.ok().filter(is_refused)?)));
    match refused {
        Some((arn, share)) if !has_begun(call).await? => Ok(Some(waits(share, &named(arn), percent))),
        _ => Ok(None),
    }
}

async fn share_of(call: &Call, percent: u8, arn: &str, hosts: &Hosts) -> Result<Share, Fault> {
    let fleet = Fleet { host: &call.target, group: arn };
    call.ledger.share_of(fleet, hosts, percent, call.began_at).await
}

/// Takes a place in each group, whatever the shares are: a person has approved it.
async fn take_all(call: &Call, groups: &Groups) -> Result<Admission, Fault> {
    let (mut is_counted, mut said) = (false, Vec::new());
    for (arn, hosts) in groups {
        let fleet = Fleet { host: &call.target, group: arn };
        match call.ledger.take_share(fleet, &call.incident, &hosts.own, call.began_at).await {
            Ok(()) => is_counted = true,
            Err(fault) if fault.kind == FaultKind::Transient => return Err(fault),
            Err(fault) => said.push(uncompared(arn, &fault)),
        }
    }
    Ok(Admission::Go(told(is_counted, said).await))
}

/// One step for all the groups that count the instance, and one for each of which a person must know more.
async fn told(is_counted: bool, said: Vec<Step>) -> Vec<Step> {
    let counted = if is_counted { Some(counted().await) } else { None };
    counted.into_iter().chain(said).collect()
}

/// Counts the host among those of the target groups that were not read before the isolation, and says where they have lost more than
/// their share: the isolation was not held back for that.
pub(crate) async fn compare(call: &Call, policy: &Policy, groups: &Groups) -> Vec<Step> {
    let each = groups.iter().map(|(arn, hosts)| Box::pin(compared(call, policy, arn, hosts)));
    join_all(each).await.into_iter().flatten().collect()
}

async fn compared(call: &Call, policy: &Policy, arn: &str, hosts: &Hosts) -> Option<Step> {
    let fleet = Fleet { host: &call.target, group: arn };
    let percent = policy.instances.fleet_percent;
    match call.ledger.reserve_share(fleet, &call.incident, hosts, percent, call.began_at).await {
        Ok(share) if share.granted => share.is_used_up().then(|| above(arn, share, percent, "")),
        Ok(share) => Some(match Box::pin(take_above(call, (arn, hosts), share, percent)).await {
            Ok((step, _)) => step,
            // Nothing waits for another try.
            Err(_) => above(arn, share, percent, UNCOUNTED),
        }),
        Err(fault) => Some(uncompared(arn, &fault)),
    }
}

/// Takes a place in a group that has lost its share, and whether that came about. A passing fault is worth another try.
async fn take_above(call: &Call, (arn, hosts): (&str, &Hosts), share: Share, percent: u8) -> Result<(Step, bool), Fault> {
    let fleet = Fleet { host: &call.target, group: arn };
    match call.ledger.take_share(fleet, &call.incident, &hosts.own, call.began_at).await {
        Ok(()) => Ok((above(arn, share, percent, ""), true)),
        Err(fault) if fault.kind == FaultKind::Transient => Err(fault),
        Err(_) => Ok((above(arn, share, percent, UNCOUNTED), false)),
    }
}

/// What is added where the ledger did not take the place.
const UNCOUNTED: &str = ", and this one is not counted";

fn above(arn: &str, share: Share, percent: u8, more: &str) -> Step {
    let why = format!("{}{more}", passed(share, &named(arn), percent));
    skipped(StepName::about(StepKind::ReserveShare, shown(arn)), Fault::malformed(why))
}

fn uncompared(arn: &str, fault: &Fault) -> Step {
    let why = format!("how many hosts of {} are isolated was NOT compared with policy: {}", named(arn), fault.message);
    skipped(StepName::about(StepKind::ReserveShare, shown(arn)), Fault::malformed(why))
}

/// Nobody knows whether these groups have the instance.
fn unread(why: &str) -> Step {
    let why = format!(
        "how many hosts of its target groups are isolated was NOT compared with policy before it was isolated, for {why}"
    );
    // No name of a target group has a space.
    skipped(StepName::about(StepKind::ReserveShare, "target groups"), Fault::malformed(why))
}

/// The group with its kind, for a person.
fn named(arn: &str) -> String {
    format!("target group {}", shown(arn))
}

/// The group's name, for a person.
fn shown(arn: &str) -> String {
    inert(arn.split('/').nth(1).unwrap_or(arn), 80)
}
