//! Incidents in a list: most urgent first, one row each, or several short lines where the terminal is narrow.

use crate::layout::{middle, pad};
use crate::standing::{Facts, Now, State};
use console::{StyledObject, measure_text_width, style};
use firebreak::finding::SeverityBand;
use firebreak::incident::IncidentStatus;
use firebreak::text::inert;
use firebreak_ledger::{IncidentRecord, Overview, ReviewState};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use std::cmp::Reverse;
use std::fmt::Write as _;

/// Narrower than this, a row has no room for its target.
const ROW: usize = 80;
/// The columns before the target, with what is between them: id, severity, state, time left, account.
const BEFORE: usize = 61;
/// So much of a finding's type is worth a column.
const TYPE: usize = 20;

/// An incident as a program reads it.
#[derive(Serialize)]
pub(crate) struct Listed<'a> {
    #[serde(flatten)]
    record: &'a IncidentRecord,
    /// How its targets stand; nothing of an incident that is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'static str>,
    /// When it is asked again.
    #[serde(skip_serializing_if = "Option::is_none")]
    answer_by: Option<Timestamp>,
}

impl<'a> From<&'a Overview> for Listed<'a> {
    fn from(known: &'a Overview) -> Self {
        let is_known = known.record.status.is_open() || known.record.status == IncidentStatus::Failed;
        let state = is_known.then(|| Facts::from(known).state().word());
        Self { record: &known.record, state, answer_by: deadline(&known.record, known.review.as_ref()) }
    }
}

/// Until when a gate waits. Nothing when it waits for nobody any more.
pub(crate) fn deadline(record: &IncidentRecord, review: Option<&ReviewState>) -> Option<Timestamp> {
    let waits = |review: &&ReviewState| review.decision.is_none() && record.status == IncidentStatus::AwaitingReview;
    let opened: Timestamp = review.filter(waits)?.opened_at.parse().ok()?;
    let patience = SignedDuration::from_secs(i64::from(record.incident.timing.review_timeout_seconds));
    opened.checked_add(patience).ok()
}

/// How long there is, in the two largest units.
pub(crate) fn left(until: Timestamp, now: Timestamp) -> String {
    let seconds = until.duration_since(now).as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        ..=0 => "overdue".to_owned(),
        1..60 => format!("{seconds}s"),
        60..3600 => format!("{minutes}m"),
        3600..86_400 => format!("{hours}h {}m", minutes % 60),
        _ => format!("{days}d {}h", hours % 24),
    }
}

/// Most urgent first: who waits for an answer and is not contained, then the severity, then how it stands and how long there is.
pub(crate) fn sort(all: &mut [Overview]) {
    all.sort_by_cached_key(|known| {
        let (status, severity) = (known.record.status, Reverse(known.record.incident.gravest().severity_band));
        let opened = known.record.incident.opened_at.as_second();
        let until = deadline(&known.record, known.review.as_ref()).map_or(opened, Timestamp::as_second);
        let state = Facts::from(known).state();
        match status {
            IncidentStatus::AwaitingReview if state.is_open() => (0, severity, state, until),
            IncidentStatus::Failed if state.is_open() => (1, severity, state, until),
            IncidentStatus::AwaitingReview => (2, severity, state, until),
            IncidentStatus::Triaged | IncidentStatus::Containing => (3, severity, State::Nothing, until),
            // What is over: the newest first.
            _ => (4, Reverse(None), State::Nothing, -opened),
        }
    });
}

/// The list, for a screen of `width` columns.
pub(crate) fn shown(all: &[Overview], now: Timestamp, width: usize) -> String {
    let mut out = String::new();
    if width >= ROW && !all.is_empty() {
        let head =
            cells([("ID", 19), ("SEV", 4), ("STATE", 9), ("LEFT", 7), ("ACCOUNT", 12)].map(|(name, wide)| pad(name, wide)));
        let _ = writeln!(out, "{}", style(format!("{head}TARGET")).dim());
    }
    for known in all {
        out.push_str(&if width >= ROW { row(known, now, width) } else { block(known, now, width) });
    }
    out
}

fn cells<const N: usize>(cells: [String; N]) -> String {
    cells.iter().flat_map(|cell| [cell.as_str(), "  "]).collect()
}

fn row(known: &Overview, now: Timestamp, width: usize) -> String {
    let id = style(known.record.incident.id.as_str()).bold().to_string();
    let (severity, account) = (severity(known, true), account(known));
    let before = cells([
        pad(&id, 19),
        pad(&severity, 4),
        pad(&state(known).to_string(), 9),
        pad(&waits(known, now), 7),
        pad(&account, 12),
    ]);
    let room = width.saturating_sub(BEFORE);
    let target = target(known, room);
    let rest = room.saturating_sub(measure_text_width(&target) + 2);
    let kind = if rest >= TYPE { format!("  {}", middle(&kind(known), rest)) } else { String::new() };
    format!("{before}{target}{kind}\n")
}

fn block(known: &Overview, now: Timestamp, width: usize) -> String {
    let room = width.saturating_sub(2);
    let (id, severity) = (style(known.record.incident.id.as_str()).bold(), severity(known, false));
    let until = deadline(&known.record, known.review.as_ref()).filter(|until| *until > now);
    let left = match (until, waits(known, now)) {
        (Some(until), _) => format!(", {} left", left(until, now)),
        (None, word) if word.is_empty() => String::new(),
        (None, word) => format!(", {word}"),
    };
    let (target, account) = (target(known, room), account(known));
    let kind = middle(&kind(known), room);
    format!("{id}  {severity}\n  {}{left}\n  {target}\n  {account}\n  {kind}\n", state(known))
}

fn severity(known: &Overview, short: bool) -> String {
    match known.record.incident.gravest().severity_band {
        Some(SeverityBand::Critical) if short => "CRIT".to_owned(),
        Some(SeverityBand::Medium) if short => "MED".to_owned(),
        Some(band) => band.label().to_owned(),
        None if short => "-".to_owned(),
        None => "no severity".to_owned(),
    }
}

/// How it stands, in one word: of an incident that is over, its status says it.
fn state(known: &Overview) -> StyledObject<&'static str> {
    let status = known.record.status;
    match status {
        IncidentStatus::AwaitingReview => {
            let state = Facts::from(known).state();
            let word = style(state.word());
            match state {
                State::Open | State::Partly => word.red().bold(),
                State::Gated | State::ByHand => word.yellow().bold(),
                State::Contained => word.green(),
                State::Nothing => word.dim(),
            }
        }
        IncidentStatus::Triaged | IncidentStatus::Containing => style("running").cyan(),
        _ => crate::paint::incident_status(status),
    }
}

/// How long the gate still waits.
fn waits(known: &Overview, now: Timestamp) -> String {
    match deadline(&known.record, known.review.as_ref()) {
        Some(until) => left(until, now),
        None if known.record.status == IncidentStatus::AwaitingReview && known.review.is_some() => "taken".to_owned(),
        None => String::new(),
    }
}

fn account(known: &Overview) -> String {
    let stands = Facts::from(known).stands();
    let account = stands.first().map(|stand| &stand.target.account).or(known.record.incident.gravest().account.as_ref());
    account.map_or_else(|| "unknown".to_owned(), ToString::to_string)
}

/// The target that needs somebody most, and how many others there are: what is only offered is none. Its id stays where the kind has no
/// room.
fn target(known: &Overview, room: usize) -> String {
    let stands = Facts::from(known).stands();
    let Some(first) = stands.first() else { return middle("no target", room) };
    let others = stands.iter().skip(1).filter(|stand| stand.now != Now::Offered).count();
    let more = if others > 0 { format!(" +{others}") } else { String::new() };
    let room = room.saturating_sub(more.len());
    let whole = first.target.to_string();
    let name = if measure_text_width(&whole) <= room { whole } else { middle(&inert(&first.target.id, 256), room) };
    format!("{name}{more}")
}

fn kind(known: &Overview) -> String {
    let others = known.record.incident.findings.len().saturating_sub(1);
    let others = if others > 0 { format!(" +{others}") } else { String::new() };
    let kind = known.record.incident.gravest().finding_type.as_deref().unwrap_or("unknown finding");
    format!("{}{others}", inert(kind, 128))
}
