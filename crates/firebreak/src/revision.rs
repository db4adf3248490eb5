//! What a ticket shows of an incident, and what an answer to it covers.
//!
//! The ledger counts how often the decisions of an incident change: its revision. A ticket shows one revision, and an answer covers
//! what that revision had. What was decided later is asked again.

use crate::answer::Decided;
use crate::coverage::decision_key;
use crate::decision::Decision;
use crate::digest::sha256_hex;
use crate::ids::AccessKeyId;
use crate::incident::Incident;
use crate::plan::FindingSummary;
use crate::text::inert;
use std::collections::{BTreeMap, BTreeSet};

/// So many digits of a digest are a code that people can type.
pub const CODE_DIGITS: usize = 8;

/// Of so many revisions a code is still known. An incident has 20 decisions at most.
const REMEMBERED: usize = 100;

/// What people read about a decision that their answer does not cover.
pub const LATER: &str = "decided after the ticket that was answered";

/// What a ticket showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The digest ([`Incident::shown`]). Nothing when the ticket was written without the ledger.
    pub digest: Option<String>,
    /// The revision.
    pub revision: u32,
}

impl Shown {
    /// What a ticket shows that was written without the ledger: at most what triage decided.
    pub const WITHOUT_LEDGER: Self = Self { digest: None, revision: 0 };

    /// What a ticket shows of an incident as the ledger has it.
    #[must_use]
    pub fn of(incident: &Incident) -> Self {
        Self { digest: Some(incident.shown()), revision: incident.revision }
    }
}

/// The code of a digest: what people type.
#[must_use]
pub fn code(digest: &str) -> String {
    digest.chars().take(CODE_DIGITS).collect()
}

/// Whether `code` stands for `digest`: the first 8 of its digits, or more.
#[must_use]
pub fn is_code_of(code: &str, digest: &str) -> bool {
    code.len() >= CODE_DIGITS && digest.starts_with(&code.to_ascii_lowercase())
}

impl Incident {
    /// What a ticket shows of the incident, as a digest: SHA-256 in hexadecimal of its id, its revision, and of each decision target,
    /// containment, mode, access keys, and whether it must be named. Receipts and texts are no part of it.
    #[must_use]
    pub fn shown(&self) -> String {
        self.shown_at(self.revision)
    }

    /// The same as it was at an earlier revision, as long as later ones only added decisions.
    fn shown_at(&self, revision: u32) -> String {
        let lines: BTreeSet<String> = self.decisions.iter().filter(|d| d.since <= revision).map(line).collect();
        let lines = lines.into_iter().collect::<Vec<_>>().join("\n");
        sha256_hex(format!("{} {revision}\n{lines}", self.id).as_bytes())
    }

    /// Counts a change of the decisions since `before`: the revision rises by one, and each decision that is new or different says
    /// so. Nothing else raises it, and nobody can lower it.
    pub fn stamp(&mut self, before: &Self) {
        let known: BTreeMap<String, u32> = before.decisions.iter().map(|decision| (line(decision), decision.since)).collect();
        let now: BTreeSet<String> = self.decisions.iter().map(line).collect();
        let revision = before.revision.saturating_add(u32::from(!known.keys().eq(&now)));
        for decision in &mut self.decisions {
            decision.since = known.get(&line(decision)).copied().unwrap_or(revision);
        }
        self.revision = revision;
    }

    /// What was decided after the ticket of this code. Where no revision has this code any more: everything since triage.
    #[must_use]
    pub fn decided_after(&self, code: &str) -> Vec<&Decision> {
        let mut revisions = (0..=self.revision).rev().take(REMEMBERED);
        let then = revisions.find(|revision| is_code_of(code, &self.shown_at(*revision))).unwrap_or(0);
        self.decisions.iter().filter(|decision| decision.since > then).collect()
    }

    /// What an answer does not cover, one line each. While there is anything, an approval does not close the incident.
    #[must_use]
    pub fn beyond(&self, decided: &Decided) -> Vec<String> {
        if decided.covers.is_none_or(|covers| self.revision <= covers) {
            return vec![];
        }
        let later = self.decisions.iter().filter(|decision| !decision.is_covered(decided.covers));
        let decisions = later.map(|decision| format!("{}: {LATER}", decision.target));
        let joined = |finding: &&FindingSummary| {
            let since = finding.joined.as_ref().and_then(|joined| joined.revision);
            since.zip(decided.covers).is_some_and(|(since, covers)| since > covers)
        };
        let findings = self.findings.iter().filter(joined).map(|finding| {
            let kind = inert(finding.finding_type.as_deref().unwrap_or("a finding"), 128);
            format!("{kind}: it joined after the ticket that was answered")
        });
        let lines: Vec<String> = findings.chain(decisions).collect();
        // A decision was taken back, or only the ledger knows which one is new.
        if lines.is_empty() { vec![format!("something was {LATER}")] } else { lines }
    }
}

impl Decision {
    /// Whether an answer that counts up to the revision `covers` is about the decision: its ticket showed it. An answer without one
    /// counts for everything.
    #[must_use]
    pub fn is_covered(&self, covers: Option<u32>) -> bool {
        covers.is_none_or(|covers| self.since <= covers)
    }

    /// The same, also where the ticket showed it only as waiting with its suspect.
    pub(crate) fn was_shown(&self, covers: Option<u32>) -> bool {
        covers.is_none_or(|covers| self.waited.unwrap_or(self.since) <= covers)
    }
}

/// What counts of a decision.
fn line(decision: &Decision) -> String {
    let keys: BTreeSet<&str> = decision.target.keys().map(AccessKeyId::as_str).collect();
    let keys = keys.into_iter().collect::<Vec<_>>().join(",");
    // An approval does more about a target that others use no longer.
    let by_name = if decision.only_by_name { " by name" } else { "" };
    format!("{} {} {keys}{by_name}", decision_key(decision), decision.mode.name())
}
