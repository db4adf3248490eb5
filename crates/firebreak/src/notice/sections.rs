//! The sections of a notice: what needs a person, what was found, decided, done, and what is open.

use super::document::{Entry, Part, Section, Text};
use crate::decision::{Decision, Mode};
use crate::receipt::{Outcome, Receipt, Status, Step};
use crate::report::{Report, UNREAD};
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
    [
        Section::of(Part::Urgent, "REVERTED by somebody else than Firebreak", reverted.collect()),
        Section::of(Part::Found, "CloudTrail says, about the same credentials", lines(&sweep.found)),
        Section::of(Part::Open, "Found, and more than this incident can hold; do it by hand", lines(&sweep.left_out)),
        Section::of(Part::Open, "Not seen in CloudTrail, look yourself", lines(&sweep.missing)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

pub(super) fn decided(decisions: &[Decision]) -> Option<Section> {
    Section::of(Part::Decided, "Decided", decisions.iter().map(decision).collect())
}

/// What waits for the reader: what an approval carries out, and what only people can do.
pub(super) fn open(decisions: &[Decision], report: &Report) -> Vec<Section> {
    let gated =
        |by_firebreak: bool| decisions.iter().filter(move |d| d.mode == Mode::Gate && d.containment.is_some() == by_firebreak);
    let waits = gated(true).chain(report.not_tried(decisions)).map(decision).collect();
    let waits = Section::of(Part::Open, "Done only if you approve", waits);
    let by_hand = Section::of(Part::Open, "For you to do; approve when it is done", gated(false).map(decision).collect());
    waits.into_iter().chain(by_hand).collect()
}

fn decision(decision: &Decision) -> Entry {
    let what = match (decision.containment, decision.mode) {
        (Some(containment), Mode::Auto) => format!("{containment}, now"),
        (Some(containment), Mode::Gate) => format!("{containment}, after approval"),
        (Some(containment), Mode::Notify) => format!("{containment}, not by Firebreak"),
        (None, _) => "by hand".to_owned(),
    };
    Entry {
        subject: Some(target(&decision.target)),
        says: vec![Text::ours(what)],
        detail: Some(Text::name(&decision.reason, 300)),
        notes: decision.by_hand.iter().map(|advice| ("To do", Text::name(advice, 300))).collect(),
    }
}

pub(super) fn receipts(title: &str, receipts: &[Receipt]) -> Option<Section> {
    Section::of(Part::Done, title, receipts.iter().map(receipt).collect())
}

fn receipt(receipt: &Receipt) -> Entry {
    let status = match receipt.status {
        Status::Contained => "contained",
        Status::Partial => "PARTLY contained",
        Status::Skipped => "not touched",
        Status::Waits => "waits for approval",
        Status::Failed => "NOT contained",
    };
    let left_out = receipt.steps.iter().filter(|step| step.outcome == Outcome::Skipped);
    let notes = left_out.filter_map(|step| Some(("Note", Text::name(&step.error.as_ref()?.message, 300))));
    Entry {
        subject: Some(target(&receipt.target)),
        says: vec![Text::ours(status)],
        detail: Some(detail(receipt)),
        notes: notes.collect(),
    }
}

/// What became of a target, in a few words.
fn detail(receipt: &Receipt) -> Text {
    if let Some(error) = &receipt.error {
        return Text::name(error, 300);
    }
    if receipt.steps.is_empty() && receipt.finished_at.is_some() {
        return Text::ours(UNREAD);
    }
    let applied = receipt.steps.iter().filter(|step| step.outcome == Outcome::Applied);
    let applied: Vec<String> = applied.map(name).collect();
    if !applied.is_empty() {
        return Text::Name(applied.join(", "));
    }
    if receipt.status != Status::Failed {
        return Text::ours("nothing had to change");
    }
    let first = receipt.steps.iter().find_map(|step| step.error.as_ref().map(|fault| format!("{}: {fault}", step.name)));
    Text::name(&first.unwrap_or_else(|| "no step was tried".to_owned()), 300)
}

fn name(step: &Step) -> String {
    crate::text::inert(step.name.as_str(), 80)
}

pub(super) fn evidence(report: &Report) -> Option<Section> {
    let count = report.seal.count.or(report.evidence.count)?;
    let sentence = format!("Evidence: {count} items, with their digests in manifest.json");
    Some(Section::sentence(Part::Done, [Text::ours(sentence)]))
}

/// What an answer led to.
pub(super) fn closed(report: &Report) -> Vec<Section> {
    let gated: Vec<&Receipt> = report.gated.iter().filter(|receipt| receipt.status != Status::Skipped).collect();
    let broken = report.gated_verification.iter().filter(|check| !check.holds).flat_map(|check| {
        check.problems.iter().map(|problem| Entry {
            subject: Some(target(&check.target)),
            says: vec![Text::ours("DOES NOT HOLD: "), Text::name(problem, 300)],
            ..Entry::default()
        })
    });
    let after = gated.iter().map(|done| receipt(done)).chain(broken).collect();
    let unverified = report.verify.error.as_ref().filter(|_| !gated.is_empty() && report.gated_verification.is_empty());
    let unverified = unverified
        .map(|error| Section::sentence(Part::Urgent, [Text::ours("It could not be verified: "), Text::name(error, 200)]));
    let released = report.release.receipts.iter().map(released).collect();
    [Section::of(Part::Done, "After the approval", after), unverified, Section::of(Part::Done, "Put back", released)]
        .into_iter()
        .flatten()
        .collect()
}

fn released(receipt: &Receipt) -> Entry {
    let steps = receipt.steps.iter().map(|step| format!("{}: {}", name(step), format!("{:?}", step.outcome).to_lowercase()));
    let says = match &receipt.error {
        Some(error) => Text::name(error, 300),
        None if receipt.steps.is_empty() => Text::ours(UNREAD),
        None => Text::Name(steps.collect::<Vec<_>>().join(", ")),
    };
    Entry { subject: Some(target(&receipt.target)), says: vec![says], ..Entry::default() }
}
