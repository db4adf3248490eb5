//! A clock that a test of days sets (`local/README.md`). No release build has this file.

use jiff::Timestamp;
use std::sync::OnceLock;

/// How the local AWS tells a new process: `<real milliseconds>,<simulated milliseconds>,<speed>`.
const VARIABLE: &str = "FIREBREAK_CLOCK";

/// From a real time on, the clock shows a simulated one, and so many seconds more after each real second.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Simulated {
    real: Timestamp,
    simulated: Timestamp,
    speed: i32,
}

impl Simulated {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(',').map(|part| part.parse::<i64>().ok());
        let (real, simulated, speed) = (parts.next()??, parts.next()??, parts.next()??);
        Some(Self {
            real: Timestamp::from_millisecond(real).ok()?,
            simulated: Timestamp::from_millisecond(simulated).ok()?,
            speed: i32::try_from(speed).ok()?,
        })
    }

    /// What it shows at a real time.
    pub(super) fn at(&self, real: Timestamp) -> Timestamp {
        self.simulated + real.duration_since(self.real) * self.speed
    }
}

/// The clock of this process, if it was given one.
pub(super) fn in_force() -> Option<&'static Simulated> {
    static CLOCK: OnceLock<Option<Simulated>> = OnceLock::new();
    CLOCK.get_or_init(|| std::env::var(VARIABLE).ok().and_then(|text| Simulated::parse(&text))).as_ref()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_passes_in_twenty_seconds() {
        let clock = Simulated::parse("1000,5000,4320").expect("a clock");
        let at = |second| clock.at(Timestamp::from_second(second).expect("a time")).as_second();
        assert_eq!([1, 2, 21].map(at), [5, 4325, 86_405]);
    }

    #[test]
    fn what_is_no_clock_leaves_the_real_time() {
        for text in ["", "1000", "1000,5000", "1000,5000,fast", "1000,,1"] {
            assert_eq!(Simulated::parse(text), None, "{text}");
        }
    }
}
