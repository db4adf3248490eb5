//! The way back of closed incidents: who asked for it, why, and how it ended.

use super::{Ledger, from_doc, incident_pk, lost, string, text, to_doc};
use firebreak::fault::Fault;
use firebreak::ids::IncidentId;
use firebreak::restore::{Restore, RestoreEnd};
use firebreak_aws::classify::OrFault;

impl Ledger {
    /// Every restore of an incident, the first one first. Analysts may read it.
    ///
    /// # Errors
    /// The ledger could not be read.
    pub async fn restores(&self, incident: &IncidentId) -> Result<Vec<Restore>, Fault> {
        let mut pages = self
            .dynamodb
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":pk", incident_pk(incident))
            .expression_attribute_values(":prefix", text("restore#"))
            .projection_expression("sk, doc")
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        let mut restores: Vec<Restore> = Vec::new();
        while let Some(item) = pages.next().await {
            restores.push(from_doc(&item.or_fault("ledger: read restores")?)?);
        }
        restores.sort_by_key(|restore| restore.number);
        Ok(restores)
    }

    /// Records that a restore was asked for, before it begins. False when another one has this number.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub async fn begin_restore(&self, incident: &IncidentId, restore: &Restore) -> Result<bool, Fault> {
        let put = self.put_about(incident, row(restore.number)).item("doc", to_doc(restore)?);
        let written = put.condition_expression("attribute_not_exists(pk)").send().await;
        if lost(&written) {
            return Ok(false);
        }
        written.or_fault("ledger: record a restore")?;
        Ok(true)
    }

    /// Records how a restore ended. A later run of the same one has the last word.
    ///
    /// # Errors
    /// The ledger could not be read or written.
    pub async fn end_restore(&self, incident: &IncidentId, number: u32, end: RestoreEnd) -> Result<(), Fault> {
        let row = row(number);
        let Some(item) = self.item(incident, &row).await? else { return Ok(()) };
        let ended = Restore { ended: Some(end), ..from_doc(&item)? };
        let written = self
            .update_about(incident, &row, "SET doc = :doc")
            .condition_expression("doc = :known")
            .expression_attribute_values(":doc", to_doc(&ended)?)
            .expression_attribute_values(":known", text(string(&item, "doc").unwrap_or_default()))
            .send()
            .await;
        // Another run of the same restore wrote it meanwhile.
        if !lost(&written) {
            written.or_fault("ledger: record how a restore ended")?;
        }
        Ok(())
    }
}

/// The sort key: in the order of their numbers.
fn row(number: u32) -> String {
    format!("restore#{number:04}")
}
