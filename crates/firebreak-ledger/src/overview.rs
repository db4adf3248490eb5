//! What a list shows of an incident: how its targets stand, and until when its gate waits.
//!
//! Two small queries for each incident that is not over, one read for each that is: evidence, timeline and looks stay in the table.

use super::feed::{AT_ONCE, Which};
use super::view::{IncidentRecord, IncidentView, view};
use super::{Item, Ledger, ReviewState, string, text};
use firebreak::fault::Fault;
use firebreak::incident::IncidentStatus;
use firebreak::receipt::{Receipt, Verification};
use firebreak_aws::classify::OrFault;
use futures::stream::{StreamExt as _, TryStreamExt as _, iter};

/// One incident in a list that says how it stands. Of one that is over, the record alone is read.
#[derive(Debug, Clone)]
pub struct Overview {
    /// The incident and its status.
    pub record: IncidentRecord,
    /// What the containments did.
    pub receipts: Vec<Receipt>,
    /// What AWS said afterwards.
    pub verifications: Vec<Verification>,
    /// What was undone.
    pub releases: Vec<Receipt>,
    /// The gate and the answer.
    pub review: Option<ReviewState>,
}

impl From<IncidentRecord> for Overview {
    fn from(record: IncidentRecord) -> Self {
        Self { record, receipts: vec![], verifications: vec![], releases: vec![], review: None }
    }
}

impl From<IncidentView> for Overview {
    fn from(view: IncidentView) -> Self {
        let IncidentView { record, receipts, verifications, releases, review, .. } = view;
        Self { record, receipts, verifications, releases, review }
    }
}

impl Ledger {
    /// The newest incidents and how they stand, at most `limit`, newest first.
    ///
    /// # Errors
    /// The ledger could not be read.
    pub async fn overviews(&self, limit: i32) -> Result<Vec<Overview>, Fault> {
        let mut found = self.found(Which::Newest(limit)).await?;
        found.truncate(usize::try_from(limit).unwrap_or_default());
        self.overviews_of(found).await
    }

    /// All incidents of one status and how they stand, newest first, however many others there are.
    ///
    /// # Errors
    /// The ledger could not be read.
    pub async fn overviews_in(&self, status: IncidentStatus) -> Result<Vec<Overview>, Fault> {
        let mut all = self.overviews_of(self.found(Which::In(status)).await?).await?;
        // The index is a moment behind the table.
        all.retain(|overview| overview.record.status == status);
        Ok(all)
    }

    async fn overviews_of(&self, keys: Vec<Item>) -> Result<Vec<Overview>, Fault> {
        let read = iter(keys).map(async |key| self.overview(&key).await);
        let read: Vec<Option<Overview>> = read.buffered(AT_ONCE).try_collect().await?;
        Ok(read.into_iter().flatten().collect())
    }

    /// The incident of a key in the index.
    async fn overview(&self, key: &Item) -> Result<Option<Overview>, Fault> {
        let (pk, sk) = (string(key, "pk").unwrap_or_default(), string(key, "sk").unwrap_or_default());
        let is = |status: IncidentStatus| string(key, "status") == Some(status.word());
        if !IncidentStatus::OPEN.into_iter().chain([IncidentStatus::Failed]).any(is) {
            return Ok(self.record_at(pk, sk).await?.map(Overview::from));
        }
        // In the order of the keys: incident, joins, missing, receipts, releases, review.
        let mut rows =
            self.range(pk, "pk = :pk AND sk BETWEEN :first AND :last", [(":first", "incident"), (":last", "review")]).await?;
        if rows.iter().any(|row| string(row, "sk").is_some_and(|sk| sk.starts_with("receipt#"))) {
            rows.extend(self.range(pk, "pk = :pk AND begins_with(sk, :first)", [(":first", "verification#")]).await?);
        }
        Ok(view(&rows)?.map(Overview::from))
    }

    async fn range<const N: usize>(&self, pk: &str, keys: &str, values: [(&str, &str); N]) -> Result<Vec<Item>, Fault> {
        let query = self
            .dynamodb
            .query()
            .table_name(&self.table)
            .key_condition_expression(keys)
            .expression_attribute_values(":pk", text(pk))
            // Analysts may read these attributes.
            .projection_expression(super::incidents::SHOWN)
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#at", "at");
        let query = values.into_iter().fold(query, |query, (name, value)| query.expression_attribute_values(name, text(value)));
        query.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await.or_fault("ledger: read incident")
    }
}
