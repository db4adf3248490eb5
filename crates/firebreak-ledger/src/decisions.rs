//! Which incident answers for which decision about a finding. One item each, won by one conditional write: whatever order
//! deliveries come in, and wherever triage dies, a decision belongs to exactly one incident.

use super::{Ledger, incident_pk, lost, string, text};
use aws_sdk_dynamodb::types::AttributeValue;
use firebreak::coverage::Responsible;
use firebreak::fault::Fault;
use firebreak::ids::IncidentId;
use firebreak_aws::classify::OrFault;

impl Ledger {
    /// Reserves a decision about the finding of `first` for an incident. True when it is that incident's, now or since an earlier
    /// attempt. What was only announced can still be reserved for a containment.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub async fn reserve(&self, first: &IncidentId, key: &str, owner: &Responsible) -> Result<bool, Fault> {
        let mut put = self
            .put_about(first, format!("decided#{key}"))
            .item("incident", text(owner.incident.as_str()))
            .expression_attribute_values(":ours", text(owner.incident.as_str()));
        put = if owner.told_only {
            put.item("told_only", AttributeValue::Bool(true)).condition_expression("attribute_not_exists(pk) OR incident = :ours")
        } else {
            put.condition_expression("attribute_not_exists(pk) OR incident = :ours OR attribute_exists(told_only)")
        };
        let written = put.send().await;
        if lost(&written) {
            return Ok(false);
        }
        written.or_fault("ledger: reserve a decision")?;
        Ok(true)
    }

    /// The reservations about a finding.
    pub(super) async fn reserved(&self, first: &IncidentId) -> Result<Vec<(String, Responsible)>, Fault> {
        let mut pages = self
            .dynamodb
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":pk", incident_pk(first))
            .expression_attribute_values(":prefix", text("decided#"))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        let mut found = Vec::new();
        while let Some(item) = pages.next().await {
            let item = item.or_fault("ledger: read decisions")?;
            let key = string(&item, "sk").and_then(|sk| sk.strip_prefix("decided#")).map(str::to_owned);
            let incident = string(&item, "incident").and_then(|id| IncidentId::parse(id).ok());
            let told_only = item.contains_key("told_only");
            found.extend(key.zip(incident).map(|(key, incident)| (key, Responsible { incident, told_only })));
        }
        Ok(found)
    }
}
