#![doc = include_str!("../README.md")]

pub mod about;
mod call;
pub mod containment;
pub mod diagnosis;
pub mod drift;
pub mod environment;
mod kept;
pub mod late;
mod paused;
pub mod run;
pub mod signed;
pub mod step;
