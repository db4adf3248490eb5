//! What an analyst answers.

use crate::decision::{Decision, Mode, ReasonCode};
use crate::plan::is_of_host;
use crate::target::Target;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The analyst's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// It was right: everything stays as it is, nothing more is done, close.
    Keep,
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
            Self::Keep => "keep",
            Self::Approve => "approve",
            Self::Release => "release",
        }
    }
}

/// Which targets an answer is about. Recorded are names that mean one target each ([`Incident::name_of`](crate::incident::Incident::name_of));
/// an earlier version recorded what the person typed. Both lists empty: all of them.
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

    /// Whether the answer is about this target.
    #[must_use]
    pub fn includes(&self, target: &Target) -> bool {
        (self.only.is_empty() || self.names(target)) && !is_among(&self.except, target)
    }

    /// Whether the answer names this target as one that it is about.
    #[must_use]
    pub fn names(&self, target: &Target) -> bool {
        is_among(&self.only, target)
    }

    /// The names in both lists.
    pub fn all_names(&self) -> impl Iterator<Item = &String> {
        self.only.iter().chain(&self.except)
    }

    /// What the answer is about, for people; nothing when it is about everything.
    #[must_use]
    pub fn says(&self) -> Option<String> {
        let part = |word: &str, names: &[String]| (!names.is_empty()).then(|| format!("{word} {}", names.join(", ")));
        part("only", &self.only).or_else(|| part("all but", &self.except))
    }
}

/// Whether one of `names` is a name of the target.
#[must_use]
pub fn is_among(names: &[String], target: &Target) -> bool {
    names.iter().any(|name| target.is_named(name))
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
    /// Who asked for the same before, where two persons must answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_by: Option<String>,
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
        Self { answer, targets, by, first_by: None, accept_open, from: None, shown: None, covers: None, comment, at }
    }

    /// Whether the person accepted that this target stays open.
    #[must_use]
    pub fn accepts_open(&self, target: &Target) -> bool {
        is_among(&self.accept_open, target)
    }

    /// Whether the answer is about this decision: its ticket showed it, and its target is among those of the answer. An approval
    /// carries out what would hit others only where it names the target. Accepted as open, such a target is done without.
    #[must_use]
    pub fn is_about(&self, decision: &Decision) -> bool {
        let target = &decision.target;
        let is_named = self.targets.names(target) || self.accepts_open(target);
        let is_left = self.answer == Answer::Approve && decision.needs_its_name() && !is_named;
        decision.is_covered(self.covers) && self.targets.includes(target) && !is_left
    }

    /// Whether the ticket showed this decision, and the answer leaves its target out by name. Whoever keeps or releases all but one that is
    /// contained without a person wants that one contained.
    #[must_use]
    pub fn leaves_out(&self, decision: &Decision) -> bool {
        let target = &decision.target;
        let waited = decision.mode != Mode::Auto || decision.waited.is_some();
        let is_excepted = (self.answer == Answer::Approve || waited) && is_among(&self.targets.except, target);
        decision.was_shown(self.covers) && (is_excepted || self.accepts_open(target))
    }

    /// Whether the answer keeps or releases a decision that its ticket showed, if only as waiting with a suspect: a look may have raised
    /// it since, and the person did not want it contained.
    #[must_use]
    pub fn spares(&self, decision: &Decision) -> bool {
        self.answer != Answer::Approve && decision.was_shown(self.covers) && self.targets.includes(&decision.target)
    }

    /// Whether an approval of named targets passes over the session of a host, which its ticket showed waiting with the isolation. The
    /// finding's row calls for both, so whoever names the instance alone means the instance alone.
    fn passes_over(&self, decision: &Decision) -> bool {
        let target = &decision.target;
        let waited = decision.waits_with_a_suspect() || decision.waited.is_some();
        let is_beside = waited && is_of_host(target) && decision.code != ReasonCode::Traced;
        let names_others = self.answer == Answer::Approve && !self.targets.only.is_empty() && !self.targets.names(target);
        is_beside && names_others && decision.was_shown(self.covers)
    }

    /// Whether a person has said something about this decision, so that no look carries it out: the answer is about it, or spares it, or
    /// leaves it out, or passes over it.
    #[must_use]
    pub fn speaks_of(&self, decision: &Decision) -> bool {
        self.is_about(decision) || self.spares(decision) || self.leaves_out(decision) || self.passes_over(decision)
    }
}

/// Whether one of `answers` leaves a decision out, and no later one is about it.
#[must_use]
pub fn is_left_out(answers: &[&Decided], decision: &Decision) -> bool {
    let is_about_it = |answer: &Decided| answer.is_about(decision) && !answer.leaves_out(decision);
    let is_newer = |left: &Decided| answers.iter().any(|answer| answer.at > left.at && is_about_it(answer));
    answers.iter().any(|answer| answer.leaves_out(decision) && !is_newer(answer))
}

/// Whether one of `answers` leaves a decision out or passes over it, and no later one is about it: nobody contains it without a person.
#[must_use]
pub fn is_left_alone(answers: &[&Decided], decision: &Decision) -> bool {
    let is_newer = |past: &Decided| answers.iter().any(|answer| answer.at > past.at && answer.is_about(decision));
    is_left_out(answers, decision) || answers.iter().any(|answer| answer.passes_over(decision) && !is_newer(answer))
}

/// A decision that was answered, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    /// Which decision ([`decision_key`](crate::coverage::decision_key)).
    pub decision: String,
    /// The revision that the decision had. A later one is asked again.
    #[serde(default)]
    pub since: u32,
    /// The answer.
    pub answer: Answer,
    /// Who gave it.
    pub by: String,
    /// When.
    pub at: Timestamp,
}
