//! The way back of a closed incident: what decide-review takes and answers, and what the ledger keeps of it.

use crate::answer::{Answer, Decided};
use crate::ids::IncidentId;
use crate::incident::IncidentStatus;
use crate::review::{DecideOutcome, DecideRequest};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Everything that a person asks `decide-review` for.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum ReviewRequest {
    /// To put a closed incident back.
    Restore(RestoreRequest),
    /// To answer a gate.
    Answer(DecideRequest),
}

/// What it answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum ReviewOutcome {
    /// To a request to put a closed incident back.
    Restore(RestoreOutcome),
    /// To an answer.
    Answer(DecideOutcome),
}

/// Asks that a closed incident is put back. Who asks is not part of it: the function knows who signed the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreRequest {
    /// Tells the request from an answer.
    pub request: Wanted,
    /// The incident.
    pub incident_id: IncidentId,
    /// Where the request comes from, for example `command`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Why.
    pub comment: String,
}

/// What a request that is no answer asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Wanted {
    /// Put a closed incident back.
    Restore,
}

impl RestoreRequest {
    /// A request to put an incident back.
    #[must_use]
    pub fn new(incident_id: IncidentId, comment: &str) -> Self {
        Self { request: Wanted::Restore, incident_id, from: None, comment: comment.to_owned() }
    }
}

/// What became of a request to put a closed incident back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum RestoreOutcome {
    /// Recorded, and it begins.
    Started {
        /// What was recorded.
        restore: Restore,
    },
    /// Somebody asked before, and it is under way.
    Running {
        /// What that person asked for.
        restore: Restore,
    },
    /// Nothing begins before another person asks for the same.
    NeedsSecond {
        /// What was asked for first.
        asked: String,
        /// Who asked first: the ARN that signed.
        first_by: String,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        first_comment: Option<String>,
        /// Until when the other person may ask.
        expires_at: Timestamp,
    },
    /// Only what is closed can be put back so.
    NotClosed {
        /// What the incident is.
        status: IncidentStatus,
    },
    /// The ledger does not know the incident.
    NotKnown,
}

/// One restore of an incident, as the ledger keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restore {
    /// 1 for the first of the incident.
    pub number: u32,
    /// Who asked: the ARN that signed.
    pub by: String,
    /// Who asked before, where two persons must.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_by: Option<String>,
    /// Where the request came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Why.
    pub comment: String,
    /// When.
    pub at: Timestamp,
    /// How it ended. Nothing: it is under way, or its execution broke down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<RestoreEnd>,
}

/// How a restore ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreEnd {
    /// Everything is back, and the incident is released.
    pub is_back: bool,
    /// When.
    pub at: Timestamp,
}

impl Restore {
    /// The name of its execution: no two restores share one.
    #[must_use]
    pub fn execution_name(&self, incident: &IncidentId) -> String {
        format!("{incident}-restore-{}", self.number)
    }

    /// What the release goes by. It counts for everything that the incident holds.
    #[must_use]
    pub fn answer(&self) -> Decided {
        let (first_by, from) = (self.first_by.clone(), self.from.clone());
        Decided { first_by, from, ..Decided::new(Answer::Release, &self.by, &self.comment, self.at) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_restore_is_no_answer_and_an_answer_no_restore() {
        let read = |body: serde_json::Value| serde_json::from_value::<ReviewRequest>(body);
        let id = IncidentId::of("one");
        let restore = read(json!({ "request": "restore", "incident_id": id, "comment": "rotated" })).expect("a request");
        assert!(matches!(restore, ReviewRequest::Restore(request) if request == RestoreRequest::new(id.clone(), "rotated")));
        let answer = read(json!({ "incident_id": id, "answer": "release", "comment": "no" })).expect("an answer");
        assert!(matches!(answer, ReviewRequest::Answer(request) if request.answer == Answer::Release));
        for slip in [
            json!({ "incident_id": id, "comment": "no" }),
            json!({ "request": "approve", "incident_id": id, "comment": "no" }),
            json!({ "request": "restore", "incident_id": "fb-x", "comment": "no" }),
            json!({ "request": "restore", "incident_id": id }),
        ] {
            assert!(read(slip.clone()).is_err(), "{slip}");
        }
    }
}
