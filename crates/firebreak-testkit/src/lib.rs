#![doc = include_str!("../README.md")]

mod breaks;
pub mod dynamodb;
pub mod fault_sweep;
pub mod fixture;
pub mod interleaving;
mod local_aws;
mod local_aws_error;
pub mod log;
mod nursery;
mod patience;
pub mod room;
pub mod sample;
pub mod scripted;

pub use local_aws::{Call, LocalAws, MEMBER_ACCOUNT, Options, REGION, SECURITY_ACCOUNT};
pub use local_aws_error::LocalAwsError;
pub use patience::{TimedOut, eventually};
