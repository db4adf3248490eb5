#![doc = include_str!("../README.md")]

mod bucket;
mod inbox;
mod instance;
mod principal;
mod stage;
mod state;

pub use bucket::PlantedBucket;
pub use inbox::Notice;
pub use instance::PlantedInstance;
pub use principal::{PlantedRole, PlantedUser};
pub use stage::{Invoked, Stage};
pub use state::{Difference, State};

/// Whatever went wrong in a drill ends it: a development tool may box its errors.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;
