//! The first words of a notice: what happened, in the subject of a mail.

use super::NoticeKind;
use super::sections::is_reverted;
use super::standing;
use crate::answer::{Answer, Decided};
use crate::decision::{Mode, ReasonCode};
use crate::incident::Incident;
use crate::receipt::{Receipt, Standing, Status};
use crate::report::Report;
use std::collections::BTreeSet;

/// What happened, at the moment that `kind` names. A rehearsal is marked in every subject.
pub(super) fn of(kind: NoticeKind, incident: &Incident, report: &Report, answer: Option<&Decided>, round: u32) -> String {
    let words = match kind {
        NoticeKind::Noticed if incident.excess.is_some() => "Many findings at once, only counted",
        NoticeKind::Noticed if incident.decisions.is_empty() && incident.finding.finding_type.is_none() => {
            "Unreadable event received, nothing done"
        }
        NoticeKind::Noticed => "Look at this",
        NoticeKind::Opened if incident.joining.is_some() => {
            return marked(incident, format!("One more finding: {}", opened(incident)));
        }
        NoticeKind::Opened => opened(incident),
        NoticeKind::Outcome | NoticeKind::Alarm if is_reverted(report) => "CRITICAL, somebody reverted it",
        NoticeKind::Alarm => "MORE WAS FOUND",
        NoticeKind::Outcome => return marked(incident, outcome(incident, report)),
        NoticeKind::ReviewOverdue => return marked(incident, format!("Review overdue (round {round})")),
        NoticeKind::Closed if is_released(incident, report, answer) => return marked(incident, released(report)),
        NoticeKind::Closed => closed(incident, report, answer),
        NoticeKind::Restored if !not_back(report).is_empty() => "NOT all is put back, the incident stays closed",
        NoticeKind::Restored => restored(report),
    };
    marked(incident, words.to_owned())
}

/// What the ticket asks, and why it asks again.
pub(super) fn of_ticket(incident: &Incident, report: &Report, round: u32) -> String {
    let approved = report.approval.error.is_some() || report.gated.iter().any(|receipt| standing::is_open(receipt, report));
    let again = if report.drift().next().is_some() {
        " again, somebody changed it since"
    } else if standing::is_partly_released(report) {
        " again, NOT all is put back"
    } else if approved {
        " again, NOT all is contained"
    } else if incident.joining.is_some() {
        " again, one more finding"
    } else if !incident.settled.is_empty() {
        " again, the rest"
    } else {
        ""
    };
    let times = if round > 1 { format!(" (asked {round} times)") } else { String::new() };
    marked(incident, format!("Decide{again}{times}"))
}

/// Containments are only rehearsed, and so is what people would do.
pub(super) fn is_rehearsal(incident: &Incident) -> bool {
    let acts = incident.decisions.iter().any(|decision| decision.mode != Mode::Notify);
    !acts && incident.decisions.iter().any(|decision| decision.code == ReasonCode::DryRun)
}

/// What an answer asked for and was not carried out.
pub(super) fn unfinished(incident: &Incident, report: &Report, answer: Option<&Decided>) -> Vec<String> {
    answer.map(|decided| report.unfinished_of(incident, decided)).unwrap_or_default()
}

/// What a restore did not put back. An answer has settled every decision of a closed incident: only the receipts tell.
pub(super) fn not_back(report: &Report) -> Vec<String> {
    report.unfinished(Answer::Release)
}

fn marked(incident: &Incident, words: String) -> String {
    if is_rehearsal(incident) { format!("DRY RUN: {words}") } else { words }
}

/// Whether anything is contained so. What is only offered waits for nobody.
fn contains(incident: &Incident, mode: Mode) -> bool {
    let mut asked = incident.decisions.iter().filter(|decision| decision.containment.is_some() && !decision.is_offered());
    asked.any(|decision| decision.mode == mode)
}

fn opened(incident: &Incident) -> &'static str {
    if incident.over_budget > 0 {
        "More than policy allows in an hour, decide now"
    } else if incident.decisions.iter().any(|decision| decision.code == ReasonCode::LastAdministrator) {
        "LAST ADMINISTRATOR, decide now, not contained yet"
    } else if is_rehearsal(incident) {
        "nothing is changed"
    } else if contains(incident, Mode::Auto) {
        "Responding"
    } else if incident.decisions.iter().any(|decision| decision.code == ReasonCode::Paused) {
        "PAUSED, needs your approval, nothing is contained yet"
    } else if contains(incident, Mode::Gate) {
        "Needs your approval, nothing is contained yet"
    } else {
        "Needs a person"
    }
}

fn outcome(incident: &Incident, report: &Report) -> String {
    let any = |is: fn(&Receipt) -> bool| report.receipts().any(is);
    let failed = report.containment.status == "failed" || any(|receipt| receipt.status == Status::Failed);
    let contained: Vec<&Receipt> = report.receipts().filter(|receipt| receipt.status == Status::Contained).collect();
    let waits = incident.decisions.iter().any(|decision| decision.mode == Mode::Gate && !decision.is_offered());
    let words = if is_rehearsal(incident) {
        "nothing was changed"
    } else if failed && !any(Receipt::holds_something) {
        return "NOT CONTAINED".to_owned();
    } else if failed || any(|receipt| receipt.status == Status::Partial) || !contained.is_empty() && any(Receipt::is_protected) {
        return "PARTLY NOT CONTAINED".to_owned();
    } else if contained.iter().any(|receipt| !standing::is_confirmed(receipt, report)) {
        return "Contained, NOT confirmed".to_owned();
    } else if !contained.is_empty() && contained.iter().all(|receipt| receipt.changed_nothing()) {
        "Nothing had to be changed"
    } else if !contained.is_empty() && waits {
        "Contained, more waits for you"
    } else if !contained.is_empty() {
        "Contained"
    } else if contains(incident, Mode::Gate) {
        "Needs your approval"
    } else {
        "Needs a person"
    };
    if report.problems().is_empty() { words.to_owned() } else { format!("{words}, but NOT everything worked") }
}

/// A release was carried out: how the targets stand says the rest.
fn is_released(incident: &Incident, report: &Report, answer: Option<&Decided>) -> bool {
    let Some(decided) = answer.filter(|decided| decided.answer == Answer::Release) else { return false };
    unfinished(incident, report, answer).is_empty() && incident.beyond(decided).is_empty() && !is_rehearsal(incident)
}

fn closed(incident: &Incident, report: &Report, answer: Option<&Decided>) -> &'static str {
    if !unfinished(incident, report, answer).is_empty() {
        return "NOT FULLY carried out";
    }
    if answer.is_some_and(|decided| !incident.beyond(decided).is_empty()) {
        return "Carried out, and more was decided since";
    }
    if answer.is_some_and(|decided| !incident.left_by(decided).is_empty()) {
        return "Carried out, the rest is asked again";
    }
    if is_rehearsal(incident) {
        return "closed, nothing was changed";
    }
    let left_open = || report.receipts().any(|receipt| standing::is_left_open(receipt, incident, report));
    let left_undone = || {
        let mut waited = standing::done_after_approval(&incident.decisions, report);
        waited.any(|decision| !standing::is_released(decision, incident))
    };
    match answer.map(|decided| decided.answer) {
        Some(Answer::Release) => "Released and closed",
        Some(Answer::Keep) if left_undone() => "Closed, NOT all contained",
        Some(Answer::Keep | Answer::Approve) | None if left_open() => "Closed, NOT all contained",
        Some(Answer::Keep) => "Kept and closed",
        Some(Answer::Approve) | None => "Approved and closed",
    }
}

fn released(report: &Report) -> String {
    let is_left =
        |receipt: &Receipt| matches!(standing::of(receipt, report), Standing::Held | Standing::PartlyPutBack | Standing::Drifted);
    let others: BTreeSet<&str> = report.release.receipts.iter().filter_map(|r| Some(r.held_by.as_ref()?.as_str())).collect();
    // A subject is cut, and an id must not be.
    let who = || match others.first() {
        Some(other) if others.len() == 1 => format!("incident {other}"),
        _ => format!("{} other incidents", others.len()),
    };
    let back = report.release.receipts.iter().any(|receipt| receipt.status == Status::Contained);
    let words = match (back, others.is_empty()) {
        _ if report.receipts().any(is_left) => "Closed, NOT everything is put back",
        (false, false) => return format!("Closed, STILL CONTAINED for {}", who()),
        (true, false) => return format!("Released in part, the rest STILL CONTAINED for {}", who()),
        (true, true) => "Released and closed",
        (false, true) => "Closed, nothing had to be put back",
    };
    words.to_owned()
}

/// What a restore of a closed incident came to, once it is finished.
fn restored(report: &Report) -> &'static str {
    let another = report.release.receipts.iter().any(|receipt| receipt.held_by.is_some());
    let back = report.release.receipts.iter().any(|receipt| receipt.status == Status::Contained);
    match (back, another) {
        (true, false) => "Restored",
        (true, true) => "Restored in part, the rest STILL CONTAINED for another incident",
        (false, true) => "STILL CONTAINED for another incident",
        (false, false) => "Released, nothing had to be put back",
    }
}
