//! What is said at which moment: the facts, and which sections follow.

use super::NoticeKind;
use super::choices::{choices, hints, offers};
use super::document::{Fact, Notice, Part, Section, Text};
use super::findings::{region, several, severity, shown, type_of};
use super::headline::{self, not_back, unfinished};
use super::sections::{
    MAX_PASTED, answered, closed, decided, evidence, found, is_plain, is_reverted, last_administrators, left_alone, left_undone,
    only_by_name, open, searched, stands, target, unanswered, urgent,
};
use super::standing;
use crate::answer::{Answer, Decided};
use crate::incident::Incident;
use crate::plan::{FindingSummary, Verdict};
use crate::report::Report;
use crate::revision;
use crate::target::Target;
use std::collections::BTreeSet;

/// What people are told at the moment that `kind` names.
#[must_use]
pub fn notice(kind: NoticeKind, incident: &Incident, report: &Report, answer: Option<&Decided>, round: u32) -> Notice {
    if kind == NoticeKind::ReviewOverdue && !incident.settled.is_empty() {
        let (asked, left) = incident.still_asked(report);
        let asked = Incident { settled: vec![], ..asked };
        let (code, example) = (code(incident, &left, true), example(incident, &asked));
        return Notice { code, example, ..notice(kind, &asked, &left, answer, round) };
    }
    let report = &report.without_untaken(&incident.decisions);
    let problems = report.problems();
    // An execution whose finding joined the incident tells of that finding.
    let (finding, began) =
        if incident.joining.is_some() { (&incident.finding, "joined") } else { (incident.gravest(), "incident opened") };
    let mut facts = facts(incident, (finding, began), report);
    let mut sections = Vec::new();
    let mut asks = false;
    match kind {
        NoticeKind::Noticed => {
            let reason = incident.reason.as_deref().unwrap_or("no reason given");
            // What an update is only told about, the first incident may have contained.
            let label = if incident.follows.is_some() { "Nothing more was contained" } else { "Nothing was contained" };
            facts.push(Fact { label, value: Text::name(reason, 400) });
            sections.extend(decided(&incident.decisions));
            if incident.evidence {
                let sentence = format!("Evidence is being kept: firebreak incidents show {}", incident.id);
                sections.push(Section::sentence(Part::Done, [Text::ours(sentence)]));
            }
        }
        NoticeKind::Opened => {
            sections.extend(urgent(&last_administrators(&incident.decisions)));
            sections.extend(decided(&incident.decisions));
        }
        NoticeKind::Outcome | NoticeKind::Alarm => {
            sections.extend(urgent(&problems));
            sections.extend(found(report));
            sections.extend(stands(report));
            if kind == NoticeKind::Alarm || is_reverted(report) {
                sections.extend(decided(&incident.decisions));
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
            sections.extend(urgent(&[unfinished(incident, report, answer), beyond(incident, answer)].concat()));
            sections.extend(closed(report, answer.map(|decided| decided.answer)));
            sections.extend(left_undone(incident, report, answer));
            sections.extend(answered(incident, answer));
            sections.extend(left_alone(incident, report));
        }
        NoticeKind::Restored => {
            facts.extend(answer.into_iter().flat_map(|decided| asked_by("Restore", "asked for", decided)));
            sections.extend(urgent(&not_back(report)));
            sections.extend(closed(report, Some(Answer::Release)));
        }
    }
    sections.extend(unread(report));
    sections.extend(next(kind, incident, report, answer).map(|next| Section::sentence(Part::Next, [Text::ours(next)])));
    let headline = headline::of(kind, incident, report, answer, round);
    Notice { headline, about: about(incident, finding, report), facts, sections, ..document(incident, report, asks) }
}

/// The ticket that an analyst answers.
#[must_use]
pub fn ticket(incident: &Incident, report: &Report, round: u32) -> Notice {
    let code = code(incident, report, true);
    let before = answered(incident, None);
    let whole = incident;
    let (incident, report) = &incident.still_asked(&report.without_untaken(&incident.decisions));
    let sections = urgent(&report.problems())
        .into_iter()
        .chain(several(incident))
        .chain(found(report))
        .chain(stands(report))
        .chain(open(&incident.decisions, report))
        .chain(only_by_name(whole, (incident, report), code.as_deref()))
        .chain([searched(report)])
        .chain(before)
        .chain(evidence(report))
        .chain(unread(report));
    let (finding, headline) = (incident.gravest(), headline::of_ticket(incident, report, round));
    let (facts, sections) = (facts(incident, (finding, "incident opened"), report), sections.collect());
    let (about, example) = (about(incident, finding, report), example(whole, incident));
    let offers = offers(whole, incident, report);
    Notice { headline, about, facts, sections, code, example, offers, ..document(incident, report, true) }
}

/// What a message lacks when the ledger could not be read.
fn unread(report: &Report) -> Option<Section> {
    let sentence = "This message lacks what only the ledger knows: it could not be read. How each containment ended is complete.";
    report.unread.then(|| Section::sentence(Part::Urgent, [Text::ours(sentence)]))
}

/// What the reader has to do, and what comes next. A notice with answers says it there.
fn next(kind: NoticeKind, incident: &Incident, report: &Report, answer: Option<&Decided>) -> Option<&'static str> {
    let releases = answer.is_some_and(|decided| decided.answer == Answer::Release);
    let open = || !releases && report.receipts().any(|receipt| standing::is_left_open(receipt, incident, report));
    Some(match kind {
        NoticeKind::Noticed => "Firebreak does nothing more about it and asks for no answer: it is yours to look at.",
        NoticeKind::Opened if incident.joining.is_some() => {
            "It is about a target of this open incident. The next message says how it stands; a new ticket asks about all of it."
        }
        NoticeKind::Opened => "The next message says how it stands. Then a ticket asks for your answer: firebreak review list",
        NoticeKind::Outcome | NoticeKind::Alarm => "Your answer is asked for after the last check: firebreak review list",
        NoticeKind::ReviewOverdue => return None,
        NoticeKind::Closed if !unfinished(incident, report, answer).is_empty() || !beyond(incident, answer).is_empty() => {
            "The incident stays open: a ticket asks again."
        }
        NoticeKind::Closed if answer.is_some_and(|decided| !incident.left_by(decided).is_empty()) => {
            "The incident stays open: a ticket asks about the rest."
        }
        NoticeKind::Restored if !not_back(report).is_empty() => {
            "Nothing asks again. Mend the cause and ask for the restore once more: that leaves as it is what somebody changed."
        }
        NoticeKind::Closed | NoticeKind::Restored if report.release.receipts.iter().any(|receipt| receipt.restore.is_some()) => {
            "What a closed incident still holds, nobody is asked about: its restore puts it back."
        }
        NoticeKind::Closed | NoticeKind::Restored if report.release.receipts.iter().any(|receipt| receipt.held_by.is_some()) => {
            "This incident is closed. What is still contained is decided with the other incident."
        }
        NoticeKind::Restored => "This incident is released: nothing of it is contained.",
        NoticeKind::Closed if open() => "This incident is closed. What is NOT contained is yours to contain: nothing asks again.",
        NoticeKind::Closed => "This incident is closed: nothing is left to answer.",
    })
}

/// The answers that are wanted, and nothing said yet.
fn document(incident: &Incident, report: &Report, asks: bool) -> Notice {
    let (answers, hints) = if asks { (choices(incident, report), hints(report)) } else { (vec![], vec![]) };
    let code = code(incident, report, asks);
    let example = asks.then(|| example(incident, incident)).flatten();
    let (incident, headline) = (incident.id.clone(), String::new());
    let (about, facts, sections, offers) = (vec![], vec![], vec![], vec![]);
    Notice { incident, headline, about, facts, sections, answers, example, code, hints, offers }
}

/// The code of all that was decided, also of what is settled: an answer counts up to that revision.
fn code(incident: &Incident, report: &Report, asks: bool) -> Option<String> {
    (asks && !report.unread).then(|| revision::code(&incident.shown()))
}

/// The last of several targets that wait: mostly one that only an approval contains. People paste its name into a shell. It is a name
/// that no other target of the whole incident has, answered ones included.
fn example(whole: &Incident, asked: &Incident) -> Option<Text> {
    let names: BTreeSet<String> = asked.unanswered().map(|decision| whole.whole_name_of(&decision.target)).collect();
    names.iter().rfind(|name| is_plain(name)).filter(|_| names.len() > 1).map(|name| Text::name(name, MAX_PASTED))
}

/// To what it happens, and because of which finding.
fn about(incident: &Incident, finding: &FindingSummary, report: &Report) -> Vec<Text> {
    let about = targets(incident, report).next().map_or_else(|| Text::ours("no target"), target);
    vec![about, Text::ours(" - "), type_of(finding)]
}

/// What was decided after the ticket that was answered.
fn beyond(incident: &Incident, answer: Option<&Decided>) -> Vec<String> {
    answer.map(|decided| incident.beyond(decided)).unwrap_or_default()
}

/// What the incident is about. Without the ledger there are no decisions, and what was done still names the targets. What is only offered
/// names none of its own.
fn targets<'a>(incident: &'a Incident, report: &'a Report) -> impl Iterator<Item = &'a Target> {
    let done = report.containment.receipts.iter().filter(move |_| incident.decisions.is_empty());
    let decided = incident.decisions.iter().filter(|decision| !decision.is_offered());
    decided.map(|decision| &decision.target).chain(done.map(|receipt| &receipt.target))
}

/// So many targets are named above the sections; the others are in them.
const MAX_NAMED: usize = 5;

fn facts(incident: &Incident, (finding, began): (&FindingSummary, &str), report: &Report) -> Vec<Fact> {
    let account = finding.account.as_ref().map_or("unknown", |a| a.as_str());
    let note = incident.reason.as_ref().filter(|_| incident.verdict == Verdict::Respond);
    let mut named: Vec<Text> = Vec::new();
    for name in targets(incident, report).map(target) {
        if named.len() < MAX_NAMED && !named.contains(&name) {
            named.push(name);
        }
    }
    [
        Some(Fact { label: "Incident", value: Text::ours(incident.id.as_str()) }),
        incident.follows.as_ref().map(|first| Fact { label: "Follows", value: Text::ours(first.as_str()) }),
        Some(Fact { label: "Finding", value: type_of(finding) }),
        finding.title.as_ref().map(|title| Fact { label: "Title", value: Text::words(title, 200) }),
        Some(Fact { label: "Severity", value: Text::ours(severity(finding)) }),
        Some(Fact { label: "Where", value: Text::ours(format!("account {account}, {}", region(finding))) }),
        Some(Fact { label: "When", value: Text::ours(when(incident, finding, began)) }),
    ]
    .into_iter()
    .flatten()
    .chain(report.pauses.all().map(|pause| Fact { label: "Paused", value: Text::words(&pause.line(), 520) }))
    .chain(named.into_iter().map(|value| Fact { label: "Target", value }))
    .chain(note.map(|reason| Fact { label: "Note", value: Text::words(reason, 900) }))
    .collect()
}

/// A mail can be late: it says when what it tells of began.
fn when(incident: &Incident, finding: &FindingSummary, began: &str) -> String {
    let seen = finding.first_seen.map_or_else(String::new, |at| format!("first seen {}; ", shown(at)));
    format!("{seen}{began} {}", shown(incident.opened_at))
}

fn answer_facts(decided: &Decided) -> Vec<Fact> {
    let open = (!decided.accept_open.is_empty())
        .then(|| Fact { label: "Accepted as NOT contained", value: Text::name(&decided.accept_open.join(", "), 500) });
    let part = decided.targets.says().map(|part| Fact { label: "About", value: Text::name(&part, 500) });
    let [answer, comment] = asked_by("Answer", decided.answer.word(), decided);
    [Some(answer), part, Some(comment), open].into_iter().flatten().collect()
}

/// Who asked for something, and why.
fn asked_by(label: &'static str, what: &str, decided: &Decided) -> [Fact; 2] {
    let by = |arn: &String| crate::text::inert(arn, 200);
    let first = decided.first_by.as_ref().map(|first| format!(", after {}", by(first))).unwrap_or_default();
    let asked = format!("{what} by {} at {}{first}", by(&decided.by), decided.at);
    [Fact { label, value: Text::Name(asked) }, Fact { label: "Comment", value: Text::name(&decided.comment, 500) }]
}
