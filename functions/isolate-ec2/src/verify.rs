//! Reads back whether the isolation holds, and writes again what somebody took away.

use crate::again::with_late;
use crate::base::{BaseState, NetworkInterface};
use crate::contain::{label, record};
use crate::interfaces::{self, is_isolated, own_group};
use crate::read::{self, Seen, Wanted};
use crate::{balancers, flows, protections, scaling, shells, termination, tracked};
use aws_sdk_ec2::Client;
use firebreak::fault::Fault;
use firebreak::receipt::{Outcome, Receipt, Step};
use firebreak::step::{StepKind, StepName};
use firebreak::target::Look;
use firebreak_function::containment::{Call, Checked, NOT_WRITTEN_AGAIN, without_base};
use futures::future::join_all;

/// An interface that is not isolated.
struct Loose {
    interface: NetworkInterface,
    /// For people.
    line: String,
    /// It is in an open group of Firebreak's: a run was killed. No look may leave it there, and nobody reverted it.
    is_open: bool,
    /// The containment did not isolate it: nobody reverted it.
    is_late: bool,
    /// No base knows it.
    is_new: bool,
}

pub(crate) async fn verify(call: &Call) -> Result<Checked, Fault> {
    let ec2 = Client::new(&call.config);
    let (base, receipt, held) = futures::join!(
        call.ledger.base::<BaseState>(call.held()),
        call.ledger.receipt(&call.incident, call.containment, &call.target),
        call.holds(&call.target),
    );
    let held = held?;
    let unrecorded = without_base(&base);
    let base = base.ok().flatten().map(|(base, _)| base);
    let (seen, loose) = Box::pin(look(call, &ec2, base.as_ref(), &receipt)).await?;
    // Without a record nothing could be put back, and no containment may have asked whether it may: what is open is closed, no more.
    let reapplies = call.look == Look::Reapply && base.is_some();
    // Nothing may be written while a release is under way, and none begins while something is.
    let may_write = held && (reapplies || loose.iter().any(|one| one.is_open));
    let guards = if may_write { call.guard(std::slice::from_ref(&call.target)).await? } else { None };
    let call = &match call.look {
        Look::Reapply if guards.is_none() || !reapplies => Call { look: Look::ReadOnly, ..call.clone() },
        _ => call.clone(),
    };
    let mut checked = Checked::default();
    checked.problems.extend(unrecorded.filter(|_| held));
    checked.problems.extend(seen.unread.iter().filter_map(|step| step.error.as_ref()).map(|fault| fault.message.clone()));
    let network = Box::pin(network(call, &ec2, &seen, loose, (held, guards.is_some()), &receipt, &mut checked)).await;
    if network.is_ok() {
        Box::pin(besides(call, &ec2, &seen, base.as_ref(), &mut checked)).await;
    }
    if let Some(guards) = guards {
        call.end_guards(guards).await;
    }
    network?;
    Ok(checked)
}

/// A read right after a write can be old (EC2 API reference, "Eventual consistency"), so nothing counts as reverted on one of them. An
/// interface that is open waits for no second one.
async fn look(
    call: &Call,
    ec2: &Client,
    base: Option<&BaseState>,
    receipt: &Result<Option<Receipt>, Fault>,
) -> Result<(Seen, Vec<Loose>), Fault> {
    let seen = Box::pin(read::read(call, ec2, Wanted::default())).await?;
    let first = loose(&seen, base, receipt)?;
    if first.is_empty() || first.iter().any(|one| one.is_open) {
        return Ok((seen, first));
    }
    tokio::time::sleep(call.settle).await;
    let later = Box::pin(read::read(call, ec2, Wanted::default())).await?;
    let mut still = loose(&later, base, receipt)?;
    still.retain(|one| first.iter().any(|before| before.interface.id == one.interface.id));
    Ok((later, still))
}

/// Every interface that is not alone in an empty group of its own VPC.
fn loose(seen: &Seen, base: Option<&BaseState>, receipt: &Result<Option<Receipt>, Fault>) -> Result<Vec<Loose>, Fault> {
    // Without the groups every interface would seem to be reverted.
    let groups = seen.groups.as_deref().map_err(Clone::clone)?;
    // A run that was killed has no receipt, or one without steps: nobody reverted what it did not come to.
    let is_late = |id: &str| {
        let is_held = |step: &Step| step.name == step_of(id) && matches!(step.outcome, Outcome::Applied | Outcome::Already);
        receipt.as_ref().is_ok_and(|known| known.as_ref().is_none_or(|receipt| !receipt.steps.iter().any(is_held)))
    };
    let each = seen.base.interfaces.iter().filter(|interface| !is_isolated(interface, groups)).map(|interface| {
        let id = &interface.id;
        let is_open = tracked::is_in_open(interface, groups);
        let is_new = base.is_some_and(|base| base.interface(id).is_none());
        let line = match own_group(interface, groups) {
            Some(_) => format!("the isolation group of interface {id} in {} has rules", interface.vpc),
            None if is_open => format!("interface {id} is still in Firebreak's open group"),
            None if is_new => format!("interface {id} was attached since"),
            None => format!("interface {id} is not in an isolation group alone"),
        };
        Loose { interface: interface.clone(), line, is_open, is_late: !is_new && is_late(id), is_new }
    });
    Ok(each.collect())
}

fn step_of(id: &str) -> StepName {
    StepName::about(StepKind::IsolateInterface, id)
}

/// Isolates again what is loose, where the look may.
async fn network(
    call: &Call,
    ec2: &Client,
    seen: &Seen,
    loose: Vec<Loose>,
    (held, is_guarded): (bool, bool),
    receipt: &Result<Option<Receipt>, Fault>,
    checked: &mut Checked,
) -> Result<(), Fault> {
    let (writes, left): (Vec<Loose>, Vec<Loose>) =
        loose.into_iter().partition(|one| is_guarded && (one.is_open || call.look == Look::Reapply));
    for Loose { line, is_late, .. } in left {
        if held && call.look == Look::Paused {
            let line = format!("{line}; {NOT_WRITTEN_AGAIN}");
            checked.problems.push(line.clone());
            checked.reverted.extend((!is_late).then_some(line));
        } else {
            checked.problems.push(line);
        }
    }
    // At once, together, and before anything that can fail.
    let (open, writes): (Vec<Loose>, Vec<Loose>) = writes.into_iter().partition(|one| one.is_open);
    let closed = join_all(open.iter().map(|one| Box::pin(again(call, ec2, seen, one)))).await;
    let mut in_time = if held { closed_since(seen, receipt) } else { vec![] };
    for (Loose { interface, line, .. }, closed) in open.into_iter().zip(closed) {
        match closed {
            Ok(()) => {
                in_time.extend([step_of(&interface.id), StepName::about(StepKind::LeftOpen, &interface.id)]);
                checked.problems.push(format!("{line}; it was closed now"));
            }
            Err(fault) => checked.problems.push(format!("{line}: it may be OPEN; it could not be closed: {fault}")),
        }
    }
    let is_reverted = |one: &&Loose| !one.is_late;
    let foreseen: Vec<String> =
        writes.iter().filter(is_reverted).map(|one| format!("{}; to be written again", one.line)).collect();
    let foreseen = call.foresee(&foreseen).await;
    if foreseen.is_err() {
        keep_late(call, receipt, &in_time).await?;
        return foreseen;
    }
    for one in writes {
        let written = Box::pin(again(call, ec2, seen, &one)).await;
        let Loose { interface, line, is_late, is_new, .. } = one;
        // One that was attached since is told now. Its step tells the next look that it was isolated.
        in_time.extend((written.is_ok() && (is_late || is_new)).then(|| step_of(&interface.id)));
        match written {
            Ok(()) if is_late => {}
            Ok(()) => checked.reverted.push(format!("{line}; isolated again")),
            Err(fault) => {
                checked.problems.push(format!("{line}; it could not be isolated: {fault}"));
                checked.reverted.extend((!is_late).then(|| format!("{line}; it could not be isolated again")));
            }
        }
    }
    keep_late(call, receipt, &in_time).await
}

/// An interface that nobody knew is recorded first, and labelled like the others. One that is open is closed without a record, too.
async fn again(call: &Call, ec2: &Client, seen: &Seen, one: &Loose) -> Result<(), Fault> {
    if one.is_new
        && let Err(fault) = record(call, &seen.base).await
        && !one.is_open
    {
        return Err(fault);
    }
    let open = one.is_open.then_some(call.settle);
    let isolated = interfaces::isolate_again(ec2, &one.interface, &seen.groups, call.incident.as_str(), open).await;
    if one.is_new
        && let Err(fault) = label(call, ec2, vec![one.interface.id.clone()]).await
    {
        tracing::warn!(fault.message = %fault.message, "an interface that was attached since has no label");
    }
    isolated
}

/// Steps that failed about interfaces that are isolated by now: a person closed one, or a late call did.
fn closed_since(seen: &Seen, receipt: &Result<Option<Receipt>, Fault>) -> Vec<StepName> {
    let groups = seen.groups.as_deref().unwrap_or_default();
    let isolated = seen.base.interfaces.iter().filter(|interface| is_isolated(interface, groups));
    let names = isolated.flat_map(|interface| [step_of(&interface.id), StepName::about(StepKind::LeftOpen, &interface.id)]);
    let failed = receipt.as_ref().ok().and_then(Option::as_ref).map(Receipt::failed_steps).unwrap_or_default();
    names.filter(|name| failed.contains(name)).collect()
}

/// A release goes by the receipt: what a look isolated at last is Firebreak's to put back. A run that was killed gets one here.
async fn keep_late(call: &Call, receipt: &Result<Option<Receipt>, Fault>, written: &[StepName]) -> Result<(), Fault> {
    let Ok(known) = receipt else { return Ok(()) };
    if written.is_empty() {
        return Ok(());
    }
    call.ledger.keep_receipt(&call.incident, &with_late(call, known.clone(), written)).await
}

/// What keeps the instance alive, leads to it, or flows. A part that cannot be looked at keeps no other one from its look.
async fn besides(call: &Call, ec2: &Client, seen: &Seen, base: Option<&BaseState>, checked: &mut Checked) {
    let nothing = async || Ok(Checked::default());
    let protections = async {
        match base {
            Some(base) => protections::check(call, ec2, base, &seen.base).await,
            None => nothing().await,
        }
    };
    let scaling = async {
        match base.and_then(|base| base.scaling.as_ref()) {
            Some(scaling) => scaling::check(call, scaling).await,
            None => nothing().await,
        }
    };
    let balancers = async {
        match base.map(|base| base.registrations.as_slice()).unwrap_or_default() {
            [] => nothing().await,
            registrations => balancers::check(call, registrations).await,
        }
    };
    let terminating = termination::check(call, ec2, &seen.base);
    let (flowing, ended) = (flows::check(call, &seen.base.interfaces), shells::check(call));
    let (terminating, protections, scaling, balancers, ended, flowing) = futures::join!(
        Box::pin(terminating),
        Box::pin(protections),
        Box::pin(scaling),
        Box::pin(balancers),
        Box::pin(ended),
        Box::pin(flowing),
    );
    for part in [Ok(terminating), protections, scaling, balancers, ended, Ok(flowing)] {
        match part {
            Ok(part) => {
                checked.problems.extend(part.problems);
                checked.reverted.extend(part.reverted);
                checked.notes.extend(part.notes);
            }
            Err(fault) => checked.problems.push(fault.message),
        }
    }
    let kept = seen.base.elastic_ips.iter();
    checked
        .notes
        .extend(kept.map(|address| format!("its Elastic IP address {address} stays with it: others may know the address")));
}
