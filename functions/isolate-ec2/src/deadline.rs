//! How long the parts of a run may take: the function has 60 seconds, and what is open must be closed in them.

use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// How long one call may take while an interface can be open. An open step, the closing and the last read stay below 30 seconds.
pub(crate) const LIMIT: Duration = Duration::from_secs(5);
/// How long it is looked, at the end, whether a close came late.
pub(crate) const GLANCE: Duration = Duration::from_secs(2);
/// How long closing is tried.
pub(crate) const CLOSING: Duration = Duration::from_secs(12);
/// No interface is opened later than that after a run began: the function has 60 seconds, and `sts:AssumeRole` comes before.
const LATEST: SignedDuration = SignedDuration::from_secs(12);
/// What contains nothing by itself ends so long after a run began: the receipt comes after.
const LAST: SignedDuration = SignedDuration::from_secs(40);

/// Whether it is too late to open an interface.
pub(crate) fn is_late(began_at: Timestamp, now: Timestamp) -> bool {
    now.duration_since(began_at) > LATEST
}

/// How much time is left for what contains nothing by itself.
pub(crate) fn time_left(began_at: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(LAST - now.duration_since(began_at)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_opened_that_the_function_has_no_time_to_close() {
        let began_at = Timestamp::UNIX_EPOCH;
        assert!(!is_late(began_at, began_at + SignedDuration::from_secs(11)));
        assert!(is_late(began_at, began_at + SignedDuration::from_secs(13)));
        // `sts:AssumeRole`, the latest open step, an open call, the closing, and the last read.
        let longest = Duration::from_secs(15 + LATEST.as_secs().unsigned_abs()) + LIMIT + CLOSING + GLANCE + LIMIT + LIMIT;
        // The receipt comes after.
        let latest = longest.max(Duration::from_secs(15 + LAST.as_secs().unsigned_abs()));
        assert!(latest + Duration::from_secs(3) < Duration::from_secs(60), "function.toml");
        assert_eq!(time_left(began_at, began_at + SignedDuration::from_secs(39)), Duration::from_secs(1));
        assert!(time_left(began_at, began_at + SignedDuration::from_secs(41)).is_zero());
    }
}
