//! What the ledger shows of an incident: everything but the gate's token and the raw event.

use super::{Item, ReviewState, from_doc, string};
use firebreak::evidence::Entry;
use firebreak::fault::Fault;
use firebreak::incident::{Incident, IncidentStatus};
use firebreak::receipt::{Receipt, Verification};
use firebreak::report::SweepBranch;
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

pub(super) fn record(item: &Item) -> Result<IncidentRecord, Fault> {
    let status = string(item, "status").unwrap_or_default();
    let status = serde_json::from_value(status.into()).map_err(|_| Fault::bug("ledger: an incident has an unknown status"))?;
    Ok(IncidentRecord { status, incident: from_doc(item)? })
}

pub(super) fn view(items: &[Item]) -> Result<Option<IncidentView>, Fault> {
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
