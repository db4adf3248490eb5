//! How many findings people are told about one by one when they can only be told.

use serde::Deserialize;

/// Findings of products that people are only told about.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Flood {
    /// Findings per account and minute that each have a notice. What goes beyond is counted. Default: 10.
    pub announced_per_minute: u32,
    /// Seconds that the notice about what was counted waits for more. Default: 5 minutes.
    pub summary_after_seconds: u32,
}

impl Default for Flood {
    fn default() -> Self {
        Self { announced_per_minute: 10, summary_after_seconds: 300 }
    }
}

impl Flood {
    /// The field whose number cannot be meant, and what it takes.
    pub(super) fn mistake(&self) -> Option<(&'static str, &'static str)> {
        if self.announced_per_minute > 1_000 {
            return Some(("announced_per_minute", "must be 0 to 1000"));
        }
        let in_time = (1..=3_600).contains(&self.summary_after_seconds);
        (!in_time).then_some(("summary_after_seconds", "must be 1 to 3600"))
    }
}
