//! When a trail may be asked: in turns that all incidents share.

use firebreak::trail::TrailPlace;
use firebreak_aws::clock;
use firebreak_ledger::{Ledger, TurnsWanted};
use jiff::SignedDuration;
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// From one request to the next, in an account and Region. CloudTrail answers two a second (CloudTrail API reference,
/// `LookupEvents`), and one of them is the customer's.
pub(crate) const PACE: Duration = Duration::from_secs(1);
/// Turns that a first look takes at once: the ledger is not asked for each page. Other looks take one.
const AT_ONCE: u32 = 2;
/// How far ahead other looks take a turn: a first look has 8 seconds, and must come in between.
const AHEAD: Duration = Duration::from_secs(3);

/// Nobody asks the ledger more often than this for a turn.
const SHORTEST_WAIT: Duration = Duration::from_millis(200);

/// The turns of one look.
pub(crate) struct Turns<'a> {
    ledger: &'a Ledger,
    pace: Duration,
    /// No request begins later.
    until: Instant,
    /// People wait for this look.
    is_first: bool,
    trails: Mutex<HashMap<TrailPlace, Trail>>,
}

/// One account and Region.
#[derive(Default)]
struct Trail {
    /// Taken, and not used yet.
    turns: VecDeque<Instant>,
    /// CloudTrail was too busy, so often.
    throttled: u32,
    /// No turn before this.
    free_at: Option<Instant>,
}

impl<'a> Turns<'a> {
    pub(crate) fn new(ledger: &'a Ledger, pace: Duration, until: Instant, is_first: bool) -> Self {
        Self { ledger, pace, until, is_first, trails: Mutex::default() }
    }

    /// When the next request may be sent, if that is in time. `waiting`: how many more are to be sent there.
    pub(crate) async fn next(&self, place: &TrailPlace, waiting: usize) -> Option<Instant> {
        loop {
            let earliest = match self.taken(place) {
                Ok(turn) => return Some(turn),
                Err(earliest) => earliest,
            };
            let left = self.until.checked_duration_since(earliest)?;
            let turn = self.first_of(place, waiting, (earliest, left)).await;
            // Whoever takes no turn far ahead comes back for one.
            if turn.is_some() || self.is_first || left <= AHEAD {
                return turn;
            }
            sleep(self.pace.clamp(SHORTEST_WAIT, AHEAD)).await;
        }
    }

    /// Takes turns, and gives the first one.
    async fn first_of(&self, place: &TrailPlace, waiting: usize, (earliest, left): (Instant, Duration)) -> Option<Instant> {
        let at_once = if self.is_first { AT_ONCE } else { 1 };
        let fit = left.as_millis() / self.pace.as_millis().max(1) + 1;
        let most = u32::try_from(fit.min(waiting as u128 + 1)).unwrap_or(at_once).min(at_once);
        // Fewer can still fit behind what others have taken.
        for count in [most, 1].into_iter().take(if most > 1 { 2 } else { 1 }) {
            if let Some(first) = self.take(place, count, earliest).await {
                let mut turns: VecDeque<Instant> = (0..count).map(|at| first + self.pace * at).collect();
                let turn = turns.pop_front();
                let mut trails = self.trails();
                let trail = trails.entry(place.clone()).or_default();
                (trail.turns, trail.free_at) = (turns, Some(first + self.pace * count));
                return turn;
            }
        }
        None
    }

    /// CloudTrail was too busy: it is left alone for a while, longer each time.
    pub(crate) fn rest(&self, place: &TrailPlace) {
        let mut trails = self.trails();
        let trail = trails.entry(place.clone()).or_default();
        trail.throttled = trail.throttled.saturating_add(1).min(3);
        trail.turns.clear();
        trail.free_at = Some(Instant::now() + self.pace * 2u32.pow(trail.throttled));
    }

    /// A turn that was taken before; else from when on one can be taken.
    fn taken(&self, place: &TrailPlace) -> Result<Instant, Instant> {
        let mut trails = self.trails();
        let trail = trails.entry(place.clone()).or_default();
        let now = Instant::now();
        trail.turns.pop_front().map_or_else(|| Err(trail.free_at.map_or(now, |free| free.max(now))), Ok)
    }

    /// Takes turns from `earliest` on. Without the ledger each look keeps the pace by itself: it must not be blind.
    async fn take(&self, place: &TrailPlace, count: u32, earliest: Instant) -> Option<Instant> {
        let (here, now) = (Instant::now(), clock::now());
        let pace = signed(self.pace);
        let at = now + signed(earliest.saturating_duration_since(here));
        let last = self.pace * count.saturating_sub(1);
        let left = self.until.saturating_duration_since(here).saturating_sub(last);
        let latest = if self.is_first { now + signed(left) } else { at.max(now + signed(left.min(AHEAD))) };
        match self.ledger.take_turns(place, TurnsWanted { count, pace, at, latest }).await {
            Ok(first) => {
                let wait = first?.duration_since(now);
                Some(here + Duration::try_from(wait).unwrap_or_default())
            }
            Err(fault) => {
                tracing::error!(fault.message = %fault.message, "the ledger gave no turns at CloudTrail");
                Some(earliest)
            }
        }
    }

    fn trails(&self) -> MutexGuard<'_, HashMap<TrailPlace, Trail>> {
        self.trails.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use firebreak::ids::{AccountId, Region};
    use firebreak_testkit::room;
    use firebreak_testkit::scripted::ScriptedAws;
    use tokio::time::timeout;

    #[tokio::test]
    async fn a_look_that_nobody_waits_for_takes_no_turn_that_is_far_ahead() {
        let aws = ScriptedAws::start().await.expect("a port");
        let ledger = room::ledger(&aws);
        let place = (AccountId::parse(room::ACCOUNT).expect("an account"), Region::parse(room::REGION).expect("a Region"));
        let (begun, pace) = (Instant::now(), Duration::from_secs(10));
        let of = |is_first| Turns::new(&ledger, pace, begun + pace * 6, is_first);
        assert!(of(false).next(&place, 9).await.is_some());
        let waits = timeout(SHORTEST_WAIT * 2, of(false).next(&place, 9)).await;
        assert!(waits.is_err(), "it comes back later: {waits:?}");
        let turn = of(true).next(&place, 9).await.expect("a turn");
        assert!(turn < begun + pace * 2, "behind the only one that was taken: {:?}", turn - begun);
    }
}
