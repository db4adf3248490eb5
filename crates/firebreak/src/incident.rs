//! An incident, as triage opens it and the ledger keeps it. The state machine carries its id and small facts (`facts`).

use crate::answer::Settled;
use crate::decision::{Decision, is_zero};
use crate::flood::Summary;
use crate::ids::{AccountId, IncidentId};
use crate::plan::{FindingSummary, Plan, Verdict};
use crate::policy::Policy;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// An incident: one finding and what Firebreak decided about it. Small (under 32 KiB): the raw event is in the ledger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// `fb-…`.
    pub id: IncidentId,
    /// What happens.
    pub verdict: Verdict,
    /// Why, when it is not a response.
    pub reason: Option<String>,
    /// The key under which duplicates meet.
    pub dedupe_key: String,
    /// The finding.
    pub finding: FindingSummary,
    /// One per target.
    pub decisions: Vec<Decision>,
    /// Every finding that this incident answers: the one that opened it first, then those that joined it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<FindingSummary>,
    /// How many more findings joined it, add nothing, and are not listed. Only in what the ledger gathers.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more_findings: u32,
    /// The execution that works on it.
    pub execution_arn: String,
    /// When that execution started.
    pub opened_at: Timestamp,
    /// Durations the state machine reads; it has no clock of its own.
    pub timing: Timing,
    /// The first incident of the same finding, when this one answers an update of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follows: Option<IncidentId>,
    /// People are only told, and evidence is kept all the same.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub evidence: bool,
    /// How many containments wait for a person only because the hour's budget is spent.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub over_budget: u32,
    /// How often its decisions were changed since triage (`revision`).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub revision: u32,
    /// What was answered and carried out while other targets still waited (`settled`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub settled: Vec<Settled>,
    /// Only in what the execution of a finding that joined carries, and never in the ledger: the name under which it holds targets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joining: Option<IncidentId>,
    /// It stands for findings that were only counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excess: Option<Summary>,
}

/// Durations for the state machine's `Wait` and `TimeoutSeconds`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timing {
    /// Seconds to wait before each look at what was contained.
    #[serde(default)]
    pub verify_waits: Vec<u32>,
    /// How many looks.
    #[serde(default)]
    pub verify_rounds: u32,
    /// Seconds until a gate times out.
    pub review_timeout_seconds: u32,
    /// Number of gates before giving up.
    pub review_max_rounds: u32,
}

impl Incident {
    /// Makes the incident of a plan, with as many of its decisions as fit (32 KiB).
    #[must_use]
    pub fn new(plan: Plan, policy: &Policy, execution_arn: String, opened_at: Timestamp) -> Self {
        let plan = plan.bounded();
        let verify_waits = policy.verify_after_seconds.waits();
        Self {
            id: IncidentId::of(&plan.dedupe_key),
            verdict: plan.verdict,
            reason: plan.reason,
            dedupe_key: plan.dedupe_key,
            findings: vec![plan.finding.clone()],
            finding: plan.finding,
            more_findings: 0,
            // What it takes over from a response that broke down is in its first ticket like the rest.
            decisions: plan.decisions.into_iter().map(|decision| Decision { since: 0, ..decision }).collect(),
            execution_arn,
            opened_at,
            timing: Timing {
                verify_rounds: u32::try_from(verify_waits.len()).unwrap_or(1),
                verify_waits,
                review_timeout_seconds: policy.review.timeout_seconds,
                review_max_rounds: policy.review.max_rounds,
            },
            follows: None,
            evidence: plan.evidence,
            over_budget: 0,
            revision: 0,
            settled: vec![],
            joining: None,
            excess: None,
        }
    }

    /// The most severe of its findings, of several the first: a mild one must not name the ticket of a grave one.
    #[must_use]
    pub fn gravest(&self) -> &FindingSummary {
        let severity = |finding: &FindingSummary| finding.severity.unwrap_or_default();
        let graver = |known: &'_ FindingSummary, other: &FindingSummary| severity(other) > severity(known);
        self.findings.iter().fold(&self.finding, |known, other| if graver(known, other) { other } else { known })
    }

    /// The accounts that it is about: those of its targets and of its findings.
    #[must_use]
    pub fn accounts(&self) -> BTreeSet<AccountId> {
        let targets = self.decisions.iter().map(|decision| &decision.target.account);
        let findings = self.findings.iter().chain([&self.finding]).filter_map(|finding| finding.account.as_ref());
        targets.chain(findings).cloned().collect()
    }

    /// Whether a finding joined the incident and is listed in it.
    #[must_use]
    pub fn lists(&self, finding: &IncidentId) -> bool {
        self.findings.iter().filter_map(|listed| listed.joined.as_ref()).any(|joined| joined.id == *finding)
    }

    /// The same incident in the hands of another execution: what joined it stays, and so does what each ticket showed. What was
    /// answered for a part does not: it is asked again. `leads` is true when the new execution works on the finding that opened the
    /// incident.
    #[must_use]
    pub fn taken_over_from(mut self, before: Self, leads: bool) -> Self {
        if leads {
            self.findings.extend(before.findings.iter().filter(|finding| finding.joined.is_some()).cloned());
        } else {
            (self.finding, self.findings) = (before.finding.clone(), before.findings.clone());
        }
        self.evidence |= before.evidence;
        before.hold_back_answered(&mut self.decisions);
        self.stamp(&before);
        self
    }
}

/// Where an incident is in its life. `firebreak incidents` shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IncidentStatus {
    /// Decided, nothing done yet.
    Triaged,
    /// Containment runs.
    Containing,
    /// The gate is open.
    AwaitingReview,
    /// Kept or approved; of several answers, not all of them `release`.
    Closed,
    /// Undone.
    Released,
    /// Firebreak could not finish it; people were told.
    Failed,
    /// People were told; nothing was contained.
    Notified,
    /// Nothing was done.
    Ignored,
}

impl IncidentStatus {
    /// As long as an incident has one of these, a finding can join it: no answer was carried out, and none failed.
    pub const OPEN: [Self; 3] = [Self::Triaged, Self::Containing, Self::AwaitingReview];

    /// Whether a finding can join.
    #[must_use]
    pub fn is_open(self) -> bool {
        Self::OPEN.contains(&self)
    }

    /// Whether people know how it ended: somebody answered, or was told that nothing more happens.
    #[must_use]
    pub fn is_over(self) -> bool {
        matches!(self, Self::Closed | Self::Released | Self::Failed)
    }

    /// The word in the ledger and in JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Triaged => "triaged",
            Self::Containing => "containing",
            Self::AwaitingReview => "awaiting-review",
            Self::Closed => "closed",
            Self::Released => "released",
            Self::Failed => "failed",
            Self::Notified => "notified",
            Self::Ignored => "ignored",
        }
    }
}
