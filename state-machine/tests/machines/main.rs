//! What no validator checks about the state machines.
#![expect(clippy::expect_used, reason = "a test may fail where it stands")]

mod definition;
mod restore;
mod watch;
