//! What people knew when a look of the watch began: what is new is told by it, however often the look is killed.

use super::{Ledger, from_doc, to_doc};
use firebreak::fault::Fault;
use firebreak::ids::IncidentId;
use firebreak::report::SweepBranch;
use firebreak_aws::classify::OrFault;
use serde::{Deserialize, Serialize};

/// What was known before a look.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct KnownBefore {
    /// Which look.
    pub look: u32,
    /// What earlier looks had found in CloudTrail.
    pub sweep: SweepBranch,
    /// The revision of the incident.
    pub revision: u32,
    /// Reverts and problems of all controls, one line each.
    pub controls: Vec<String>,
}

impl Ledger {
    /// Begins a look of the watch: what is known `now` is kept, unless an earlier try of the same look has kept what was known then.
    ///
    /// # Errors
    /// The ledger could not be read or written.
    pub async fn begin_look(&self, incident: &IncidentId, now: KnownBefore) -> Result<KnownBefore, Fault> {
        if let Some(item) = self.item(incident, "watch").await? {
            let known: KnownBefore = from_doc(&item)?;
            if known.look == now.look {
                return Ok(known);
            }
        }
        let put = self.put_about(incident, "watch").item("doc", to_doc(&now)?);
        put.send().await.or_fault("ledger: begin a look")?;
        Ok(now)
    }
}
