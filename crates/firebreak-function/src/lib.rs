#![doc = include_str!("../README.md")]

pub mod about;
mod call;
pub mod containment;
pub mod diagnosis;
pub mod drift;
pub mod environment;
mod kept;
mod paused;
pub mod run;
pub mod signed;
pub mod step;
