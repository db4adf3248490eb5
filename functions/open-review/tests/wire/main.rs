//! The gate's messages over the wire: the real SDK, against an execution and a topic that the test plays.
#![expect(clippy::expect_used, reason = "a test may fail where it stands")]

mod again;
mod answers;
mod faults;
mod gates;
mod parts;
mod secrets;
mod shapes;
mod shown;
mod stage;
mod ticket;
mod world;
