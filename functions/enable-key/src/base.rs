//! How a key was before.

use crate::state::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The recorded state: what KMS said of the key (KMS API reference, `KeyMetadata`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseState {
    /// The key state in KMS's own word: `PendingDeletion`.
    pub state: String,
    /// When KMS deletes the key; nothing: no deletion is scheduled, or it has no day as long as the key has replicas.
    #[serde(default)]
    pub deleted_at: Option<Timestamp>,
    /// Where the key material is from: `AWS_KMS`, `EXTERNAL`.
    #[serde(default)]
    pub origin: Option<String>,
    /// Whether keys in other Regions have the same id and material.
    #[serde(default)]
    pub multi_region: bool,
    /// Who administers the key: `CUSTOMER`, `AWS`.
    #[serde(default)]
    pub manager: Option<String>,
}

impl BaseState {
    /// Whether the deletion of the key was scheduled.
    pub(crate) fn is_scheduled(&self) -> bool {
        State::named(&self.state) == State::ToBeDeleted
    }
}
