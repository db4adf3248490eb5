//! What is known of the buckets of an incident.

use firebreak::ids::IncidentId;
use firebreak::recovery::{Keeps, Loss, Losses};
use serde::Serialize;

/// A plan, as the command prints it in JSON.
#[derive(Debug, Serialize)]
pub(super) struct Plan {
    /// The incident.
    pub(super) incident: IncidentId,
    /// What its buckets lost.
    pub(super) buckets: Vec<Losses>,
    /// Buckets of which nothing, or not all, is known.
    pub(super) unread: Vec<Unread>,
}

/// A bucket that could not be listed.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Unread {
    /// Its name.
    pub(super) bucket: String,
    /// Why, in one line.
    pub(super) why: String,
}

impl Plan {
    /// Adds what is known of one bucket.
    pub(super) fn add(&mut self, (losses, unread): (Option<Losses>, Option<Unread>)) {
        self.buckets.extend(losses);
        self.unread.extend(unread);
    }

    /// What a person must do beside the script, in words. Nothing: it has a command for everything that was lost.
    pub(super) fn lacks(&self) -> Option<String> {
        let obstacles = self.buckets.iter().flat_map(|losses| &losses.lost).filter(|lost| lost.obstacle().is_some()).count();
        let by_hand = obstacles + self.buckets.iter().map(|losses| losses.by_hand.len()).sum::<usize>();
        let is_partly =
            |losses: &&Losses| losses.next.is_some() && self.unread.iter().all(|unread| unread.bucket != losses.bucket);
        let listed = self.buckets.iter().filter(is_partly).count() + self.unread.len();
        let older = self.buckets.iter().flat_map(|losses| &losses.lost).filter(|lost| lost.may_be_older).count();
        let (unknown, known): (Vec<&Losses>, Vec<&Losses>) =
            self.buckets.iter().partition(|losses| losses.keeps == Keeps::Unknown);
        let unversioned = known.iter().filter(|losses| losses.keeps != Keeps::Versions).count();
        let parts = [
            (by_hand, "object", "by hand"),
            (older, "object", "of which a newer version can be gone"),
            (listed, "bucket", "not listed to the end"),
            (unversioned, "bucket", "that did not keep all versions"),
            (unknown.len(), "bucket", "of which it is not known whether it kept all versions"),
        ];
        let words: Vec<String> = parts
            .iter()
            .filter(|(count, ..)| *count > 0)
            .map(|(count, what, how)| format!("{} {how}", counted(*count, what)))
            .collect();
        (!words.is_empty()).then(|| words.join(", "))
    }
}

/// `1 object`, `2 objects`.
fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// The ways to bring objects back: a script does one of them at a time.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Deleted,
    Overwritten,
    New,
}

impl Way {
    /// The way for what happened to an object.
    pub(super) fn of(loss: &Loss) -> Self {
        match loss {
            Loss::Deleted { .. } => Self::Deleted,
            Loss::Overwritten => Self::Overwritten,
            Loss::New { .. } => Self::New,
        }
    }

    /// The word that a person gives the script.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Deleted => "deleted",
            Self::Overwritten => "overwritten",
            Self::New => "new",
        }
    }
}
