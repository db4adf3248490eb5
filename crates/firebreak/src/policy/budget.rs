//! The blast radius: how many targets may be contained without a person.

use crate::containment::Containment;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Targets per account, containment and clock hour (UTC) that are contained at once. What goes beyond waits for a person, who is told.
///
/// A flood of findings, forged or real, must not take an account down faster than people can look. Default 20 each.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Budget(BTreeMap<Containment, u32>);

/// Enough for an attack that people do not see yet, too little to take production down.
const DEFAULT: u32 = 20;
/// The targets of one hour are kept in one item of the ledger, which DynamoDB bounds at 400 KB.
const MAX: u32 = 1000;

impl Budget {
    /// Targets per account and hour for one containment.
    #[must_use]
    pub fn of(&self, containment: Containment) -> u32 {
        self.0.get(&containment).copied().unwrap_or(DEFAULT)
    }

    pub(super) fn mistake(&self) -> Option<Containment> {
        self.0.iter().find(|(_, targets)| **targets > MAX).map(|(containment, _)| *containment)
    }
}
