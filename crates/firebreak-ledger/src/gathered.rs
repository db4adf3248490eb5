//! The ledger is the incident: what it knows is laid over what the state machine carries.
//!
//! The state machine carries the id and small facts. Decisions and receipts are here: those of triage, those that a look or a person
//! appended, and receipts that a look corrected. A function that tells people, carries out an answer or seals evidence gathers first.

use super::{IncidentView, Ledger};
use firebreak::containment::Containment;
use firebreak::decision::{Decision, Mode};
use firebreak::fault::Fault;
use firebreak::incident::Incident;
use firebreak::receipt::{Receipt, Verification};
use firebreak::report::Report;
use firebreak::target::Target;

impl Ledger {
    /// Lays what the ledger knows over `incident` and `report`. False when it does not know the incident: both stay as they are.
    ///
    /// # Errors
    /// The ledger could not be read.
    pub async fn gather(&self, incident: &mut Incident, report: &mut Report) -> Result<bool, Fault> {
        let Some(view) = self.incident(&incident.id).await? else { return Ok(false) };
        overlay(view, incident, report);
        Ok(true)
    }
}

fn overlay(view: IncidentView, incident: &mut Incident, report: &mut Report) {
    let known = view.record.incident;
    let only_here = |decision: &&Decision| !known.decisions.iter().any(|d| is_about(decision, d.containment, &d.target));
    let unknown: Vec<Decision> = incident.decisions.iter().filter(only_here).cloned().collect();
    incident.decisions = known.decisions.into_iter().chain(unknown).collect();
    incident.revision = known.revision;
    incident.over_budget = incident.over_budget.max(known.over_budget);
    incident.findings = known.findings;
    for receipt in view.receipts {
        lay_receipt(receipt, incident, report);
    }
    view.verifications.iter().for_each(|check| lay_reverts(check, report));
    view.releases.into_iter().for_each(|release| lay_release(release, report));
}

/// What a release did to each target is in the ledger; the state machine carries how it ended.
fn lay_release(release: Receipt, report: &mut Report) {
    let key = key(release.containment, &release.target);
    let carried = report.release.receipts.iter_mut().find(|known| self::key(known.containment, &known.target) == key);
    if let Some(known) = carried.filter(|known| known.finished_at <= release.finished_at) {
        *known = release;
    }
}

/// What a function wrote replaces what the same function answered before: a look may have corrected it. A receipt that the state
/// machine wrote for a function that failed stays: what an earlier attempt, or an earlier execution, left does not unsay the failure.
/// A receipt is new when a look, or a person, decided for at once what the state machine has not carried out.
fn lay_receipt(receipt: Receipt, incident: &Incident, report: &mut Report) {
    let Some(finished_at) = receipt.finished_at else { return };
    let key = key(receipt.containment, &receipt.target);
    let same = |known: &&mut Receipt| self::key(known.containment, &known.target) == key;
    let carried = match report.gated.iter_mut().find(same) {
        Some(gated) => Some(gated),
        None => report.containment.receipts.iter_mut().find(same),
    };
    match carried {
        Some(known) if known.finished_at.is_some_and(|before| before <= finished_at) => *known = receipt,
        Some(_) => {}
        None => {
            let at_once = |d: &Decision| d.mode == Mode::Auto && is_about(d, receipt.containment, &receipt.target);
            if finished_at >= incident.opened_at && incident.decisions.iter().any(at_once) {
                report.containment.receipts.push(receipt);
            }
        }
    }
}

/// Reverts of all looks are in the ledger. Whether a control holds now is what the last look said, also when that look failed.
fn lay_reverts(check: &Verification, report: &mut Report) {
    let key = key(check.containment, &check.target);
    let carried = report.verification.iter_mut().chain(&mut report.gated_verification);
    for known in carried.filter(|known| self::key(known.containment, &known.target) == key) {
        let new = check.reverted.iter().filter(|line| !known.reverted.contains(line)).cloned().collect::<Vec<_>>();
        known.reverted.extend(new);
    }
}

fn is_about(decision: &Decision, containment: Option<Containment>, target: &Target) -> bool {
    key(decision.containment, &decision.target) == key(containment, target)
}

fn key(containment: Option<Containment>, target: &Target) -> (Option<Containment>, String) {
    (containment, target.scoped_key())
}
