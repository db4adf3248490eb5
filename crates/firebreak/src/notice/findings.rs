//! Which findings an incident answers: the one that opened it, and those that joined.

use super::document::{Entry, Part, Section, Text};
use crate::incident::Incident;
use crate::plan::FindingSummary;
use crate::playbook::Playbook;
use jiff::Timestamp;

/// A finding's type. One that the playbook does not know is anybody's text.
pub(super) fn type_of(finding: &FindingSummary) -> Text {
    match finding.finding_type.as_deref() {
        Some(kind) if Playbook::shipped().row(kind).is_some() => Text::name(kind, 128),
        Some(kind) => Text::words(kind, 128),
        None => Text::ours("unknown finding"),
    }
}

pub(super) fn severity(finding: &FindingSummary) -> String {
    match (finding.severity_band, finding.severity) {
        (Some(band), Some(number)) => format!("{} ({number})", band.label()),
        (Some(band), None) => band.label().to_owned(),
        _ => "unknown".to_owned(),
    }
}

pub(super) fn region(finding: &FindingSummary) -> &str {
    finding.region.as_ref().map_or("unknown", |region| region.as_str())
}

pub(super) fn shown(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// The findings, when there are several. Of those that add nothing the Region is enough, or their number.
pub(super) fn several(incident: &Incident) -> Option<Section> {
    if incident.findings.len() < 2 && incident.more_findings == 0 {
        return None;
    }
    let adds = |finding: &&FindingSummary| finding.joined.as_ref().is_none_or(|joined| joined.revision.is_some());
    let mut entries: Vec<Entry> = incident.findings.iter().filter(adds).map(|finding| entry(finding, incident)).collect();
    if incident.more_findings > 0 {
        entries.push(Entry::line(Text::ours(format!("{} more like these, which add nothing", incident.more_findings))));
    }
    Section::of(Part::Found, "Findings of this incident", entries)
}

fn entry(finding: &FindingSummary, incident: &Incident) -> Entry {
    let at = finding.joined.as_ref().map_or(incident.opened_at, |joined| joined.at);
    let mut says = format!("{}, {}, {}", severity(finding), region(finding), shown(at));
    let is_copy = |other: &&FindingSummary| {
        let adds_nothing = other.joined.as_ref().is_some_and(|joined| joined.revision.is_none());
        adds_nothing && other.finding_type == finding.finding_type
    };
    // Copies are told with the first of their type.
    let first = incident.findings.iter().find(|other| other.finding_type == finding.finding_type);
    let copies = incident.findings.iter().filter(is_copy).map(region).collect::<Vec<_>>();
    if first == Some(finding) && !copies.is_empty() {
        says.push_str(&format!("; the same from {}", copies.join(", ")));
    }
    Entry { subject: Some(type_of(finding)), says: vec![Text::ours(says)], ..Entry::default() }
}
