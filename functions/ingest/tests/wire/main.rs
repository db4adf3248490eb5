//! Handing events over to the state machine: the real SDK, against a Step Functions that the test plays.
#![expect(clippy::expect_used, reason = "a test may fail where it stands")]

mod again;
mod events;
mod executions;
mod faults;
mod flood;
mod stage;
mod stored;
