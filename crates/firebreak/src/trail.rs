//! What a suspect created, changed or assumed, as CloudTrail recorded it.
//!
//! A containment takes credentials away. It does not take away what was made with them before: users, keys, roles, sessions of
//! other roles, and channels that IAM does not close. [`Search`] says what to ask CloudTrail for and follows the answers;
//! [`plan::derived`](crate::plan::derived) decides about what they say. Everything here is a pure function of records: pages are
//! fetched by the function `sweep`.

mod age;
mod channel;
mod credentials;
mod follow;
mod issued;
mod lines;
mod looked;
mod lookup;
mod names;
mod record;
mod renames;
mod search;
mod suspect;
mod window;

pub use age::Ages;
pub(crate) use channel::general;
pub use lines::{MAX_LINES, Merged, bounded, merged, told, unseen};
pub use looked::Looked;
pub use lookup::{Lookup, TrailPlace};
pub use names::{EVENT_NAMES, EventName};
pub use record::Record;
pub use search::{Found, LATER, Search, Start, Way};
pub use suspect::{Attribute, Suspect};
pub use window::Window;

use crate::containment::Containment;
use crate::decision::Mode;
use crate::ids::AccountId;
use crate::target::Target;
use crate::text::inert;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use std::borrow::Cow;

/// One thing a suspect did that matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traced {
    /// When, if the record says so.
    pub at: Option<Timestamp>,
    /// What, by whom: `CreateUser by IAM user alice: IAM user mallory`. Inert, at most 170 characters.
    pub what: String,
    /// What should be done about it.
    pub follow: Follow,
    /// The account of the suspect.
    pub from: AccountId,
    /// Whose doings are to be looked for next: other credentials in the same hands.
    pub next: Option<Suspect>,
    /// Of a session: how long it lives at most.
    pub(crate) lives: Option<SignedDuration>,
    /// The decided principal that led to it and why, in words, if that one is perhaps innocent: what follows waits as well.
    pub(crate) waits_with: Option<String>,
}

/// What should be done about something a suspect did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Follow {
    /// Nothing that Firebreak could do: a line for people.
    Nothing,
    /// Contain a principal or an instance, as far as policy allows.
    Contain {
        /// How.
        containment: Containment,
        /// Whether it may be done at once.
        mode: Mode,
        /// What.
        target: Target,
        /// Why it is the attacker's, or may be a bystander's.
        why: &'static str,
        /// The suspect made it: then a name that protects others protects nothing.
        created: bool,
    },
    /// A way in or out that a person closes. What a containment undoes waits until a person agrees, who can do it by hand as well.
    ByHand {
        /// What it is about.
        target: Target,
        /// What to do. It can hold an id that was parsed.
        advice: Cow<'static, str>,
        /// What to do about anything that such calls open. The same text for all targets: many of them can be one decision.
        kind: &'static str,
        /// Why it is the attacker's, or may be a bystander's.
        why: &'static str,
        /// The day on which what it is about is gone for good, if the record says so.
        ends: Option<Date>,
        /// What undoes it as soon as a person agrees. Nothing: only a person can.
        undo: Option<Containment>,
    },
}

const DOUBT: &str = "under the same name, but not with credentials known to be the suspect's: may be somebody else's";

impl Traced {
    /// The same, when others use the suspect's name: a person decides, and nothing is looked for from there.
    fn doubted(self) -> Self {
        let what = inert(&self.what.replacen(" by ", " perhaps by ", 1), 170);
        let follow = match self.follow {
            Follow::Nothing => Follow::Nothing,
            Follow::Contain { containment, mode, target, created, .. } => {
                Follow::Contain { containment, mode: mode.at_most(Mode::Gate), target, why: DOUBT, created }
            }
            Follow::ByHand { target, advice, kind, ends, undo, .. } => {
                Follow::ByHand { target, advice, kind, why: DOUBT, ends, undo }
            }
        };
        Self { what, follow, next: None, ..self }
    }

    /// Whether both are the same thing, whatever led to it.
    fn is_same(&self, other: &Self) -> bool {
        let of = |traced: &Self| (traced.at, traced.lives);
        of(self) == of(other)
            && self.what == other.what
            && self.follow == other.follow
            && self.from == other.from
            && self.next == other.next
    }

    /// Why it waits although nothing speaks against it, to be put before the reason.
    pub(crate) fn waits(&self) -> String {
        self.waits_with.as_ref().map(|suspect| format!("{suspect}: waits with it; ")).unwrap_or_default()
    }

    /// One line for people. Lines sort by time.
    #[must_use]
    pub fn line(&self) -> String {
        match self.time() {
            Some(at) => format!("{at} {}", self.what),
            None => format!("time unknown {}", self.what),
        }
    }

    /// The time as people read it.
    #[must_use]
    pub fn time(&self) -> Option<String> {
        self.at.map(|at| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
    }
}
