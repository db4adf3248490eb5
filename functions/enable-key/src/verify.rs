//! Reads back whether the key is enabled, and gives it back again where somebody took it away once more.

use crate::base::BaseState;
use crate::contain;
use crate::key::{Key, Seen};
use crate::late::{self, Kept};
use crate::state::State;
use firebreak::fault::{Fault, FaultKind};
use firebreak::receipt::{Outcome, Receipt, Step};
use firebreak::step::StepKind;
use firebreak::target::Look;
use firebreak_function::containment::{Call, Checked, NOT_WRITTEN_AGAIN};

/// Why the key is not enabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// It was, and somebody took it away again.
    Reverted,
    /// The containment did not come to it.
    Late,
}

/// What a look found and goes by.
struct Found<'a> {
    key: &'a Key<'a>,
    seen: &'a Seen,
    receipt: &'a Kept,
    /// For people.
    line: String,
    cause: Cause,
}

pub(crate) async fn verify(call: &Call) -> Result<Checked, Fault> {
    let key = Key::of(call);
    let (seen, base, receipt, held) = futures::join!(
        Box::pin(key.see_settled()),
        call.ledger.base::<BaseState>(call.held()),
        call.ledger.receipt(&call.incident, call.containment, &call.target),
        call.holds(&call.target),
    );
    let held = held?;
    let seen = match seen {
        Ok(seen) => seen,
        Err(fault) if fault.kind == FaultKind::Transient => return Err(fault),
        Err(fault) => return Ok(vec![key.explained(fault).told()].into()),
    };
    if seen.state == State::Enabled {
        return Ok(Checked::default());
    }
    match key.barred(&seen) {
        None => {}
        Some(why) if why.kind == FaultKind::Transient => return Err(why),
        Some(why) => return Ok(vec![why.told()].into()),
    }
    let found = Found {
        key: &key,
        seen: &seen,
        receipt: &receipt,
        line: format!("the key is {}", seen.says()),
        cause: cause_of(&receipt),
    };
    let known = match base {
        Ok(Some((base, _))) => Ok(base),
        Ok(None) => Err("no containment recorded how it was".to_owned()),
        Err(fault) => Err(format!("the record of how it was could not be read: {}", fault.message)),
    };
    // Nothing may be written while a release is under way, and none begins while something is.
    let reapplies = call.look == Look::Reapply && held && known.is_ok();
    let guards = if reapplies { call.guard(std::slice::from_ref(&call.target)).await? } else { None };
    let mut checked = Checked::default();
    match (guards, known) {
        (Some(guards), Ok(base)) => {
            let given_back = Box::pin(again(call, &found, &base, &mut checked)).await;
            call.end_guards(guards).await;
            given_back?;
        }
        (_, known) => {
            told(&found, held && call.look == Look::Paused, &mut checked);
            checked.problems.extend(known.err().filter(|_| held).map(|why| format!("looks write nothing again: {why}")));
        }
    }
    Ok(checked)
}

/// A run that was killed has no receipt, or one in which the key was not enabled: nobody reverted what it did not come to.
fn cause_of(receipt: &Kept) -> Cause {
    let is_enabled = |step: &Step| step.is(StepKind::EnableKey) && matches!(step.outcome, Outcome::Applied | Outcome::Already);
    let was_enabled = |receipt: &Receipt| receipt.steps.iter().any(is_enabled);
    let is_late = receipt.as_ref().is_ok_and(|known| known.as_ref().is_none_or(|receipt| !was_enabled(receipt)));
    if is_late { Cause::Late } else { Cause::Reverted }
}

/// Says that the key is not enabled. `paused`: only a pause keeps the look from enabling it.
fn told(found: &Found<'_>, paused: bool, checked: &mut Checked) {
    if paused {
        let line = format!("{}; {NOT_WRITTEN_AGAIN}", found.line);
        checked.reverted.extend((found.cause == Cause::Reverted).then(|| line.clone()));
        checked.problems.push(line);
    } else {
        checked.problems.push(found.line.clone());
    }
}

/// Gives the key back. What somebody took away is remembered before.
async fn again(call: &Call, found: &Found<'_>, base: &BaseState, checked: &mut Checked) -> Result<(), Fault> {
    let Found { key, seen, receipt, line, cause } = found;
    if *cause == Cause::Reverted {
        call.foresee(&[format!("{line}; to be enabled again")]).await?;
    }
    let steps = Box::pin(contain::give_back(key, seen, Some(base))).await;
    let why = steps.iter().find(|step| step.is(StepKind::EnableKey) && step.outcome == Outcome::Failed);
    match (why, cause) {
        (None, Cause::Late) => {}
        (None, Cause::Reverted) => checked.reverted.push(format!("{line}; enabled again")),
        (Some(step), cause) => {
            let fault = step.error.clone().unwrap_or_else(|| Fault::bug("a step failed without a reason"));
            checked.problems.push(format!("{line}; it could not be enabled: {fault}"));
            checked.reverted.extend((*cause == Cause::Reverted).then(|| format!("{line}; it could not be enabled again")));
        }
    }
    if *cause == Cause::Late { late::keep(call, receipt, &steps).await } else { Ok(()) }
}
