//! What was collected so far, and what could not be: the write-only evidence bucket cannot be asked.

use super::{Item, Ledger, from_doc, string, to_doc};
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

    /// Remembers what one execution of an incident could not collect, one line each.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub async fn keep_missing(&self, incident: &IncidentId, execution: &str, missing: &[String]) -> Result<(), Fault> {
        let put = self.put_about(incident, format!("missing#{execution}")).item("doc", to_doc(&missing)?);
        put.send().await.or_fault("ledger: keep what is missing")?;
        Ok(())
    }

    /// What all executions of an incident could not collect, each line once.
    ///
    /// # Errors
    /// The ledger could not be read.
    pub async fn missing(&self, incident: &IncidentId) -> Result<Vec<String>, Fault> {
        let rows = self.rows(incident).await?;
        missing(rows.iter().filter(|row| string(row, "sk").is_some_and(|sk| sk.starts_with("missing#"))))
    }
}

/// What the executions of an incident could not collect, each line once.
pub(super) fn missing<'a>(rows: impl Iterator<Item = &'a Item>) -> Result<Vec<String>, Fault> {
    let mut all: Vec<String> = Vec::new();
    for row in rows {
        all.extend(from_doc::<Vec<String>>(row)?);
    }
    let mut told = std::collections::BTreeSet::new();
    all.retain(|line| told.insert(line.clone()));
    Ok(all)
}
