//! Base states: how a target was before Firebreak first touched it.
//!
//! The first incident owns the base. A later one on the same target joins it and must never record the quarantined state as the
//! base. Only when the last incident lets go is the target put back.

use super::{Item, Ledger, sortable, string, text, to_doc};
use crate::classify::OrFault;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use firebreak::decision::Target;
use firebreak::fault::Fault;
use firebreak::ids::IncidentId;
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A target's base and who holds it.
#[derive(Debug, Clone)]
pub struct Base<T> {
    /// The state before the first change.
    pub state: T,
    /// The incidents that contain this target.
    pub holders: Vec<String>,
}

impl Ledger {
    /// Records `state` as the base of `target` unless it has one, and makes `incident` a holder. Returns the base that counts.
    ///
    /// One atomic write, so two incidents at once cannot both believe to be first. Call it before the first change that could not be
    /// undone without it.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub async fn hold<T>(&self, target: &Target, incident: &IncidentId, state: &T, at: Timestamp) -> Result<Base<T>, Fault>
    where
        T: Serialize + DeserializeOwned,
    {
        let answer = self
            .dynamodb
            .update_item()
            .table_name(&self.table)
            .key("pk", text(format!("target#{}", target.ledger_key())))
            .key("sk", text("base"))
            .update_expression(
                "SET doc = if_not_exists(doc, :doc), captured_by = if_not_exists(captured_by, :by), \
                 captured_at = if_not_exists(captured_at, :at) ADD holders :holder",
            )
            .expression_attribute_values(":doc", to_doc(state)?)
            .expression_attribute_values(":by", text(incident.as_str()))
            .expression_attribute_values(":at", text(sortable(at)))
            .expression_attribute_values(":holder", AttributeValue::Ss(vec![incident.to_string()]))
            .return_values(ReturnValue::AllNew)
            .send()
            .await
            .or_fault("ledger: record the base state")?;
        base(&answer.attributes.unwrap_or_default())?.ok_or_else(|| Fault::bug("ledger: the base state was not written"))
    }

    /// The base of `target`, or nothing when no incident holds it.
    ///
    /// # Errors
    /// The ledger could not be read.
    pub async fn base<T: DeserializeOwned>(&self, target: &Target) -> Result<Option<Base<T>>, Fault> {
        let answer = self
            .dynamodb
            .get_item()
            .table_name(&self.table)
            .key("pk", text(format!("target#{}", target.ledger_key())))
            .key("sk", text("base"))
            .consistent_read(true)
            .send()
            .await
            .or_fault("ledger: read the base state")?;
        base(&answer.item.unwrap_or_default())
    }

    /// Ends `incident`'s hold on `target`. When it was the last one, the base is forgotten: the next incident records a fresh one.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub async fn let_go(&self, target: &Target, incident: &IncidentId) -> Result<(), Fault> {
        let key = text(format!("target#{}", target.ledger_key()));
        self.dynamodb
            .update_item()
            .table_name(&self.table)
            .key("pk", key.clone())
            .key("sk", text("base"))
            .update_expression("DELETE holders :holder")
            .expression_attribute_values(":holder", AttributeValue::Ss(vec![incident.to_string()]))
            .send()
            .await
            .or_fault("ledger: let go of the target")?;
        let forgotten = self
            .dynamodb
            .update_item()
            .table_name(&self.table)
            .key("pk", key)
            .key("sk", text("base"))
            .update_expression("REMOVE doc, captured_by, captured_at")
            // An empty set does not exist in DynamoDB.
            .condition_expression("attribute_not_exists(holders) OR size(holders) = :none")
            .expression_attribute_values(":none", super::number(0))
            .send()
            .await;
        if super::lost(&forgotten) {
            return Ok(());
        }
        forgotten.or_fault("ledger: forget the base state")?;
        Ok(())
    }
}

fn base<T: DeserializeOwned>(item: &Item) -> Result<Option<Base<T>>, Fault> {
    let Some(doc) = string(item, "doc") else { return Ok(None) };
    let state =
        serde_json::from_str(doc).map_err(|error| Fault::bug(format!("ledger: a base state has an unknown form: {error}")))?;
    let holders = item.get("holders").and_then(|h| h.as_ss().ok()).cloned().unwrap_or_default();
    Ok(Some(Base { state, holders }))
}
