//! The end of an execution, over the wire: the real SDK, against a Step Functions, an SNS and a ledger that the tests play.
#![expect(clippy::expect_used, reason = "a test may fail where it stands")]

mod ends;
mod faults;
mod once;
mod stage;
