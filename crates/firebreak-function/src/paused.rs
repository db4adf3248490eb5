//! Whether a person has paused what is automatic.

use firebreak::decision::Waits;
use firebreak::pause::Pause;
use firebreak::target::Target;
use firebreak_aws::clock;
use firebreak_ledger::Ledger;
use std::collections::BTreeSet;

/// What a look says of a control that somebody took away during a pause.
pub const NOT_WRITTEN_AGAIN: &str = "NOT written again: what is automatic is paused";

/// Why an automatic change of `target` waits now; nothing where nobody has paused it, and for what a person approved.
///
/// A ledger that cannot say so holds nothing back. Triage, or the look that decided it, has read the pause with the decision. An
/// attacker who breaks one read must not stop a containment.
pub(crate) async fn paused(ledger: &Ledger, target: &Target, approved: bool) -> Option<Waits> {
    if approved {
        return None;
    }
    match ledger.pauses(&BTreeSet::from([target.account.clone()]), clock::now()).await {
        Ok(pauses) => pauses.of(&target.account).map(Pause::waits),
        Err(fault) => {
            tracing::error!(fault.message = %fault.message, "whether it is paused is not known: it goes on");
            None
        }
    }
}
