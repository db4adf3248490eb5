//! Writes the entry of a principal into the quarantine policy.

use crate::base::BaseState;
use crate::document::Document;
use crate::entry::Entry;
use crate::organization::Organization;
use crate::scp::Scp;
use crate::turn;
use firebreak::fault::{Fault, FaultKind};
use firebreak::receipt::{Outcome, Step};
use firebreak::step::StepKind;
use firebreak_function::containment::Call;
use firebreak_function::step::{skipped, step, unrecorded};
use firebreak_ledger::Lock;

/// Why an entry in a policy that is attached nowhere is not a containment.
pub(crate) const UNATTACHED: &str =
    "the quarantine policy is attached to nothing and denies nobody: attach it to the organization's root";

pub(crate) async fn contain(call: &Call, organization: &Organization, entry: &Entry) -> Result<Vec<Step>, Fault> {
    turn::alone(call, &organization.policy, async |lock| write(call, organization, entry, lock).await).await
}

/// Writes the entry for who has the `lock` on the policy.
pub(crate) async fn write(call: &Call, organization: &Organization, entry: &Entry, lock: &Lock) -> Result<Vec<Step>, Fault> {
    let scp = Scp::new(call, organization);
    let (now, attached) = futures::join!(scp.read(), scp.is_attached());
    let now = now.map_err(missing)?;
    let recorded = step(StepKind::RecordBase, record(call, organization, entry, &now)).await;
    let held = recorded.outcome != Outcome::Failed;
    let denied = step(StepKind::DenyByScp, deny(&scp, entry, &now, attached, held, lock)).await;
    let mut steps = vec![recorded, denied];
    if !organization.reaches(&call.target) {
        steps.push(out_of_reach());
    }
    Ok(steps)
}

async fn record(call: &Call, organization: &Organization, entry: &Entry, now: &Document) -> Result<Outcome, Fault> {
    // A name: an entry knows no more of a principal.
    let (identity, _) = call.held().key();
    let first = BaseState::of(&organization.policy).joined(entry, now);
    let known = call.ledger.hold(call.held(), &call.holder, &identity, &first, call.began_at).await?;
    known.check_policy(organization)?;
    let all = known.joined(entry, now);
    if all != known {
        call.ledger.extend_base(call.held(), &known, &all).await?;
    }
    Ok(Outcome::Applied)
}

async fn deny(
    scp: &Scp<'_>,
    entry: &Entry,
    now: &Document,
    attached: Option<bool>,
    held: bool,
    lock: &Lock,
) -> Result<Outcome, Fault> {
    if attached == Some(false) {
        return Err(Fault::malformed(UNATTACHED));
    }
    if now.denies(entry) {
        return Ok(Outcome::Already);
    }
    if !held {
        return Err(unrecorded());
    }
    scp.write(&now.with(entry)?, lock).await?;
    Ok(Outcome::Applied)
}

/// A target that is gone needs no containment; a policy that is gone is a mistake somebody has to mend.
fn missing(fault: Fault) -> Fault {
    if fault.kind == FaultKind::Gone {
        Fault::malformed(format!("there is no quarantine policy: {}", fault.message))
    } else {
        fault
    }
}

/// Not a failure that another try could mend: the entry denies the person everywhere else.
fn out_of_reach() -> Step {
    let why = "no service control policy has any effect in the management account: end the person's sessions there by hand";
    skipped(StepKind::DenyInManagementAccount, Fault::malformed(why))
}
