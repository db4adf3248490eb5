#![doc = include_str!("../README.md")]

mod about;
mod announced;
mod bases;
mod budgets;
mod claims;
mod commit;
mod consents;
mod decisions;
mod events;
mod evidence;
mod feed;
mod fleets;
mod gathered;
mod incidents;
mod joins;
mod locks;
mod looked;
mod lookups;
mod overview;
mod pauses;
mod records;
mod restores;
mod reviews;
mod sessions;
mod settled;
mod snapshots;
mod tickets;
mod view;
mod watches;

pub use announced::Announcement;
pub use bases::{Guard, Handed, Held, Lease, Mark, ReleaseClaim, Row};
pub use claims::Claim;
pub use commit::{Commit, Committed};
pub use consents::Consent;
pub use events::RawEvent;
pub use fleets::{Fleet, Hosts, Share};
pub use incidents::Amended;
pub use joins::{JoinEnd, Joining, Pointed, Pointer, Pointing};
pub use locks::Lock;
pub use looked::Left;
pub use lookups::TurnsWanted;
pub use overview::Overview;
pub use reviews::{Gate, OpenedGate, ReviewState};
pub use sessions::{SESSION_SLOTS, SessionSlot};
pub use snapshots::SnapshotTurn;
pub use tickets::Ticket;
pub use view::{IncidentRecord, IncidentView, TimelineEvent};
pub use watches::KnownBefore;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use firebreak::fault::Fault;
use firebreak::ids::IncidentId;
use firebreak_aws::classify::{SdkResult, code};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::sync::Arc;

/// One row of the table.
type Item = HashMap<String, AttributeValue>;

/// The ledger's table.
#[derive(Debug, Clone)]
pub struct Ledger {
    dynamodb: Client,
    table: String,
    /// The running number of what is written about an incident, where somebody counts.
    number: Option<u64>,
    /// What need not be written any more.
    full: Arc<announced::Full>,
}

impl Ledger {
    /// A ledger in `table`. Makes no call.
    #[must_use]
    pub fn new(config: &SdkConfig, table: String) -> Self {
        Self { dynamodb: Client::new(config), table, number: None, full: Arc::default() }
    }
}

fn incident_pk(incident: &IncidentId) -> AttributeValue {
    text(format!("incident#{incident}"))
}

fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn to_doc<T: Serialize>(value: &T) -> Result<AttributeValue, Fault> {
    serde_json::to_string(value).map(AttributeValue::S).map_err(|error| Fault::bug(format!("ledger: cannot serialise: {error}")))
}

fn from_doc<T: DeserializeOwned>(item: &Item) -> Result<T, Fault> {
    let json = string(item, "doc").ok_or_else(|| Fault::bug("ledger: an item has no doc"))?;
    serde_json::from_str(json).map_err(|error| Fault::bug(format!("ledger: an item has an unknown form: {error}")))
}

fn string<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name).and_then(|value| value.as_s().ok()).map(String::as_str)
}

/// True when a conditional write lost: somebody was first.
fn lost<T, E: ProvideErrorMetadata>(result: &SdkResult<T, E>) -> bool {
    result.as_ref().err().and_then(code) == Some("ConditionalCheckFailedException")
}

/// Times as fixed-width UTC text, so that comparing text compares time.
fn sortable(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}
