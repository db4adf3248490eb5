//! What is said at which moment: the headline, the facts, and which sections follow.

use super::NoticeKind;
use super::document::{Choice, Fact, Notice, Part, Section, Text};
use super::sections::{closed, decided, evidence, found, is_reverted, open, searched, stands, target, unanswered, urgent};
use super::standing;
use crate::answer::{Answer, Decided};
use crate::decision::{Mode, ReasonCode};
use crate::incident::Incident;
use crate::plan::Verdict;
use crate::playbook::Playbook;
use crate::receipt::{Receipt, Status};
use crate::report::Report;
use crate::revision;
use crate::target::{Scope, Target, TargetKind};

/// What people are told at the moment that `kind` names.
#[must_use]
pub fn notice(kind: NoticeKind, incident: &Incident, report: &Report, answer: Option<&Decided>, round: u32) -> Notice {
    let problems = report.problems();
    let mut facts = facts(incident);
    let mut sections = Vec::new();
    let mut asks = false;
    match kind {
        NoticeKind::Noticed => {
            let reason = incident.reason.as_deref().unwrap_or("no reason given");
            facts.push(Fact { label: "Nothing was contained", value: Text::name(reason, 400) });
            sections.extend(decided(&incident.decisions));
            if incident.evidence {
                let sentence = format!("Evidence is being kept: firebreak incidents show {}", incident.id);
                sections.push(Section::sentence(Part::Done, [Text::ours(sentence)]));
            }
        }
        NoticeKind::Opened => sections.extend(decided(&incident.decisions)),
        NoticeKind::Outcome | NoticeKind::Alarm => {
            sections.extend(urgent(&problems));
            sections.extend(found(report));
            sections.extend(stands(report));
            if kind == NoticeKind::Alarm || is_reverted(report) {
                sections.extend(decided(&incident.decisions));
                let next = "Your answer is asked for after the last check: firebreak review list";
                sections.push(Section::sentence(Part::Next, [Text::ours(next)]));
            }
            sections.extend(evidence(report));
        }
        NoticeKind::ReviewOverdue => {
            sections.push(Section::sentence(Part::Open, [Text::ours("Nobody has answered.")]));
            sections.extend(unanswered(&incident.decisions, report));
            asks = true;
        }
        NoticeKind::Closed => {
            facts.extend(answer.into_iter().flat_map(answer_facts));
            sections.extend(urgent(&[unfinished(report, answer), beyond(incident, answer)].concat()));
            sections.extend(closed(report));
        }
    }
    sections.extend(unread(report));
    let headline = headline(kind, incident, report, answer, round);
    document(incident, report, headline, facts, sections, asks)
}

/// The ticket that an analyst answers.
#[must_use]
pub fn ticket(incident: &Incident, report: &Report, round: u32) -> Notice {
    let sections = urgent(&report.problems())
        .into_iter()
        .chain(found(report))
        .chain(stands(report))
        .chain(open(&incident.decisions, report))
        .chain([searched(report)])
        .chain(evidence(report))
        .chain(unread(report));
    let again = if round > 1 { format!(" (asked {round} times)") } else { String::new() };
    let rehearsal = if is_rehearsal(incident) { "DRY RUN: " } else { "" };
    document(incident, report, format!("{rehearsal}Decide{again}"), facts(incident), sections.collect(), true)
}

/// What a message lacks when the ledger could not be read.
fn unread(report: &Report) -> Option<Section> {
    let sentence = "This message lacks what only the ledger knows: it could not be read. How each containment ended is complete.";
    report.unread.then(|| Section::sentence(Part::Urgent, [Text::ours(sentence)]))
}

/// Every containment of the incident is only rehearsed.
fn is_rehearsal(incident: &Incident) -> bool {
    let mut contains = incident.decisions.iter().filter(|decision| decision.containment.is_some()).peekable();
    contains.peek().is_some() && contains.all(|decision| decision.code == ReasonCode::DryRun)
}

fn document(
    incident: &Incident,
    report: &Report,
    headline: String,
    facts: Vec<Fact>,
    sections: Vec<Section>,
    asks: bool,
) -> Notice {
    // Without the ledger there are no decisions, and what was done still names the target.
    let decided = incident.decisions.first().map(|decision| &decision.target);
    let about = decided.or_else(|| report.containment.receipts.first().map(|receipt| &receipt.target));
    let about = about.map_or_else(|| Text::ours("no target"), target);
    let about = vec![about, Text::ours(" - "), type_of(incident)];
    let (answers, hints) = if asks { (choices(incident, report), hints(report)) } else { (vec![], vec![]) };
    let code = (asks && !report.unread).then(|| revision::code(&incident.shown()));
    Notice { incident: incident.id.clone(), headline, about, facts, sections, answers, code, hints }
}

fn headline(kind: NoticeKind, incident: &Incident, report: &Report, answer: Option<&Decided>, round: u32) -> String {
    let contains = |mode: fn(Mode) -> bool| incident.decisions.iter().any(|d| d.containment.is_some() && mode(d.mode));
    let words = match kind {
        NoticeKind::Noticed if incident.decisions.is_empty() && incident.finding.finding_type.is_none() => {
            "Unreadable event received, nothing done"
        }
        NoticeKind::Noticed => "Look at this",
        NoticeKind::Opened if incident.over_budget > 0 => "More than policy allows in an hour, decide now",
        NoticeKind::Opened if is_rehearsal(incident) => "DRY RUN, nothing is changed",
        NoticeKind::Opened if !contains(|mode| mode != Mode::Notify) => "Needs a person",
        NoticeKind::Opened => "Responding",
        NoticeKind::Outcome | NoticeKind::Alarm if is_reverted(report) => "CRITICAL, somebody reverted it",
        NoticeKind::Alarm => "MORE WAS FOUND",
        NoticeKind::Outcome if report.problems().is_empty() => {
            if report.containment.receipts.iter().any(|r| r.status == Status::Contained) {
                "Contained"
            } else if contains(|mode| mode == Mode::Gate) {
                "Needs your approval"
            } else {
                "Needs a person"
            }
        }
        NoticeKind::Outcome if nothing_holds(report) => "NOT CONTAINED",
        NoticeKind::Outcome if report.containment.receipts.is_empty() => "Needs a person, evidence is incomplete",
        NoticeKind::Outcome => "PARTLY FAILED",
        NoticeKind::ReviewOverdue => return format!("Review overdue (round {round})"),
        NoticeKind::Closed if !unfinished(report, answer).is_empty() => "NOT FULLY carried out",
        NoticeKind::Closed if !beyond(incident, answer).is_empty() => "Carried out, and more was decided since",
        NoticeKind::Closed => match answer.map(|a| a.answer) {
            Some(Answer::Release) => "Released and closed",
            Some(Answer::Approve) if report.gated.iter().any(|r| r.status == Status::Failed) => "Closed, NOT all contained",
            Some(Answer::Approve) | None => "Approved and closed",
        },
    };
    words.to_owned()
}

fn unfinished(report: &Report, answer: Option<&Decided>) -> Vec<String> {
    answer.map(|decided| report.unfinished_of(decided)).unwrap_or_default()
}

/// What was decided after the ticket that was answered.
fn beyond(incident: &Incident, answer: Option<&Decided>) -> Vec<String> {
    answer.map(|decided| incident.beyond(decided)).unwrap_or_default()
}

/// Containment was tried and nothing came of it.
fn nothing_holds(report: &Report) -> bool {
    let receipts = &report.containment.receipts;
    let tried = report.containment.status == "failed" || receipts.iter().any(|receipt| receipt.status == Status::Failed);
    tried && !receipts.iter().any(Receipt::holds_something)
}

fn facts(incident: &Incident) -> Vec<Fact> {
    let finding = &incident.finding;
    let severity = match (finding.severity_band, finding.severity) {
        (Some(band), Some(number)) => format!("{} ({number})", band.label()),
        (Some(band), None) => band.label().to_owned(),
        _ => "unknown".to_owned(),
    };
    let account = finding.account.as_ref().map_or("unknown", |a| a.as_str());
    let region = finding.region.as_ref().map_or("unknown", |r| r.as_str());
    let note = incident.reason.as_ref().filter(|_| incident.verdict == Verdict::Respond);
    [
        Some(Fact { label: "Incident", value: Text::ours(incident.id.as_str()) }),
        incident.follows.as_ref().map(|first| Fact { label: "Follows", value: Text::ours(first.as_str()) }),
        Some(Fact { label: "Finding", value: type_of(incident) }),
        finding.title.as_ref().map(|title| Fact { label: "Title", value: Text::words(title, 200) }),
        Some(Fact { label: "Severity", value: Text::ours(severity) }),
        Some(Fact { label: "Where", value: Text::ours(format!("account {account}, {region}")) }),
        note.map(|reason| Fact { label: "Note", value: Text::words(reason, 900) }),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn answer_facts(decided: &Decided) -> Vec<Fact> {
    let answer = format!("{} by {} at {}", decided.answer.word(), crate::text::inert(&decided.by, 100), decided.at);
    let open = (!decided.accept_open.is_empty())
        .then(|| Fact { label: "Accepted as NOT contained", value: Text::name(&decided.accept_open.join(", "), 500) });
    let answer = Fact { label: "Answer", value: Text::Name(answer) };
    [answer, Fact { label: "Comment", value: Text::name(&decided.comment, 500) }].into_iter().chain(open).collect()
}

/// A finding's type. One that the playbook does not know is anybody's text.
fn type_of(incident: &Incident) -> Text {
    match incident.finding.finding_type.as_deref() {
        Some(kind) if Playbook::shipped().row(kind).is_some() => Text::name(kind, 128),
        Some(kind) => Text::words(kind, 128),
        None => Text::ours("unknown finding"),
    }
}

/// What the two answers do to this incident as it stands.
fn choices(incident: &Incident, report: &Report) -> Vec<Choice> {
    let holds = standing::holds_anything(report);
    let waits = standing::approvable(&incident.decisions, report).next().is_some() || standing::failed(report).next().is_some();
    let (approve, release) = match (holds, waits) {
        _ if report.unread => ("it was an attack, what is contained stays so", "it was wrong, what was changed is put back"),
        (true, true) => ("it was an attack, keep what is contained and contain the rest", "it was wrong, put it back"),
        (true, false) => ("it was an attack, keep it contained", "it was wrong, put it back"),
        (false, true) => ("it was an attack, contain it", "it was wrong, nothing has to be put back"),
        (false, false) => {
            ("it is dealt with, close it; Firebreak contains nothing", "it was wrong, close it; nothing has to be put back")
        }
    };
    vec![Choice { answer: Answer::Approve, means: approve }, Choice { answer: Answer::Release, means: release }]
}

fn hints(report: &Report) -> Vec<&'static str> {
    let about = |wanted: fn(&Target) -> bool| standing::held(report).any(wanted);
    let user = about(|target| target.kind == TargetKind::IamUser)
        .then_some("A credential that was exposed stays inactive after a release: replace it.");
    let session = about(|target| target.scope == Scope::Session)
        .then_some("A session works again after a release, with the same credentials until they expire.");
    user.into_iter().chain(session).collect()
}
