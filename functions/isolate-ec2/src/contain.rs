//! Cuts an instance off, and keeps it and its evidence alive.
//!
//! One wave of reads; then the record beside the groups; then whatever keeps the instance alive before what cuts it off, because an
//! isolated member of an Auto Scaling group fails its health check and is terminated.

use crate::admission::{Admission, has_begun};
use crate::admit;
use crate::base::{BaseState, NetworkInterface};
use crate::before::Before;
use crate::fleet::{self, Whose};
use crate::interfaces::{self, Plan, is_isolated};
use crate::read::{self, Seen, Wanted};
use crate::tracked::{self, Cut, Earlier};
use crate::{balancers, isolation_group, protections, scaling, shells, termination, volatile};
use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{InstanceStateName, Tag};
use firebreak::fault::Fault;
use firebreak::policy::{CutTracked, Policy};
use firebreak::receipt::{Outcome, Step};
use firebreak::step::{StepKind, StepName};
use firebreak::target::TargetKind;
use firebreak_aws::classify::{code, fault};
use firebreak_function::containment::{Attempt, Call, tag_outcome, tags};
use firebreak_function::step::{skipped, step};
use futures::future::join_all;
use std::collections::{BTreeMap, BTreeSet};

pub(crate) async fn contain(call: &Call, policy: &Policy) -> Result<Attempt, Fault> {
    if call.target.kind != TargetKind::Ec2Instance {
        return Err(Fault::malformed(format!("isolate-ec2 cannot contain {}", call.target)));
    }
    let ec2 = Client::new(&call.config);
    let wanted = Wanted { services: true, routes: policy.instances.cut_tracked == CutTracked::Private };
    let (seen, before) = futures::join!(Box::pin(read::read(call, &ec2, wanted)), Box::pin(Before::of(call)));
    let mut seen = seen?;
    match Box::pin(admit::admit(call, policy, &mut seen)).await? {
        Admission::Go(admitted) => Ok(Box::pin(isolate((call, policy), &ec2, seen, &before, admitted)).await.into()),
        // What is protected is left as it is, and the receipt says why.
        Admission::Protected(why) => Ok(vec![skipped(StepKind::IsolateInterface, why)].into()),
        Admission::Waits(waits) => Ok(Attempt::Waits(waits)),
    }
}

async fn isolate((call, policy): (&Call, &Policy), ec2: &Client, seen: Seen, before: &Before, admitted: Vec<Step>) -> Vec<Step> {
    let (cut, cut_before) = (policy.instances.cut_tracked, before.cut());
    let opened = to_open(&seen, cut);
    let current = BaseState { opened, ..seen.base.clone() };
    let mut known = None;
    let recording = async {
        known = Some(record(call, &current).await?);
        Ok::<_, Fault>(Outcome::Applied)
    };
    let (recorded, groups) = futures::join!(step(StepKind::RecordBase, recording), Box::pin(groups(call, ec2, &seen, &current)));
    let held = known.is_some();
    let planned = |interface| {
        let plan = plan(call, interface, &seen, (cut, &cut_before), &groups);
        (interface, plan)
    };
    let plans: Vec<(&NetworkInterface, Plan)> = current.interfaces.iter().map(planned).collect();
    let (label, termination, protected, network) = futures::join!(
        Box::pin(step(StepKind::Tag, tag(call, ec2, &current, held))),
        Box::pin(step(StepKind::ProtectFromTermination, termination::protect(call, ec2, &current, held))),
        Box::pin(protections::contain(call, ec2, &current, held)),
        Box::pin(network((call, policy), ec2, &seen, (&current, plans.as_slice()), held)),
    );
    let profile =
        current.profile.as_deref().map(|arn| StepName::about(StepKind::ReadProfile, arn.rsplit('/').next().unwrap_or(arn)));
    if !held {
        Box::pin(give_back(call, &current)).await;
    }
    let mut steps = vec![recorded];
    if let Some(name) = profile {
        steps.push(step(name, async { Ok(Outcome::Applied) }).await);
    }
    steps.extend(admitted.into_iter().chain(network).chain(protected));
    steps.extend([termination, label]);
    let (notes, shares) = (notes(&seen, &steps), before.shares(&steps));
    steps.extend(notes.into_iter().chain(shares));
    steps.extend(seen.unread);
    steps
}

/// Interfaces that pass an open group. They are recorded before, so that a run after this one, and every look, knows of them.
fn to_open(seen: &Seen, policy: CutTracked) -> BTreeSet<String> {
    let through = seen.base.interfaces.iter().filter(|interface| cut(interface, seen, policy, Earlier::Nothing) == Cut::Through);
    through.map(|interface| interface.id.clone()).collect()
}

fn cut(interface: &NetworkInterface, seen: &Seen, policy: CutTracked, earlier: Earlier) -> Cut {
    match &seen.groups {
        Ok(known) => {
            let state = (is_isolated(interface, known), tracked::is_in_open(interface, known), earlier);
            tracked::decide(policy, interface, &seen.reach, state)
        }
        // It may be isolated already.
        Err(_) => Cut::Not("Firebreak's security groups could not be read".to_owned()),
    }
}

fn plan(
    call: &Call,
    interface: &NetworkInterface,
    seen: &Seen,
    (policy, cut_before): (CutTracked, &[Step]),
    groups: &BTreeMap<String, Groups>,
) -> Plan {
    let earlier = Earlier::of(cut_before, &interface.id);
    let unprepared = || Err(Fault::bug("no group was prepared for this VPC"));
    let Groups { empty, open } =
        groups.get(&interface.vpc).cloned().unwrap_or_else(|| Groups { empty: unprepared(), open: unprepared() });
    let ours = seen.groups.as_deref().unwrap_or_default();
    Plan {
        empty,
        open,
        cut: cut(interface, seen, policy, earlier),
        is_isolated: is_isolated(interface, ours),
        began_at: call.began_at,
        settle: call.settle,
    }
}

/// Nothing was changed, so the host needs no place among those that its groups may lose, unless an earlier run isolated it.
async fn give_back(call: &Call, current: &BaseState) {
    if matches!(has_begun(call).await, Ok(false)) {
        fleet::give_back(call, current, Whose::ThisIncident).await;
    }
}

/// The groups of one VPC.
#[derive(Debug, Clone)]
struct Groups {
    empty: Result<String, Fault>,
    open: Result<String, Fault>,
}

async fn groups(call: &Call, ec2: &Client, seen: &Seen, current: &BaseState) -> BTreeMap<String, Groups> {
    let known = seen.groups.as_deref().unwrap_or_default();
    let needy = current.interfaces.iter().filter(|interface| !is_isolated(interface, known));
    let vpcs: BTreeSet<&str> = needy.map(|interface| interface.vpc.as_str()).collect();
    let opens = |vpc: &str| current.interfaces.iter().any(|one| one.vpc == vpc && current.opened.contains(&one.id));
    let each = vpcs.into_iter().map(async |vpc| {
        let open = async {
            if opens(vpc) {
                tracked::ensure(ec2, vpc, &seen.groups, call.incident.as_str()).await
            } else {
                Err(Fault::bug("no open group was prepared for this VPC"))
            }
        };
        let empty = isolation_group::ensure(ec2, vpc, &seen.groups, call.incident.as_str());
        let (empty, open) = futures::join!(Box::pin(empty), Box::pin(open));
        (vpc.to_owned(), Groups { empty, open })
    });
    join_all(each).await.into_iter().collect()
}

/// Records the base, and gives the recorded one: the first incident's, with what this one found besides.
pub(crate) async fn record(call: &Call, current: &BaseState) -> Result<BaseState, Fault> {
    let known = call.ledger.hold(call.held(), &call.holder, &call.target.id, current, call.began_at).await?;
    let all = known.with_interfaces_of(current);
    if all != known {
        call.ledger.extend_base(call.held(), &known, &all).await?;
    }
    Ok(all)
}

/// Standby first. Then the interfaces, and beside them whatever else leads to the instance. Only standby is waited for: every second before
/// the swap is one less to close what it opens.
async fn network(
    (call, policy): (&Call, &Policy),
    ec2: &Client,
    seen: &Seen,
    (current, plans): (&BaseState, &[(&NetworkInterface, Plan)]),
    held: bool,
) -> Vec<Step> {
    let beside = async {
        match &current.scaling {
            Some(scaling) => scaling::beside(call, scaling, held).await,
            None => vec![],
        }
    };
    let swap = async {
        let standby = match &current.scaling {
            Some(scaling) => Some(Box::pin(scaling::enter(call, scaling, held)).await),
            None => None,
        };
        let each = plans.iter().map(|(interface, plan)| Box::pin(interfaces::contain(ec2, interface, plan, held)));
        let (moved, ended, scan) = futures::join!(
            join_all(each),
            Box::pin(shells::end(call, &seen.shells, held)),
            Box::pin(balancers::scan(call, &seen.addresses, &seen.targets)),
        );
        let left = Box::pin(leave((call, policy), current, scan, held)).await;
        // What may be open comes first.
        let (open, moved): (Vec<Step>, Vec<Step>) = moved.into_iter().flatten().partition(|step| step.is(StepKind::LeftOpen));
        open.into_iter().chain(standby).chain(moved).chain(ended).chain(left).collect::<Vec<Step>>()
    };
    let (steps, beside) = futures::join!(Box::pin(swap), Box::pin(beside));
    steps.into_iter().chain(beside).collect()
}

/// Takes the instance out of the load balancers that were found, once the ledger knows them.
async fn leave((call, policy): (&Call, &Policy), current: &BaseState, scan: balancers::Scan, held: bool) -> Vec<Step> {
    let balancers::Scan { registrations, unscanned, alike, hosts } = scan;
    let unscanned = unscanned.map(|why| skipped(StepKind::ScanBalancers, Fault::malformed(why)));
    let alike = alike.map(|why| skipped(StepName::about(StepKind::ScanBalancers, "same-address"), Fault::malformed(why)));
    let mut steps: Vec<Step> = unscanned.into_iter().chain(alike).collect();
    if registrations.is_empty() {
        return steps;
    }
    let with = BaseState { registrations: registrations.clone(), ..current.clone() };
    // What was found before the first change is recorded already.
    let is_new = registrations.iter().any(|found| !current.registrations.contains(found));
    let is_known = held && (!is_new || record(call, &with).await.is_ok());
    // A member of an Auto Scaling group was compared before, and so were the target groups that were read before. No release gives a place
    // back in a group that is not recorded.
    let hosts = if current.scaling.is_none() && is_known { hosts } else { BTreeMap::new() };
    let (left, compared) = futures::join!(
        Box::pin(balancers::contain(call, &registrations, is_known)),
        Box::pin(fleet::compare(call, policy, &hosts)),
    );
    steps.extend(left.into_iter().chain(compared));
    steps
}

/// The instance and its interfaces in one call: the guard goes by the label, and an interface can be moved without its instance.
async fn tag(call: &Call, ec2: &Client, current: &BaseState, held: bool) -> Result<Outcome, Fault> {
    if !held {
        return Ok(Outcome::Skipped);
    }
    let interfaces = current.interfaces.iter().map(|interface| interface.id.clone());
    let resources: Vec<String> = std::iter::once(call.target.id.clone()).chain(interfaces).collect();
    label(call, ec2, resources).await
}

/// Labels resources. One that is gone or full keeps the label from no other one.
pub(crate) async fn label(call: &Call, ec2: &Client, resources: Vec<String>) -> Result<Outcome, Fault> {
    let labels = tags(&call.incident, "isolated").map(|(key, value)| Tag::builder().key(key).value(value).build());
    let put = async |resources: Vec<String>| {
        let tagged = ec2.create_tags().set_resources(Some(resources)).set_tags(Some(labels.to_vec())).send().await;
        tagged.map(|_| ()).map_err(|error| (code(&error).map(str::to_owned), fault("ec2:CreateTags", &error)))
    };
    let Err(together) = put(resources.clone()).await else { return Ok(Outcome::Applied) };
    if resources.len() == 1 {
        return tag_outcome(Err(together));
    }
    let each = join_all(resources.into_iter().map(|one| put(vec![one]))).await;
    let each: Vec<Outcome> = each.into_iter().map(tag_outcome).collect::<Result<_, Fault>>()?;
    Ok(if each.contains(&Outcome::Skipped) { Outcome::Skipped } else { Outcome::Applied })
}

/// What people must know of the instance besides.
fn notes(seen: &Seen, done: &[Step]) -> Vec<Step> {
    let mut notes = volatile::notes(&seen.instance, seen.base.scaling.as_ref(), done);
    let state = seen.instance.state().and_then(|state| state.name());
    if let Some(state) = state.filter(|state| **state != InstanceStateName::Running) {
        let name = StepName::about(StepKind::NoteVolatile, state.as_str());
        let why = format!("the instance was {} when it was isolated: its memory is lost, or will be", state.as_str());
        notes.push(skipped(name, Fault::malformed(why)));
    }
    notes
}
