#![doc = include_str!("../README.md")]

pub mod bucket;
mod expected;
pub mod instance;
mod refusal;
mod resource;
mod retarget;
pub mod role;
mod scenario;
mod state;
pub mod user;

pub use refusal::{Refusal, refuse};
pub use resource::{Found, Kind, Resource};
pub use retarget::{Mismatch, retarget};
pub use scenario::{Decides, EndState, Scenario, family};
pub use state::{Difference, State};

/// Names in order, for a field of a [`State`].
fn list(names: &[impl AsRef<str>]) -> String {
    let mut names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    names.sort_unstable();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
