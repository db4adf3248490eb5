//! What was collected so far: the write-only evidence bucket cannot be asked.

use super::{Ledger, to_doc};
use firebreak::evidence::Entry;
use firebreak::fault::Fault;
use firebreak::ids::IncidentId;
use firebreak_aws::classify::OrFault;

impl Ledger {
    /// Remembers an entry after its object was written.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub async fn keep_evidence(&self, incident: &IncidentId, entry: &Entry) -> Result<(), Fault> {
        self.put_about(incident, format!("evidence#{}", entry.key))
            .item("doc", to_doc(entry)?)
            .send()
            .await
            .or_fault("ledger: keep evidence entry")?;
        Ok(())
    }
}
