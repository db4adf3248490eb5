//! A notice as a document: facts, sections in reading order, and the answers that a reader can give.

use crate::answer::Answer;
use crate::ids::IncidentId;
use crate::review::Takes;
use crate::text::inert;

/// Text on its way to a channel. Whoever named a resource may have chosen it, so it says how it may be shown; each encoder escapes
/// it for its channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Text {
    /// Firebreak's own words, and values of a fixed form.
    Ours(String),
    /// A name, an id, a finding type, an error: a full stop is part of it.
    Name(String),
    /// A sentence that may come from an attacker: even a bare host name must not become a link.
    Words(String),
}

impl Text {
    /// Firebreak's own words.
    pub(super) fn ours(text: impl Into<String>) -> Self {
        Self::Ours(text.into())
    }

    /// A name of at most `max` characters, in one line.
    pub(super) fn name(text: &str, max: usize) -> Self {
        Self::Name(inert(text, max))
    }

    /// The text alone, for a terminal: it is inert.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Ours(text) | Self::Name(text) | Self::Words(text) => text,
        }
    }

    /// A sentence of at most `max` characters, in one line.
    pub(super) fn words(text: &str, max: usize) -> Self {
        Self::Words(inert(text, max))
    }
}

/// One thing to know about the incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// What it is.
    pub label: &'static str,
    /// Its value.
    pub value: Text,
}

/// Which part of the document a section belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// What needs a person now.
    Urgent,
    /// What was found besides the finding.
    Found,
    /// What was decided.
    Decided,
    /// What was done.
    Done,
    /// What waits for the reader.
    Open,
    /// A word about what comes next.
    Next,
}

/// One line of a section.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    /// What it is about.
    pub subject: Option<Text>,
    /// What is said of it.
    pub says: Vec<Text>,
    /// Why, or how.
    pub detail: Option<Text>,
    /// Further lines, each with its label.
    pub notes: Vec<(&'static str, Text)>,
}

impl Entry {
    /// A line about nothing in particular.
    pub(super) fn line(text: Text) -> Self {
        Self { says: vec![text], ..Self::default() }
    }
}

/// Lines under a title. A section without lines is its title alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Where it belongs.
    pub part: Part,
    /// Its title, or the whole sentence.
    pub title: Vec<Text>,
    /// Its lines.
    pub entries: Vec<Entry>,
}

impl Section {
    /// A section with lines; nothing when there are none.
    pub(super) fn of(part: Part, title: &str, entries: Vec<Entry>) -> Option<Self> {
        (!entries.is_empty()).then(|| Self { part, title: vec![Text::ours(title)], entries })
    }

    /// A sentence.
    pub(super) fn sentence(part: Part, sentence: impl IntoIterator<Item = Text>) -> Self {
        Self { part, title: sentence.into_iter().collect(), entries: vec![] }
    }
}

/// An answer that the reader can give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The answer.
    pub answer: Answer,
    /// What it does here, fit for a mail.
    pub means: String,
}

/// A wider level of a bucket that is offered: an approval that names it carries it out, and nobody waits for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The name for `--only`: no other target of the incident has it. It says what would be closed.
    pub name: Text,
    /// What is done to the target.
    pub does: &'static str,
    /// A shell reads nothing into the name between quotes.
    pub is_plain: bool,
}

/// What people are told about an incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The incident.
    pub incident: IncidentId,
    /// What happened, in a few words.
    pub headline: String,
    /// To what, and because of which finding.
    pub about: Vec<Text>,
    /// What there is to know.
    pub facts: Vec<Fact>,
    /// Everything else, in reading order.
    pub sections: Vec<Section>,
    /// The answers that are wanted; none when the notice asks nothing.
    pub answers: Vec<Choice>,
    /// One of several targets that wait: an answer can be about some of them. None when there is one, or the gate takes no such answer.
    pub example: Option<Text>,
    /// The code of what this notice shows: an answer that names it is about nothing else. None when the notice asks nothing, or
    /// lacks what only the ledger knows.
    pub code: Option<String>,
    /// What a reader must know before answering.
    pub hints: Vec<&'static str>,
    /// What an answer can do besides. Only a ticket has any.
    pub offers: Vec<Offer>,
}

impl Notice {
    /// The same without answers that the execution does not know.
    #[must_use]
    pub fn for_gate(mut self, takes: &Takes) -> Self {
        self.answers.retain(|choice| takes.answers.contains(&choice.answer));
        self.example = self.example.filter(|_| takes.parts);
        self.offers.retain(|_| takes.parts);
        self
    }
}
