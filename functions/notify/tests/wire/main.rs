//! Telling people over the wire: the real SDK, against a topic that the test plays.
#![expect(clippy::expect_used, reason = "a test may fail where it stands")]

mod excess;
mod faults;
mod gathered;
mod kinds;
mod stage;
mod unfinished;
