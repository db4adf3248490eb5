//! What must hold, and what of that does not.

use super::Kept;
use crate::contain;
use crate::seen::{Seen, is_gone};
use crate::tags::KEY;
use firebreak::objects::ObjectVersion;
use firebreak::receipt::{Outcome, Receipt};
use firebreak::step::{StepKind, StepName};
use firebreak_s3::Bucket;

/// What one read showed.
#[derive(Debug, Default)]
pub(super) struct Missing {
    /// What can be written again.
    pub(super) lost: Vec<Lost>,
    /// What is not known.
    pub(super) problems: Vec<String>,
    /// Objects that do not exist any more.
    pub(super) gone: Vec<ObjectVersion>,
}

/// A control that does not hold.
#[derive(Debug)]
pub(super) struct Lost {
    pub(super) control: Control,
    /// For people.
    pub(super) line: String,
    pub(super) cause: Cause,
}

/// Why a control does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// It held, and somebody took it away.
    Reverted,
    /// The containment did not come to it.
    Late,
}

/// A part of the quarantine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Control {
    /// The statement in the bucket policy.
    Statement,
    /// The tag of an object.
    Object(ObjectVersion),
}

impl Control {
    /// The step of the containment that writes it.
    pub(super) fn step(&self) -> StepName {
        match self {
            Self::Statement => StepKind::DenyQuarantined.into(),
            Self::Object(object) => contain::name(object),
        }
    }
}

/// What `seen` does not show. What could not be read is a problem, and is not taken for missing.
pub(super) fn missing(bucket: &Bucket, seen: &Seen, receipt: &Kept) -> Missing {
    let mut missing = Missing::default();
    let lost = |control: Control, line: String| Lost { cause: cause_of(&control, receipt), control, line };
    for (object, read) in &seen.objects {
        match read {
            Ok(tagged) if tagged.is_marked() => {}
            Ok(_) => missing.lost.push(lost(Control::Object(object.clone()), format!("{object} has no tag {KEY}"))),
            Err(_) if is_gone(read) => missing.gone.push(object.clone()),
            Err(fault) => missing.problems.push(format!("{object}: {}", fault.message)),
        }
    }
    match seen.denies(bucket) {
        // There is nothing that it could deny.
        _ if seen.all_gone().is_some() => {}
        Ok(true) => {}
        Ok(false) => {
            let line = "the bucket policy does not deny objects with the tag as Firebreak wrote it".to_owned();
            missing.lost.push(lost(Control::Statement, line));
        }
        Err(fault) => missing.problems.push(fault.message),
    }
    missing
}

/// A run that was killed has no receipt, or one without steps: nobody reverted what it did not come to.
fn cause_of(control: &Control, receipt: &Kept) -> Cause {
    let name = control.step();
    let holds = |receipt: &Receipt| {
        receipt.steps.iter().any(|step| step.name == name && matches!(step.outcome, Outcome::Applied | Outcome::Already))
    };
    let is_late = receipt.as_ref().is_ok_and(|known| known.as_ref().is_none_or(|receipt| !holds(receipt)));
    if is_late { Cause::Late } else { Cause::Reverted }
}
