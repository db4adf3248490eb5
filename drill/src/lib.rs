#![doc = include_str!("../README.md")]

mod bucket;
mod inbox;
mod instance;
mod object;
mod principal;
mod round_trips;
mod stage;
mod subject;

pub use bucket::PlantedBucket;
pub use firebreak_rehearsal::{Difference, State};
pub use inbox::Notice;
pub use instance::PlantedInstance;
pub use object::PlantedObject;
pub use principal::{PlantedRole, PlantedUser};
pub use round_trips::Run;
pub use stage::{Invoked, Stage};
pub use subject::{Depths, PlantedSubject, Subject, request};

/// Whatever went wrong in a drill ends it: a development tool may box its errors.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;
