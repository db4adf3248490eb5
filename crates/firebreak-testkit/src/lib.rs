#![doc = include_str!("../README.md")]

pub mod dynamodb;
pub mod fault_sweep;
pub mod fixture;
pub mod interleaving;
mod local_aws;
mod nursery;
mod patience;
pub mod room;
pub mod sample;
pub mod scripted;

pub use local_aws::{Call, LocalAws, LocalAwsError, MEMBER_ACCOUNT, Options, REGION, SECURITY_ACCOUNT};
pub use patience::{TimedOut, eventually};
