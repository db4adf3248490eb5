//! Incidents in the order in which they were opened: the index `feed`.
//!
//! The index has 16 partitions and of each incident the status alone. One partition takes 1,000 writes a second, and an index that is
//! full makes `DynamoDB` refuse writes to the table (developer guide, "GSI write throttling and back pressure"): who floods Firebreak
//! with findings must not stop the triage of others. A list reads the keys here, and the incidents from the table.

use super::view::IncidentRecord;
use super::{Item, Ledger, string, text};
use firebreak::fault::Fault;
use firebreak::ids::IncidentId;
use firebreak::incident::IncidentStatus;
use firebreak_aws::classify::OrFault;
use futures::future::try_join_all;
use futures::stream::{StreamExt as _, TryStreamExt as _, iter};
use jiff::Timestamp;

/// The partition of incidents that an earlier version opened. They are in the index like any other.
const OF_EARLIER_VERSIONS: &str = "incident";
/// What an id's random part is written in.
const HEX: &str = "0123456789abcdef";
/// Incidents read at once.
pub(super) const AT_ONCE: usize = 16;

/// The partition of an incident: by the first digit of its id, which is a digest.
pub(super) fn partition(incident: &IncidentId) -> String {
    let digit = incident.as_str().trim_start_matches("fb-").chars().next().filter(|digit| HEX.contains(*digit));
    digit.map_or_else(|| OF_EARLIER_VERSIONS.to_owned(), |digit| format!("{OF_EARLIER_VERSIONS}#{digit}"))
}

/// Every partition.
fn partitions() -> impl Iterator<Item = String> {
    let sharded = HEX.chars().map(|digit| format!("{OF_EARLIER_VERSIONS}#{digit}"));
    std::iter::once(OF_EARLIER_VERSIONS.to_owned()).chain(sharded)
}

/// Which incidents of a partition are meant.
#[derive(Clone, Copy)]
pub(super) enum Which<'a> {
    /// The newest, so many.
    Newest(i32),
    /// Those of one status.
    In(IncidentStatus),
    /// Those that were opened then or later.
    Since(&'a str),
}

impl Ledger {
    /// The newest incidents, at most `limit`, newest first.
    ///
    /// # Errors
    /// The ledger could not be read.
    pub async fn incidents(&self, limit: i32) -> Result<Vec<IncidentRecord>, Fault> {
        let mut found = self.found(Which::Newest(limit)).await?;
        found.truncate(usize::try_from(limit).unwrap_or_default());
        self.read(found).await
    }

    /// All incidents of one status, newest first, however many others there are.
    ///
    /// # Errors
    /// The ledger could not be read.
    pub async fn incidents_in(&self, status: IncidentStatus) -> Result<Vec<IncidentRecord>, Fault> {
        let found = self.found(Which::In(status)).await?;
        let mut records = self.read(found).await?;
        // The index is a moment behind the table.
        records.retain(|record| record.status == status);
        Ok(records)
    }

    /// All incidents that were opened at `since` or later, newest first, however many there are.
    ///
    /// # Errors
    /// The ledger could not be read.
    pub async fn incidents_since(&self, since: Timestamp) -> Result<Vec<IncidentRecord>, Fault> {
        let since = super::sortable(since);
        let found = self.found(Which::Since(&since)).await?;
        self.read(found).await
    }

    /// The keys of the incidents that are meant, newest first, from all partitions side by side.
    pub(super) async fn found(&self, which: Which<'_>) -> Result<Vec<Item>, Fault> {
        let mut found = try_join_all(partitions().map(|partition| self.found_in(partition, which))).await?.concat();
        found.sort_by(|one, other| string(other, "opened_at").cmp(&string(one, "opened_at")));
        Ok(found)
    }

    async fn found_in(&self, partition: String, which: Which<'_>) -> Result<Vec<Item>, Fault> {
        let condition = if let Which::Since(_) = which { "feed = :feed AND opened_at >= :since" } else { "feed = :feed" };
        let query = self
            .dynamodb
            .query()
            .table_name(&self.table)
            .index_name("feed")
            .key_condition_expression(condition)
            .expression_attribute_values(":feed", text(partition))
            .scan_index_forward(false);
        let query = match which {
            Which::Newest(limit) => {
                let answer = query.limit(limit).send().await.or_fault("ledger: list incidents")?;
                return Ok(answer.items.unwrap_or_default());
            }
            Which::Since(since) => query.expression_attribute_values(":since", text(since)),
            Which::In(status) => query
                .filter_expression("#status = :status")
                .expression_attribute_names("#status", "status")
                .expression_attribute_values(":status", text(status.word())),
        };
        query.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await.or_fault("ledger: list incidents")
    }

    /// Reads the incidents of these keys, in their order.
    async fn read(&self, keys: Vec<Item>) -> Result<Vec<IncidentRecord>, Fault> {
        let read = iter(keys).map(async |key| {
            let (pk, sk) = (string(&key, "pk").unwrap_or_default(), string(&key, "sk").unwrap_or_default());
            self.record_at(pk, sk).await
        });
        let read: Vec<Option<IncidentRecord>> = read.buffered(AT_ONCE).try_collect().await?;
        Ok(read.into_iter().flatten().collect())
    }
}
