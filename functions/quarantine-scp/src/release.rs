//! Takes the entries of a principal out of the quarantine policy.

use crate::base::BaseState;
use crate::document::Document;
use crate::organization::Organization;
use crate::scp::Scp;
use crate::turn;
use firebreak::fault::Fault;
use firebreak::receipt::{Outcome, Step};
use firebreak::step::StepKind;
use firebreak_function::containment::Call;
use firebreak_function::step::step;
use firebreak_ledger::Lock;

/// Undoes the denial of `call.target` down to `base`. Without a base nothing was changed. The call needs credentials for
/// [`Organization::place`], with `MemberRole::QuarantineScp`.
///
/// A step that failed is no reason to leave a value in: the base says that it was not there before, and nobody else writes such values.
///
/// # Errors
/// `Gone` when the policy no longer exists, and read errors; `Malformed` when the policy is not the one the base is about, or when
/// somebody wrote something else into it. Nothing was changed then.
pub async fn release(call: &Call, base: Option<&BaseState>, organization: &Organization) -> Result<Vec<Step>, Fault> {
    let Some(base) = base else { return Ok(vec![]) };
    base.check_policy(organization)?;
    turn::alone(call, &organization.policy, async |lock| {
        let scp = Scp::new(call, organization);
        let now = scp.read().await?;
        let lifted = step(StepKind::LiftDenyByScp, lift(&scp, base, &now, lock)).await;
        Ok(vec![lifted])
    })
    .await
}

async fn lift(scp: &Scp<'_>, base: &BaseState, now: &Document, lock: &Lock) -> Result<Outcome, Fault> {
    if !base.added.iter().any(|value| now.has(value)) {
        return Ok(Outcome::Already);
    }
    scp.write(&now.without(&base.added)?, lock).await?;
    Ok(Outcome::Applied)
}
