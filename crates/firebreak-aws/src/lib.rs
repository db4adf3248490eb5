#![doc = include_str!("../README.md")]

pub mod classify;
pub mod clients;
pub mod clock;
mod session_policy;
pub mod wire_answer;

pub use clients::Aws;
