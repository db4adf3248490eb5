//! Writes again what is missing of a level, one configuration after the other: S3 takes no two changes of one bucket at once.

use super::missing::{Control, Lost, Wanted};
use super::statements;
use crate::accusers::{Accusers, once_written};
use crate::base::{BaseState, Planned, PublicAccessBlock, Seen};
use crate::left_out::LeftOut;
use crate::turn::{self, Run};
use crate::{contain, encryption, lifecycle, replication, versioning, write};
use firebreak::fault::Fault;
use firebreak::receipt::{Outcome, Step};
use firebreak::step::StepKind;
use firebreak::target::Scope;
use firebreak_function::containment::Call;
use firebreak_function::step::{ended, step};
use firebreak_s3::Bucket;
use firebreak_s3::policy::Document;
use serde_json::Value;
use std::collections::BTreeSet;

/// What a look wrote.
pub(super) struct Written {
    /// How that ended, for each of what was lost.
    pub(super) ended: Vec<Result<(), Fault>>,
    /// Statements of the customer's that are out of the bucket policy by it, for people.
    pub(super) problems: Vec<String>,
    /// The same, where nobody has lost access by it.
    pub(super) notes: Vec<String>,
}

/// Writes what is lost, and puts back what a run that was killed left out. The policy comes before the block: under it S3 takes no public
/// policy.
pub(super) async fn write(call: &Call, (wanted, base): (&Wanted<'_>, &BaseState), seen: &Seen, lost: &[Lost]) -> Written {
    let (of_policy, others): (Vec<&Lost>, Vec<&Lost>) =
        lost.iter().partition(|one| matches!(one.control, Control::Statements(_)));
    let is_settled = base.planned.unsettled.is_empty();
    let wrote = if of_policy.is_empty() && is_settled { None } else { Some(Box::pin(policy(call, (wanted, base), seen)).await) };
    let (policy, is_harmless) = match wrote {
        None => (Ok(vec![]), true),
        Some(Ok((steps, is_harmless))) => (Ok(steps), is_harmless),
        Some(Err(fault)) => (Err(fault), false),
    };
    let settings = if others.is_empty() {
        Ok(vec![])
    } else {
        let bucket = wanted.around.bucket;
        Box::pin(turn::alone(call, Run::Look, async || Ok(Box::pin(settings(bucket, seen, &others)).await))).await
    };
    let ended = |one: &Lost| {
        let steps = if matches!(one.control, Control::Statements(_)) { &policy } else { &settings };
        steps.as_ref().map_err(Clone::clone).and_then(|steps| end_of(steps, &one.control))
    };
    let is_left = |step: &Step| step.is(StepKind::LeaveOutStatement);
    let notes = policy.as_ref().ok().filter(|_| is_harmless).map(|steps| told(steps, is_left)).unwrap_or_default();
    let problems = match &policy {
        Ok(steps) => told(steps, |step| is_left(step) && !is_harmless || of_policy.is_empty() && step.outcome == Outcome::Failed),
        // What is lost says so itself.
        Err(fault) if of_policy.is_empty() => vec![format!("statements that a run left out are not put back: {fault}")],
        Err(_) => vec![],
    };
    Written { ended: lost.iter().map(ended).collect(), problems, notes }
}

/// What people must know: the receipt of the containment does not say it.
fn told(steps: &[Step], is_told: impl Fn(&Step) -> bool) -> Vec<String> {
    let why = |step: &Step| step.error.as_ref().map(|fault| fault.message.clone()).unwrap_or_default();
    steps.iter().filter(|step| is_told(step)).map(|step| format!("{}: {}", step.name.as_str(), why(step))).collect()
}

fn end_of(steps: &[Step], control: &Control) -> Result<(), Fault> {
    let name = control.step();
    let step = steps.iter().find(|step| step.name == name);
    step.ok_or_else(|| Fault::bug(format!("nothing was tried for {name}"))).and_then(ended)
}

/// All statements of the level with one write, and whether nobody has lost access by what is left out by now. What is new in them is recorded
/// first, and so is what S3 may not take back with them; what is no more, after it.
async fn policy(call: &Call, (wanted, base): (&Wanted<'_>, &BaseState), seen: &Seen) -> Result<(Vec<Step>, bool), Fault> {
    let document = seen.document.as_ref().map_err(Clone::clone)?;
    let statements = statements::wanted(wanted.level, &wanted.around, (base, document))?;
    let names = statements.all.iter().filter_map(|(_, one)| one.get("Sid").and_then(Value::as_str));
    let sids = names.map(str::to_owned).collect();
    let now = Planned { sids, denied: wanted.accusers.clone(), ..Planned::default() };
    let later = BaseState { planned: now.clone(), ..statements::with_policy(base, document) };
    let base = remember(call, base, &later).await?;
    let mut record = LeftOut::of(call, base).once(&now);
    let steps = Box::pin(write::policy(call, wanted.around.bucket, &statements, &mut record)).await?;
    Ok((steps, record.harms_nobody()))
}

/// Records who accuses whom, and which statements deny them, where the policy shows it already: a run that was killed behind its write has not
/// said so. Only a freeze denies suspects.
pub(super) async fn keep(call: &Call, (base, now): (&BaseState, &Document), accusers: &Accusers) {
    if call.target.scope != Scope::Freeze {
        return;
    }
    let there = base.planned.sids.iter().filter(|name| now.sid(name).is_some()).cloned().collect();
    let shown = Planned { sids: there, denied: accusers.clone(), ..Planned::default() };
    let with = BaseState { planned: once_written(&base.planned, &shown), ..base.clone() };
    if let Err(fault) = extend(call, base, &with).await {
        tracing::warn!(fault.message = %fault.message, "the record still says whom a freeze denied before");
    }
}

/// Adds to what is recorded.
async fn remember(call: &Call, base: &BaseState, later: &BaseState) -> Result<BaseState, Fault> {
    let all = base.joined(later);
    extend(call, base, &all).await?;
    Ok(all)
}

async fn extend(call: &Call, known: &BaseState, all: &BaseState) -> Result<(), Fault> {
    if all == known { Ok(()) } else { call.ledger.extend_base(call.held(), known, all).await }
}

async fn settings(bucket: &Bucket, seen: &Seen, lost: &[&Lost]) -> Vec<Step> {
    let is_lost = |control: &Control| lost.iter().any(|one| one.control == *control);
    let mut steps = Vec::new();
    if is_lost(&Control::Block) {
        let put = async { contain::put(bucket, PublicAccessBlock::ALL).await.map(|()| Outcome::Applied) };
        steps.push(step(StepKind::BlockPublicAccess, Box::pin(put)).await);
    }
    let (expiring, copying) = ids(lost);
    if !expiring.is_empty() {
        steps.extend(Box::pin(lifecycle::disable(bucket, &expiring, true)).await);
    }
    if !copying.is_empty() {
        steps.extend(Box::pin(replication::disable(bucket, &copying, true)).await);
    }
    if is_lost(&Control::CustomerKeys) {
        steps.push(Box::pin(encryption::block_customer_keys(bucket, &seen.base, true)).await);
    }
    if is_lost(&Control::Versioning) {
        steps.push(Box::pin(versioning::enable(bucket, &seen.base, true)).await);
    }
    steps
}

/// The ids of the rules of the lifecycle, and of replication.
fn ids(lost: &[&Lost]) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut expiring, mut copying) = (BTreeSet::new(), BTreeSet::new());
    for one in lost {
        match &one.control {
            Control::LifecycleRule(id) => expiring.extend([id.clone()]),
            Control::ReplicationRule(id) => copying.extend([id.clone()]),
            _ => {}
        }
    }
    (expiring, copying)
}
