//! Cancels the deletion of a key, and enables it.
//!
//! The two calls can be repeated, and a run that was killed between them left a disabled key: the next one enables it.

use crate::base::BaseState;
use crate::key::{Key, Seen};
use crate::state::State;
use firebreak::fault::{Fault, FaultKind};
use firebreak::receipt::{Outcome, Step};
use firebreak::step::StepKind;
use firebreak_function::containment::{Attempt, Call};
use firebreak_function::step::{skipped, step, unrecorded};

pub(crate) async fn contain(call: &Call) -> Result<Attempt, Fault> {
    let key = Key::of(call);
    let seen = match key.see().await {
        Ok(seen) => seen,
        // A person has the commands, and needs them before the key goes.
        Err(fault) if fault.kind == FaultKind::Denied => {
            let refused = key.explained(fault);
            return Ok(vec![step(StepKind::EnableKey, async { Err(refused) }).await].into());
        }
        Err(fault) => return Err(fault),
    };
    if seen.is_of_aws {
        let why = "AWS administers this key for a service: nobody can disable it or have it deleted";
        return Ok(vec![skipped(StepKind::EnableKey, Fault::protected(why))].into());
    }
    let mut base = None;
    let recording = async {
        base = Some(call.ledger.hold(call.held(), &call.holder, &call.target.id, &seen.base, call.began_at).await?);
        Ok::<_, Fault>(Outcome::Applied)
    };
    let recorded = step(StepKind::RecordBase, recording).await;
    let given_back = Box::pin(give_back(&key, &seen, base.as_ref())).await;
    Ok([recorded].into_iter().chain(given_back).collect::<Vec<Step>>().into())
}

/// The steps that give back a key that is as it was `seen`.
pub(crate) async fn give_back(key: &Key<'_>, seen: &Seen, base: Option<&BaseState>) -> Vec<Step> {
    let was_scheduled = base.is_some_and(BaseState::is_scheduled);
    let cancelled = match seen.state {
        State::ToBeDeleted => Some(step(StepKind::CancelKeyDeletion, Box::pin(cancel(key, base))).await),
        // An earlier run did, or somebody else.
        _ if was_scheduled => Some(step(StepKind::CancelKeyDeletion, async { Ok(Outcome::Already) }).await),
        _ => None,
    };
    let failed = cancelled.as_ref().filter(|step| step.outcome == Outcome::Failed);
    let enabled = step(StepKind::EnableKey, Box::pin(enable(key, seen, base, failed))).await;
    cancelled.into_iter().chain([enabled]).collect()
}

async fn cancel(key: &Key<'_>, base: Option<&BaseState>) -> Result<Outcome, Fault> {
    base.ok_or_else(unrecorded)?;
    key.cancel_deletion().await
}

/// `failed`: the deletion could not be cancelled.
async fn enable(key: &Key<'_>, seen: &Seen, base: Option<&BaseState>, failed: Option<&Step>) -> Result<Outcome, Fault> {
    if seen.state == State::Enabled {
        return Ok(Outcome::Already);
    }
    base.ok_or_else(unrecorded)?;
    if let Some(why) = key.barred(seen) {
        return Err(why);
    }
    if let Some(failed) = failed {
        let why = failed.error.clone().unwrap_or_else(|| Fault::bug("a step failed without a reason"));
        return Err(Fault::new(why.kind, "not tried: the deletion of the key could not be cancelled"));
    }
    key.enable().await
}
