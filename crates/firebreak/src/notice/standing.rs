//! How each target of an incident stands now: what is in force, what was put back, what is not contained.

use crate::decision::{Decision, Mode};
use crate::receipt::{Receipt, Status};
use crate::report::Report;
use crate::target::Target;

/// How one target stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// A containment is in force, or a part of it.
    Held,
    /// A release put back everything that Firebreak had changed.
    PutBack,
    /// A release put back a part.
    PartlyPutBack,
    /// Nothing is in force.
    Open,
}

/// How the target of `receipt` stands, after what a release did to it.
pub(super) fn of(receipt: &Receipt, report: &Report) -> Standing {
    let released = report.release.receipts.iter().find(|released| is_same(released, receipt));
    match released.map(|released| released.status) {
        Some(Status::Contained | Status::Skipped) => Standing::PutBack,
        Some(Status::Partial) if receipt.holds_something() => Standing::PartlyPutBack,
        _ if receipt.holds_something() => Standing::Held,
        _ => Standing::Open,
    }
}

fn is_same(one: &Receipt, other: &Receipt) -> bool {
    one.containment == other.containment && one.target.scoped_key() == other.target.scoped_key()
}

/// The receipts of what was contained at once and of what was approved.
pub(super) fn receipts(report: &Report) -> impl Iterator<Item = &Receipt> {
    report.containment.receipts.iter().chain(&report.gated)
}

/// Whether anything of the incident is in force, so that "keep it" and "put it back" mean something.
pub(super) fn holds_anything(report: &Report) -> bool {
    receipts(report).any(|receipt| matches!(of(receipt, report), Standing::Held | Standing::PartlyPutBack))
}

/// What stays in force while nobody answers.
pub(super) fn held(report: &Report) -> impl Iterator<Item = &Target> {
    let is_held = |receipt: &&Receipt| matches!(of(receipt, report), Standing::Held | Standing::PartlyPutBack);
    receipts(report).filter(is_held).map(|receipt| &receipt.target)
}

/// Targets whose containment was tried and failed.
pub(super) fn failed(report: &Report) -> impl Iterator<Item = &Target> {
    receipts(report).filter(|receipt| receipt.status == Status::Failed).map(|receipt| &receipt.target)
}

/// Targets that an approval contains.
pub(super) fn approvable<'a>(decisions: &'a [Decision], report: &'a Report) -> impl Iterator<Item = &'a Target> {
    let asked = |decision: &&Decision| {
        let (key, containment) = (decision.target.scoped_key(), decision.containment);
        let has_receipt = |r: &Receipt| r.containment == containment && r.target.scoped_key() == key && r.status != Status::Waits;
        decision.mode == Mode::Gate && containment.is_some() && !receipts(report).any(has_receipt)
    };
    decisions.iter().filter(asked).chain(report.not_tried(decisions)).map(|decision| &decision.target)
}
