//! The playbook: finding type → what contains it. Data, not code.
//!
//! The table is `playbook.toml`, embedded at build time. A type that is not in it leads to a notice, never to a guess: the
//! list of GuardDuty types is an open vocabulary, and no part of a type's name says reliably what the victim is.

use crate::decision::{Containment, Mode};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// One row: everything Firebreak knows about a finding type.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// Containment → mode, strongest mode that policy may allow.
    #[serde(default)]
    pub contain: BTreeMap<Containment, Mode>,
    /// Contain only when the resource is the actor; as a target it is the victim (brute force).
    #[serde(default)]
    pub only_actor: bool,
    /// Why this row says what it says, for the on-call.
    pub why: String,
}

/// The table from finding type to row.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Playbook {
    finding: BTreeMap<String, Row>,
}

static SHIPPED: LazyLock<Playbook> = LazyLock::new(|| {
    // A malformed table must not turn into a panic in a Lambda at night: `shipped_table_parses` fails the build's tests instead.
    toml::from_str(include_str!("../playbook.toml")).unwrap_or(Playbook { finding: BTreeMap::new() })
});

impl Playbook {
    /// The table that ships with Firebreak.
    #[must_use]
    pub fn shipped() -> &'static Self {
        &SHIPPED
    }

    /// The row of a finding type, by exact name.
    #[must_use]
    pub fn row(&self, finding_type: &str) -> Option<&Row> {
        self.finding.get(finding_type)
    }

    /// All types in the table.
    pub fn types(&self) -> impl Iterator<Item = &str> {
        self.finding.keys().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shipped_table_parses() {
        let parsed: Result<Playbook, _> = toml::from_str(include_str!("../playbook.toml"));
        let playbook = parsed.unwrap_or_else(|error| panic!("playbook.toml: {error}"));
        for (kind, row) in &playbook.finding {
            assert!(!row.why.is_empty(), "{kind} has no reason");
            assert!(row.contain.values().all(|mode| *mode != Mode::Notify), "{kind}: leave a containment out instead of notify");
        }
    }
}
