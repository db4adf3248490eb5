//! Takes an instance out of the load balancers that send it traffic, and into them again.
//!
//! Standby takes a member of an Auto Scaling group out of the group's own balancers. Others are found by looking through them all, within
//! bounds, beside the isolation. Of an instance without such a group, target groups are looked through before: their share may hold the
//! isolation back.

mod early;
mod scan;
mod wire;

pub(crate) use early::{list, look};
pub(crate) use scan::scan;

use crate::again::{Lost, keep_late, merged};
use crate::deadline;
use aws_sdk_elasticloadbalancingv2::types::TargetGroup;
use firebreak::fault::{Fault, FaultKind};
use firebreak::receipt::{Outcome, Step};
use firebreak::step::{StepKind, StepName};
use firebreak::target::Look;
use firebreak_aws::clock;
use firebreak_function::containment::{Call, Checked};
use firebreak_function::step::{skipped, step, unrecorded};
use firebreak_ledger::Hosts;
use futures::StreamExt as _;
use futures::stream;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use wire::Balancing;

/// Calls that are under way at the same time.
const AT_ONCE: usize = 8;
/// How long balancers are left. The receipt of the isolation waits for it, and a look leaves what is left over.
const LEAVING: Duration = Duration::from_secs(10);

/// One place of the instance in a load balancer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    /// Where.
    pub balancer: Balancer,
}

/// What an instance is registered with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Balancer {
    /// A target group of an Application, Network or Gateway Load Balancer.
    TargetGroup {
        /// Its ARN.
        arn: String,
        /// The id of the instance, or one of its addresses.
        target: String,
        /// The port of the target.
        port: Option<i32>,
        /// The Availability Zone, which only targets by address have.
        zone: Option<String>,
    },
    /// A Classic Load Balancer.
    Classic {
        /// Its name.
        name: String,
    },
}

/// What was found.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scan {
    /// Where the instance is registered.
    pub(crate) registrations: Vec<Registration>,
    /// What was not looked through, and why, for a person.
    pub(crate) unscanned: Option<String>,
    /// Target groups of other VPCs that have a target with one of its addresses: another host's, by all that is known.
    pub(crate) alike: Option<String>,
    /// The hosts of each target group that sends the instance traffic, by the group's ARN.
    pub(crate) hosts: BTreeMap<String, Hosts>,
}

/// What is known of target groups before the first change. The default: nothing, not even which there are.
#[derive(Debug, Clone, Default)]
pub(crate) struct Early {
    listed: Listed,
    /// ARNs of those that were looked through.
    looked: BTreeSet<String>,
    /// What was found in them, and what was not looked through.
    found: Scan,
    /// A passing fault that kept some from being looked through.
    passing: Option<Fault>,
}

impl Early {
    /// Where the instance is registered, as far as target groups were looked through.
    pub(crate) fn registrations(&self) -> &[Registration] {
        &self.found.registrations
    }

    /// The hosts of each target group that is known to send the instance traffic, by the group's ARN.
    pub(crate) fn hosts(&self) -> &BTreeMap<String, Hosts> {
        &self.found.hosts
    }

    /// Which target groups can have the instance and were not looked through, and why, for a person.
    pub(crate) fn unread(&self) -> Option<&str> {
        self.found.unscanned.as_deref()
    }

    /// Why another try may read what was not looked through: AWS throttled a read, for example. What came too late is no such reason.
    pub(crate) fn passing(&self) -> Option<&Fault> {
        self.passing.as_ref()
    }
}

/// Target groups of the Region that can have an instance in them.
#[derive(Debug, Clone, Default)]
struct Listed {
    groups: Vec<TargetGroup>,
    /// Why there may be more, for a person.
    more: Option<String>,
    /// What broke the list off.
    failed: Option<Fault>,
    /// Asking again shows no more of them.
    is_final: bool,
}

/// An address of the instance, and the VPC in which it is the instance's.
pub(crate) type Place = (String, IpAddr);

impl Registration {
    fn name(&self, kind: StepKind) -> StepName {
        StepName::about(kind, self.shown())
    }

    /// The ARN of its target group.
    pub(crate) fn target_group(&self) -> Option<&str> {
        match &self.balancer {
            Balancer::TargetGroup { arn, .. } => Some(arn),
            Balancer::Classic { .. } => None,
        }
    }

    /// Its name: names of target groups and balancers are letters, digits and hyphens, and unique in a Region.
    fn shown(&self) -> String {
        match &self.balancer {
            Balancer::Classic { name } => format!("{name} (classic)"),
            Balancer::TargetGroup { arn, target, port, .. } => {
                let name = arn.split('/').nth(1).unwrap_or(arn);
                let port = port.map(|port| format!(" port {port}")).unwrap_or_default();
                if target.starts_with("i-") { format!("{name}{port}") } else { format!("{name} {target}{port}") }
            }
        }
    }
}

/// Takes the instance out. `held`: the registrations are recorded.
pub(crate) async fn contain(call: &Call, found: &[Registration], held: bool) -> Vec<Step> {
    let left = deadline::time_left(call.began_at, clock::now());
    let (balancing, until) = (Balancing::of(call), Instant::now() + LEAVING.min(left));
    let work: Vec<_> = found
        .iter()
        .map(|registration| step(registration.name(StepKind::LeaveBalancer), leave(&balancing, registration, held, until)))
        .collect();
    stream::iter(work).buffered(AT_ONCE).collect().await
}

async fn leave(balancing: &Balancing, registration: &Registration, held: bool, until: Instant) -> Result<Outcome, Fault> {
    if !held {
        return Err(unrecorded());
    }
    let late = || Fault::new(FaultKind::Transient, "no time was left for it: a look takes it out");
    if Instant::now() >= until {
        return Err(late());
    }
    timeout_at(until, balancing.leave(registration)).await.unwrap_or_else(|_| Err(late()))
}

/// Whether the instance is still out. Takes it out again where the look may; the caller holds the guard.
///
/// # Errors
/// Nothing could be read.
pub(crate) async fn check(call: &Call, base: &[Registration]) -> Result<Checked, Fault> {
    let balancing = Balancing::of(call);
    let work: Vec<_> = base.iter().map(|registration| balancing.has(registration)).collect();
    let states: Vec<_> = stream::iter(work).buffered(AT_ONCE).collect().await;
    if let Some(Err(fault)) = states.first()
        && states.iter().all(Result::is_err)
    {
        return Err(fault.clone());
    }
    let (mut checks, read_at, unanswered) = (Vec::new(), Instant::now(), unanswered(call).await);
    for (registration, state) in base.iter().zip(states) {
        let shown = registration.shown();
        checks.push(match state {
            Ok(Some(false)) => {
                let name = registration.name(StepKind::LeaveBalancer);
                if unanswered.contains(&name) {
                    keep_late(call, &name).await;
                }
                Checked::default()
            }
            // The balancer is gone.
            Ok(None) => Checked::default(),
            Ok(Some(true)) => {
                let line = format!("load balancer {shown} sends it traffic");
                let lost = Lost { step: registration.name(StepKind::LeaveBalancer), line, may_be_late: false, read_at };
                let still = async { Ok::<_, Fault>(balancing.has(registration).await? == Some(true)) };
                lost.mended(call, Box::pin(still), async { balancing.leave(registration).await.map(|_| ()) }).await
            }
            Err(fault) => {
                let note = format!("not known whether load balancer {shown} sends it traffic: {}", fault.message);
                Checked { notes: vec![note], ..Checked::default() }
            }
        });
    }
    Ok(merged(checks))
}

/// Steps that failed on a passing fault: AWS may have carried them out all the same. Where the instance is out a release puts it back.
async fn unanswered(call: &Call) -> Vec<StepName> {
    if call.look != Look::Reapply {
        return vec![];
    }
    let receipt = call.ledger.receipt(&call.incident, call.containment, &call.target).await.ok().flatten();
    let is_unanswered = |step: &Step| {
        let passes = step.error.as_ref().is_some_and(|fault| fault.kind == FaultKind::Transient);
        step.is(StepKind::LeaveBalancer) && step.outcome == Outcome::Failed && passes
    };
    receipt.into_iter().flat_map(|receipt| receipt.steps).filter(is_unanswered).map(|step| step.name).collect()
}

/// What Auto Scaling itself registers with a group's hosts, once they serve.
#[derive(Debug, Default)]
pub(crate) struct OfGroup {
    /// Why they are not known.
    pub(crate) unread: Option<Fault>,
    /// ARNs of target groups, and names of classic balancers.
    pub(crate) names: BTreeSet<String>,
}

impl OfGroup {
    fn has(&self, registration: &Registration) -> bool {
        match &registration.balancer {
            Balancer::TargetGroup { arn, .. } => self.names.contains(arn),
            Balancer::Classic { name } => self.names.contains(name),
        }
    }
}

/// Registers the instance as before. What the containment could not take it out of is not touched. `of_group`: the instance stays on
/// standby, where its group's own balancers must not send it traffic.
pub(crate) async fn restore(call: &Call, base: &[Registration], of_group: Option<&OfGroup>) -> Vec<Step> {
    let balancing = Balancing::of(call);
    let work: Vec<_> = base.iter().map(|registration| rejoin(call, &balancing, registration, of_group)).collect();
    stream::iter(work).buffered(AT_ONCE).collect().await
}

async fn rejoin(call: &Call, balancing: &Balancing, registration: &Registration, of_group: Option<&OfGroup>) -> Step {
    let name = registration.name(StepKind::JoinBalancer);
    match of_group {
        Some(OfGroup { unread: Some(fault), .. }) => step(name, async { Err(fault.clone()) }).await,
        Some(group) if group.has(registration) => {
            let why = format!("not taken into {} while it is on standby: Auto Scaling does that", registration.shown());
            skipped(name, Fault::malformed(why))
        }
        _ => join(call, balancing, registration).await,
    }
}

async fn join(call: &Call, balancing: &Balancing, registration: &Registration) -> Step {
    let name = registration.name(StepKind::JoinBalancer);
    let is_ours = !call.failed_steps.contains(&registration.name(StepKind::LeaveBalancer));
    match balancing.has(registration).await {
        Ok(Some(true)) => step(name, async { Ok(Outcome::Already) }).await,
        Ok(Some(false)) if is_ours => step(name, balancing.join(registration)).await,
        Ok(Some(false)) => {
            let shown = registration.shown();
            skipped(
                name,
                Fault::malformed(format!("not taken into {shown} again: Firebreak could not take it out, and it is out")),
            )
        }
        Ok(None) => skipped(name, Fault::gone(format!("load balancer {} does not exist any more", registration.shown()))),
        Err(fault) => step(name, async { Err(fault) }).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_has_a_name_of_its_own_and_is_read_back() {
        let group = |target: &str, port| Registration {
            balancer: Balancer::TargetGroup {
                arn: "arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/shop/0123".to_owned(),
                target: target.to_owned(),
                port,
                zone: None,
            },
        };
        let all = [
            group("i-0123456789abcdef0", Some(80)),
            group("i-0123456789abcdef0", Some(81)),
            group("i-0123456789abcdef0", None),
            group("10.0.0.1", Some(80)),
            Registration { balancer: Balancer::Classic { name: "shop".to_owned() } },
        ];
        let names: Vec<String> = all.iter().map(Registration::shown).collect();
        assert_eq!(names, ["shop port 80", "shop port 81", "shop", "shop 10.0.0.1 port 80", "shop (classic)"]);
        for one in all {
            let text = serde_json::to_string(&one).expect("JSON");
            assert_eq!(serde_json::from_str::<Registration>(&text).expect(&text), one);
        }
    }
}
