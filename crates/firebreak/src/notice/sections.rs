//! The sections of a notice: what needs a person, what was found, decided, done, and what is open.

use super::document::{Entry, Part, Section, Text};
use super::standing::{self, Standing};
use crate::decision::{Decision, Mode};
use crate::receipt::{Outcome, Receipt, Status, Step};
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
        Section::of(Part::Open, "Found, and more than this incident can hold: a person must act", lines(&sweep.left_out)),
        Section::of(Part::Open, "Not seen in CloudTrail, look yourself", lines(&sweep.missing)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What CloudTrail was asked, also where it was not.
pub(super) fn searched(report: &Report) -> Section {
    Section::sentence(Part::Found, [Text::name(&report.sweep.says(), 300)])
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
    Entry {
        subject: Some(target(&decision.target)),
        says: vec![Text::ours(format!("{}, {}", decision.does(), decision.when()))],
        detail: Some(Text::name(&decision.reason, 300)),
        notes: decision.by_hand.iter().map(|advice| ("To do", Text::name(advice, 300))).collect(),
    }
}

/// How every target stands that was to be contained at once.
pub(super) fn stands(report: &Report) -> Option<Section> {
    let entries = report.containment.receipts.iter().map(|done| receipt(done, standing::of(done, report))).collect();
    Section::of(Part::Done, "How it stands", entries)
}

/// What stays in force while nobody answers, and what is open meanwhile.
pub(super) fn unanswered(decisions: &[Decision], report: &Report) -> Vec<Section> {
    let line = |target: &Target, says: &'static str| Entry {
        subject: Some(self::target(target)),
        says: vec![Text::ours(says)],
        ..Entry::default()
    };
    let held = standing::held(report).map(|target| line(target, "contained, and stays so until somebody answers")).collect();
    let failed = standing::failed(report).map(|target| line(target, "its containment failed; an approval tries it again"));
    let asked = standing::approvable(decisions, report).map(|target| line(target, "it is contained only if you approve"));
    let open = failed.chain(asked).collect();
    let open = Section::of(Part::Urgent, "NOT contained", open);
    open.into_iter().chain(Section::of(Part::Done, "In force", held)).collect()
}

fn receipt(receipt: &Receipt, standing: Standing) -> Entry {
    let status = match (standing, receipt.status) {
        (Standing::PutBack, _) => "put back",
        (Standing::PartlyPutBack, _) => "PARTLY put back",
        (_, Status::Contained) => "contained",
        (_, Status::Partial) => "PARTLY contained",
        (_, Status::Skipped) => "nothing was changed",
        (_, Status::Waits) => "not done yet, needs your approval",
        (_, Status::Failed) => "NOT contained",
    };
    let left_out = receipt.steps.iter().filter(|step| step.outcome == Outcome::Skipped);
    let left_out = left_out.filter_map(|step| Some(("Note", Text::name(&step.error.as_ref()?.message, 300))));
    let level = (standing == Standing::Held && receipt.status == Status::Contained)
        .then(|| receipt.containment?.declaration().level(receipt.target.scope))
        .flatten();
    let limits = level.into_iter().flat_map(|level| [("Stops", Text::ours(level.stops)), ("Goes on", Text::ours(level.leaves))]);
    let put_back = matches!(standing, Standing::PutBack | Standing::PartlyPutBack);
    Entry {
        subject: Some(target(&receipt.target)),
        says: vec![Text::ours(status)],
        detail: (!put_back).then(|| detail(receipt)),
        notes: left_out.chain(limits).collect(),
    }
}

/// What became of a target, in a few words.
fn detail(receipt: &Receipt) -> Text {
    if let Some(error) = receipt.told() {
        return Text::name(&error, 300);
    }
    if receipt.steps.is_empty() && receipt.finished_at.is_some() {
        return Text::ours(UNREAD);
    }
    let applied = receipt.steps.iter().filter(|step| step.outcome == Outcome::Applied);
    let applied: Vec<String> = applied.filter_map(Step::says).collect();
    if !applied.is_empty() {
        return Text::name(&applied.join("; "), 600);
    }
    if receipt.status != Status::Failed {
        return Text::ours("it was so before: nothing had to change");
    }
    Text::name(&first_error(receipt).unwrap_or_else(|| "no step was tried".to_owned()), 300)
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
            says: vec![Text::ours("no longer in place: "), Text::name(problem, 300)],
            ..Entry::default()
        })
    });
    let after = gated.iter().map(|done| receipt(done, standing::of(done, report))).chain(broken).collect();
    let unverified = report.verify.error.as_ref().filter(|_| !gated.is_empty() && report.gated_verification.is_empty());
    let unverified = unverified
        .map(|error| Section::sentence(Part::Urgent, [Text::ours("It could not be verified: "), Text::name(error, 200)]));
    let released = report.release.receipts.iter().filter(|receipt| receipt.status != Status::Waits).map(released).collect();
    [Section::of(Part::Done, "After the approval", after), unverified, Section::of(Part::Done, "Put back", released)]
        .into_iter()
        .flatten()
        .collect()
}

fn released(receipt: &Receipt) -> Entry {
    let steps: Vec<String> = receipt.steps.iter().filter_map(Step::says).collect();
    let says = match receipt.told() {
        Some(error) => Text::name(&error, 300),
        None if receipt.steps.is_empty() => Text::ours(UNREAD),
        None if steps.is_empty() => Text::ours("nothing had to be put back"),
        None => Text::name(&steps.join("; "), 900),
    };
    Entry { subject: Some(target(&receipt.target)), says: vec![says], ..Entry::default() }
}
