//! Events that are too large to travel through the state machine: they are stored first and passed by reference.
//!
//! EventBridge delivers up to 1 MiB; a Step Functions input is at most 256 KiB (Step Functions quotas).

use crate::digest::sha256_hex;
use crate::finding;
use serde::{Deserialize, Serialize};

/// Larger events are stored, in bytes. Below 256 KiB, because the first state wraps the event before it passes it on.
pub const MAX_INLINE_BYTES: usize = 200 * 1024;

/// True when an event must travel by reference: it is too large, or JSON that Step Functions would read, and write anew, otherwise
/// than it was. A field that is named twice would be gone before `triage` could refuse it.
#[must_use]
pub fn must_be_stored(event: &str) -> bool {
    event.len() > MAX_INLINE_BYTES || finding::parse(event.as_bytes()).is_err()
}

/// Where a stored event is, and how to know it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredEvent {
    /// SHA-256 of the event, in hexadecimal: its key in the ledger.
    pub sha256: String,
    /// Its length.
    pub bytes: u64,
    /// Into how many items the ledger has split it.
    pub parts: u32,
}

/// What travels instead of the event. An event of EventBridge never looks like this: it has a source.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    /// The event's place.
    pub firebreak_stored_event: StoredEvent,
}

impl StoredEvent {
    /// The reference of an event that is kept in `parts` items.
    #[must_use]
    pub fn of(event: &str, parts: u32) -> Self {
        Self { sha256: sha256_hex(event.as_bytes()), bytes: event.len() as u64, parts }
    }

    /// The place that `input` refers to, if it is a reference.
    #[must_use]
    pub fn referred_to_by(input: &str) -> Option<Self> {
        // A digest, two numbers and their names: anything longer is an event, and is not parsed twice.
        if input.len() > 256 {
            return None;
        }
        serde_json::from_str::<Reference>(input).ok().map(|reference| reference.firebreak_stored_event)
    }

    /// True when `event` is what was stored.
    #[must_use]
    pub fn is(&self, event: &str) -> bool {
        self.bytes == event.len() as u64 && self.sha256 == sha256_hex(event.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_told_from_an_event() {
        let stored = StoredEvent::of("{}", 1);
        let reference = serde_json::to_string(&Reference { firebreak_stored_event: stored.clone() }).expect("serialisable");
        assert_eq!(StoredEvent::referred_to_by(&reference), Some(stored.clone()));
        assert!(stored.is("{}") && !stored.is("{ }"));
        for event in ["{}", r#"{"source":"aws.guardduty","firebreak_stored_event":{"sha256":"a","bytes":1,"parts":1}}"#] {
            assert_eq!(StoredEvent::referred_to_by(event), None, "{event}");
        }
    }
}
