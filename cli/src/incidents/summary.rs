//! What a reader must know before an answer: where the incident stands, what holds, what is open, who it was and from where, and what
//! each answer does.

use super::list::{deadline, left};
use super::{LABELLED, Page, drift, text_time};
use crate::layout;
use crate::paint;
use crate::standing::{Facts, Now, Stand};
use console::style;
use firebreak::answer::{Answer, Decided};
use firebreak::containment::Containment;
use firebreak::incident::{Incident, IncidentStatus};
use firebreak::notice::{Notice, ticket};
use firebreak::receipt::{Outcome, Receipt, Standing, Step};
use firebreak::text::inert;
use firebreak_ledger::{IncidentRecord, IncidentView};
use std::collections::BTreeSet;

pub(super) fn write(page: &mut Page, view: &IncidentView) {
    let facts = Facts::from(view);
    top(page, view);
    page.out.push('\n');
    let stands = facts.stands();
    // What is offered stands behind the answers.
    let is_shown = |stand: &&Stand<'_>| !matches!(stand.now, Now::Told | Now::Offered);
    let now: Vec<String> = stands.iter().filter(is_shown).flat_map(|stand| holds(stand, facts, view)).collect();
    page.part("NOW", &now);
    page.part("OPEN", &open(&stands, facts));
    page.part_of("CHANGED", &drift::lines(view));
    page.part("WHO", &who(&view.record.incident));
    page.part("CLOUDTRAIL", &trail(view));
    page.part("EVIDENCE", &evidence(view));
    page.part("ANSWERED", &answered(view));
    answers(page, view, facts);
}

fn top(page: &mut Page, view: &IncidentView) {
    let incident = &view.record.incident;
    let finding = incident.gravest();
    let severity = match (finding.severity_band, finding.severity) {
        (Some(band), Some(number)) => format!("{} {number}", band.label()),
        (Some(band), None) => band.label().to_owned(),
        _ => "no severity".to_owned(),
    };
    let id = style(incident.id.as_str()).bold();
    let mut write = |text: &str| page.out.push_str(&layout::wrap("", text, page.width));
    write(&format!("{id}  {severity}, {}", stage(view, page.now)));
    let account = finding.account.as_ref().map_or("unknown account", |account| account.as_str());
    let region = finding.region.as_ref().map_or("unknown Region", |region| region.as_str());
    let kind = inert(finding.finding_type.as_deref().unwrap_or("unknown finding"), 128);
    write(&format!("{kind}, account {account}, {region}"));
    if let Some(title) = &finding.title {
        write(&inert(title, 200));
    }
    let seen = finding.first_seen.map(|at| format!("first seen {}, ", paint::time(at))).unwrap_or_default();
    write(&format!("{seen}opened {}", paint::time(incident.opened_at)));
    if let Some(reason) = &incident.reason {
        write(&inert(reason, 300));
    }
    if let Some(first) = &incident.follows {
        write(&format!("an update of {first}"));
    }
}

/// Whose turn it is, and how long there is.
fn stage(view: &IncidentView, now: jiff::Timestamp) -> String {
    let IncidentRecord { status, incident } = &view.record;
    let Some(until) = deadline(&view.record, view.review.as_ref()) else {
        let taken = *status == IncidentStatus::AwaitingReview && view.review.is_some();
        return if taken { "an answer is being carried out".to_owned() } else { paint::incident_status(*status).to_string() };
    };
    let (round, of) = (view.review.as_ref().map_or(1, |review| review.round), incident.timing.review_max_rounds);
    let then = if round < of { "then it is asked again" } else { "then nobody is asked any more" };
    let waits = style("WAITS FOR YOU").yellow().bold();
    if until > now {
        format!("{waits}, {} left, {then} (round {round} of {of})", left(until, now))
    } else {
        format!("{waits}, overdue (round {round} of {of})")
    }
}

/// How a target stands, and why. What a release put back is no longer contained, whatever its containment had done.
fn holds(stand: &Stand<'_>, facts: Facts<'_>, view: &IncidentView) -> Vec<String> {
    let (name, receipt) = (facts.name(stand.target), stand.receipt);
    let does = stand.decision.map_or("", |decision| decision.does());
    let mut lines = vec![match stand.now {
        Now::Contained => {
            let done = receipt.map(done).unwrap_or_default();
            format!("{name}: {}{done}", style("contained").green().bold())
        }
        Now::Unconfirmed => format!("{name}: {}", style("contained, NOT confirmed by the last check").red().bold()),
        Now::Partly => format!("{name}: {}", style("PARTLY contained").red().bold()),
        Now::Failed | Now::Gone | Now::NotTried => format!("{name}: {}", style("NOT contained").red().bold()),
        Now::Waits => format!("{name}: {}: {does}", style("waits for your approval").yellow()),
        Now::ByHand => format!("{name}: {}", style("only a person can act").yellow()),
        Now::Unclear(standing) => format!("{name}: {}", style(standing.says().unwrap_or("look yourself")).yellow()),
        Now::LetGo(standing) => format!("{name}: {}", style(let_go(receipt, standing, view)).yellow()),
        Now::Left(answer) => format!("{name}: {}; left so, as answered: {}", style(stand.left()).yellow(), answer.word()),
        Now::Offered => format!("{name}: offered: {does}"),
        Now::Told => format!("{name}: for information"),
    }];
    let Some(receipt) = receipt else { return lines };
    if matches!(stand.now, Now::Partly | Now::Failed | Now::Gone | Now::NotTried | Now::Left(_)) {
        let failed = receipt.steps.iter().filter(|step| step.outcome == Outcome::Failed).filter_map(Step::says);
        lines.extend(receipt.told().into_iter().chain(failed).map(|why| format!("  why: {}", inert(&why, 300))));
    }
    lines.extend(
        facts.problems(receipt).map(|problem| format!("  {} {}", style("NOT in place:").red().bold(), inert(problem, 300))),
    );
    let whose = if receipt.containment == Some(Containment::IsolateEc2) { "seen:" } else { "left to you:" };
    lines.extend(facts.notes(receipt).map(|note| format!("  {} {}", style(whose).yellow(), inert(note, 500))));
    lines
}

/// What was done to contain a target.
fn done(receipt: &Receipt) -> String {
    if receipt.changed_nothing() {
        return "; it was so before, by Firebreak or by somebody else".to_owned();
    }
    let applied = receipt.steps.iter().filter(|step| step.outcome == Outcome::Applied).filter_map(Step::says);
    let applied = applied.collect::<Vec<_>>().join("; ");
    if applied.is_empty() { String::new() } else { format!(": {}", inert(&applied, 400)) }
}

fn let_go(receipt: Option<&Receipt>, standing: Standing, view: &IncidentView) -> String {
    let by = receipt.and_then(|receipt| receipt.release_among(&view.releases)?.held_by.as_ref());
    match (standing, by) {
        (Standing::HeldByAnother, Some(by)) => format!("still contained, for incident {by}; this incident holds it no longer"),
        _ => standing.says().unwrap_or("put back").to_owned(),
    }
}

/// What can still happen through each target.
fn open(stands: &[Stand<'_>], facts: Facts<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    for stand in stands {
        let name = facts.name(stand.target);
        match (stand.now, stand.decision) {
            (Now::ByHand, Some(decision)) => {
                let advice = decision.by_hand.as_deref().unwrap_or(&decision.reason);
                lines.push(format!("{name}: {}", inert(advice, 300)));
            }
            (Now::Contained, decision) => {
                let containment =
                    decision.and_then(|decision| decision.containment).or(stand.receipt.and_then(|r| r.containment));
                let level = containment.and_then(|containment| containment.declaration().level(stand.target.scope));
                lines.extend(level.map(|level| format!("{name}: goes on: {}", level.leaves)));
            }
            (Now::Unclear(Standing::Drifted), _) => {
                let left = "the containment was not taken away, and what somebody changed may get around it";
                lines.push(format!("{name}: {left}"));
            }
            (now, _) if now.is_open() => lines.push(format!("{name}: can do what it could before, but for what is said above")),
            _ => {}
        }
    }
    if facts.incident.over_budget > 0 {
        lines.push(format!("{} more than policy allows in an hour: they wait for you", facts.incident.over_budget));
    }
    lines
}

/// Who did it and from where, as the findings say.
fn who(incident: &Incident) -> Vec<String> {
    let actors = incident.findings.iter().chain([&incident.finding]).filter_map(|finding| finding.actor.as_ref());
    let mut lines: BTreeSet<String> = actors.map(firebreak::finding::Actor::says).collect();
    if lines.is_empty() {
        let keys = incident.decisions.iter().flat_map(|decision| decision.target.keys().map(move |key| (&decision.target, key)));
        lines.extend(
            keys.map(|(target, key)| {
                format!("access key {} of {} {}", key.as_str(), target.kind.label(), inert(&target.id, 128))
            }),
        );
    }
    let sessions = incident.decisions.iter().filter_map(|decision| decision.target.session.as_ref());
    lines.extend(sessions.map(|session| format!("session {}", inert(session, 64))));
    lines.into_iter().take(5).collect()
}

fn trail(view: &IncidentView) -> Vec<String> {
    let Some(sweep) = &view.sweep else { return vec![] };
    let kinds = [("", &sweep.found), ("no room for: ", &sweep.left_out), ("not seen: ", &sweep.missing)];
    let lines = kinds.iter().flat_map(|(what, lines)| lines.iter().map(move |line| format!("{what}{}", inert(line, 250))));
    std::iter::once(sweep.says()).chain(lines).collect()
}

fn evidence(view: &IncidentView) -> Vec<String> {
    let kept = match view.evidence.len() {
        0 => "none yet".to_owned(),
        kept => format!("{kept} kept"),
    };
    let missing = view.missing.len();
    let missing = if missing > 0 { format!(", {}", style(format!("{missing} missing")).yellow()) } else { String::new() };
    std::iter::once(format!("{kept}{missing}"))
        .chain(view.missing.iter().map(|line| format!("missing: {}", inert(line, 250))))
        .collect()
}

fn answered(view: &IncidentView) -> Vec<String> {
    let Some(review) = &view.review else { return vec![] };
    let all: &[Decided] = if review.answers.is_empty() { review.decision.as_slice() } else { &review.answers };
    let said = |decided: &Decided| {
        let (word, by) = (decided.answer.word(), inert(&decided.by, 200));
        format!("{word} by {by} at {}: {}", paint::time(decided.at), inert(&decided.comment, 300))
    };
    if all.is_empty() && view.record.status.is_over() {
        return vec!["nobody answered, and an answer would come too late".to_owned()];
    }
    all.iter().map(said).collect()
}

/// The answers as the ticket has them: what each does here, and the command.
fn answers(page: &mut Page, view: &IncidentView, facts: Facts<'_>) {
    let Some(review) = view.review.as_ref().filter(|review| review.decision.is_none() && !view.record.status.is_over()) else {
        return;
    };
    let Notice { answers, code, hints, offers, .. } = ticket(facts.incident, &facts.report(), review.round);
    page.out.push('\n');
    let since = text_time(&review.opened_at);
    page.part("ANSWER", &[format!("waits for your answer since {since}")]);
    let command = |page: &mut Page, word: &str, only: Option<&str>| {
        let mut words = vec!["firebreak", "review", word, facts.incident.id.as_str()];
        if let Some(code) = &code {
            words.extend(["--shown", code.as_str()]);
        }
        words.extend(only);
        words.extend(["--comment", "\"WHY\""]);
        page.out.push_str(&layout::command("  ", &words, page.width));
    };
    let indent = if page.width < LABELLED { "  " } else { "           " };
    for choice in &answers {
        let word = choice.answer.word();
        page.out.push_str(&layout::wrap(indent, &format!("{} {}", style(word).bold(), choice.means), page.width));
        command(page, word, None);
    }
    for hint in &hints {
        page.line(hint);
    }
    if !offers.is_empty() {
        page.part("OFFERED", &["nobody waits for these; the decisions below say whom each hits, once that is read".to_owned()]);
    }
    for offer in &offers {
        let name = offer.name.text();
        page.out.push_str(&layout::wrap(indent, &format!("{}: {}", style(name).bold(), offer.does), page.width));
        if offer.is_plain {
            command(page, Answer::Approve.word(), Some(&format!("--only=\"{name}\"")));
        } else {
            page.line("approve with --only and this name, quoted for your shell");
        }
    }
}
