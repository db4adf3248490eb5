//! How far Firebreak may go by itself, by account and containment.

use crate::containment::Containment;
use crate::decision::Mode;
use crate::finding::SeverityBand;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How far Firebreak may go by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ResponseMode {
    /// Say what it would do, and nothing else. The default for every account.
    #[default]
    Observe,
    /// Go through everything, evidence and review included, and contain nothing: a rehearsal.
    DryRun,
    /// Contain after an analyst approved.
    GateFirst,
    /// Contain at once where the playbook says so.
    Auto,
}

impl ResponseMode {
    /// As it is written in the policy file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::DryRun => "dry-run",
            Self::GateFirst => "gate-first",
            Self::Auto => "auto",
        }
    }
}

/// The band from which findings are acted on without a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct AutoFrom(pub SeverityBand);

impl AutoFrom {
    /// As it is written in the policy.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self.0 {
            SeverityBand::Low => "low",
            SeverityBand::Medium => "medium",
            SeverityBand::High => "high",
            SeverityBand::Critical => "critical",
        }
    }
}

impl Default for AutoFrom {
    fn default() -> Self {
        Self(SeverityBand::High)
    }
}

/// One account's modes.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AccountPolicy {
    /// The mode of every containment that is not named below.
    pub mode: ResponseMode,
    /// The account has only throw-away resources: `firebreak replay --as` may use it, and findings that GuardDuty does not know are
    /// acted on there.
    #[serde(default)]
    pub test: bool,
    /// Exceptions by containment.
    #[serde(default)]
    pub containments: BTreeMap<Containment, ResponseMode>,
}

/// The mode a decision ends up with: the playbook's, lowered by policy, never raised.
#[must_use]
pub fn lower(playbook: Mode, policy: ResponseMode) -> Mode {
    match (playbook, policy) {
        (Mode::Notify, _) | (_, ResponseMode::Observe | ResponseMode::DryRun) => Mode::Notify,
        (Mode::Gate, _) | (Mode::Auto, ResponseMode::GateFirst) => Mode::Gate,
        (Mode::Auto, ResponseMode::Auto) => Mode::Auto,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policy_only_ever_lowers_the_playbook() {
        assert_eq!(lower(Mode::Auto, ResponseMode::Auto), Mode::Auto);
        assert_eq!(lower(Mode::Auto, ResponseMode::GateFirst), Mode::Gate);
        assert_eq!(lower(Mode::Gate, ResponseMode::Auto), Mode::Gate);
        assert_eq!(lower(Mode::Auto, ResponseMode::Observe), Mode::Notify);
        assert_eq!(lower(Mode::Auto, ResponseMode::DryRun), Mode::Notify);
        assert_eq!(lower(Mode::Notify, ResponseMode::Auto), Mode::Notify);
    }
}
