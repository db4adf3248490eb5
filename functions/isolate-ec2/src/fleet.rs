//! The share of a group that is isolated at once: who trips findings on every host of a fleet must not have Firebreak stop the fleet.
//!
//! The ledger counts; Auto Scaling says how many hosts serve. Where that cannot be read, the number that was read last counts. Without
//! one, a read that fails holds no isolation back: an attacker who breaks the read must not stop it, and the receipt says so. Nor may
//! hosts that are gone long since: while the read fails, old places do not count.

mod targets;

pub(crate) use targets::{compare, reserve_in_target_groups};

use crate::admission::{Admission, has_begun};
use crate::balancers::Registration;
use crate::base::BaseState;
use aws_sdk_autoscaling::types::{Instance, LifecycleState};
use aws_sdk_elasticloadbalancingv2::types::{TargetHealthDescription, TargetHealthStateEnum};
use firebreak::decision::{ReasonCode, Waits};
use firebreak::fault::{Fault, FaultKind};
use firebreak::policy::Policy;
use firebreak::receipt::{Outcome, Step};
use firebreak::step::StepKind;
use firebreak::text::inert;
use firebreak_aws::classify::OrFault;
use firebreak_function::containment::Call;
use firebreak_function::step::{skipped, step};
use firebreak_ledger::{Fleet, Hosts, Share};
use futures::future::join_all;
use std::collections::BTreeSet;
use std::time::Duration;

/// A group has few target groups; more are not asked.
const TARGET_GROUPS: usize = 10;
/// How long target groups are waited for: Auto Scaling's own word is enough.
const PATIENCE: Duration = Duration::from_secs(2);

/// Reserves a place among the hosts that the instance's group may lose. An instance that does not serve costs its group nothing: in
/// standby, for example, where the run before put it.
///
/// # Errors
/// The ledger did not answer.
pub(crate) async fn reserve(call: &Call, policy: &Policy, base: &BaseState) -> Result<Admission, Fault> {
    let serves = |lifecycle: &str| lifecycle == LifecycleState::InService.as_str();
    let Some(scaling) = base.scaling.as_ref().filter(|scaling| serves(&scaling.lifecycle)) else {
        return Ok(Admission::Go(vec![]));
    };
    let fleet = Fleet { host: &call.target, group: &scaling.group };
    if call.approved {
        return take(call, fleet, None).await;
    }
    let percent = policy.instances.fleet_percent;
    let share = match Box::pin(hosts(call, &scaling.group)).await {
        Ok(hosts) => call.ledger.reserve_share(fleet, &call.incident, &hosts, percent, call.began_at).await,
        Err(unread) => match call.ledger.reserve_share_as_seen(fleet, &call.incident, percent, call.began_at).await {
            Ok(Some(share)) => Ok(share),
            // Many hosts at once throttle Auto Scaling: one more try reads it.
            Ok(None) if unread.kind == FaultKind::Transient && call.ledger.is_first_unread(fleet, call.began_at).await? => {
                return Err(unread);
            }
            Err(fault) if fault.kind == FaultKind::Transient => return Err(fault),
            _ => return take(call, fleet, Some(uncompared(&unread))).await,
        },
    };
    let share = match share {
        Ok(share) => share,
        Err(fault) if fault.kind == FaultKind::Transient => return Err(fault),
        Err(fault) => return Ok(Admission::Go(vec![uncompared(&fault)])),
    };
    let group = format!("Auto Scaling group {}", inert(&scaling.group, 80));
    let above = || skipped(StepKind::ReserveShare, Fault::malformed(passed(share, &group, percent)));
    if share.granted {
        // An earlier run took its place whatever the share was, or a person had others isolated since.
        return Ok(Admission::Go(vec![if share.is_used_up() { above() } else { counted().await }]));
    }
    if has_begun(call).await? {
        return take(call, fleet, Some(above())).await;
    }
    Ok(waits(share, &group, percent))
}

/// Takes a place whatever the share is. `said`: what a person must know of the share.
async fn take(call: &Call, fleet: Fleet<'_>, said: Option<Step>) -> Result<Admission, Fault> {
    let taken = call.ledger.take_share(fleet, &call.incident, &BTreeSet::new(), call.began_at).await;
    let step = match (said, taken) {
        (_, Err(fault)) if fault.kind == FaultKind::Transient => return Err(fault),
        (Some(said), _) => said,
        (None, Err(fault)) => uncompared(&fault),
        (None, Ok(())) => counted().await,
    };
    Ok(Admission::Go(vec![step]))
}

/// Whose places are given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    /// Those that this incident took: another one may isolate the instance at the same time.
    ThisIncident,
    /// All that the instance has: it is released.
    Anybody,
}

/// Gives the places back. A member of an Auto Scaling group can have some in target groups, too: a run that could not read the Auto Scaling
/// group took them.
pub(crate) async fn give_back(call: &Call, base: &BaseState, whose: Whose) {
    let scaling = base.scaling.iter().map(|scaling| scaling.group.as_str());
    let targets = base.registrations.iter().filter_map(Registration::target_group);
    let groups: BTreeSet<&str> = scaling.chain(targets).collect();
    give_back_in(call, groups, whose).await;
}

/// Gives back the places in these groups. Where the ledger does not take one, it stays taken until the instance has left the group for a
/// day; the first fault that may pass is answered.
async fn give_back_in<'a>(call: &Call, groups: impl IntoIterator<Item = &'a str>, whose: Whose) -> Option<Fault> {
    let mut passing = None;
    for group in groups {
        let fleet = Fleet { host: &call.target, group };
        let given = match whose {
            Whose::ThisIncident => call.ledger.give_own_share_back(fleet, &call.incident).await,
            Whose::Anybody => call.ledger.give_share_back(fleet).await,
        };
        if let Err(fault) = given {
            tracing::error!(fault.message = %fault.message, "the instance stays counted among the isolated hosts of its group");
            passing = passing.or_else(|| Some(fault).filter(|fault| fault.kind == FaultKind::Transient));
        }
    }
    passing
}

async fn counted() -> Step {
    step(StepKind::ReserveShare, async { Ok(Outcome::Applied) }).await
}

fn uncompared(fault: &Fault) -> Step {
    let why = format!("how many hosts of its group are isolated was NOT compared with policy: {}", fault.message);
    skipped(StepKind::ReserveShare, Fault::new(fault.kind, why))
}

/// Held back. `group`: what kind of group, and its name.
fn waits(share: Share, group: &str, percent: u8) -> Admission {
    let Share { isolated, hosts, allowed, .. } = share;
    let impact = format!(
        "{isolated} of {hosts} healthy hosts of {group} are isolated already; policy allows {allowed} ({percent} %) without a person"
    );
    Admission::Waits(Waits { code: ReasonCode::Impact, impact })
}

/// What a person reads of a host that is isolated although its group had lost its share.
fn passed(share: Share, group: &str, percent: u8) -> String {
    let Share { isolated, hosts, allowed, .. } = share;
    format!(
        "{group} has lost more than its share: {isolated} of {hosts} hosts are isolated besides, and policy allows {allowed} \
         ({percent} %). This one was not held back"
    )
}

/// The hosts of an Auto Scaling group.
///
/// Auto Scaling calls a host unhealthy that a load balancer calls so only where the group has health checks of type `ELB` (Auto Scaling
/// user guide, "Health checks for instances in an Auto Scaling group"). Without them the target groups are asked, which is one call
/// more that waits for another.
async fn hosts(call: &Call, group: &str) -> Result<Hosts, Fault> {
    let client = aws_sdk_autoscaling::Client::new(&call.config);
    let answer = client.describe_auto_scaling_groups().auto_scaling_group_names(group).send().await;
    let answer = answer.or_fault("autoscaling:DescribeAutoScalingGroups")?;
    let found = answer.auto_scaling_groups().first();
    let found = found.ok_or_else(|| Fault::gone("its Auto Scaling group does not exist any more"))?;
    let asks_balancers = found.health_check_type().is_some_and(|kinds| kinds.split(',').any(|kind| kind.trim() == "ELB"));
    let failing = if asks_balancers { BTreeSet::new() } else { failing(call, found.target_group_arns()).await };
    let ids = |is: fn(&&Instance) -> bool| found.instances().iter().filter(is).filter_map(Instance::instance_id);
    Ok(Hosts {
        members: ids(|_| true).map(str::to_owned).collect(),
        healthy: ids(is_healthy).filter(|id| !failing.contains(*id)).map(str::to_owned).collect(),
        // Auto Scaling knows its hosts by their ids alone.
        own: BTreeSet::new(),
    })
}

fn is_healthy(instance: &&Instance) -> bool {
    let is_up = instance.health_status().is_some_and(|status| status.eq_ignore_ascii_case("Healthy"));
    is_up && instance.lifecycle_state() == Some(&LifecycleState::InService)
}

/// The targets that a target group sends nothing to. What cannot be read is left to Auto Scaling's word.
async fn failing(call: &Call, groups: &[String]) -> BTreeSet<String> {
    let client = &aws_sdk_elasticloadbalancingv2::Client::new(&call.config);
    let asked = groups.iter().take(TARGET_GROUPS).map(async |group| {
        let answer = client.describe_target_health().target_group_arn(group).send().await;
        answer.or_fault("elasticloadbalancing:DescribeTargetHealth")
    });
    let Ok(answers) = tokio::time::timeout(PATIENCE, join_all(asked)).await else {
        tracing::warn!("target groups did not answer in time");
        return BTreeSet::new();
    };
    let shown = answers.iter().filter_map(|answer| match answer {
        Ok(answer) => Some(answer.target_health_descriptions()),
        Err(fault) => {
            tracing::warn!(fault.message = %fault.message, "a target group was not read");
            None
        }
    });
    shown.flatten().filter(|target| is_failing(target)).filter_map(|target| Some(target.target()?.id()?.to_owned())).collect()
}

fn is_failing(target: &TargetHealthDescription) -> bool {
    use TargetHealthStateEnum::{Draining, Initial, Unhealthy, UnhealthyDraining};
    let state = target.target_health().and_then(|health| health.state());
    matches!(state, Some(Initial | Unhealthy | Draining | UnhealthyDraining))
}
