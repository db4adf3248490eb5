//! One look of the watch, over the wire: the real SDK, against functions and a ledger that the tests play.
#![expect(clippy::expect_used, reason = "a test may fail where it stands")]

mod faults;
mod looks;
mod over;
mod stage;
