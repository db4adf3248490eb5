//! The blast radius: how many targets may be contained without a person.

use crate::containment::Containment;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Targets per account, containment and clock hour (UTC) that are contained at once. What goes beyond waits for a person, who is told.
///
/// A flood of findings, forged or real, must not take an account down faster than people can look.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Budget {
    /// For every containment that is not named. Default: 20.
    default: Option<u32>,
    /// By containment.
    #[serde(flatten)]
    of: BTreeMap<Containment, u32>,
}

/// Enough for an attack that people do not see yet, too little to take production down.
const DEFAULT: u32 = 20;
/// The targets of one hour are kept in one item of the ledger, which DynamoDB bounds at 400 KB.
const MAX: u32 = 1000;

impl Budget {
    /// Targets per account and hour for one containment.
    #[must_use]
    pub fn of(&self, containment: Containment) -> u32 {
        self.of.get(&containment).copied().or(self.default).unwrap_or(DEFAULT)
    }

    /// The field whose number is too large.
    pub(super) fn mistake(&self) -> Option<&'static str> {
        let of = self.of.iter().map(|(containment, targets)| (containment.name(), *targets));
        of.chain(self.default.map(|targets| ("default", targets))).find(|(_, targets)| *targets > MAX).map(|(field, _)| field)
    }
}

/// Targets of findings that could not be understood: so many may wait for an answer, per account and clock hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct UnreadPerHour(pub u32);

impl Default for UnreadPerHour {
    fn default() -> Self {
        Self(10)
    }
}
