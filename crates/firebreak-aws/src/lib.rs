#![doc = include_str!("../README.md")]

pub mod classify;
pub mod clients;
pub mod clock;
pub mod containment;
pub mod diagnosis;
pub mod environment;
pub mod ledger;
mod member_role;
pub mod run;
mod session_policy;
pub mod step;

pub use clients::Aws;
pub use ledger::Ledger;
