//! Incidents, their status, receipts and timeline.

use super::{Item, Ledger, RawEvent, ReviewState, from_doc, incident_pk, sortable, string, text, to_doc};
use aws_sdk_dynamodb::types::AttributeValue;
use firebreak::decision::{Containment, Target};
use firebreak::evidence::Entry;
use firebreak::fault::Fault;
use firebreak::ids::IncidentId;
use firebreak::incident::{Incident, IncidentStatus, SweepBranch};
use firebreak::receipt::{Receipt, Verification};
use firebreak_aws::classify::OrFault;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One incident in a list.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct IncidentRecord {
    /// Where it is in its life.
    pub status: IncidentStatus,
    /// The incident.
    #[serde(flatten)]
    pub incident: Incident,
}

/// Everything the ledger knows of one incident, without the gate's token.
#[derive(Debug, Clone, Serialize)]
pub struct IncidentView {
    /// The incident and its status.
    #[serde(flatten)]
    pub record: IncidentRecord,
    /// What the containments did.
    pub receipts: Vec<Receipt>,
    /// What AWS said afterwards.
    pub verifications: Vec<Verification>,
    /// What was undone.
    pub releases: Vec<Receipt>,
    /// What the looks into CloudTrail found, once there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sweep: Option<SweepBranch>,
    /// The evidence collected so far.
    pub evidence: Vec<Entry>,
    /// The gate and the answer.
    pub review: Option<ReviewState>,
    /// What happened when, oldest first.
    pub timeline: Vec<TimelineEvent>,
}

/// One line of the timeline.
#[derive(Debug, Clone, Serialize)]
pub struct TimelineEvent {
    /// When.
    pub at: String,
    /// What.
    pub what: String,
}

impl Ledger {
    /// Writes the raw event and then the incident. A new execution of the same finding replaces both.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub async fn open_incident(&self, incident: &Incident, status: IncidentStatus, raw: &RawEvent<'_>) -> Result<(), Fault> {
        self.keep_raw(&incident.id, raw).await?;
        self.dynamodb
            .put_item()
            .table_name(&self.table)
            .item("pk", incident_pk(&incident.id))
            .item("sk", text("incident"))
            .item("feed", text("incident"))
            .item("opened_at", text(sortable(incident.opened_at)))
            .item("status", text(status.word()))
            .item("doc", to_doc(incident)?)
            .send()
            .await
            .or_fault("ledger: open incident")?;
        Ok(())
    }

    /// Writes what was decided since the incident was opened. False when the ledger does not know the incident.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub async fn extend_incident(&self, incident: &Incident) -> Result<bool, Fault> {
        let written = self
            .dynamodb
            .update_item()
            .table_name(&self.table)
            .key("pk", incident_pk(&incident.id))
            .key("sk", text("incident"))
            .update_expression("SET doc = :doc")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":doc", to_doc(incident)?)
            .send()
            .await;
        if super::lost(&written) {
            return Ok(false);
        }
        written.or_fault("ledger: extend incident")?;
        Ok(true)
    }

    /// Moves an incident to `status` unless it is in one of the statuses in `unless`.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub async fn set_status(
        &self,
        incident: &IncidentId,
        status: IncidentStatus,
        unless: &[IncidentStatus],
    ) -> Result<(), Fault> {
        let mut update = self
            .dynamodb
            .update_item()
            .table_name(&self.table)
            .key("pk", incident_pk(incident))
            .key("sk", text("incident"))
            .update_expression("SET #status = :status")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":status", text(status.word()));
        let mut condition = "attribute_exists(pk)".to_owned();
        for (i, status) in unless.iter().enumerate() {
            condition.push_str(&format!(" AND #status <> :not{i}"));
            update = update.expression_attribute_values(format!(":not{i}"), text(status.word()));
        }
        let written = update.condition_expression(condition).send().await;
        if super::lost(&written) {
            return Ok(());
        }
        written.or_fault("ledger: set status")?;
        Ok(())
    }

    /// Keeps what a containment did to one target.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub async fn keep_receipt(&self, incident: &IncidentId, receipt: &Receipt) -> Result<(), Fault> {
        self.keep_about("receipt", incident, receipt.containment, &receipt.target.scoped_key(), receipt).await
    }

    /// What a containment did to one target, if it has been there.
    ///
    /// # Errors
    /// The ledger could not be read.
    pub async fn receipt(
        &self,
        incident: &IncidentId,
        containment: Containment,
        target: &Target,
    ) -> Result<Option<Receipt>, Fault> {
        let item = self.item(incident, &format!("receipt#{containment}#{}", target.scoped_key())).await?;
        item.as_ref().map(from_doc).transpose()
    }

    /// What AWS said about one target at an earlier look, if there was one.
    ///
    /// # Errors
    /// The ledger could not be read.
    pub async fn verification(
        &self,
        incident: &IncidentId,
        containment: Containment,
        target: &Target,
    ) -> Result<Option<Verification>, Fault> {
        let item = self.item(incident, &format!("verification#{containment}#{}", target.scoped_key())).await?;
        item.as_ref().map(from_doc).transpose()
    }

    /// Keeps a receipt that the state machine wrote. One that a function left about this target says more and stays.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub async fn keep_machine_receipt(&self, incident: &IncidentId, receipt: &Receipt) -> Result<(), Fault> {
        let containment = receipt.containment.map_or("none", |containment| containment.name());
        let kept = self
            .dynamodb
            .put_item()
            .table_name(&self.table)
            .item("pk", incident_pk(incident))
            .item("sk", text(format!("receipt#{containment}#{}", receipt.target.scoped_key())))
            .item("doc", to_doc(receipt)?)
            .item("machine", AttributeValue::Bool(true))
            .condition_expression("attribute_not_exists(pk) OR attribute_exists(machine)")
            .send()
            .await;
        if super::lost(&kept) {
            return Ok(());
        }
        kept.or_fault("ledger: keep receipt")?;
        Ok(())
    }

    /// Keeps what was undone at one target.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub async fn keep_release(&self, incident: &IncidentId, receipt: &Receipt) -> Result<(), Fault> {
        self.keep_about("release", incident, receipt.containment, &receipt.target.scoped_key(), receipt).await
    }

    /// Keeps what AWS said about one target after containment.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub async fn keep_verification(&self, incident: &IncidentId, check: &Verification) -> Result<(), Fault> {
        self.keep_about("verification", incident, check.containment, &check.target.scoped_key(), check).await
    }

    async fn keep_about<T: Serialize>(
        &self,
        what: &str,
        incident: &IncidentId,
        containment: Option<Containment>,
        target: &str,
        value: &T,
    ) -> Result<(), Fault> {
        let containment = containment.map_or("none", |c| c.name());
        self.dynamodb
            .put_item()
            .table_name(&self.table)
            .item("pk", incident_pk(incident))
            .item("sk", text(format!("{what}#{containment}#{target}")))
            .item("doc", to_doc(value)?)
            .send()
            .await
            .or_fault(&format!("ledger: keep {what}"))?;
        Ok(())
    }

    /// Keeps what the looks into CloudTrail found so far.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub async fn keep_sweep(&self, incident: &IncidentId, sweep: &SweepBranch) -> Result<(), Fault> {
        let put = self.dynamodb.put_item().table_name(&self.table).item("pk", incident_pk(incident)).item("sk", text("sweep"));
        put.item("doc", to_doc(sweep)?).send().await.or_fault("ledger: keep what CloudTrail showed")?;
        Ok(())
    }

    /// Adds a line to the timeline. Writing the same line of the same time again changes nothing.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub async fn note(&self, incident: &IncidentId, at: Timestamp, what: &str) -> Result<(), Fault> {
        // Part of the sort key, which DynamoDB bounds at 1,024 bytes.
        let what = firebreak::text::inert(what, 200);
        self.dynamodb
            .put_item()
            .table_name(&self.table)
            .item("pk", incident_pk(incident))
            .item("sk", text(format!("timeline#{}#{what}", sortable(at))))
            .item("at", text(sortable(at)))
            .item("what", text(what))
            .send()
            .await
            .or_fault("ledger: note")?;
        Ok(())
    }

    /// The newest incidents, at most `limit`.
    ///
    /// # Errors
    /// The ledger could not be read.
    pub async fn incidents(&self, limit: i32) -> Result<Vec<IncidentRecord>, Fault> {
        let answer = self
            .dynamodb
            .query()
            .table_name(&self.table)
            .index_name("incidents")
            .key_condition_expression("feed = :feed")
            .expression_attribute_values(":feed", text("incident"))
            .scan_index_forward(false)
            .limit(limit)
            .send()
            .await
            .or_fault("ledger: list incidents")?;
        answer.items().iter().map(record).collect()
    }

    /// All incidents of one status, newest first, however many others there are.
    ///
    /// # Errors
    /// The ledger could not be read.
    pub async fn incidents_in(&self, status: IncidentStatus) -> Result<Vec<IncidentRecord>, Fault> {
        let mut pages = self
            .dynamodb
            .query()
            .table_name(&self.table)
            .index_name("incidents")
            .key_condition_expression("feed = :feed")
            .filter_expression("#status = :status")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":feed", text("incident"))
            .expression_attribute_values(":status", text(status.word()))
            .scan_index_forward(false)
            .into_paginator()
            .items()
            .send();
        let mut found = Vec::new();
        while let Some(item) = pages.next().await {
            found.push(record(&item.or_fault("ledger: list incidents")?)?);
        }
        Ok(found)
    }

    /// An incident and its status, or nothing when the ledger does not know it.
    ///
    /// # Errors
    /// The ledger could not be read.
    pub async fn record(&self, incident: &IncidentId) -> Result<Option<IncidentRecord>, Fault> {
        self.item(incident, "incident").await?.as_ref().map(record).transpose()
    }

    /// Everything about one incident, or nothing when the ledger does not know it.
    ///
    /// # Errors
    /// The ledger could not be read.
    pub async fn incident(&self, incident: &IncidentId) -> Result<Option<IncidentView>, Fault> {
        let mut items: Vec<Item> = Vec::new();
        let mut pages = self
            .dynamodb
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", incident_pk(incident))
            // The gate's token and the raw event stay in the table.
            .projection_expression("sk, doc, #status, #at, what, decision, round, entered_at, delivered")
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#at", "at")
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        while let Some(item) = pages.next().await {
            items.push(item.or_fault("ledger: read incident")?);
        }
        view(&items)
    }

    pub(super) async fn item(&self, incident: &IncidentId, sk: &str) -> Result<Option<Item>, Fault> {
        let answer = self
            .dynamodb
            .get_item()
            .table_name(&self.table)
            .key("pk", incident_pk(incident))
            .key("sk", text(sk))
            .consistent_read(true)
            .send()
            .await
            .or_fault(&format!("ledger: read {sk}"))?;
        Ok(answer.item)
    }
}

fn record(item: &Item) -> Result<IncidentRecord, Fault> {
    let status = string(item, "status").unwrap_or_default();
    let status = serde_json::from_value(status.into()).map_err(|_| Fault::bug("ledger: an incident has an unknown status"))?;
    Ok(IncidentRecord { status, incident: from_doc(item)? })
}

fn view(items: &[Item]) -> Result<Option<IncidentView>, Fault> {
    let section = |prefix: &'static str| items.iter().filter(move |i| string(i, "sk").is_some_and(|sk| sk.starts_with(prefix)));
    let Some(main) = section("incident").next() else { return Ok(None) };
    Ok(Some(IncidentView {
        record: record(main)?,
        receipts: section("receipt#").map(from_doc).collect::<Result<_, _>>()?,
        verifications: section("verification#").map(from_doc).collect::<Result<_, _>>()?,
        releases: section("release#").map(from_doc).collect::<Result<_, _>>()?,
        sweep: items.iter().find(|item| string(item, "sk") == Some("sweep")).map(from_doc).transpose()?,
        evidence: section("evidence#").map(from_doc).collect::<Result<_, _>>()?,
        review: section("review").next().map(ReviewState::of).transpose()?,
        timeline: section("timeline#")
            .map(|item| TimelineEvent {
                at: string(item, "at").unwrap_or_default().to_owned(),
                what: string(item, "what").unwrap_or_default().to_owned(),
            })
            .collect(),
    }))
}
