//! The review gate: what the state machine sends to it and what an analyst answers.

use crate::ids::IncidentId;
use crate::incident::{Incident, Report};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The analyst's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// It was right: stay contained, carry out what waited for approval, close.
    Approve,
    /// It was wrong: undo everything, close.
    Release,
}

impl Answer {
    /// The word people type.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Release => "release",
        }
    }
}

/// The body of a message in the review gate's queue.
///
/// It carries the task token, so the queue is encrypted and only `open-review` may read it. `Debug` is not derived: a token
/// must not reach a log by accident.
#[derive(Clone, Serialize, Deserialize)]
pub struct GateMessage {
    /// Answers the waiting state. Secret.
    pub task_token: String,
    /// The execution that waits.
    pub execution_arn: String,
    /// When the gate was opened; orders the gates of one incident.
    pub entered_at: Timestamp,
    /// How often the state machine sent this gate's message before: each attempt has a token of its own.
    #[serde(default)]
    pub retry: u32,
    /// 1 for the first gate, one more after each timeout.
    pub round: u32,
    /// The gate was opened again because an answer could not be carried out: that answer is spent.
    #[serde(default)]
    pub after_answer: bool,
    /// The incident.
    pub incident: Incident,
    /// What was done so far.
    #[serde(default)]
    pub report: Report,
}

/// What `decide-review` takes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DecideRequest {
    /// The incident to answer.
    pub incident_id: IncidentId,
    /// The answer.
    pub answer: Answer,
    /// Who answers. Recorded as claimed; who invoked the function is in CloudTrail.
    pub by: String,
    /// Why.
    pub comment: String,
}

/// A recorded answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// The answer.
    pub answer: Answer,
    /// Who gave it.
    pub by: String,
    /// Why.
    pub comment: String,
    /// When.
    pub at: Timestamp,
}

/// What `decide-review` answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum DecideOutcome {
    /// Recorded and handed to the execution.
    Accepted {
        /// What was recorded.
        decision: Decided,
    },
    /// Recorded, but the gate had just timed out; the next gate will be answered with it.
    Queued {
        /// What was recorded.
        decision: Decided,
    },
    /// Somebody answered before. The first answer stands.
    AlreadyDecided {
        /// The first answer.
        decision: Decided,
    },
    /// The execution has ended without taking an answer, so nothing will act on this one.
    TooLate,
    /// No gate is open for this incident.
    NoReview,
}
