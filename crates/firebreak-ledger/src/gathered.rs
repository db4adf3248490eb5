//! The ledger is the incident: what it knows is laid over what the state machine carries.
//!
//! The state machine carries the incident as triage opened it. Meanwhile looks append decisions, a containment makes its own decision
//! wait, and a look corrects a receipt. Whoever carries out an answer, writes a ticket or seals evidence gathers that first.

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
    incident.over_budget = incident.over_budget.max(known.over_budget);
    incident.findings = known.findings;
    for receipt in view.receipts {
        lay_receipt(receipt, incident, report);
    }
    for check in view.verifications {
        lay_verification(check, report);
    }
}

/// A receipt of the ledger replaces the one that the state machine carries. It is new when a look, or a person, decided for at once
/// what the state machine has not carried out yet.
fn lay_receipt(receipt: Receipt, incident: &Incident, report: &mut Report) {
    let key = key(receipt.containment, &receipt.target);
    let carried = report.containment.receipts.iter_mut().chain(&mut report.gated);
    let mut same = carried.filter(|known| self::key(known.containment, &known.target) == key).peekable();
    if same.peek().is_some() {
        same.for_each(|known| *known = receipt.clone());
        return;
    }
    let at_once = |decision: &Decision| decision.mode == Mode::Auto && is_about(decision, receipt.containment, &receipt.target);
    if incident.decisions.iter().any(at_once) {
        report.containment.receipts.push(receipt);
    }
}

fn lay_verification(check: Verification, report: &mut Report) {
    let key = key(check.containment, &check.target);
    let carried = report.verification.iter_mut().chain(&mut report.gated_verification);
    carried.filter(|known| self::key(known.containment, &known.target) == key).for_each(|known| *known = check.clone());
}

fn is_about(decision: &Decision, containment: Option<Containment>, target: &Target) -> bool {
    key(decision.containment, &decision.target) == key(containment, target)
}

fn key(containment: Option<Containment>, target: &Target) -> (Option<Containment>, String) {
    (containment, target.scoped_key())
}
