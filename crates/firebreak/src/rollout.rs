//! What mode `auto` would do, counted over many decisions: what an engineer reads before an account gets its next mode.

use crate::containment::Containment;
use crate::decision::{Decision, Mode, ReasonCode};
use crate::ids::AccountId;
use crate::incident::{Incident, IncidentStatus};
use crate::policy::{Allowance, Budget};
use crate::target::Target;
use jiff::Timestamp;
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// So many hours are listed, besides those that exceed the budget.
const FULLEST_HOURS: usize = 10;

/// One decision, and what is known of the incident that it belongs to.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// When it was decided, where that is known: a budget is for an hour.
    pub at: Option<Timestamp>,
    /// The incident, by its id; the dedupe key of a finding that was only planned.
    pub incident: &'a str,
    /// The finding: the same for every incident about it, its updates included.
    pub finding: &'a str,
    /// The type of the finding.
    pub kind: &'a str,
    /// The decision.
    pub decision: &'a Decision,
    /// Where the incident is in its life, where there is one.
    pub status: Option<IncidentStatus>,
}

impl<'a> Entry<'a> {
    /// The decisions of an incident.
    pub fn all_of(incident: &'a Incident, status: IncidentStatus) -> impl Iterator<Item = Entry<'a>> {
        let finding = incident.follows.as_ref().unwrap_or(&incident.id).as_str();
        let kind = incident.finding.finding_type.as_deref().unwrap_or("unknown finding");
        let (at, id, status) = (Some(incident.opened_at), incident.id.as_str(), Some(status));
        incident.decisions.iter().map(move |decision| Entry { at, incident: id, finding, kind, decision, status })
    }
}

/// What mode `auto` would do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Rollout {
    /// Incidents of whose decisions it is known.
    pub incidents: usize,
    /// What would be contained at once, as far as the budget allows: by account, containment and type.
    pub at_once: Vec<Line>,
    /// What would wait for an answer, in the same order; work for people comes after the containments.
    pub gated: Vec<Line>,
    /// Decisions of which people would only be told.
    pub told: usize,
    /// Which suppressions applied. They are asked before the mode: these decisions can be of accounts in any mode.
    pub suppressed: Vec<Suppressed>,
    /// The ten hours with the most containments at once, and every hour that exceeds the budget. The fullest come first.
    pub hours: Vec<Hour>,
    /// How rehearsals were answered.
    pub answers: Answers,
    /// Incidents that a version opened which did not note what mode `auto` would do.
    pub earlier: usize,
}

/// What would be done about the findings of one type in one account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// The account of the targets.
    pub account: AccountId,
    /// The containment; nothing for work that is left to people.
    pub containment: Option<Containment>,
    /// The type of the findings.
    #[serde(rename = "type")]
    pub kind: String,
    /// How many findings; an update of a finding is no other finding.
    pub findings: usize,
    /// The targets, each once.
    pub targets: Vec<Target>,
}

/// Decisions that one suppression covered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Suppressed {
    /// Until when, by whom and why, as the decisions say it.
    pub reason: String,
    /// The accounts of the targets.
    pub accounts: BTreeSet<AccountId>,
    /// How many decisions.
    pub decisions: usize,
}

/// What would be contained at once within one clock hour (UTC).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hour {
    /// The account.
    pub account: AccountId,
    /// The containment.
    pub containment: Containment,
    /// The budget that is counted: its field of the policy. A containment has one for each level.
    pub budget: &'static str,
    /// When the hour begins; nothing for decisions without a time, which no budget is counted for.
    pub hour: Option<Timestamp>,
    /// How many targets.
    pub targets: usize,
    /// How many of them would wait because the hour's budget is spent. That of the whole organization is not counted.
    pub over_budget: usize,
}

/// How rehearsals were answered: incidents with a decision of an account in mode `dry-run`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Answers {
    /// An analyst said that it was right.
    pub approved: usize,
    /// An analyst said that it was wrong.
    pub released: usize,
    /// The gate is open.
    pub waiting: usize,
    /// The gate is not open yet.
    pub under_way: usize,
    /// Nobody answered in time, or the execution broke down.
    pub failed: usize,
}

impl Answers {
    fn count(&mut self, status: IncidentStatus) {
        match status {
            IncidentStatus::Closed => self.approved += 1,
            IncidentStatus::Released => self.released += 1,
            IncidentStatus::AwaitingReview => self.waiting += 1,
            IncidentStatus::Triaged | IncidentStatus::Containing => self.under_way += 1,
            IncidentStatus::Failed => self.failed += 1,
            // Nobody was asked.
            IncidentStatus::Notified | IncidentStatus::Ignored => {}
        }
    }
}

/// Counts what mode `auto` would do. A decision of an account that acts is taken as it is.
#[must_use]
pub fn rollout<'a>(entries: impl IntoIterator<Item = Entry<'a>>, budget: &Budget) -> Rollout {
    let mut counted = Counted::default();
    for entry in entries {
        counted.add(entry, budget);
    }
    counted.rollout()
}

/// How many targets lines name. A target of several lines counts once for each containment.
#[must_use]
pub fn targets(lines: &[Line]) -> usize {
    let keys = lines.iter().flat_map(|line| line.targets.iter().map(move |target| (line.containment, target.merge_key())));
    keys.collect::<BTreeSet<_>>().len()
}

/// Whether the account's mode alone kept the decision from being carried out: the account is observed, or rehearses.
#[must_use]
pub fn held_by_mode(decision: &Decision) -> bool {
    decision.would.is_some() || decided_earlier(decision)
}

/// Whether it is unknown what mode `auto` would have made of the decision, because an earlier version took it.
fn decided_earlier(decision: &Decision) -> bool {
    let held = match decision.code {
        ReasonCode::Observed | ReasonCode::DryRun => true,
        // No row says that a containment is only told: the decision was taken before decisions had codes.
        ReasonCode::Row => decision.mode == Mode::Notify && decision.containment.is_some(),
        _ => false,
    };
    held && decision.would.is_none()
}

/// Account, whether it is work for people, containment, type: the order of the lines.
type Heading<'a> = (&'a AccountId, bool, Option<Containment>, &'a str);

/// Account, containment, name of the budget, hour: what is counted together.
type Counter<'a> = (&'a AccountId, Containment, &'static str, Option<Timestamp>);

#[derive(Default)]
struct Group<'a> {
    targets: BTreeMap<String, &'a Target>,
    findings: BTreeSet<&'a str>,
}

#[derive(Default)]
struct Groups<'a>(BTreeMap<Heading<'a>, Group<'a>>);

impl<'a> Groups<'a> {
    fn add(&mut self, entry: &Entry<'a>) {
        let (target, containment) = (&entry.decision.target, entry.decision.containment);
        let group = self.0.entry((&target.account, containment.is_none(), containment, entry.kind)).or_default();
        group.targets.entry(target.merge_key()).or_insert(target);
        group.findings.insert(entry.finding);
    }

    fn lines(self) -> Vec<Line> {
        let line = |((account, _, containment, kind), group): (Heading<'a>, Group<'a>)| Line {
            account: account.clone(),
            containment,
            kind: kind.to_owned(),
            findings: group.findings.len(),
            targets: group.targets.into_values().cloned().collect(),
        };
        self.0.into_iter().map(line).collect()
    }
}

#[derive(Default)]
struct Counted<'a> {
    incidents: BTreeSet<&'a str>,
    at_once: Groups<'a>,
    gated: Groups<'a>,
    told: usize,
    suppressed: BTreeMap<&'a str, Suppressed>,
    /// Targets by what a budget is for, and how many it allows.
    hours: BTreeMap<Counter<'a>, (u32, BTreeSet<String>)>,
    rehearsals: BTreeMap<&'a str, IncidentStatus>,
    earlier: BTreeSet<&'a str>,
}

impl<'a> Counted<'a> {
    fn add(&mut self, entry: Entry<'a>, budget: &Budget) {
        let Entry { incident, decision, .. } = entry;
        if decision.suppressed {
            return self.suppress(decision);
        }
        if let Some(status) = entry.status.filter(|_| decision.code == ReasonCode::DryRun) {
            self.rehearsals.insert(incident, status);
        }
        if decided_earlier(decision) {
            self.earlier.insert(incident);
            return;
        }
        self.incidents.insert(incident);
        match decision.would.unwrap_or(decision.mode) {
            Mode::Auto => {
                self.at_once.add(&entry);
                self.spend(&entry, budget);
            }
            // Nobody is asked about it.
            Mode::Gate if decision.is_offered() => {}
            Mode::Gate => self.gated.add(&entry),
            Mode::Notify => self.told += 1,
        }
    }

    fn suppress(&mut self, decision: &'a Decision) {
        let new = || Suppressed { reason: decision.reason.clone(), accounts: BTreeSet::new(), decisions: 0 };
        let suppressed = self.suppressed.entry(&decision.reason).or_insert_with(new);
        suppressed.accounts.insert(decision.target.account.clone());
        suppressed.decisions += 1;
    }

    /// As the ledger counts: a target costs nothing more when it comes again in the same hour.
    fn spend(&mut self, entry: &Entry<'a>, budget: &Budget) {
        let target = &entry.decision.target;
        let Some(containment) = entry.decision.containment else { return };
        let Allowance { name, limit } = budget.of(containment, target);
        let hour = (&target.account, containment, name, entry.at.map(hour_of));
        self.hours.entry(hour).or_insert_with(|| (limit, BTreeSet::new())).1.insert(target.merge_key());
    }

    fn rollout(self) -> Rollout {
        let mut answers = Answers::default();
        for status in self.rehearsals.into_values() {
            answers.count(status);
        }
        let mut suppressed: Vec<Suppressed> = self.suppressed.into_values().collect();
        suppressed.sort_by_key(|suppressed| Reverse(suppressed.decisions));
        let mut hours: Vec<Hour> =
            self.hours.into_iter().map(|(hour, (limit, targets))| counted_hour(hour, targets.len(), limit)).collect();
        hours.sort_by_key(|hour| Reverse(hour.targets));
        let listed = |(place, hour): (usize, Hour)| (place < FULLEST_HOURS || hour.over_budget > 0).then_some(hour);
        Rollout {
            incidents: self.incidents.len(),
            at_once: self.at_once.lines(),
            gated: self.gated.lines(),
            told: self.told,
            suppressed,
            hours: hours.into_iter().enumerate().filter_map(listed).collect(),
            answers,
            earlier: self.earlier.len(),
        }
    }
}

fn counted_hour((account, containment, budget, hour): Counter<'_>, targets: usize, limit: u32) -> Hour {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let over_budget = if hour.is_some() { targets.saturating_sub(limit) } else { 0 };
    Hour { account: account.clone(), containment, budget, hour, targets, over_budget }
}

/// The clock hour that `at` is in.
fn hour_of(at: Timestamp) -> Timestamp {
    let second = at.as_second();
    Timestamp::from_second(second - second.rem_euclid(3600)).unwrap_or(at)
}
