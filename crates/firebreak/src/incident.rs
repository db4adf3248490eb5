//! The one JSON that travels through the state machine: read and appended to, never reshaped.

use crate::decision::Decision;
use crate::ids::IncidentId;
use crate::plan::{FindingSummary, Plan, Verdict};
use crate::policy::Policy;
use crate::receipt::{Receipt, Verification};
use crate::review::Answer;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

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
    /// The execution that works on it.
    pub execution_arn: String,
    /// When that execution started.
    pub opened_at: Timestamp,
    /// Durations the state machine reads; it has no clock of its own.
    pub timing: Timing,
    /// The first incident of the same finding, when this one answers an update of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follows: Option<IncidentId>,
    /// How many containments wait for a person only because the hour's budget is spent.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub over_budget: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(count: &u32) -> bool {
    *count == 0
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
            finding: plan.finding,
            decisions: plan.decisions,
            execution_arn,
            opened_at,
            timing: Timing {
                verify_rounds: u32::try_from(verify_waits.len()).unwrap_or(1),
                verify_waits,
                review_timeout_seconds: policy.review.timeout_seconds,
                review_max_rounds: policy.review.max_rounds,
            },
            follows: None,
            over_budget: 0,
        }
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
    /// Approved.
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

/// What the state machine gathered from its branches.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Report {
    /// The branch that told people.
    pub notify: Branch,
    /// The branch that collected evidence.
    pub evidence: Branch,
    /// The branch that contained.
    pub containment: ContainmentBranch,
    /// What AWS said afterwards, one entry per contained target.
    pub verification: Vec<Verification>,
    /// Set when the verification as a whole failed.
    pub verify: Branch,
    /// What CloudTrail says the suspects did besides.
    pub sweep: SweepBranch,
    /// Receipts of what the last sweep had contained, until they are added to `containment`.
    pub derived: Vec<Receipt>,
    /// The sealing of the evidence.
    pub seal: Branch,
    /// Receipts of what waited for approval.
    pub gated: Vec<Receipt>,
    /// What AWS said about it afterwards.
    pub gated_verification: Vec<Verification>,
    /// Set when carrying out the approval as a whole failed.
    pub approval: Branch,
    /// The undoing.
    pub release: ReleaseBranch,
}

/// How a branch ended.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Branch {
    /// `ok` or `failed`.
    pub status: String,
    /// The error's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What the branch could not do although it did not fail, one line each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// How many things it produced: evidence objects and snapshots.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
}

/// What the looks into CloudTrail found.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SweepBranch {
    /// `ok`, `failed`, or empty before the first look.
    pub status: String,
    /// The error's name, when the function failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What the suspects did that matters, one line each, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub found: Vec<String>,
    /// What could not be looked at, one line each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// What was found and an incident has no room to decide, one line each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    /// What was reverted, one line each: people were told.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reverted: Vec<String>,
}

/// How the containment branch ended.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ContainmentBranch {
    /// `ok` or `failed`; `ok` only says that every decision has a receipt.
    pub status: String,
    /// One per decision.
    pub receipts: Vec<Receipt>,
    /// The error's name, when the branch itself failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// How the undoing ended.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReleaseBranch {
    /// `ok` when every target is back as it was.
    pub status: String,
    /// One per target.
    pub receipts: Vec<Receipt>,
    /// The error's name, when the function itself failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Report {
    /// Every target that is not contained as decided, every branch that failed and every control that does not hold: one line
    /// each, ready for people. Empty means that everything was done.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let branches = [
            ("the first notice", &self.notify),
            ("evidence", &self.evidence),
            ("verification", &self.verify),
            ("sealing the evidence", &self.seal),
        ];
        for (name, branch) in branches {
            if branch.status == "failed" {
                problems.push(format!("{name} failed: {}", branch.error.as_deref().unwrap_or("no error name")));
            }
            problems.extend(branch.missing.iter().map(|line| format!("{name}: {line}")));
        }
        if let Some(error) = &self.sweep.error {
            problems.push(format!("looking into CloudTrail failed: {error}"));
        }
        if self.containment.status == "failed" {
            let error = self.containment.error.as_deref().unwrap_or("no error name");
            problems.push(format!("the containment branch failed: {error}"));
        }
        problems.extend(self.containment.receipts.iter().flat_map(|receipt| receipt_problems(receipt, "NOT contained")));
        for check in self.verification.iter().chain(&self.gated_verification).filter(|check| !check.holds) {
            problems.extend(check.problems.iter().map(|problem| format!("{}: {problem}", check.target)));
        }
        problems.extend(self.unfinished(Answer::Approve));
        problems.extend(self.unfinished(Answer::Release));
        problems
    }

    /// What `answer` asked for and was not carried out: approved containments, or the release.
    #[must_use]
    pub fn unfinished(&self, answer: Answer) -> Vec<String> {
        match answer {
            Answer::Approve => {
                let whole =
                    self.approval.error.as_ref().map(|error| format!("what was approved could not be contained: {error}"));
                // Asking again for what is gone, or can never be contained, would lead nowhere: the closing notice tells it.
                let hopeless = |receipt: &&Receipt| {
                    !LASTING.iter().any(|fault| receipt.error.as_ref().is_some_and(|e| e.starts_with(fault)))
                };
                let open = self.gated.iter().filter(hopeless);
                whole.into_iter().chain(open.flat_map(|r| receipt_problems(r, "NOT contained"))).collect()
            }
            Answer::Release => {
                let whole = self.release.error.as_ref().map(|error| format!("the release failed: {error}"));
                whole.into_iter().chain(self.release.receipts.iter().flat_map(|r| receipt_problems(r, "NOT put back"))).collect()
            }
        }
    }
}

/// Faults of a containment that no second approval can mend.
const LASTING: [&str; 3] = ["Firebreak.Gone", "Firebreak.Malformed", "Firebreak.Protected"];

fn receipt_problems(receipt: &Receipt, failed: &str) -> Vec<String> {
    use crate::receipt::{Outcome, Status};
    match receipt.status {
        Status::Failed => {
            let why = receipt.error.clone().or_else(|| first_error(receipt)).unwrap_or_default();
            vec![format!("{} is {failed}: {why}", receipt.target)]
        }
        Status::Partial => {
            let steps = receipt.steps.iter().filter(|step| step.outcome == Outcome::Failed);
            let why = |step: &crate::receipt::Step| step.error.as_ref().map(ToString::to_string).unwrap_or_default();
            steps.map(|step| format!("{}: step {} failed: {}", receipt.target, step.name, why(step))).collect()
        }
        Status::Contained | Status::Skipped => vec![],
    }
}

fn first_error(receipt: &Receipt) -> Option<String> {
    receipt.steps.iter().find_map(|step| step.error.as_ref().map(|fault| format!("{}: {fault}", step.name)))
}
