//! What the state machine sends to a containment function and what it gets back.

use crate::incident::Incident;
use crate::receipt::{Receipt, Verification};
use crate::target::Target;
use serde::{Deserialize, Serialize};

/// What the function shall do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Change the target.
    Contain,
    /// Read it back.
    Verify,
    /// Say what a containment would hit, and change nothing. Only `isolate-ec2` and `lockdown-s3` answer it, with [`Hits`].
    Impact,
}

/// What a containment would hit, for whoever decides about it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hits {
    /// One line each.
    pub hits: Vec<String>,
}

/// The input of every containment function.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TaskInput {
    /// What to do.
    pub phase: Phase,
    /// The incident.
    pub incident: Incident,
    /// One of its targets.
    pub target: Target,
    /// An analyst agreed to it: it must not be asked again.
    #[serde(default)]
    pub approved: bool,
}

/// Their output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum TaskOutput {
    /// Of [`Phase::Contain`].
    Receipt(Receipt),
    /// Of [`Phase::Verify`].
    Verification(Verification),
}
