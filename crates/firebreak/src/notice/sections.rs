//! The sections of a notice: what needs a person, what was found, decided, done, and what is open.

#[cfg(test)]
mod tests;

use super::document::{Entry, Part, Section, Text};
use super::standing;
use crate::answer::{Answer, Decided};
use crate::containment::Containment;
use crate::decision::{Decision, ReasonCode};
use crate::incident::Incident;
use crate::receipt::{Outcome, Receipt, Standing, Status, Step};
use crate::report::{Report, UNREAD, first_error};
use crate::target::{Id, Target};

/// The name of a target: its id can be text of whoever named the resource.
pub(super) fn target(target: &Target) -> Text {
    let name = target.to_string();
    match target.kind.id() {
        Id::Name => Text::name(&name, 280),
        Id::Words => Text::words(&name, 280),
    }
}

/// Whether somebody took a control away. Nobody does that by accident.
pub(super) fn is_reverted(report: &Report) -> bool {
    report.verification.iter().any(|check| !check.reverted.is_empty())
}

pub(super) fn urgent(problems: &[String]) -> Option<Section> {
    let entries = problems.iter().map(|problem| Entry::line(Text::name(problem, 500)));
    Section::of(Part::Urgent, "NEEDS A PERSON NOW", entries.collect())
}

/// Whom nothing but an answer contains, because nobody else administers the account.
pub(super) fn last_administrators(decisions: &[Decision]) -> Vec<String> {
    let last = decisions.iter().filter(|decision| decision.code == ReasonCode::LastAdministrator);
    last.map(|decision| format!("{} is NOT contained: {}", decision.target, decision.reason)).collect()
}

/// What was found after the containment: what somebody reverted, and what the suspect did besides.
pub(super) fn found(report: &Report) -> Vec<Section> {
    let reverted = report.verification.iter().flat_map(|check| check.reverted.iter().map(move |line| (&check.target, line)));
    let reverted = reverted.map(|(target, line)| Entry {
        subject: Some(Text::name(&target.to_string(), 280)),
        says: vec![Text::name(line, 300)],
        ..Entry::default()
    });
    let lines = |lines: &[String]| lines.iter().map(|line| Entry::line(Text::words(line, 300))).collect::<Vec<_>>();
    let sweep = &report.sweep;
    let [left, seen] = noted(report);
    [
        Section::of(Part::Urgent, "REVERTED by somebody else than Firebreak", reverted.collect()),
        left,
        seen,
        Section::of(Part::Found, "CloudTrail says, about the same credentials", lines(&sweep.found)),
        Section::of(Part::Open, "Found, and more than this incident can hold: a person must act", lines(&sweep.left_out)),
        Section::of(Part::Open, "Not seen in CloudTrail, look yourself", lines(&sweep.missing)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What somebody made since the containment and Firebreak leaves to a person, and what looks saw of instances: nobody made that, and
/// mostly there is nothing to do. Each once.
fn noted(report: &Report) -> [Option<Section>; 2] {
    let (mut left, mut seen): (Vec<Entry>, Vec<Entry>) = (Vec::new(), Vec::new());
    for check in report.verification.iter().chain(&report.gated_verification) {
        let entries = if check.containment == Some(Containment::IsolateEc2) { &mut seen } else { &mut left };
        for note in &check.notes {
            let (subject, says) = (Some(target(&check.target)), vec![Text::name(note, 500)]);
            let entry = Entry { subject, says, ..Entry::default() };
            if !entries.contains(&entry) {
                entries.push(entry);
            }
        }
    }
    [
        Section::of(Part::Open, "Made since the containment, and left to you", left),
        Section::of(Part::Found, "What the looks saw", seen),
    ]
}

/// What CloudTrail was asked, also where it was not.
pub(super) fn searched(report: &Report) -> Section {
    Section::sentence(Part::Found, [Text::name(&report.sweep.says(), 300)])
}

/// What was decided. What is only offered stands behind it, in short.
pub(super) fn decided(decisions: &[Decision]) -> Option<Section> {
    let (offered, asked): (Vec<&Decision>, Vec<&Decision>) = decisions.iter().partition(|decision| decision.is_offered());
    let offer = |offered| Entry { detail: None, ..decision(offered) };
    Section::of(Part::Decided, "Decided", asked.into_iter().map(decision).chain(offered.into_iter().map(offer)).collect())
}

/// What waits for the reader: what an approval carries out, and what only people can do.
pub(super) fn open(decisions: &[Decision], report: &Report) -> Vec<Section> {
    let waits = standing::done_after_approval(decisions, report).map(proposal).collect();
    let waits = Section::of(Part::Open, "Done only if you approve", waits);
    let by_hand = standing::by_hand(decisions).map(decision).collect();
    let by_hand = Section::of(Part::Open, "For you to do; approve when it is done", by_hand);
    waits.into_iter().chain(by_hand).collect()
}

/// No longer name is shown to be pasted: a cut one names nothing.
pub(super) const MAX_PASTED: usize = 400;

/// Whether a shell reads nothing into a name between quotes.
pub(super) fn is_plain(name: &str) -> bool {
    name.len() <= MAX_PASTED && name.chars().all(|c| c.is_ascii_alphanumeric() || " _+=,.@:/#-".contains(c))
}

/// What others use, and how a person contains it all the same: a suspect may have put it on the list. The name is one that no other
/// target of the whole incident has.
pub(super) fn only_by_name(whole: &Incident, asked: (&Incident, &Report), code: Option<&str>) -> Option<Section> {
    let (incident, report) = asked;
    let shown = code.map(|code| format!(" --shown {code}")).unwrap_or_default();
    let entry = |decision: &Decision| {
        let name = whole.name_of(&decision.target);
        let how = if is_plain(&name) {
            format!("firebreak review approve {}{shown} --only=\"{name}\" --comment \"WHY\"", incident.id)
        } else {
            format!("approve with --only and this name, quoted for your shell: {name}")
        };
        let entry = proposal(decision);
        let notes = entry.notes.into_iter().chain([("To contain it", Text::name(&how, 600))]).collect();
        Entry { notes, ..entry }
    };
    let entries = standing::only_by_name(&incident.decisions, report).map(entry).collect();
    Section::of(Part::Open, "Not part of approve, because others use it", entries)
}

/// What others use and no answer named, when the incident is closed.
pub(super) fn left_alone(incident: &Incident, report: &Report) -> Option<Section> {
    let line = |decision: &Decision| Entry {
        subject: Some(target(&decision.target)),
        ..Entry::line(Text::ours("left as it is by this answer"))
    };
    let left = standing::only_by_name(&incident.decisions, report).filter(|decision| !standing::is_released(decision, incident));
    let entries = left.map(line).collect();
    Section::of(Part::Open, "Touched by the suspect, used by others, and named by no answer", entries)
}

fn decision(decision: &Decision) -> Entry {
    let label = if decision.containment.is_some() { "Or by hand" } else { "To do" };
    let by_hand = decision.by_hand.iter().map(|advice| (label, Text::name(advice, 300)));
    let also = decision.says_also().map(|also| ("The same for", Text::name(&also, 900)));
    Entry {
        subject: Some(target(&decision.target)),
        says: vec![Text::ours(format!("{}, {}", decision.does(), decision.when()))],
        detail: Some(Text::name(&decision.reason, 300)),
        notes: by_hand.chain(also).collect(),
    }
}

/// Characters of what an approval would hit. All that `lockdown-s3` says of a bucket fits.
const MAX_HITS: usize = 2_000;

/// What an approval would carry out, with what it would stop and what not: who approves must not expect more of it.
fn proposal(decision: &Decision) -> Entry {
    let entry = self::decision(decision);
    let level = decision.containment.and_then(|containment| containment.declaration().level(decision.target.scope));
    let limits = level.map(|level| [("Would stop", Text::ours(level.stops)), ("Would go on", Text::ours(level.leaves))]);
    let impact = decision.says_impact().map(|impact| ("Who else", Text::ours(impact)));
    let hits = decision.says_hits().map(|hits| ("It hits", Text::name(&hits, MAX_HITS)));
    let notes = entry.notes.into_iter().chain(limits.into_iter().flatten()).chain(impact).chain(hits).collect();
    Entry { notes, ..entry }
}

/// How every target stands that was contained, or was to be.
pub(super) fn stands(report: &Report) -> Option<Section> {
    let entries = report.receipts().map(|done| receipt(done, report)).collect();
    Section::of(Part::Done, "How it stands", entries)
}

/// What stays in force while nobody answers, and what is open meanwhile.
pub(super) fn unanswered(decisions: &[Decision], report: &Report) -> Vec<Section> {
    let line = |target: &Target, says: &'static str| Entry {
        subject: Some(self::target(target)),
        says: vec![Text::ours(says)],
        ..Entry::default()
    };
    let failed = standing::failed(report).map(|receipt| {
        let gone = "it does not exist; an approval looks for it once more";
        let says = if standing::is_gone(receipt) { gone } else { "its containment failed; an approval tries it again" };
        line(&receipt.target, says)
    });
    let is_partial = |receipt: &&Receipt| standing::is_partly_contained(receipt, report);
    let partly = "only PARTLY contained; an approval tries what is missing";
    let partly = report.receipts().filter(is_partial).map(|receipt| line(&receipt.target, partly));
    let asked = standing::approvable(decisions, report).map(|d| line(&d.target, "it is contained only if you approve"));
    let named = standing::only_by_name(decisions, report);
    let named = named.map(|d| line(&d.target, "others use it: it is contained only if an answer names it (--only)"));
    let by_hand = standing::by_hand(decisions).map(|d| line(&d.target, "Firebreak cannot do it: a person must act"));
    let open = failed.chain(partly).chain(asked).chain(named).chain(by_hand).collect();
    let open = Section::of(Part::Urgent, "NOT contained", open);
    let held = report.receipts().filter(|receipt| receipt.holds_something() && !is_partial(receipt)).map(|receipt| {
        let stays = standing::is_contained(receipt, report).then(|| Text::ours(", and stays so until somebody answers"));
        let says = status(receipt, report).into_iter().chain(stays).collect();
        Entry { subject: Some(target(&receipt.target)), says, ..Entry::default() }
    });
    let held = Section::of(Part::Done, "How it stands", held.collect());
    let nothing = || Section::sentence(Part::Done, [Text::ours("Firebreak has changed nothing.")]);
    let nothing = (open.is_none() && held.is_none()).then(nothing);
    [open, held, nothing].into_iter().flatten().collect()
}

fn receipt(receipt: &Receipt, report: &Report) -> Entry {
    // Why nothing at all was done stands beside the target already.
    let left_out = receipt.steps.iter().filter(|step| step.outcome == Outcome::Skipped && !receipt.is_protected());
    let left_out =
        left_out.filter_map(|step| Some(("Note", Text::name(&step.about_part(step.error.as_ref()?.message.clone()), 300))));
    let level = receipt.containment.and_then(|containment| containment.declaration().level(receipt.target.scope));
    let is_whole = standing::is_contained(receipt, report);
    let stops = level.filter(|_| is_whole).map(|level| ("Stops", Text::ours(level.stops)));
    // What stops where only a part is in force, nobody can say. What even the whole leaves open is open there, too.
    let is_open = is_whole || standing::is_partly_contained(receipt, report);
    let leaves = level.filter(|_| is_open).map(|level| ("Goes on", Text::ours(level.leaves)));
    Entry {
        subject: Some(target(&receipt.target)),
        says: status(receipt, report),
        detail: detail(receipt, report),
        notes: left_out.chain(stops).chain(leaves).collect(),
    }
}

/// How a target stands, in a few words. "contained" stands alone only where it is contained now.
fn status(receipt: &Receipt, report: &Report) -> Vec<Text> {
    let now = standing::of(receipt, report);
    let words = match (now, receipt.status) {
        (Standing::HeldByAnother, _) => {
            let released = receipt.release_among(&report.release.receipts);
            let by = released.and_then(|released| released.held_by.as_ref()).map_or("another one", |by| by.as_str());
            return vec![Text::ours(format!("still contained, for incident {by}; this incident holds it no longer"))];
        }
        (Standing::Held, _) if standing::broke_down(report) => "a release broke down and may have put it back: look yourself",
        (Standing::Held, Status::Contained) if !standing::is_confirmed(receipt, report) => {
            "contained, NOT confirmed by the last check"
        }
        _ => now.says().unwrap_or(match receipt.status {
            Status::Contained => "contained",
            Status::Partial => "PARTLY contained",
            Status::Skipped => "nothing was changed",
            Status::Waits => "not done yet, needs your approval",
            Status::Failed => "NOT contained",
        }),
    };
    vec![Text::ours(words)]
}

/// What became of a target, in a few words. After a release its own section says it.
fn detail(receipt: &Receipt, report: &Report) -> Option<Text> {
    if !matches!(standing::of(receipt, report), Standing::Held | Standing::Open) {
        return None;
    }
    if let Some(error) = receipt.told() {
        return Some(Text::name(&error, 300));
    }
    if receipt.steps.is_empty() && (receipt.finished_at.is_some() || receipt.status != Status::Failed) {
        return Some(Text::ours(UNREAD));
    }
    // What contains comes first: many volumes can fill the line.
    let applied = receipt.steps.iter().filter(|step| step.outcome == Outcome::Applied);
    let (controls, others): (Vec<&Step>, Vec<&Step>) =
        applied.partition(|step| step.kind().is_none_or(|kind| !kind.is_bookkeeping()));
    let applied: Vec<String> = controls.into_iter().chain(others).filter_map(Step::says).collect();
    if !applied.is_empty() {
        return Some(Text::name(&applied.join("; "), 600));
    }
    if receipt.changed_nothing() {
        return Some(Text::ours("it was so before, by Firebreak or by somebody else: nothing had to change"));
    }
    Some(Text::name(&first_error(receipt).unwrap_or_else(|| "no step was tried".to_owned()), 300))
}

pub(super) fn evidence(report: &Report) -> Option<Section> {
    if report.evidence.status == "started" {
        let count = report.evidence.count.unwrap_or_default();
        let sentence = format!("Evidence is still being collected: {count} items so far");
        return Some(Section::sentence(Part::Done, [Text::ours(sentence)]));
    }
    let count = report.seal.count.max(report.evidence.count)?;
    let sentence = format!("Evidence: {count} items, with their digests in manifest.json");
    Some(Section::sentence(Part::Done, [Text::ours(sentence)]))
}

/// What an answer led to, and how the rest stands.
pub(super) fn closed(report: &Report, answer: Option<Answer>) -> Vec<Section> {
    let is_told = |receipt: &Receipt| {
        let released = answer == Some(Answer::Release) && receipt.release_among(&report.release.receipts).is_some();
        released || report.gated.iter().any(|gated| gated.is_about_same(receipt))
    };
    let is_shown = |receipt: &&Receipt| receipt.status != Status::Skipped || receipt.is_protected();
    let gated: Vec<&Receipt> = report.gated.iter().filter(is_shown).collect();
    let broken = report.gated_verification.iter().filter(|check| !check.holds).flat_map(|check| {
        check.problems.iter().map(|problem| Entry {
            subject: Some(target(&check.target)),
            says: vec![Text::ours("no longer in place: "), Text::name(problem, 300)],
            ..Entry::default()
        })
    });
    let after = gated.iter().map(|done| receipt(done, report)).chain(broken).collect();
    let unverified = report.verify.error.as_ref().filter(|_| !gated.is_empty() && report.gated_verification.is_empty());
    let unverified = unverified
        .map(|error| Section::sentence(Part::Urgent, [Text::ours("It could not be verified: "), Text::name(error, 200)]));
    let rest = report.receipts().filter(|receipt| !is_told(receipt)).map(|done| receipt(done, report)).collect();
    let released = report.release.receipts.iter().filter(|receipt| receipt.status != Status::Waits);
    let released = released.map(|receipt| self::released(receipt, report)).collect();
    let [left, seen] = noted(report);
    [
        Section::of(Part::Done, "After the approval", after),
        unverified,
        Section::of(Part::Done, "How it stands", rest),
        Section::of(Part::Done, "What the release did", released),
        left,
        seen,
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn released(receipt: &Receipt, report: &Report) -> Entry {
    let steps: Vec<String> = receipt.steps.iter().filter_map(Step::says).collect();
    let says = match (receipt.still_contained(), receipt.told()) {
        (Some(held), _) => Text::ours(held),
        (None, Some(error)) => Text::name(&error, 300),
        (None, None) if receipt.steps.is_empty() && report.unread => Text::ours(UNREAD),
        (None, None) if steps.is_empty() => Text::ours("nothing had to be put back"),
        (None, None) => Text::name(&steps.join("; "), 900),
    };
    Entry { subject: Some(target(&receipt.target)), says: vec![says], ..Entry::default() }
}

/// What was answered before, by whom: a ticket does not ask about it again.
pub(super) fn answered(incident: &Incident, now: Option<&Decided>) -> Option<Section> {
    let entry = |decision: &Decision| {
        let settled = incident.settled(decision).filter(|settled| now.is_none_or(|now| now.at != settled.at))?;
        let says = vec![Text::ours(format!("{} by ", settled.answer.word())), Text::name(&settled.by, 200)];
        Some(Entry { subject: Some(target(&decision.target)), says, ..Entry::default() })
    };
    Section::of(Part::Done, "Answered before, and closed", incident.decisions.iter().filter_map(entry).collect())
}

/// What `keep` leaves undone: who answered must not take it for done.
pub(super) fn left_undone(incident: &Incident, report: &Report, answer: Option<&Decided>) -> Option<Section> {
    let kept = answer.filter(|decided| decided.answer == Answer::Keep)?;
    let waited = standing::done_after_approval(&incident.decisions, report).chain(standing::by_hand(&incident.decisions));
    // What an earlier answer settled has a section of its own.
    let is_kept =
        |decision: &&Decision| kept.is_about(decision) && incident.settled(decision).is_none_or(|settled| settled.at == kept.at);
    let entry = |decision: &Decision| Entry {
        subject: Some(target(&decision.target)),
        says: vec![Text::ours("left as it is, nothing is done about it")],
        ..Entry::default()
    };
    Section::of(Part::Open, "NOT done, as you answered", waited.filter(is_kept).map(entry).collect())
}
