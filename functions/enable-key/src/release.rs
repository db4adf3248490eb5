//! A release changes no key.
//!
//! What a key was before is the suspect's own doing: to put that back would take the key away again, and a release that schedules a deletion
//! destroys. So the key stays enabled, and a person who wants it disabled has the command.

use crate::base::BaseState;
use crate::key::{Key, Seen};
use crate::state::State;
use firebreak::fault::{Fault, FaultKind};
use firebreak::receipt::Step;
use firebreak::step::StepKind;
use firebreak_function::containment::Call;
use firebreak_function::step::skipped;

/// Says how the key of `call.target` is left. Without a base nothing was changed.
///
/// # Errors
/// The key does not exist any more, or KMS does not answer. Of a key at which nobody lets Firebreak look, the step says so.
pub async fn release(call: &Call, base: Option<&BaseState>) -> Result<Vec<Step>, Fault> {
    let Some(base) = base else { return Ok(vec![]) };
    let key = Key::of(call);
    let left = match Box::pin(key.see()).await {
        Ok(seen) => left(&key, &seen, base),
        Err(fault) if matches!(fault.kind, FaultKind::Transient | FaultKind::Gone) => return Err(fault),
        Err(fault) => format!("a release changes no key; how this one is now is not known: {}", fault.message),
    };
    Ok(vec![skipped(StepKind::LeaveEnabled, Fault::malformed(left))])
}

fn left(key: &Key<'_>, seen: &Seen, base: &BaseState) -> String {
    match State::named(&base.state) {
        _ if seen.state != State::Enabled => {
            format!(
                "left {}, as somebody made it since: a release changes no key. To give it back: {}",
                seen.says(),
                key.commands()
            )
        }
        State::Enabled => format!("left enabled, as it was found. Who wants it disabled: {}", key.disabling()),
        _ => format!(
            "left enabled: the state before ({}) was a suspect's doing, and a release takes no key away. Whether somebody had disabled it \
             before the suspect is not known. Who wants it disabled: {}",
            base.state,
            key.disabling()
        ),
    }
}
