//! Whether a person has paused what is automatic.

use crate::call::Attempt;
use firebreak::decision::Waits;
use firebreak::fault::{Fault, FaultKind};
use firebreak::holders::Holder;
use firebreak::ids::IncidentId;
use firebreak::pause::Pause;
use firebreak::receipt::{Receipt, Status};
use firebreak::target::Target;
use firebreak_aws::clock;
use firebreak_ledger::{Held, Ledger};
use std::collections::BTreeSet;

/// What a look says of a control that somebody took away during a pause.
pub const NOT_WRITTEN_AGAIN: &str = "NOT written again: what is automatic is paused";

/// Why an automatic change of `target` waits now; nothing where nobody has paused it, and for what a person approved.
///
/// A ledger that refuses to say so holds nothing back here. Triage, or the look that decided it, has asked, too: what it could not
/// know waits already. An attacker who breaks this read must not stop a containment.
///
/// # Errors
/// `Transient`: the ledger did not answer. The state machine tries again.
pub(crate) async fn paused(ledger: &Ledger, target: &Target, approved: bool) -> Result<Option<Waits>, Fault> {
    if approved {
        return Ok(None);
    }
    let pauses = ledger.pauses(&BTreeSet::from([target.account.clone()]), clock::now()).await?;
    let pause = pauses.of(&target.account);
    if pause.is_some_and(|pause| pause.not_known) {
        tracing::error!("whether it is paused is not known: it goes on");
        return Ok(None);
    }
    Ok(pause.map(Pause::waits))
}

/// What came of one run.
pub(crate) enum Ran {
    /// It was tried, or waits.
    Tried(Attempt),
    /// It is paused, and this holds all the same.
    Holds(Box<Receipt>),
}

/// What is paused is not changed. Its target may be contained already: then it stays so, and is held for a finding that joined, too.
/// Nothing: the incident has contained a part of it, and ends what it has begun.
///
/// # Errors
/// The ledger could not be read.
pub(crate) async fn held_back(
    ledger: &Ledger,
    holder: &Holder,
    incident: &IncidentId,
    held: Held<'_>,
    waits: Waits,
) -> Result<Option<Ran>, Fault> {
    Ok(match ledger.holding(incident, held.containment, held.target).await? {
        Some(receipt) if receipt.status == Status::Contained => Some(Ran::Holds(Box::new(receipt))),
        Some(_) if matches!(holder, Holder::Own(_)) => None,
        _ => Some(Ran::Tried(Attempt::Waits(waits))),
    })
}

/// Makes a containment that somebody reverted during the pause of `pause` one that waits: the looks end soon, maybe before the pause
/// does, and an approval writes it again.
///
/// # Errors
/// `Transient`: the ledger did not answer. What else it says is logged: the revert is told all the same.
pub(crate) async fn ask_to_write_again(
    ledger: &Ledger,
    incident: &IncidentId,
    held: Held<'_>,
    pause: &Waits,
) -> Result<(), Fault> {
    let impact = format!("reverted by somebody during a pause, an approval writes it again; {}", pause.impact);
    let waits = Waits { code: pause.code, impact };
    match ledger.wait_for_approval(incident, held.containment, held.target, &waits).await {
        Err(fault) if fault.kind != FaultKind::Transient => {
            tracing::error!(fault.message = %fault.message, "nobody is asked to write it again");
            Ok(())
        }
        asked => asked,
    }
}
