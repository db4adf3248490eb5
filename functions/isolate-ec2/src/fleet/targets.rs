//! The share of target groups, for an instance that no Auto Scaling group has.
//!
//! The target groups that have the instance are looked for before the first change, for a bounded time. Those that were not read in that
//! time are compared beside the isolation, which they do not hold back.

use super::{counted, give_back_in, impact};
use crate::admission::{Admission, has_begun};
use crate::balancers::Early;
use firebreak::decision::{ReasonCode, Waits};
use firebreak::fault::{Fault, FaultKind};
use firebreak::policy::Policy;
use firebreak::receipt::Step;
use firebreak::step::{StepKind, StepName};
use firebreak::text::inert;
use firebreak_function::containment::Call;
use firebreak_function::step::skipped;
use firebreak_ledger::{Fleet, Hosts, Share};
use futures::future::join_all;
use std::collections::BTreeMap;

/// The hosts of each target group that has the instance, by the group's ARN.
type Groups = BTreeMap<String, Hosts>;

/// Reserves a place among the hosts that each of the target groups may lose. What was not read holds nothing back, and a step says so.
///
/// # Errors
/// The ledger did not answer.
pub(crate) async fn reserve_in_target_groups(call: &Call, policy: &Policy, early: &Early) -> Result<Admission, Fault> {
    let groups = early.hosts();
    let admission = if call.approved {
        Box::pin(take_all(call, groups)).await?
    } else {
        Box::pin(reserve_all(call, policy.instances.fleet_percent, groups)).await?
    };
    Ok(match admission {
        Admission::Go(steps) => Admission::Go(steps.into_iter().chain(early.unread().map(unread)).collect()),
        held_back => held_back,
    })
}

/// One group after the other, in the order of their ARNs: of two isolations that need the same places one is refused at the first of
/// them, and takes no place that the other one needs.
async fn reserve_all(call: &Call, percent: u8, groups: &Groups) -> Result<Admission, Fault> {
    let mut uncounted = Vec::new();
    for (at, (arn, hosts)) in groups.iter().enumerate() {
        let fleet = Fleet { host: &call.target, group: arn };
        match call.ledger.reserve_share(fleet, &call.incident, hosts, percent, call.began_at).await {
            Ok(share) if share.granted => {}
            // What an earlier run began goes on.
            Ok(_) if has_begun(call).await? => return Box::pin(take_all(call, groups)).await,
            Ok(share) => {
                give_back_in(call, groups.keys().take(at).map(String::as_str)).await;
                let impact = impact(share, &format!("target group {}", shown(arn)), percent);
                return Ok(Admission::Waits(Waits { code: ReasonCode::Impact, impact }));
            }
            Err(fault) if fault.kind == FaultKind::Transient => {
                // The write may have been carried out without an answer.
                if matches!(has_begun(call).await, Ok(false)) {
                    give_back_in(call, groups.keys().take(at + 1).map(String::as_str)).await;
                }
                return Err(fault);
            }
            Err(fault) => uncounted.push(uncompared(arn, &fault)),
        }
    }
    Ok(Admission::Go(told(groups, uncounted).await))
}

/// Takes a place in each group, whatever the shares are: a person has approved it, or the instance is isolated already.
async fn take_all(call: &Call, groups: &Groups) -> Result<Admission, Fault> {
    let mut uncounted = Vec::new();
    for arn in groups.keys() {
        let fleet = Fleet { host: &call.target, group: arn };
        match call.ledger.take_share(fleet, &call.incident, call.began_at).await {
            Ok(()) => {}
            Err(fault) if fault.kind == FaultKind::Transient => return Err(fault),
            Err(fault) => uncounted.push(uncompared(arn, &fault)),
        }
    }
    Ok(Admission::Go(told(groups, uncounted).await))
}

/// One step for all the groups that count the instance, and one for each that does not.
async fn told(groups: &Groups, uncounted: Vec<Step>) -> Vec<Step> {
    let counted = if uncounted.len() < groups.len() { Some(counted().await) } else { None };
    counted.into_iter().chain(uncounted).collect()
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
    let share = match call.ledger.reserve_share(fleet, &call.incident, hosts, percent, call.began_at).await {
        Ok(share) if share.granted => return None,
        Ok(share) => share,
        Err(fault) => return Some(uncompared(arn, &fault)),
    };
    let taken = call.ledger.take_share(fleet, &call.incident, call.began_at).await;
    let uncounted = if taken.is_ok() { "" } else { ", and this one is not counted" };
    let (Share { isolated, hosts, allowed, .. }, name) = (share, shown(arn));
    let why = format!(
        "target group {name} has lost more than its share: {isolated} of {hosts} hosts are isolated besides, and policy allows {allowed} \
         ({percent} %). This one was not held back, because the group was not read before it was isolated{uncounted}"
    );
    Some(skipped(StepName::about(StepKind::ReserveShare, name), Fault::malformed(why)))
}

fn uncompared(arn: &str, fault: &Fault) -> Step {
    let name = shown(arn);
    let why = format!("how many hosts of target group {name} are isolated was NOT compared with policy: {}", fault.message);
    skipped(StepName::about(StepKind::ReserveShare, name), Fault::malformed(why))
}

/// Nobody knows whether these groups have the instance.
fn unread(why: &str) -> Step {
    let why = format!(
        "how many hosts of its target groups are isolated was NOT compared with policy before it was isolated, for {why}"
    );
    // No name of a target group has a space.
    skipped(StepName::about(StepKind::ReserveShare, "target groups"), Fault::malformed(why))
}

/// The group's name, for a person.
fn shown(arn: &str) -> String {
    inert(arn.split('/').nth(1).unwrap_or(arn), 80)
}
