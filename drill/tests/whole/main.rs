//! What needs the whole: the real binaries on the local AWS.
#![expect(clippy::expect_used, reason = "a test may fail where it stands")]

mod command;
mod doctor;
mod end_to_end;
mod fault_sweep;
mod quarantine_latency;
mod report;
mod scenarios;
mod storm;
