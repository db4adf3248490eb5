//! Why a plan is what it is, step by step, for whoever must trust it.

use serde::{Deserialize, Serialize};

/// What kind of thing decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Because {
    /// A field of the event.
    Field,
    /// A row of the playbook, or of the policy where it replaces one.
    Row,
    /// A field of the policy.
    Policy,
    /// A rule that is built in.
    Rule,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What kind of thing decided.
    pub because: Because,
    /// Which one: a field's path in the event or the policy, or a row. One element per level.
    pub at: Vec<String>,
    /// What followed.
    pub so: String,
}

/// Collects steps, or does nothing: the path through Lambda pays nothing for it.
pub(super) struct Trace(Option<Vec<Step>>);

impl Trace {
    pub(super) fn new(wanted: bool) -> Self {
        Self(wanted.then(Vec::new))
    }

    pub(super) fn note(&mut self, because: Because, step: impl FnOnce() -> (Vec<String>, String)) {
        if let Some(steps) = &mut self.0 {
            let (at, so) = step();
            steps.push(Step { because, at, so: crate::text::inert(&so, 300) });
        }
    }

    pub(super) fn steps(self) -> Vec<Step> {
        self.0.unwrap_or_default()
    }
}

/// A path of one level.
pub(super) fn at(name: &str) -> Vec<String> {
    vec![crate::text::inert(name, 160)]
}
