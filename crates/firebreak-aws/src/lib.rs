#![doc = include_str!("../README.md")]

pub mod classify;
pub mod clients;
pub mod clock;
pub mod pages;
mod session_policy;
pub mod wire_answer;

pub use clients::Aws;
