//! The ledger: one DynamoDB table that remembers what must survive a crash.
//!
//! | `pk` | `sk` | what |
//! |---|---|---|
//! | `incident#<id>` | `claim` | which execution works on the finding |
//! | | `incident` | the incident, its status; in the index `incidents` by `opened_at` |
//! | | `event` | the raw event, for evidence, or where it is stored |
//! | | `decided#<key>` | which incident answers for one decision about the finding |
//! | | `receipt#<containment>#<target>` | what was done |
//! | | `verification#…`, `release#…` | what was read back, what was undone |
//! | | `evidence#<key>` | one entry of the manifest |
//! | | `timeline#<time>#<what>` | what happened when |
//! | | `review` | the open gate with its task token, and the answer |
//! | `target#<target>` | `base` | the state before the first change, and the incidents that hold it |
//! | `lock#<name>` | `lock` | who writes something that AWS gives no condition to write on, and until when |
//! | `event#<sha256>` | `part#<n>` | a large event, written before an execution refers to it |
//! | `budget#<account>#<containment>` | `<hour>` | the targets contained without a person in that hour |
//!
//! Values are JSON in the attribute `doc`; attributes beside it exist where a condition needs them.

mod bases;
mod budgets;
mod claims;
mod decisions;
mod events;
mod evidence;
mod incidents;
mod locks;
mod reviews;
mod sessions;

pub use bases::{Held, ReleaseClaim};
pub use claims::Claim;
pub use events::RawEvent;
pub use incidents::{IncidentRecord, IncidentView};
pub use locks::Lock;
pub use reviews::{Gate, OpenedGate, ReviewState};
pub use sessions::SESSION_SLOTS;

use crate::classify::{SdkResult, code};
use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use firebreak::fault::Fault;
use firebreak::ids::IncidentId;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::HashMap;

/// One row of the table.
type Item = HashMap<String, AttributeValue>;

/// The ledger's table.
#[derive(Debug, Clone)]
pub struct Ledger {
    dynamodb: Client,
    table: String,
}

impl Ledger {
    /// A ledger in `table`. Makes no call.
    #[must_use]
    pub fn new(config: &SdkConfig, table: String) -> Self {
        Self { dynamodb: Client::new(config), table }
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
