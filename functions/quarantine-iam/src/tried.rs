//! What a containment has tried by the time that its receipt is written.

use firebreak::receipt::Step;
use firebreak_function::containment::{Attempt, LateStep};

/// Steps, and a label that goes out beside the receipt.
#[derive(Default)]
pub(crate) struct Tried {
    pub(crate) steps: Vec<Step>,
    pub(crate) late: Option<LateStep>,
}

impl From<Vec<Step>> for Tried {
    fn from(steps: Vec<Step>) -> Self {
        Self { steps, late: None }
    }
}

impl From<Tried> for Attempt {
    fn from(Tried { steps, late }: Tried) -> Self {
        match late {
            Some(late) => Self::Late(steps, late),
            None => Self::Steps(steps),
        }
    }
}

impl Tried {
    /// Takes what was tried elsewhere in addition.
    pub(crate) fn extend(&mut self, more: Self) {
        self.steps.extend(more.steps);
        self.late = self.late.take().or(more.late);
    }
}
