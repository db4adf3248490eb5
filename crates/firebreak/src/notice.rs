//! What people are told: a typed document about an incident, and the encoders that write it for a channel.
//!
//! A [`Notice`] says what was found, what was done, what is open and which answers there are. It knows no channel. An encoder, such
//! as [`mail`], turns it into what a channel takes, and escapes there what that channel would act on. No notice carries a task token:
//! it names the incident, and the answer goes through `decide-review`.

mod choices;
mod compose;
mod document;
mod findings;
mod headline;
mod mail;
mod pause;
mod sections;
mod standing;

pub use compose::{notice, ticket};
pub use document::{Choice, Entry, Fact, Notice, Offer, Part, Section, Text};
pub use mail::{Message, mail};
pub use pause::{paused, resumed};

use serde::{Deserialize, Serialize};

/// What a notice is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoticeKind {
    /// A finding that only people can act on.
    Noticed,
    /// A response has begun.
    Opened,
    /// Containment and evidence are done, or partly failed: the report tells.
    Outcome,
    /// A later look found that somebody reverted the containment, or that the suspect did more.
    Alarm,
    /// Nobody answered the gate in time; it is open again.
    ReviewOverdue,
    /// The incident is closed.
    Closed,
    /// A closed incident was put back, or not all of it was.
    Restored,
}
