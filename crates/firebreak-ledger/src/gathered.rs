//! The ledger is the incident: what it knows is laid over what the state machine carries.
//!
//! The state machine carries the id and small facts. Decisions and receipts are here: those of triage, those that a look or a person
//! appended, and receipts that a look corrected. A function that tells people, carries out an answer or seals evidence gathers first.

use super::evidence::lay_collections;
use super::view::{look_row, looks, view};
use super::{IncidentView, Ledger};
use firebreak::containment::Containment;
use firebreak::decision::{Decision, Mode};
use firebreak::fault::Fault;
use firebreak::ids::IncidentId;
use firebreak::incident::Incident;
use firebreak::receipt::{Receipt, Status, Verification};
use firebreak::report::Report;
use firebreak::target::Target;
use jiff::Timestamp;

impl Ledger {
    /// Lays what the ledger knows over `incident` and `report`. False when it does not know the incident: both stay as they are.
    ///
    /// # Errors
    /// The ledger could not be read.
    pub async fn gather(&self, incident: &mut Incident, report: &mut Report) -> Result<bool, Fault> {
        Ok(self.laid_over(incident, report).await?.is_some())
    }

    /// The same, with what answers to the incident led to: an execution that joined it carries nothing of that.
    ///
    /// # Errors
    /// The ledger could not be read.
    pub async fn gather_answered(&self, incident: &mut Incident, report: &mut Report) -> Result<bool, Fault> {
        let Some(view) = self.laid_over(incident, report).await? else { return Ok(false) };
        lay_answered(view, incident, report);
        Ok(true)
    }

    async fn laid_over(&self, incident: &mut Incident, report: &mut Report) -> Result<Option<IncidentView>, Fault> {
        let rows = self.rows(&incident.id).await?;
        let Some(known) = view(&rows)? else { return Ok(None) };
        // What its own looks found an execution carries, as they left it.
        let own = look_row(incident.joining.as_ref().map(IncidentId::as_str));
        if let Some(others) = looks(&rows, Some(&own))? {
            report.sweep.add(&others);
        }
        lay_collections(&rows, report)?;
        overlay(known.clone(), incident, report);
        Ok(Some(known))
    }
}

/// When the work on the incident began. An execution whose finding joined it has begun later, and what was done before is of this
/// incident all the same.
fn began_at(known: &Incident, carried: &Incident) -> Timestamp {
    if carried.joining.is_some() { known.opened_at } else { carried.opened_at }
}

fn overlay(view: IncidentView, incident: &mut Incident, report: &mut Report) {
    let began_at = began_at(&view.record.incident, incident);
    let known = view.record.incident;
    let only_here = |decision: &&Decision| !known.decisions.iter().any(|d| is_about(decision, d.containment, &d.target));
    let unknown: Vec<Decision> = incident.decisions.iter().filter(only_here).cloned().collect();
    incident.decisions = known.decisions.into_iter().chain(unknown).collect();
    incident.revision = known.revision;
    incident.over_budget = incident.over_budget.max(known.over_budget);
    incident.settled = known.settled;
    incident.findings = known.findings;
    incident.more_findings = known.more_findings;
    for receipt in view.receipts {
        lay_receipt(receipt, began_at, incident, report);
    }
    view.verifications.iter().for_each(|check| lay_reverts(check, report));
    view.releases.into_iter().for_each(|release| lay_release(release, report));
}

/// What was contained after an approval, what looks said about it, and what releases did.
fn lay_answered(view: IncidentView, incident: &Incident, report: &mut Report) {
    let began_at = began_at(&view.record.incident, incident);
    let is_of_this = |receipt: &Receipt| receipt.finished_at.is_some_and(|at| at >= began_at);
    let waited = |receipt: &Receipt| {
        let is_meant = |d: &Decision| d.mode == Mode::Gate && is_about(d, receipt.containment, &receipt.target);
        incident.decisions.iter().any(is_meant)
    };
    for receipt in view.receipts.into_iter().filter(|receipt| is_of_this(receipt) && waited(receipt)) {
        if !report.receipts().any(|known| known.status != Status::Skipped && known.is_about_same(&receipt)) {
            let key = key(receipt.containment, &receipt.target);
            let checks = view.verifications.iter().filter(|check| self::key(check.containment, &check.target) == key);
            report.gated_verification.extend(checks.cloned());
            report.gated.push(receipt);
        }
    }
    for release in view.releases.into_iter().filter(is_of_this) {
        if !report.release.receipts.iter().any(|known| known.is_about_same(&release)) {
            report.release.receipts.push(release);
        }
    }
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
/// One that says only that nothing was done yet does not stay: somebody has done it since.
/// A receipt is new when a look, or a person, decided for at once what the state machine has not carried out.
fn lay_receipt(receipt: Receipt, began_at: Timestamp, incident: &Incident, report: &mut Report) {
    let Some(finished_at) = receipt.finished_at else { return };
    let key = key(receipt.containment, &receipt.target);
    let same = |known: &&mut Receipt| self::key(known.containment, &known.target) == key;
    let carried = match report.gated.iter_mut().find(same) {
        Some(gated) => Some(gated),
        None => report.containment.receipts.iter_mut().find(same),
    };
    match carried {
        Some(known) => {
            let was_left = || known.status == Status::Skipped && finished_at >= began_at;
            // A finding that joined carries facts, and the better of two receipts stayed.
            let is_bare = incident.joining.is_some() && known.steps.is_empty() && known.holds_something();
            if is_bare || known.finished_at.map_or_else(was_left, |before| before <= finished_at) {
                *known = receipt;
            }
        }
        None => {
            let at_once = |d: &Decision| d.mode == Mode::Auto && is_about(d, receipt.containment, &receipt.target);
            if finished_at >= began_at && incident.decisions.iter().any(at_once) {
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
    (containment, target.merge_key())
}
