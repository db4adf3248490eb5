//! What to do about an event: a pure function of the event, the playbook, the policy and the time.
//!
//! The type decides through the playbook, then the matching detail block, then the kind of principal. Whatever is unknown,
//! missing or malformed ends in a notice with a reason, never in an error and never in silence.

mod asks;
mod basis;
mod bucket;
mod called_for;
mod decide;
pub mod derived;
mod doubt;
mod explain;
mod exposed;
mod file;
mod host;
mod identity;
pub(crate) mod join_keys;
mod principal;
mod restrain;
mod summary;
mod tags;
mod targets;
mod wanted;
mod wishes;

pub use asks::{Ask, Question};
pub use bucket::beside_what_is_told;
pub use explain::{Because, Step};
pub use file::{NotJson, plan_file, plan_json};
pub use host::beside_what_waits;
pub(crate) use host::is_of_host;
pub use identity::{Administrator, Identities, Known, Owner, Uses};
pub use restrain::{broke_down, over_budget, paused, too_many_unread};
pub use summary::{FindingSummary, JoinedAs};

use crate::containment::Containment;
use crate::decision::{Decision, Mode, Whom};
use crate::digest::sha256_hex;
use crate::finding::{self, Delivery, Finding, Read};
use crate::playbook::Playbook;
use crate::policy::Policy;
use crate::text::inert;
use explain::Trace;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::cell::OnceCell;
use std::collections::{BTreeSet, HashMap};

/// What happens to the event as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// At least one decision is contained at once or after approval, or rehearsed.
    Respond,
    /// A person is told; nothing is contained.
    Notify,
    /// Nothing is done: the finding was settled at its source, is suppressed, or is known already.
    Ignore,
}

/// The answer of triage to one event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// What happens.
    pub verdict: Verdict,
    /// Why, when it is not a response.
    pub reason: Option<String>,
    /// The same for every delivery of the same finding, on every route.
    pub dedupe_key: String,
    /// The finding.
    pub finding: FindingSummary,
    /// One entry per target.
    pub decisions: Vec<Decision>,
    /// People are only told, and evidence is kept all the same.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub evidence: bool,
    /// Of an event with several findings, one plan each. The fields above are the strongest of them, with all decisions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Plan>,
    /// What decided, when it was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub explanation: Vec<Step>,
    /// What an open incident must be about for the finding to join it ([`joining`](crate::joining)).
    #[serde(skip)]
    pub join_keys: BTreeSet<String>,
    /// What the account should be asked before it is carried out.
    #[serde(skip)]
    pub asks: Vec<Ask>,
}

/// What GuardDuty says about the finding now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AtSource {
    /// Nobody asked, or it did not answer.
    #[default]
    NotAsked,
    /// It still stands.
    Active,
    /// It was archived since the event was sent.
    Settled,
    /// GuardDuty does not know it, or not as the event tells it; or GuardDuty is off where it is said to be from.
    Unknown,
}

/// Everything a plan depends on besides the event.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances<'a> {
    /// The table.
    pub playbook: &'a Playbook,
    /// What the organization allows.
    pub policy: &'a Policy,
    /// The time.
    pub now: Timestamp,
    /// The finding's state at its source.
    pub at_source: AtSource,
    /// What the account says about the principals, where somebody asked.
    pub identities: Option<&'a Identities>,
    /// Whether to say what decided.
    pub explain: bool,
}

impl<'a> Circumstances<'a> {
    /// The shipped playbook under `policy` at `now`; nobody asked GuardDuty.
    #[must_use]
    pub fn new(policy: &'a Policy, now: Timestamp) -> Self {
        Self { playbook: Playbook::shipped(), policy, now, at_source: AtSource::NotAsked, identities: None, explain: false }
    }
}

/// More targets than this in one event are a person's business; the incident must stay small (32 KiB).
pub const MAX_DECISIONS: usize = 20;
/// What the decisions of one incident may take as JSON, in bytes.
pub(crate) const MAX_DECISION_BYTES: usize = 20 * 1024;

/// A reason is for people, and travels: one line of at most 400 characters.
fn decision_text(reason: &str) -> String {
    inert(reason, 400)
}

/// Decides what to do about `event`.
#[must_use]
pub fn plan(event: &Value, circumstances: &Circumstances<'_>) -> Plan {
    let delivery = finding::delivery(event);
    // Once per event, however many of its findings have no id.
    let digest = OnceCell::new();
    match finding::read(event) {
        Read::Unreadable(why) => notice_only(event, why),
        Read::Nothing(what) => Plan { verdict: Verdict::Ignore, ..notice_only(event, what) },
        Read::Findings(findings) => {
            let mut plans: Vec<Plan> =
                findings.iter().map(|finding| one(event, &digest, finding, delivery, circumstances)).collect();
            if plans.len() == 1 {
                return plans.remove(0);
            }
            several(event, plans)
        }
    }
}

/// Several findings in one event become one plan: the strongest verdict leads, decisions add up.
fn several(event: &Value, plans: Vec<Plan>) -> Plan {
    let strength = |plan: &&Plan| match plan.verdict {
        Verdict::Respond => 2,
        Verdict::Notify => 1,
        Verdict::Ignore => 0,
    };
    // The first of the strongest: `max_by_key` would take the last.
    let Some(lead) = plans.iter().rev().max_by_key(strength) else { return notice_only(event, "the event carries no findings") };
    let evidence = lead.verdict == Verdict::Notify && plans.iter().any(|plan| plan.evidence);
    let mut whole = Plan { decisions: vec![], findings: vec![], join_keys: BTreeSet::new(), evidence, ..lead.clone() };
    // Keyed by all of them: having seen one of them before must not hide the others.
    whole.dedupe_key = digest_key(event);
    // Of two decisions about one target the stronger stands: one finding must not weaken what another one calls for.
    let mut kept: Vec<Decision> = Vec::new();
    let mut at: HashMap<(Option<Containment>, String), usize> = HashMap::new();
    let mut decisions: Vec<Decision> = plans.iter().flat_map(|plan| &plan.decisions).cloned().collect();
    order(&mut decisions);
    for decision in decisions {
        let known = at.entry((decision.containment, decision.target.merge_key())).or_insert(kept.len());
        match kept.get_mut(*known) {
            Some(known) => {
                known.target.absorb(&decision.target);
                // What another finding accuses without a doubt is in none.
                if decision.whom == Whom::Named && decision.mode == known.mode {
                    known.whom = Whom::Named;
                }
            }
            None => kept.push(decision),
        }
    }
    whole.decisions = kept;
    whole.asks = asks::bounded(plans.iter().flat_map(|plan| plan.asks.clone()).collect());
    whole.findings = plans;
    whole
}

/// What is contained at once comes first, and the containments take turns: many targets of one kind must not push the only one of
/// another kind beyond what an incident can hold. What is only offered comes last: it stands for no target of its own.
fn order(decisions: &mut Vec<Decision>) {
    let mut turns: HashMap<(Mode, Option<Containment>), usize> = HashMap::new();
    let mut keyed: Vec<(u8, usize, Decision)> = Vec::with_capacity(decisions.len());
    for decision in decisions.drain(..) {
        let urgency = match decision.mode {
            _ if decision.is_offered() => 3,
            Mode::Auto => 0,
            Mode::Gate => 1,
            Mode::Notify => 2,
        };
        let turn = turns.entry((decision.mode, decision.containment)).or_default();
        keyed.push((urgency, *turn, decision));
        *turn += 1;
    }
    keyed.sort_by_key(|(urgency, turn, _)| (*urgency, *turn));
    decisions.extend(keyed.into_iter().map(|(_, _, decision)| decision));
}

impl Plan {
    /// People are told `why`, and nothing else happens.
    #[must_use]
    pub(crate) fn to_tell(finding: FindingSummary, dedupe_key: String, why: String) -> Self {
        Self {
            verdict: Verdict::Notify,
            reason: Some(why),
            dedupe_key,
            finding,
            decisions: vec![],
            evidence: false,
            findings: vec![],
            explanation: vec![],
            join_keys: BTreeSet::new(),
            asks: vec![],
        }
    }

    /// As much of the plan as an incident may hold: the most urgent decisions, and a word about the others.
    #[must_use]
    pub fn bounded(self) -> Self {
        bound(self)
    }
}

fn bound(mut plan: Plan) -> Plan {
    let named = plan.decisions.len();
    let mut bytes = 0;
    let fits = plan.decisions.iter().take(MAX_DECISIONS).take_while(|decision| {
        bytes += serde_json::to_string(decision).map_or(0, |json| json.len());
        bytes <= MAX_DECISION_BYTES
    });
    let kept = fits.count();
    if kept < named {
        let more = left_out(plan.decisions.iter().skip(kept));
        plan.decisions.truncate(kept);
        plan.reason = Some(plan.reason.map_or_else(|| more.clone(), |reason| format!("{more}; {reason}")));
    }
    plan
}

/// What people read of decisions for which an incident has no room. Wider levels of a bucket are no further targets.
fn left_out<'a>(decisions: impl Iterator<Item = &'a Decision>) -> String {
    let (wider, targets): (Vec<&Decision>, Vec<&Decision>) = decisions.partition(|decision| bucket::is_wider(&decision.target));
    let named: Vec<String> = targets.iter().take(8).map(|d| inert(&d.target.to_string(), 64)).collect();
    let dots = if targets.len() > named.len() { ", …" } else { "" };
    let of_targets = || format!("{} more target(s) need a person: {}{dots}", targets.len(), named.join(", "));
    let of_levels =
        || format!("{} wider level(s) of buckets have no room: ask for isolation of a bucket to get them", wider.len());
    let lines = [(!targets.is_empty()).then(of_targets), (!wider.is_empty()).then(of_levels)];
    lines.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

fn notice_only(event: &Value, why: &str) -> Plan {
    Plan::to_tell(FindingSummary::of_nothing(), digest_key(event), why.to_owned())
}

fn one(
    event: &Value,
    digest: &OnceCell<String>,
    finding: &Finding,
    delivery: Delivery,
    circumstances: &Circumstances<'_>,
) -> Plan {
    let mut trace = Trace::new(circumstances.explain);
    let finding = &spelled(finding, circumstances);
    let mut outcome = decide::decide(finding, delivery, circumstances, &mut trace);
    order(&mut outcome.decisions);
    let summary = summary::of(finding);
    let join_keys = join_keys::of(&summary, &outcome, circumstances.at_source);
    Plan {
        verdict: outcome.verdict,
        reason: outcome.reason,
        dedupe_key: finding.id.as_deref().map_or_else(|| digest.get_or_init(|| digest_key(event)).clone(), key),
        finding: summary,
        asks: asks::of(finding, &outcome.decisions, circumstances.policy),
        decisions: outcome.decisions,
        evidence: outcome.evidence,
        findings: vec![],
        explanation: trace.steps(),
        join_keys,
    }
}

/// The finding under the spelling that a row has: suppressions, confirmation and people then meet one name.
fn spelled(finding: &Finding, circumstances: &Circumstances<'_>) -> Finding {
    let mut finding = finding.clone();
    let said = finding.finding_type.clone();
    // A taxonomy stands in front: `TTPs/Command and Control/Backdoor:EC2-C&CActivity.B`.
    let tails = |name: &str| {
        let parts: Vec<&str> = name.split('/').collect();
        (0..parts.len().min(8)).map(|from| parts.get(from..).unwrap_or_default().join("/")).collect::<Vec<_>>()
    };
    let names: Vec<String> = said.iter().chain(&finding.spellings).flat_map(|spelling| tails(spelling)).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    if let Some(known) = circumstances.policy.spelling(circumstances.playbook, &names) {
        finding.finding_type = Some(known.to_owned());
    }
    finding
}

/// The key of a finding: its id. No two ids may share a key, so a long or odd one is not cut but digested.
fn key(id: &str) -> String {
    if id.len() <= 512 && inert(id, 512) == id { id.to_owned() } else { format!("id:{}", sha256_hex(id.as_bytes())) }
}

/// The key of an event that names no finding: its content, without the id and time that EventBridge gives each delivery.
fn digest_key(event: &Value) -> String {
    let content = event.get("detail").unwrap_or(event);
    format!("event:{}", sha256_hex(content.to_string().as_bytes()))
}
