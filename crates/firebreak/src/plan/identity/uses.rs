//! Who uses a name that a caller chose for a session, as CloudTrail's records of management events say.

use crate::ids::{Region, SessionName};
use crate::target::Target;
use serde_json::Value;
use std::collections::BTreeSet;

/// Regions that are named for people; of more, the number is enough.
const NAMED: usize = 3;

/// The calls that CloudTrail has under one name, in one Region or several.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Uses {
    complete: bool,
    keys: BTreeSet<String>,
    addresses: BTreeSet<String>,
    principals: BTreeSet<String>,
}

impl Uses {
    /// All of these records, and no others, are those of the name.
    #[must_use]
    pub fn all(self) -> Self {
        Self { complete: true, ..self }
    }

    /// Counts one record. A field that it lacks counts as one of its own: what cannot be read must not look like the suspect.
    pub fn count(&mut self, record: &str) {
        let record: Value = serde_json::from_str(record).unwrap_or_default();
        let text = |path: &str| record.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
        self.keys.insert(text("/userIdentity/accessKeyId"));
        self.addresses.insert(text("/sourceIPAddress"));
        self.principals.insert(text("/userIdentity/principalId"));
    }

    /// The calls of both.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.keys.extend(other.keys);
        self.addresses.extend(other.addresses);
        self.principals.extend(other.principals);
        Self { complete: self.complete && other.complete, ..self }
    }

    /// Whether nobody but one session of this role, with this key from one address, has the name.
    pub(super) fn are_of(&self, role: &Target, name: &SessionName) -> bool {
        let (Some(id), Some(key)) = (&role.principal_id, &role.access_key_id) else { return false };
        let only = |all: &BTreeSet<String>, one: &str| all.len() == 1 && all.contains(one);
        self.complete
            && only(&self.keys, key.as_str())
            && only(&self.principals, &format!("{id}:{name}"))
            && self.addresses.len() == 1
            && !self.addresses.contains("")
    }

    /// The same for people: what was seen where, and which Regions gave no answer.
    pub(super) fn says(&self, heard: &[&Region], unheard: &[&Region]) -> String {
        let of =
            |all: &BTreeSet<String>, one: &str, more: &str| format!("{} {}", all.len(), if all.len() == 1 { one } else { more });
        let seen = if self.keys.is_empty() {
            "CloudTrail has no call under it".to_owned()
        } else {
            format!("{}, {} use it", of(&self.keys, "key", "keys"), of(&self.addresses, "address", "addresses"))
        };
        let more = if self.complete { "" } else { ", and more calls than were read" };
        let silent = if unheard.is_empty() { String::new() } else { format!("; no answer from {}", named(unheard)) };
        format!("{seen} in the last 24 hours in {}{more}{silent}", named(heard))
    }
}

fn named(regions: &[&Region]) -> String {
    let names: Vec<&str> = regions.iter().take(NAMED).map(|region| region.as_str()).collect();
    let more = regions.len().saturating_sub(NAMED);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{rest}", names.join(", "))
}
