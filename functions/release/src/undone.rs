//! What came of putting one target back.

use firebreak::fault::Fault;
use firebreak::receipt::{Outcome, Receipt, Step};
use firebreak::step::StepKind;
use firebreak::target::Target;

/// Nothing was put back: what failed is the look at what somebody changed.
pub(crate) fn untouched(undone: &Result<Undone, Fault>) -> bool {
    matches!(undone, Ok(Undone::Steps(steps)) if steps.iter().all(|step| step.is(StepKind::CheckDrift)))
}

pub(crate) enum Undone {
    /// An earlier run did it; its receipt.
    Before(Box<Receipt>),
    /// There was nothing to put back, and why.
    Nothing(String),
    /// The resource does not exist any more.
    Gone(Fault),
    /// Another incident, or a finding that joined later, still holds the target: its id, and what was done beside it.
    StillHeld(String, Vec<Step>),
    /// What was tried.
    Steps(Vec<Step>),
}

impl Undone {
    /// Whether something of it is to be tried again.
    pub(crate) fn has_failed(&self) -> bool {
        matches!(self, Self::Steps(steps) | Self::StillHeld(_, steps) if !is_done(steps))
    }

    /// What became of two principals that one decision named.
    pub(crate) fn and(self, next: Self) -> Self {
        match (self, next) {
            (Self::Steps(mut steps), Self::Steps(more)) => {
                steps.extend(more);
                Self::Steps(steps)
            }
            (Self::StillHeld(by, mut steps), Self::Steps(more) | Self::StillHeld(_, more))
            | (Self::Steps(mut steps), Self::StillHeld(by, more)) => {
                steps.extend(more);
                Self::StillHeld(by, steps)
            }
            (Self::Before(_) | Self::Nothing(_) | Self::Gone(_), next) => next,
            (one, Self::Before(_) | Self::Nothing(_) | Self::Gone(_)) => one,
        }
    }
}

impl From<quarantine_iam::Released> for Undone {
    fn from(released: quarantine_iam::Released) -> Self {
        match released {
            quarantine_iam::Released::Steps(steps) => Self::Steps(steps),
            quarantine_iam::Released::StillHeld { by, steps } => Self::StillHeld(by, steps),
        }
    }
}

pub(crate) fn is_done(steps: &[Step]) -> bool {
    steps.iter().all(|step| step.outcome != Outcome::Failed)
}

/// What the ledger says about a release that begins.
pub(crate) struct Begun {
    pub(crate) resumed: bool,
    pub(crate) exposed: Vec<String>,
    /// The leased row.
    pub(crate) row: Target,
}
