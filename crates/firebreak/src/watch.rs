//! The watch: the looks that go on while the gate waits, until the incident is over.
//!
//! The first look is the main state machine's. From then on one look follows the other, close together at first: whoever saw the deny
//! may take it away, and `CloudTrail` shows a call about five minutes late.

use crate::ids::IncidentId;
use crate::incident::{Incident, IncidentStatus};
use crate::policy::Policy;
use crate::report::Report;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// An execution of the watch ends after so many seconds, and its successor goes on: a history has room for 25,000 events.
pub const A_DAY: u64 = 86_400;

/// What the state machine sends for one look.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WatchInput {
    /// The incident.
    pub incident_id: IncidentId,
    /// The execution that had the incident when the watch was started. Nothing: it was started by hand, or under an earlier definition.
    #[serde(default)]
    pub execution_arn: Option<String>,
    /// When the first execution of the watch was started. Looks are counted from here.
    pub started_at: Timestamp,
    /// Which look is the next one, from 1.
    pub look: u32,
    /// Which execution of the watch it is, from 1.
    pub generation: u32,
}

/// What the state machine gets. Where nothing was looked at there is neither incident nor report.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WatchOutput {
    /// The incident, as the state machine carries it.
    pub incident: Option<Incident>,
    /// What the look found.
    pub report: Option<Report>,
    /// What to do next.
    pub watch: NextLook,
}

/// What the watch does next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextLook {
    /// The next look.
    pub look: u32,
    /// Seconds until it.
    pub seconds: u64,
    /// The incident is over: nobody looks any more.
    pub over: bool,
    /// Something is new: people are told.
    pub alarm: bool,
    /// Something new waits for an answer: people are asked again.
    pub asks_again: bool,
    /// The day is over: another execution goes on.
    pub successor: bool,
}

impl NextLook {
    /// Nobody looks any more.
    #[must_use]
    pub fn over(look: u32) -> Self {
        Self { look, seconds: 0, over: true, alarm: false, asks_again: false, successor: false }
    }
}

/// Whether anybody looks after an incident. One that failed stays contained, so it is looked after as well.
#[must_use]
pub fn is_watched(status: IncidentStatus) -> bool {
    status.is_open() || status == IncidentStatus::Failed
}

/// When each look is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    early: Vec<u64>,
    every: u64,
    later_every: u64,
}

impl Schedule {
    /// The looks that a policy asks for, without the first one.
    #[must_use]
    pub fn of(policy: &Policy) -> Self {
        let mut at = 0;
        let rest = policy.verify_after_seconds.waits().into_iter().skip(1).map(|wait| {
            at += u64::from(wait);
            at
        });
        let mut early: Vec<u64> = rest.chain(policy.watch.after_seconds.iter().copied().map(u64::from)).collect();
        early.sort_unstable();
        early.dedup();
        let [every, later_every] = [policy.watch.every_seconds, policy.watch.later_every_seconds].map(|s| u64::from(s.max(1)));
        Self { early, every, later_every }
    }

    /// Seconds from the start of the watch to a look, from 1.
    #[must_use]
    pub fn due(&self, look: u32) -> u64 {
        let at = usize::try_from(look.saturating_sub(1)).unwrap_or(usize::MAX);
        if let Some(seconds) = self.early.get(at) {
            return *seconds;
        }
        let after = u64::from(look).saturating_sub(self.early.len() as u64).max(1);
        let first = (self.early.last().copied().unwrap_or(0) / self.every + 1) * self.every;
        let of_the_day = if first > A_DAY { 0 } else { (A_DAY - first) / self.every + 1 };
        if after <= of_the_day {
            return first + (after - 1) * self.every;
        }
        let last = if of_the_day == 0 { self.early.last().copied().unwrap_or(0).max(A_DAY) } else { A_DAY };
        last + (after - of_the_day) * self.later_every
    }

    /// Whether a look is due. A second early is in time: two clocks differ.
    #[must_use]
    pub fn is_due(&self, look: u32, elapsed: u64) -> bool {
        elapsed + 1 >= self.due(look)
    }

    /// The look after `look`, and in how many seconds. What was missed meanwhile is not made up for.
    #[must_use]
    pub fn after(&self, look: u32, elapsed: u64) -> (u32, u64) {
        let mut next = look.saturating_add(1);
        while self.is_due(next, elapsed) && next < u32::MAX {
            next += 1;
        }
        (next, self.due(next).saturating_sub(elapsed).max(1))
    }
}

/// Whether an execution of the watch has lasted its day.
#[must_use]
pub fn is_long(generation: u32, elapsed: u64) -> bool {
    elapsed + 1 >= u64::from(generation.max(1)).saturating_mul(A_DAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(policy: &str) -> Schedule {
        Schedule::of(&Policy::parse(policy).expect("a policy"))
    }

    #[test]
    fn looks_are_close_together_at_first() {
        let shipped = schedule("");
        let due: Vec<u64> = (1..=8).map(|look| shipped.due(look)).collect();
        assert_eq!(due, [10, 55, 300, 900, 1800, 3600, 7200, 10_800]);
        assert_eq!([29, 30, 31].map(|look| shipped.due(look)), [A_DAY, A_DAY + 21_600, A_DAY + 43_200]);
        let every_look = (1..500).map(|look| shipped.due(look)).collect::<Vec<_>>();
        assert!(every_look.windows(2).all(|pair| pair[0] < pair[1]), "{every_look:?}");
    }

    #[test]
    fn a_policy_can_have_few_looks_or_shorter_ones() {
        let once = schedule("verify_after_seconds = 1\n[watch]\nafter_seconds = []\nevery_seconds = 86400");
        assert_eq!([1, 2, 3].map(|look| once.due(look)), [A_DAY, A_DAY + 21_600, A_DAY + 43_200]);
        let short =
            schedule("verify_after_seconds = 1\n[watch]\nafter_seconds = [2, 4]\nevery_seconds = 3\nlater_every_seconds = 5");
        assert_eq!([1, 2, 3, 4].map(|look| short.due(look)), [2, 4, 6, 9]);
        let last = schedule("verify_after_seconds = 1\n[watch]\nafter_seconds = [86400]\nlater_every_seconds = 10");
        assert_eq!([1, 2, 3].map(|look| last.due(look)), [A_DAY, A_DAY + 10, A_DAY + 20]);
    }

    #[test]
    fn what_was_missed_is_not_made_up_for() {
        let shipped = schedule("");
        assert_eq!(shipped.after(1, 12), (2, 43));
        assert_eq!(shipped.after(1, 4000), (7, 3200), "an hour without a look is one look, and then the next one");
        assert!(!shipped.is_due(1, 0) && shipped.is_due(1, 9) && shipped.is_due(1, 4000));
    }

    #[test]
    fn a_failed_incident_is_looked_after_and_one_that_is_over_is_not() {
        let watched =
            [IncidentStatus::Triaged, IncidentStatus::Containing, IncidentStatus::AwaitingReview, IncidentStatus::Failed];
        assert!(watched.into_iter().all(is_watched));
        let over = [IncidentStatus::Closed, IncidentStatus::Released, IncidentStatus::Notified, IncidentStatus::Ignored];
        assert!(!over.into_iter().any(is_watched));
    }

    #[test]
    fn an_execution_lasts_a_day() {
        assert!(!is_long(1, A_DAY - 2) && is_long(1, A_DAY) && !is_long(2, A_DAY) && is_long(2, 2 * A_DAY));
    }
}
