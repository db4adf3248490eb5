//! An analyst's answer over the wire: the real SDK, against an execution that the test plays.
#![expect(clippy::expect_used, reason = "a test may fail where it stands")]

mod answers;
mod covers;
mod execution;
mod faults;
mod hostile;
mod late;
mod names;
mod parts;
mod restores;
mod signed;
mod stage;
mod two_persons;
