#![doc = include_str!("../README.md")]

pub mod decision;
pub mod evidence;
pub mod fault;
pub mod finding;
pub mod ids;
pub mod incident;
pub mod names;
pub mod notice;
pub mod plan;
pub mod playbook;
pub mod policy;
pub mod receipt;
pub mod review;
pub mod task;
pub mod text;
