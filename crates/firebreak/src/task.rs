//! What the state machine sends to a containment function and what it gets back.

use crate::decision::Target;
use crate::incident::Incident;
use crate::receipt::{Receipt, Verification};
use serde::{Deserialize, Serialize};

/// What the function shall do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Change the target.
    Contain,
    /// Read it back.
    Verify,
}

/// The input of `quarantine-iam`, `isolate-ec2` and `lockdown-s3`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Request {
    /// Contain or verify.
    pub phase: Phase,
    /// The incident.
    pub incident: Incident,
    /// One of its targets.
    pub target: Target,
}

/// Their output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Answer {
    /// Of [`Phase::Contain`].
    Receipt(Receipt),
    /// Of [`Phase::Verify`].
    Verification(Verification),
}
