#![doc = include_str!("../README.md")]

mod name;
mod open;
pub mod policy;
mod settled;

pub use open::{Bucket, open};
pub use settled::settled;
