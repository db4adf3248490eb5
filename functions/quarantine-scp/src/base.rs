//! What the policy said about a principal before Firebreak touched it.

use crate::document::Document;
use crate::entry::Entry;
use crate::organization::Organization;
use firebreak::fault::Fault;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Which values about one principal are Firebreak's. Two sessions of one role are two entries and one base: both are taken out when
/// the last incident lets go of the role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseState {
    /// The id of the policy they are in.
    pub policy: String,
    /// Values that were not there before: a release takes them out.
    pub added: BTreeSet<String>,
    /// Values that were there before: a release leaves them.
    pub found: BTreeSet<String>,
}

impl BaseState {
    /// The base of a principal nothing was written about yet.
    pub(crate) fn of(policy: &str) -> Self {
        Self { policy: policy.to_owned(), added: BTreeSet::new(), found: BTreeSet::new() }
    }

    /// Refuses to work on another policy than the one the values are in.
    pub(crate) fn check_policy(&self, organization: &Organization) -> Result<(), Fault> {
        if self.policy == organization.policy {
            return Ok(());
        }
        Err(Fault::malformed(format!(
            "it is denied in policy {}, but FIREBREAK_QUARANTINE_SCP names {}: release it with the old value first",
            self.policy, organization.policy
        )))
    }

    /// This base, with what writing `entry` into `now` adds to it. What is not there now is Firebreak's once it is written, also when
    /// it was there in the past; what is there, and is not known to be Firebreak's, is somebody else's.
    pub(crate) fn joined(&self, entry: &Entry, now: &Document) -> Self {
        let mut joined = self.clone();
        for value in &entry.values {
            if !now.has(value) {
                joined.found.remove(value);
                joined.added.insert(value.clone());
            } else if !joined.added.contains(value) {
                joined.found.insert(value.clone());
            }
        }
        joined
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::tests::empty;
    use crate::entry::tests::user;

    #[test]
    fn what_was_there_before_is_left_and_what_firebreak_wrote_is_not() {
        let entry = Entry::of(&user("alice")).expect("an entry");
        let base = BaseState::of("p-1").joined(&entry, &empty());
        assert_eq!(base.added.iter().collect::<Vec<_>>().len(), 2);
        assert!(base.found.is_empty());
        // Written, and contained again by another incident.
        let written = empty().with(&entry).expect("room");
        assert_eq!(base.joined(&entry, &written), base);
        // There before.
        let foreign = BaseState::of("p-1").joined(&entry, &written);
        assert!(foreign.added.is_empty());
        assert_eq!(foreign.found.len(), 2);
        // There before, taken out by somebody, written again.
        assert_eq!(foreign.joined(&entry, &empty()), base);
    }
}
