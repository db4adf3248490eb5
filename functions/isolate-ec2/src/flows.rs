//! Whether anything still flows, by the flow logs that there are.
//!
//! Flow logs come minutes late, so that nothing is asked before 15 minutes after the isolation. From then on every look reads the
//! same hour: what it found stays told, and the same line is no news. Only windows that begin after the isolation count. That no
//! flow was accepted is said only where such a window of every interface was delivered.

mod bucket;
mod group;
mod record;
mod source;

use crate::base::NetworkInterface;
use aws_sdk_ec2::Client;
use firebreak::fault::{Fault, FaultKind};
use firebreak::receipt::Receipt;
use firebreak_aws::clock;
use firebreak_function::containment::{Call, Checked};
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use record::{Flow, Seen};
use source::{Place, Source};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// A window lasts up to ten minutes, and is delivered up to ten minutes later (VPC user guide, "Flow log records"): mostly less.
const DUE: SignedDuration = SignedDuration::from_mins(15);
/// Windows that begin later are not read: every look tells of the same ones.
const READ: SignedDuration = SignedDuration::from_hours(1);
/// A look has other work.
const PATIENCE: Duration = Duration::from_secs(8);
/// Flow logs that one look reads.
const SOURCES: usize = 10;
/// Flows that are listed.
const LISTED: usize = 10;
/// Interfaces that a line names.
const NAMED: usize = 5;

const LATE: &str = "the time for it ran out";

/// The windows that count: they begin after `since`, and not after `until`.
#[derive(Debug, Clone, Copy)]
struct Span {
    since: Timestamp,
    until: Timestamp,
}

impl Span {
    fn after(since: Timestamp) -> Self {
        Self { since, until: since.checked_add(READ).unwrap_or(since) }
    }

    /// Whether a window begins in it. A window knows whole seconds: one of the isolation's own second may have begun before.
    fn has(self, start: i64) -> bool {
        start > self.since.as_second() && start <= self.until.as_second()
    }
}

/// What one flow log says.
#[derive(Debug, Default)]
struct Read {
    /// By interface.
    seen: BTreeMap<String, Seen>,
    /// Why it was not read, or not all of it.
    gap: Option<String>,
}

impl Read {
    fn unread(gap: impl Into<String>) -> Self {
        Self { gap: Some(gap.into()), ..Self::default() }
    }
}

/// What flow logs say about the interfaces. It says nothing as long as it is too early, and where the incident isolated nothing.
pub(crate) async fn check(call: &Call, interfaces: &[NetworkInterface]) -> Checked {
    let receipt = match call.ledger.receipt(&call.incident, call.containment, &call.target).await {
        Ok(receipt) => receipt,
        Err(fault) => return note(format!("not known whether anything flows: {}", fault.message)),
    };
    let isolated_at = receipt.filter(Receipt::holds_something).and_then(|receipt| receipt.finished_at);
    match isolated_at.filter(|at| clock::now().duration_since(*at) >= DUE) {
        Some(at) if !interfaces.is_empty() => Box::pin(look(call, interfaces, Span::after(at))).await,
        _ => Checked::default(),
    }
}

async fn look(call: &Call, interfaces: &[NetworkInterface], span: Span) -> Checked {
    let deadline = Instant::now() + PATIENCE;
    let ec2 = Client::new(&call.config);
    let sources = timeout_at(deadline, source::of(&ec2, interfaces)).await;
    let mut sources = match sources.unwrap_or_else(|_| Err(Fault::new(FaultKind::Transient, LATE))) {
        Ok(sources) => sources,
        Err(fault) => return note(format!("not known which flow logs there are: {}", fault.message)),
    };
    let left_out = sources.len().saturating_sub(SOURCES);
    sources.truncate(SOURCES);
    let buckets = sources.iter().filter(|source| matches!(source.place, Place::Bucket(_))).count();
    let limits = bucket::Limits::shared_by(buckets);
    let each = sources.iter().map(|source| Box::pin(read(call, source, interfaces, (span, deadline, limits))));
    let reads = join_all(each).await;
    let mut checked = tell(interfaces, &sources, &reads, span.since);
    if left_out > 0 {
        checked.notes.push(format!("{left_out} more flow logs were not read"));
    }
    checked
}

async fn read(
    call: &Call,
    source: &Source,
    interfaces: &[NetworkInterface],
    (span, deadline, limits): (Span, Instant, bucket::Limits),
) -> Read {
    let covered: Vec<&str> =
        interfaces.iter().filter(|interface| source.covers(interface)).map(|interface| interface.id.as_str()).collect();
    match &source.place {
        Place::Group { name } => group::read(call, source, name, &covered, (span, deadline)).await,
        Place::Bucket(place) => bucket::read(call, source, place, &covered, (span, deadline, limits)).await,
        Place::Unreadable(why) => Read::unread(*why),
    }
}

/// What is known of one interface.
enum Known<'a> {
    /// Flows were accepted.
    Flows(Vec<&'a Flow>),
    /// So many windows were delivered, and none has a flow.
    Quiet(usize),
    /// A flow log covers it, and proves nothing yet.
    Silent(String),
    /// No flow log covers it.
    Uncovered,
}

fn known<'a>(interface: &NetworkInterface, sources: &[Source], reads: &'a [Read]) -> Known<'a> {
    let of: Vec<(&Read, Option<&Seen>)> = sources
        .iter()
        .zip(reads)
        .filter(|(source, _)| source.covers(interface))
        .map(|(_, read)| (read, read.seen.get(&interface.id)))
        .collect();
    if of.is_empty() {
        return Known::Uncovered;
    }
    let mut flows: Vec<&Flow> = of.iter().filter_map(|(_, seen)| *seen).flat_map(|seen| seen.flows.values()).collect();
    if !flows.is_empty() {
        flows.sort();
        flows.dedup_by(|one, other| one.between == other.between);
        return Known::Flows(flows);
    }
    let whole = of.iter().filter(|(read, _)| read.gap.is_none()).filter_map(|(_, seen)| *seen);
    let windows = whole.filter(|seen| seen.left_out == 0).map(|seen| seen.windows).max().unwrap_or(0);
    if windows > 0 {
        return Known::Quiet(windows);
    }
    let gap = of.iter().find_map(|(read, _)| read.gap.clone());
    let is_left_out = of.iter().any(|(_, seen)| seen.is_some_and(|seen| seen.left_out > 0));
    let left_out = is_left_out.then(|| "AWS left records out of a window".to_owned());
    Known::Silent(gap.or(left_out).unwrap_or_else(|| "no window that begins later was delivered".to_owned()))
}

/// One line for each outcome, with its interfaces.
fn tell(interfaces: &[NetworkInterface], sources: &[Source], reads: &[Read], since: Timestamp) -> Checked {
    let since = time(since);
    let (mut quiet, mut uncovered, mut silent) = (Vec::new(), Vec::new(), BTreeMap::<String, Vec<&str>>::new());
    let (mut flows, mut windows) = (Vec::new(), usize::MAX);
    for interface in interfaces {
        let id = interface.id.as_str();
        match known(interface, sources, reads) {
            Known::Flows(found) => flows.extend(found.into_iter().map(|flow| (id, flow))),
            Known::Quiet(delivered) => {
                quiet.push(id);
                windows = windows.min(delivered);
            }
            Known::Silent(why) => silent.entry(why).or_default().push(id),
            Known::Uncovered => uncovered.push(id),
        }
    }
    let more = flows.len().saturating_sub(LISTED);
    let problems = flows.iter().take(LISTED).map(|(id, flow)| flow.told(id)).collect();
    let mut notes = Vec::new();
    if quiet.len() == interfaces.len() {
        notes.push(format!("no accepted flow since {since}: {windows} later records or more of each interface were delivered"));
    } else if !quiet.is_empty() {
        notes.push(format!("flow logs of {} show no accepted flow since {since}", named(&quiet)));
    }
    notes.extend((more > 0).then(|| format!("{more} more accepted flows since {since}")));
    notes
        .extend(silent.iter().map(|(why, ids)| format!("{}: not known whether anything flows since {since}: {why}", named(ids))));
    if !uncovered.is_empty() {
        notes.push(format!("{}: no flow log, so that nobody can say whether anything flows", named(&uncovered)));
    }
    Checked { problems, notes, ..Checked::default() }
}

fn named(ids: &[&str]) -> String {
    let first = ids.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    match ids.len().saturating_sub(NAMED) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

fn note(line: String) -> Checked {
    Checked { notes: vec![line], ..Checked::default() }
}
