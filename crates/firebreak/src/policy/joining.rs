//! For how long findings can join an open incident.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

/// For how many hours findings can join an incident, counted from when it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct JoinWithinHours(pub u32);

/// A week: as long as a gate asks by default.
const MAX: u32 = 168;

impl Default for JoinWithinHours {
    fn default() -> Self {
        Self(24)
    }
}

impl JoinWithinHours {
    /// The oldest opening time of an incident that a finding can join at `at`. None: no finding joins.
    ///
    /// The window does not slide: an attacker must not keep one incident open for weeks.
    #[must_use]
    pub fn not_before(self, at: Timestamp) -> Option<Timestamp> {
        let window = SignedDuration::from_hours(i64::from(self.0));
        (self.0 > 0).then(|| at.checked_sub(window).unwrap_or(Timestamp::MIN))
    }

    pub(super) fn is_mistaken(self) -> bool {
        self.0 > MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_is_counted_from_the_opening_and_zero_is_no_window() {
        let at = Timestamp::constant(1_795_946_400, 0);
        assert_eq!(JoinWithinHours::default().not_before(at), Some(Timestamp::constant(1_795_860_000, 0)));
        assert_eq!(JoinWithinHours(0).not_before(at), None);
        assert_eq!(JoinWithinHours(1).not_before(Timestamp::MIN), Some(Timestamp::MIN));
        assert!(!JoinWithinHours(168).is_mistaken() && JoinWithinHours(169).is_mistaken());
    }
}
