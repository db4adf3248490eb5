//! How each target of an incident stands now, and what an approval would still do.

use crate::answer::Answer;
use crate::decision::{Decision, Mode, ReasonCode};
use crate::fault::FaultKind;
use crate::incident::Incident;
use crate::receipt::{Receipt, Standing, Status};
use crate::report::Report;
use crate::target::Target;

/// How the target of `receipt` stands, after what a release did to it.
pub(super) fn of(receipt: &Receipt, report: &Report) -> Standing {
    receipt.standing(&report.release.receipts)
}

/// Whether the target is contained as decided, and nothing speaks against it. Only then the word may stand alone.
pub(super) fn is_contained(receipt: &Receipt, report: &Report) -> bool {
    receipt.status == Status::Contained
        && of(receipt, report) == Standing::Held
        && !broke_down(report)
        && is_confirmed(receipt, report)
}

/// A release broke down as a whole: what it had put back before that is not known here.
pub(super) fn broke_down(report: &Report) -> bool {
    report.release.error.is_some()
}

/// The last look found nothing wrong, or there was none yet. A look that broke down confirms nothing.
pub(super) fn is_confirmed(receipt: &Receipt, report: &Report) -> bool {
    let approved = report.gated.iter().any(|gated| gated.is_about_same(receipt));
    let checks = if approved { &report.gated_verification } else { &report.verification };
    if checks.is_empty() && report.verify.error.is_some() {
        return false;
    }
    let key = receipt.target.merge_key();
    let mut checks = checks.iter().filter(|check| check.containment == receipt.containment && check.target.merge_key() == key);
    checks.all(|check| check.holds || check.problems.is_empty())
}

/// Some of its controls are in force, and no release touched them.
pub(super) fn is_partly_contained(receipt: &Receipt, report: &Report) -> bool {
    receipt.status == Status::Partial && of(receipt, report) == Standing::Held && !broke_down(report)
}

/// Whether anything of the incident is in force for sure, so that "keep it" means something.
pub(super) fn holds_anything(report: &Report) -> bool {
    !broke_down(report) && report.receipts().any(|receipt| of(receipt, report) == Standing::Held)
}

/// A release was answered and is not finished.
pub(super) fn is_partly_released(report: &Report) -> bool {
    let unfinished = |receipt: &Receipt| matches!(receipt.status, Status::Partial | Status::Failed);
    broke_down(report) || report.release.receipts.iter().any(unfinished)
}

/// What the incident changed and has not let go of.
pub(super) fn held(report: &Report) -> impl Iterator<Item = &Receipt> {
    let is_held =
        move |receipt: &&Receipt| matches!(of(receipt, report), Standing::Held | Standing::PartlyPutBack | Standing::Drifted);
    report.receipts().filter(is_held)
}

/// Targets whose containment was tried and that are not contained.
pub(super) fn failed(report: &Report) -> impl Iterator<Item = &Receipt> {
    report.receipts().filter(move |receipt| receipt.status == Status::Failed && of(receipt, report) == Standing::Open)
}

/// What was contained, or was to be, and is not contained now as decided: an answer must not be called carried out.
pub(super) fn is_open(receipt: &Receipt, report: &Report) -> bool {
    let another = of(receipt, report) == Standing::HeldByAnother;
    receipt.status != Status::Skipped && !another && !is_contained(receipt, report)
}

/// The same when the incident ends: what a person released is nobody's to contain.
pub(super) fn is_left_open(receipt: &Receipt, incident: &Incident, report: &Report) -> bool {
    let mut decisions = incident.decisions.iter().filter(|decision| is_about(receipt, decision));
    is_open(receipt, report) && !decisions.any(|decision| is_released(decision, incident))
}

/// Whether a person answered `release` for it: a false alarm.
pub(super) fn is_released(decision: &Decision, incident: &Incident) -> bool {
    incident.settled(decision).is_some_and(|settled| settled.answer == Answer::Release)
}

/// Whether the resource did not exist when its containment was tried. A single step can miss something else, such as a policy.
pub(super) fn is_gone(receipt: &Receipt) -> bool {
    receipt.status == Status::Failed && receipt.fault_kind() == Some(FaultKind::Gone)
}

/// Decisions that a bare approval carries out for the first time. A receipt that says only that they wait is none.
pub(super) fn approvable<'a>(decisions: &'a [Decision], report: &'a Report) -> impl Iterator<Item = &'a Decision> {
    let asked = move |decision: &&Decision| {
        let is_tried = |r: &Receipt| {
            !matches!(r.status, Status::Waits | Status::Skipped) && is_about(r, decision) && !is_reverted(r, decision, report)
        };
        is_gated(decision) && !decision.needs_its_name() && !report.receipts().any(is_tried)
    };
    decisions.iter().filter(asked).chain(report.not_tried(decisions))
}

/// Decisions that a bare approval carries out, also those whose approved containment failed before.
pub(super) fn done_after_approval<'a>(decisions: &'a [Decision], report: &'a Report) -> impl Iterator<Item = &'a Decision> {
    let waits = move |decision: &&Decision| !decision.needs_its_name() && is_left(decision, report);
    decisions.iter().filter(waits).chain(report.not_tried(decisions))
}

/// Decisions that only an answer which names the target carries out, because others use it. What is only offered is none of them: nobody
/// misses what no finding calls for.
pub(super) fn only_by_name<'a>(decisions: &'a [Decision], report: &'a Report) -> impl Iterator<Item = &'a Decision> {
    left_by_name(decisions, report).filter(|decision| !decision.is_offered())
}

/// What is only offered, and that no answer has had carried out.
pub(super) fn offered<'a>(decisions: &'a [Decision], report: &'a Report) -> impl Iterator<Item = &'a Decision> {
    left_by_name(decisions, report).filter(|decision| decision.is_offered())
}

fn left_by_name<'a>(decisions: &'a [Decision], report: &'a Report) -> impl Iterator<Item = &'a Decision> {
    decisions.iter().filter(move |decision| decision.needs_its_name() && is_left(decision, report))
}

fn is_left(decision: &Decision, report: &Report) -> bool {
    let is_done = |r: &Receipt| r.holds_something() && is_about(r, decision) && !is_reverted(r, decision, report);
    is_gated(decision) && !report.receipts().any(is_done)
}

fn is_gated(decision: &Decision) -> bool {
    decision.mode == Mode::Gate && decision.containment.is_some()
}

/// What only people can do.
pub(super) fn by_hand(decisions: &[Decision]) -> impl Iterator<Item = &Decision> {
    decisions.iter().filter(|decision| decision.mode == Mode::Gate && decision.containment.is_none())
}

/// Whether somebody reverted during a pause what was contained at once: an approval contains it again.
fn is_reverted(receipt: &Receipt, decision: &Decision, report: &Report) -> bool {
    let at_once = !report.gated.iter().any(|gated| gated.is_about_same(receipt));
    decision.code == ReasonCode::Paused && at_once && !is_confirmed(receipt, report)
}

fn is_about(receipt: &Receipt, decision: &Decision) -> bool {
    receipt.containment == decision.containment && receipt.target.merge_key() == decision.target.merge_key()
}

/// Whether any of the targets that the incident holds is like this.
pub(super) fn holds_one(report: &Report, like: fn(&Target) -> bool) -> bool {
    held(report).any(|receipt| like(&receipt.target))
}
