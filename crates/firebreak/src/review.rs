//! The review gate: what the state machine sends to it and what an analyst answers.

use crate::answer::{Answer, Decided, Targets};
use crate::decision::Decision;
use crate::ids::IncidentId;
use crate::incident::Incident;
use crate::report::Report;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

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
    /// What the execution knows how to carry out.
    #[serde(flatten)]
    pub takes: Takes,
    /// The incident.
    pub incident: Incident,
    /// What was done so far.
    #[serde(default)]
    pub report: Report,
}

/// Which answers an execution knows. One that began under an earlier definition says nothing: it knows two, for all targets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Takes {
    /// The answers.
    pub answers: Vec<Answer>,
    /// Whether an answer can be about some targets.
    pub parts: bool,
}

impl Default for Takes {
    fn default() -> Self {
        Self { answers: vec![Answer::Approve, Answer::Release], parts: false }
    }
}

impl Takes {
    /// Whether an answer of this kind, about these targets, can be carried out.
    #[must_use]
    pub fn can(&self, answer: Answer, targets: &Targets) -> bool {
        self.answers.contains(&answer) && (self.parts || targets.is_all())
    }
}

/// The other message in that queue: a finding joined an incident, or the watch found more, and that execution asks for a new ticket. It
/// has no token: the one of the gate stays valid.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AsksAgain {
    /// Always true: tells the message from that of a gate.
    pub asks_again: bool,
    /// The execution that asks. It does not wait.
    pub execution_arn: String,
    /// When it asked. A ticket that went out later shows what it did.
    pub entered_at: Timestamp,
    /// The incident, as that execution carries it: with `joining` where a finding joined it.
    pub incident: Incident,
    /// What that execution did.
    #[serde(default)]
    pub report: Report,
}

/// What `decide-review` takes. Who answers is not part of it: the function knows who signed the request. A `by` of an earlier version
/// is not read.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DecideRequest {
    /// The incident to answer.
    pub incident_id: IncidentId,
    /// The answer.
    pub answer: Answer,
    /// What it is about; by default everything.
    #[serde(default, skip_serializing_if = "Targets::is_all")]
    pub targets: Targets,
    /// Targets, by id, that are not contained and may stay so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accept_open: Vec<String>,
    /// Where the answer comes from, for example `command`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The code of what the person was shown: at least the first 8 digits of its digest, as the ticket prints them. Without one the
    /// answer is about the newest ticket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown: Option<String>,
    /// Why.
    pub comment: String,
}

impl DecideRequest {
    /// An answer about everything in an incident.
    #[must_use]
    pub fn new(incident_id: IncidentId, answer: Answer, comment: &str) -> Self {
        let (targets, accept_open) = (Targets::default(), vec![]);
        Self { incident_id, answer, targets, accept_open, from: None, shown: None, comment: comment.to_owned() }
    }
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
    /// Nothing is recorded as the answer before another person gives the same one.
    NeedsSecond {
        /// What was asked for first.
        asked: String,
        /// Who asked first: the ARN that signed.
        first_by: String,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        first_comment: Option<String>,
        /// Until when the other person may answer.
        expires_at: Timestamp,
    },
    /// The execution has ended without taking an answer, so nothing will act on this one.
    TooLate,
    /// No gate is open for this incident.
    NoReview,
    /// The code is neither the newest ticket's nor that of the incident as it is now. Nothing is recorded. Only whoever sends a code
    /// gets this.
    Changed {
        /// What was decided after the ticket of that code; when nobody knows it any more, everything that was decided after triage.
        #[serde(default)]
        decisions: Vec<Decision>,
        /// The digest of the incident as it is now; nothing when the ledger does not know it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        shown: Option<String>,
    },
}
