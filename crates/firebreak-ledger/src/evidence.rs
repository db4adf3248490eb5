//! What was collected so far, and what could not be: the write-only evidence bucket cannot be asked.

use super::{Item, Ledger, from_doc, string, to_doc};
use firebreak::evidence::Entry;
use firebreak::fault::Fault;
use firebreak::ids::IncidentId;
use firebreak::report::{Branch, Report};
use firebreak_aws::classify::OrFault;

const COLLECTION: &str = "collection#";

/// Lays how far all collections of an incident are over what the state machine carries. One that could not be started is in no row.
pub(super) fn lay_collections(rows: &[Item], report: &mut Report) -> Result<(), Fault> {
    let is_collection = |row: &&Item| string(row, "sk").is_some_and(|sk| sk.starts_with(COLLECTION));
    let mut known = Branch::default();
    for row in rows.iter().filter(is_collection) {
        known.add(from_doc(row)?);
    }
    if known.status.is_empty() {
        return Ok(());
    }
    if report.evidence.status == "failed" {
        known.add(std::mem::take(&mut report.evidence));
    }
    let kept = rows.iter().filter(|row| string(row, "sk").is_some_and(|sk| sk.starts_with("evidence#"))).count();
    report.evidence = Branch { count: Some(kept as u64), ..known };
    Ok(())
}

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

    /// Remembers how far the collection of one execution is: `started`, `ok` or `failed`.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub async fn keep_collection(&self, incident: &IncidentId, execution: &str, collection: &Branch) -> Result<(), Fault> {
        let put = self.put_about(incident, format!("{COLLECTION}{execution}")).item("doc", to_doc(collection)?);
        put.send().await.or_fault("ledger: keep how far the collection is")?;
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

    /// Whether evidence is still collected by an execution of an incident.
    ///
    /// # Errors
    /// The ledger could not be read.
    pub async fn is_collecting(&self, incident: &IncidentId) -> Result<bool, Fault> {
        let mut report = Report::default();
        lay_collections(&self.rows(incident).await?, &mut report)?;
        Ok(report.evidence.status == "started")
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
