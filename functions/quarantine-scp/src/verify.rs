//! Reads back whether the denial holds, and writes it again when somebody took it out.

use crate::contain::{self, UNATTACHED};
use crate::entry::Entry;
use crate::organization::Organization;
use crate::scp::Scp;
use crate::turn;
use firebreak::fault::{Fault, FaultKind};
use firebreak::receipt::Outcome;
use firebreak::step::StepKind;
use firebreak::target::Look;
use firebreak_function::containment::{Call, Checked, NOT_WRITTEN_AGAIN};

pub(crate) async fn verify(call: &Call, organization: &Organization, entry: &Entry) -> Result<Checked, Fault> {
    let scp = Scp::new(call, organization);
    let (now, attached) = futures::join!(scp.read(), scp.is_attached());
    let mut checked = Checked::default();
    if attached == Some(false) {
        checked.problems.push(UNATTACHED.to_owned());
    }
    if !organization.reaches(&call.target) {
        checked.problems.push("the management account is out of reach of every service control policy".to_owned());
    }
    match now {
        Ok(now) if now.denies(entry) => {}
        Ok(_) => again(call, organization, entry, &mut checked).await?,
        Err(fault) if fault.kind == FaultKind::Transient => return Err(fault),
        Err(fault) => checked.problems.push(fault.message),
    }
    Ok(checked)
}

/// Only what an incident holds is written again: what was released meanwhile must stay so.
async fn again(call: &Call, organization: &Organization, entry: &Entry, checked: &mut Checked) -> Result<(), Fault> {
    let gone = "the entry is not in the quarantine policy";
    if !call.holds(&call.target).await? {
        checked.problems.push(gone.to_owned());
        return Ok(());
    }
    if call.look == Look::Paused {
        checked.problems.push(format!("{gone}; {NOT_WRITTEN_AGAIN}"));
        checked.reverted.push(format!("the entry was taken out of the quarantine policy; {NOT_WRITTEN_AGAIN}"));
        return Ok(());
    }
    // Once it is its turn: a release waits for a write, and not for a queue of looks.
    let written = Box::pin(turn::alone(call, &organization.policy, async |lock| {
        let Some(guards) = call.guard(std::slice::from_ref(&call.target)).await? else { return Ok(None) };
        let written = contain::write(call, organization, entry, lock).await;
        call.end_guards(guards).await;
        written.map(Some)
    }))
    .await;
    let steps = match written {
        Ok(None) => {
            checked.problems.push(gone.to_owned());
            return Ok(());
        }
        // The first read was older than the last write.
        Ok(Some(steps)) if steps.iter().any(|step| step.is(StepKind::DenyByScp) && step.outcome == Outcome::Already) => {
            return Ok(());
        }
        Ok(Some(steps)) => steps,
        Err(fault) => {
            checked.problems.push(format!("{gone}; writing it again failed: {}", fault.message));
            return Ok(());
        }
    };
    checked.reverted.push("the entry was taken out of the quarantine policy".to_owned());
    let failed = steps.into_iter().filter(|step| step.outcome == Outcome::Failed).filter_map(|step| step.error);
    checked.problems.extend(failed.map(|fault| format!("{gone}; writing it again failed: {}", fault.message)));
    Ok(())
}
