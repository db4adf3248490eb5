//! The answers that a reader can give, what each does to the incident as it stands, and what must be known before.

use super::document::{Choice, Offer, Text};
use super::headline::is_rehearsal;
use super::sections::{MAX_PASTED, is_plain};
use super::standing;
use crate::answer::Answer;
use crate::decision::Decision;
use crate::impact::Impact;
use crate::incident::Incident;
use crate::receipt::Receipt;
use crate::report::Report;
use crate::target::{Id, Scope, TargetKind};
use crate::text;

/// What the three answers do to this incident as it stands.
pub(super) fn choices(incident: &Incident, report: &Report) -> Vec<Choice> {
    let [keep, approve, release] = if report.unread {
        [KEEP, "it was an attack, what is contained stays so", "it was wrong, what was changed is put back"].map(str::to_owned)
    } else if is_rehearsal(incident) {
        let keep = "it would have been right, and nothing more is wanted; this ends the rehearsal";
        let approve = "it would have been right; this ends the rehearsal";
        [keep, approve, "it would have been wrong; this ends the rehearsal"].map(str::to_owned)
    } else if standing::is_partly_released(report) {
        let release = "it was wrong, put back what is left; what somebody else changed stays as it is";
        [kept(incident, report), after_a_release(incident, report), release.to_owned()]
    } else {
        [kept(incident, report), before_a_release(incident, report), undoing(report).to_owned()]
    };
    [(Answer::Keep, keep), (Answer::Approve, approve), (Answer::Release, release)]
        .into_iter()
        .map(|(answer, means)| Choice { answer, means })
        .collect()
}

const KEEP: &str = "it was right, leave everything as it is: nothing more is done, the incident is closed";

/// What stays as it is when nothing more is done.
fn kept(incident: &Incident, report: &Report) -> String {
    let waits =
        standing::approvable(&incident.decisions, report).chain(standing::only_by_name(&incident.decisions, report)).count();
    let by_hand = standing::by_hand(&incident.decisions).count();
    let failed = standing::failed(report).count() + partly(report).count();
    let undone = [
        counted(waits, "thing that waits stays undone", "things that wait stay undone"),
        counted(failed, "thing that failed is not tried again", "things that failed are not tried again"),
        counted(by_hand, "thing for you to do is not asked about again", "things for you to do are not asked about again"),
    ];
    let undone: Vec<String> = undone.into_iter().flatten().collect();
    if undone.is_empty() { KEEP.to_owned() } else { format!("{KEEP}; {}", undone.join("; ")) }
}

fn counted(count: usize, one: &str, many: &str) -> Option<String> {
    (count > 0).then(|| format!("{count} {}", if count == 1 { one } else { many }))
}

fn partly(report: &Report) -> impl Iterator<Item = &Receipt> {
    report.receipts().filter(|receipt| standing::is_partly_contained(receipt, report))
}

fn before_a_release(incident: &Incident, report: &Report) -> String {
    let waits: Vec<&Decision> = standing::approvable(&incident.decisions, report).collect();
    let partly = partly(report).next().is_some();
    let failed = partly || standing::failed(report).next().is_some();
    let gone = failed && !partly && standing::failed(report).all(standing::is_gone);
    let lacks = standing::held(report).any(|receipt| !standing::is_contained(receipt, report));
    let approve = match (standing::holds_anything(report), !waits.is_empty(), failed) {
        (true, true, _) | (true, _, true) => "it was an attack, keep what is contained and contain the rest",
        (true, false, false) if lacks => "it was an attack, keep what is contained; whether it still holds is not known",
        (true, false, false) => "it was an attack, keep it contained",
        (false, false, true) if gone => "it was an attack, look for it once more and contain it if it is there",
        (false, true, _) | (false, _, true) => "it was an attack, contain it",
        (false, false, false) => "it is dealt with, close it; Firebreak contains nothing",
    };
    format!("{approve}{}{}", more(&waits), unnamed(incident, report))
}

/// An approval contains nothing anew of what a release put back.
fn after_a_release(incident: &Incident, report: &Report) -> String {
    let waiting: Vec<&Decision> = standing::approvable(&incident.decisions, report).collect();
    let waits = !waiting.is_empty() || standing::failed(report).next().is_some();
    let approve = match (standing::holds_anything(report), waits) {
        (true, true) => "it was an attack, keep what is still contained and contain what waits; what was put back stays so",
        (true, false) => "it was an attack, keep what is still contained; what was put back stays so",
        (false, true) => "it was an attack, contain what waits; what was put back stays so",
        (false, false) => "it was an attack, close it as it is; nothing is contained anew",
    };
    format!("{approve}{}{}", more(&waiting), unnamed(incident, report))
}

/// So many things are named in an answer, each with whom it would stop; the sections before have all of them.
const NAMED: usize = 3;

/// What an approval contains for the first time.
fn more(waits: &[&Decision]) -> String {
    if waits.is_empty() {
        return String::new();
    }
    let names: Vec<String> = waits.iter().take(NAMED).map(|decision| named(decision)).collect();
    let rest = match waits.len().saturating_sub(NAMED) {
        0 => String::new(),
        rest => format!(" and {rest} more"),
    };
    format!("; for the first time it contains {}: {}{rest}", waits.len(), names.join(", "))
}

/// The target, and who else works with it, if somebody has read that.
fn named(decision: &Decision) -> String {
    let name = decision.target.to_string();
    let name = match decision.target.kind.id() {
        Id::Name => text::mail(&name, 80),
        Id::Words => text::free_text(&name, 80),
    };
    let impact = decision.impact.as_ref().filter(|_| decision.may_stop_others()).map(Impact::says);
    // With names of the account's resources.
    let impact = impact.or_else(|| decision.says_hits().map(|hits| text::mail(&hits, 300)));
    impact.map_or_else(|| name.clone(), |impact| format!("{name} ({impact})"))
}

/// What an approval leaves alone unless it names it.
fn unnamed(incident: &Incident, report: &Report) -> String {
    match standing::only_by_name(&incident.decisions, report).count() {
        0 => String::new(),
        1 => "; not 1 that others use: name it (--only)".to_owned(),
        count => format!("; not {count} that others use: name each (--only)"),
    }
}

/// What is offered besides, under names that no other target of the `whole` incident has. While a release is not finished, nobody closes
/// more.
pub(super) fn offers(whole: &Incident, asked: &Incident, report: &Report) -> Vec<Offer> {
    let offer = |decision: &Decision| {
        let name = whole.name_of(&decision.target);
        Offer { is_plain: is_plain(&name), name: Text::name(&name, MAX_PASTED), does: decision.does() }
    };
    let left = standing::offered(&asked.decisions, report).filter(|_| !standing::is_partly_released(report));
    left.map(offer).collect()
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
    let failed = (partly(report).next().is_some() || standing::failed(report).next().is_some()).then_some(
        "An approval tries again what is NOT contained, and does not close the incident while that fails. To close it all the same, \
         answer keep, or add: --accept-open TARGET",
    );
    [user, session, drift, failed].into_iter().flatten().collect()
}
