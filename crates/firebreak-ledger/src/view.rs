//! What the ledger shows of an incident: everything but the gate's token and the raw event.

use super::evidence::missing;
use super::tickets::integer;
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
    /// What could not be collected, one line each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
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

/// What the looks of all executions found, but for those that are kept in the row `own`. Nothing: there was no other look.
pub(super) fn looks(items: &[Item], own: Option<&str>) -> Result<Option<SweepBranch>, Fault> {
    let is_look = |sk: &str| (sk == LOOKS || sk.starts_with(&look_row(Some("")))) && own != Some(sk);
    let mut all: Option<SweepBranch> = None;
    for item in items.iter().filter(|item| string(item, "sk").is_some_and(is_look)) {
        let found: SweepBranch = from_doc(item)?;
        match &mut all {
            Some(all) => all.add(&found),
            None => all = Some(found),
        }
    }
    Ok(all)
}

const LOOKS: &str = "sweep";

/// The sort key of what the looks of one execution found: the one that opened the incident, or one whose finding joined it.
pub(super) fn look_row(joining: Option<&str>) -> String {
    joining.map_or_else(|| LOOKS.to_owned(), |finding| format!("{LOOKS}#{finding}"))
}

pub(super) fn view(items: &[Item]) -> Result<Option<IncidentView>, Fault> {
    let section = |prefix: &'static str| items.iter().filter(move |i| string(i, "sk").is_some_and(|sk| sk.starts_with(prefix)));
    let Some(main) = section("incident").next() else { return Ok(None) };
    let mut record = record(main)?;
    record.incident.more_findings = section("joins").find_map(|item| integer(item, "more")).unwrap_or_default();
    Ok(Some(IncidentView {
        record,
        receipts: section("receipt#").map(from_doc).collect::<Result<_, _>>()?,
        verifications: section("verification#").map(from_doc).collect::<Result<_, _>>()?,
        releases: section("release#").map(from_doc).collect::<Result<_, _>>()?,
        sweep: looks(items, None)?,
        evidence: section("evidence#").map(from_doc).collect::<Result<_, _>>()?,
        missing: missing(section("missing#"))?,
        review: section("review").next().map(ReviewState::of).transpose()?,
        timeline: section("timeline#")
            .map(|item| TimelineEvent {
                at: string(item, "at").unwrap_or_default().to_owned(),
                what: string(item, "what").unwrap_or_default().to_owned(),
            })
            .collect(),
    }))
}
