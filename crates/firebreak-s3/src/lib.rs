#![doc = include_str!("../README.md")]

mod closers;
pub mod levels;
mod name;
mod open;
pub mod policy;
mod settled;
mod shown;
mod turn;

pub use closers::closers;
pub use open::{Bucket, open};
pub use settled::settled;
pub use shown::until_shown;
pub use turn::Turn;
