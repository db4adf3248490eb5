//! The answers that a reader can give, what each does to the incident as it stands, and what must be known before.

use super::document::Choice;
use super::headline::is_rehearsal;
use super::standing;
use crate::answer::Answer;
use crate::incident::Incident;
use crate::receipt::Receipt;
use crate::report::Report;
use crate::target::{Scope, TargetKind};

/// What each answer does to this incident as it stands.
pub(super) fn choices(incident: &Incident, report: &Report) -> Vec<Choice> {
    let (approve, release) = if report.unread {
        ("it was an attack, what is contained stays so", "it was wrong, what was changed is put back")
    } else if is_rehearsal(incident) {
        ("it would have been right; this ends the rehearsal", "it would have been wrong; this ends the rehearsal")
    } else if standing::is_partly_released(report) {
        (after_a_release(incident, report), "it was wrong, put back what is left; what somebody else changed stays as it is")
    } else {
        before_a_release(incident, report)
    };
    let keep = "it was right, leave everything as it is and close; nothing more is done";
    let all = [(Answer::Keep, keep), (Answer::Approve, approve), (Answer::Release, release)];
    all.map(|(answer, means)| Choice { answer, means }).into()
}

fn before_a_release(incident: &Incident, report: &Report) -> (&'static str, &'static str) {
    let waits = standing::approvable(&incident.decisions, report).next().is_some();
    let partly = report.receipts().any(|receipt| standing::is_partly_contained(receipt, report));
    let failed = partly || standing::failed(report).next().is_some();
    let gone = failed && !partly && standing::failed(report).all(standing::is_gone);
    let lacks = standing::held(report).any(|receipt| !standing::is_contained(receipt, report));
    let approve = match (standing::holds_anything(report), waits, failed) {
        (true, true, _) | (true, _, true) => "it was an attack, keep what is contained and contain the rest",
        (true, false, false) if lacks => "it was an attack, keep what is contained; whether it still holds is not known",
        (true, false, false) => "it was an attack, keep it contained",
        (false, false, true) if gone => "it was an attack, look for it once more and contain it if it is there",
        (false, true, _) | (false, _, true) => "it was an attack, contain it",
        (false, false, false) => "it is dealt with, close it; Firebreak contains nothing",
    };
    (approve, undoing(report))
}

fn undoing(report: &Report) -> &'static str {
    if standing::held(report).next().is_none() {
        "it was wrong, nothing has to be put back"
    } else if standing::held(report).all(Receipt::changed_nothing) {
        "it was wrong, let go of it; another incident may keep it contained"
    } else {
        "it was wrong, put it back"
    }
}

/// An approval contains nothing anew of what a release put back.
fn after_a_release(incident: &Incident, report: &Report) -> &'static str {
    let waits = standing::approvable(&incident.decisions, report).next().is_some() || standing::failed(report).next().is_some();
    match (standing::holds_anything(report), waits) {
        (true, true) => "it was an attack, keep what is still contained and contain what waits; what was put back stays so",
        (true, false) => "it was an attack, keep what is still contained; what was put back stays so",
        (false, true) => "it was an attack, contain what waits; what was put back stays so",
        (false, false) => "it was an attack, close it as it is; nothing is contained anew",
    }
}

/// What a reader must know before answering.
pub(super) fn hints(report: &Report) -> Vec<&'static str> {
    let user = standing::holds_one(report, |target| target.kind == TargetKind::IamUser)
        .then_some("A credential that was exposed stays inactive after a release: replace it.");
    let session = standing::holds_one(report, |target| target.scope == Scope::Session)
        .then_some("A session works again after a release, with the same credentials until they expire.");
    let drift = report.drift().next().is_some().then_some(
        "Somebody changed it since the containment. Answer release again, and Firebreak takes back what is its own and leaves that \
         change. Who made it: CloudTrail.",
    );
    let partly = report.receipts().any(|receipt| standing::is_partly_contained(receipt, report));
    let failed = (partly || standing::failed(report).next().is_some()).then_some(
        "An approval tries again what is NOT contained, and does not close the incident while that fails. To close it all the same, \
         add: --accept-open TARGET",
    );
    [user, session, drift, failed].into_iter().flatten().collect()
}
