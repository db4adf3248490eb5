//! Parts of the time that CloudTrail is asked about.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A time, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// The earliest moment.
    pub from: Timestamp,
    /// The latest moment.
    pub until: Timestamp,
}

/// A part of a question that is still to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gap {
    pub(super) window: Window,
    /// What is older was read before, and is read again because CloudTrail is late.
    pub(super) floor: Option<Timestamp>,
}
