#![doc = include_str!("../README.md")]

mod name;
mod open;
pub mod policy;
mod settled;
mod turn;

pub use open::{Bucket, open};
pub use settled::settled;
pub use turn::{Turn, Unanswered};
