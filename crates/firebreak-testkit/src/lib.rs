#![doc = include_str!("../README.md")]

pub mod fault_sweep;
pub mod fixture;
mod local_aws;
mod patience;

pub use local_aws::{Call, LocalAws, LocalAwsError, MEMBER_ACCOUNT, Options, REGION, SECURITY_ACCOUNT};
pub use patience::{TimedOut, eventually};
