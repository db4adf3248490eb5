//! What an analyst answers.

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

/// Which targets an answer is about, by their ids. Both lists empty: all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Targets {
    /// Only these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<String>,
    /// All but these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<String>,
}

impl Targets {
    /// True when the answer is about everything.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.only.is_empty() && self.except.is_empty()
    }
}

/// A recorded answer. An incident can have several: one for each gate, and one for each part of its targets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// The answer.
    pub answer: Answer,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Targets::is_all")]
    pub targets: Targets,
    /// Who gave it: the ARN that signed the answer. Those of earlier versions have what the answer claimed.
    pub by: String,
    /// Targets, by id, that are not contained and may stay so: an approval closes the incident although they are open.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accept_open: Vec<String>,
    /// Where it came from: a terminal, a ticket, a chat. Answers of earlier versions do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The digest of what the person was shown ([`Incident::shown`](crate::incident::Incident::shown)), when the answer named it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown: Option<String>,
    /// The revision of the incident up to which it counts. Absent in an answer of an earlier version: it counts for everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub covers: Option<u32>,
    /// Why.
    pub comment: String,
    /// When.
    pub at: Timestamp,
}

impl Decided {
    /// An answer about everything.
    #[must_use]
    pub fn new(answer: Answer, by: &str, comment: &str, at: Timestamp) -> Self {
        let (by, comment) = (by.to_owned(), comment.to_owned());
        let (targets, accept_open) = (Targets::default(), vec![]);
        Self { answer, targets, accept_open, by, from: None, shown: None, covers: None, comment, at }
    }

    /// Whether the person accepted that this target stays open.
    #[must_use]
    pub fn accepts_open(&self, target: &crate::target::Target) -> bool {
        self.accept_open.iter().any(|accepted| *accepted == target.id || *accepted == target.to_string())
    }
}
