//! The manifest: which objects are the evidence of an incident, and what they hashed to when they were written.

use crate::ids::IncidentId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One object in the evidence bucket, or one snapshot that EC2 keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The object's key, or the snapshot's ARN.
    pub key: String,
    /// SHA-256 of the content in lower-case hexadecimal. Absent for snapshots: EC2 gives no digest.
    pub sha256: Option<String>,
    /// Size of the content. Absent for snapshots.
    pub bytes: Option<u64>,
    /// Where the content came from: an API action and the resource.
    pub source: String,
    /// When it was read from the source.
    pub collected_at: Timestamp,
}

/// The last object of an incident's evidence, `incidents/<incident id>/manifest.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of this form.
    pub schema: u32,
    /// The incident.
    pub incident: IncidentId,
    /// When the manifest was written.
    pub sealed_at: Timestamp,
    /// What could not be collected, one line each. Absence of evidence is recorded, too.
    pub missing: Vec<String>,
    /// Everything that was collected, ordered by key.
    pub entries: Vec<Entry>,
}

/// The prefix of everything that belongs to one incident.
#[must_use]
pub fn prefix(incident: &IncidentId) -> String {
    format!("incidents/{incident}/")
}

/// The key of the manifest.
#[must_use]
pub fn manifest_key(incident: &IncidentId) -> String {
    format!("{}manifest.json", prefix(incident))
}
