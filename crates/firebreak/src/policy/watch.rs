//! When it is looked again while the gate waits.

use serde::Deserialize;

/// Looks after the first one, at what an incident contained and for what its suspects did.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Watch {
    /// Seconds after the first look, ascending, beside those of `verify_after_seconds`. Default: 5, 15 and 30 minutes.
    pub after_seconds: Vec<u32>,
    /// Seconds from look to look after that, until a day is over. Default: an hour.
    pub every_seconds: u32,
    /// The same after a day. Default: 6 hours.
    pub later_every_seconds: u32,
}

impl Default for Watch {
    fn default() -> Self {
        Self { after_seconds: vec![300, 900, 1800], every_seconds: 3600, later_every_seconds: 6 * 3600 }
    }
}

impl Watch {
    /// The field whose numbers cannot be meant, and what it takes.
    pub(super) fn mistake(&self) -> Option<(&'static str, &'static str)> {
        let a_day = 1..=86_400;
        let times = &self.after_seconds;
        if times.len() > 20 || !times.is_sorted() || times.iter().any(|seconds| !a_day.contains(seconds)) {
            return Some(("after_seconds", "must be at most 20 numbers of 1 to 86400, ascending"));
        }
        let spans = [("every_seconds", self.every_seconds), ("later_every_seconds", self.later_every_seconds)];
        spans.into_iter().find(|(_, seconds)| !a_day.contains(seconds)).map(|(field, _)| (field, "must be 1 to 86400"))
    }
}
