//! What came of an incident so far: gathered from the branches of the state machine and from the ledger.

mod branches;
mod looks;
mod open;

use crate::answer::Answer;
use crate::decision::{Decision, Mode};
use crate::receipt::{Outcome, Receipt, Status, Step, Verification};
use crate::step::StepKind;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

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
    /// The ledger could not be read: decisions and steps are missing here, and how each containment ended is known all the same.
    #[serde(skip)]
    pub unread: bool,
    /// What is paused where the incident's targets are, when people are told.
    #[serde(skip)]
    pub pauses: crate::pause::Pauses,
}

/// How a branch ended.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Branch {
    /// `ok` or `failed`; `started` while evidence is collected.
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
    /// Whose calls were searched for: decided principals. Absent in a report of an earlier version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspects: Option<usize>,
    /// Which trails answered the last look, and since when they were asked. Absent in a report of an earlier version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked: Option<Asked>,
    /// How many decisions the incident had after the last look: one more at the next look is news.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided: Option<usize>,
    /// What the suspects did that matters, one line each, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub found: Vec<String>,
    /// What could not be looked at, one line each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// How many of these lines are only left to the next look.
    #[serde(skip_serializing_if = "crate::decision::is_zero")]
    pub later: u32,
    /// What was found and an incident has no room to decide, one line each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    /// What was reverted, one line each: people were told.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reverted: Vec<String>,
    /// What the last lines of the lists stand for.
    #[serde(skip_serializing_if = "More::is_none")]
    pub more: More,
    /// The look whose lines these are: the next one goes on from what it left. Absent where that one begins anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub looked: Option<Timestamp>,
}

/// Where CloudTrail was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// How many pairs of an account and a Region answered.
    pub places: usize,
    /// The earliest call that was asked for.
    pub since: Timestamp,
}

impl SweepBranch {
    /// One sentence about what CloudTrail was asked and what it said, for people. It claims nothing about what was not asked.
    #[must_use]
    pub fn says(&self) -> String {
        if let Some(error) = &self.error {
            return format!("CloudTrail could not be searched: {error}");
        }
        if self.status.is_empty() {
            return "CloudTrail was not asked".to_owned();
        }
        let nobody = self.suspects == Some(0);
        if nobody && self.found.is_empty() {
            return "CloudTrail was not asked: no principal is contained".to_owned();
        }
        let where_ = self.asked.map_or_else(String::new, |Asked { places, since }| {
            let since = since.strftime("%Y-%m-%d %H:%M UTC");
            format!(" ({places} pair(s) of account and Region, since {since})")
        });
        let found = match (self.found.len(), self.asked) {
            (0, Some(Asked { places: 0, .. })) => "no trail answered".to_owned(),
            (0, _) => "nothing more was found".to_owned(),
            (more, _) => format!("{more} more thing(s) the suspect did"),
        };
        format!("CloudTrail{where_}: {found}{}", self.unseen())
    }
}

/// How many lines did not fit into the lists of [`SweepBranch`]: the next look tells by them whether something is new.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct More {
    /// Beside `found`.
    pub found: usize,
    /// Beside `left_out`.
    pub left_out: usize,
    /// Beside `reverted`.
    pub reverted: usize,
}

impl More {
    fn is_none(&self) -> bool {
        *self == Self::default()
    }
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
            ("the first mail", &self.notify),
            ("evidence", &self.evidence),
            ("checking the containments", &self.verify),
            ("closing the evidence list", &self.seal),
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
        // Of a target that a release let go of nobody asks any more how its containment ended.
        let is_left = |receipt: &&Receipt| !receipt.standing(&self.release.receipts).is_let_go();
        problems.extend(self.receipts().filter(is_left).flat_map(|receipt| receipt_problems(receipt, "NOT contained")));
        for check in self.verification.iter().chain(&self.gated_verification).filter(|check| !check.holds) {
            problems.extend(check.problems.iter().map(|problem| format!("{}: {problem}", check.target)));
        }
        problems.extend(self.broken_approval());
        problems.extend(self.waits_again(|_| true));
        problems.extend(self.unfinished(Answer::Release));
        problems
    }

    /// The newest receipt of each containment: what an approval led to says more than what was there before it.
    pub fn receipts(&self) -> impl Iterator<Item = &Receipt> {
        let is_newest = move |receipt: &&Receipt| !self.gated.iter().any(|gated| gated.is_about_same(receipt));
        self.containment.receipts.iter().filter(is_newest).chain(&self.gated)
    }

    /// What somebody changed since the containment, as the last release found it.
    pub fn drift(&self) -> impl Iterator<Item = &Receipt> {
        self.release.receipts.iter().filter(|receipt| receipt.found_drift())
    }

    /// Decisions for at once that nothing became of: a look, a person or another finding appended or raised them, or the first
    /// containments broke down as a whole. One that names an access key that no containment was told of is among them. Before the
    /// first containments ended, nothing is known of any.
    pub fn not_tried<'a>(&'a self, decisions: &'a [Decision]) -> impl Iterator<Item = &'a Decision> {
        let has_receipt = |decision: &Decision| {
            let key = decision.target.merge_key();
            let about = |receipt: &&Receipt| receipt.containment == decision.containment && receipt.target.merge_key() == key;
            // It waited for an approval, and another finding has raised it since.
            let waited = |receipt: &Receipt| {
                receipt.status == Status::Waits || receipt.status == Status::Skipped && receipt.finished_at.is_none()
            };
            let knows = |receipt: &Receipt| decision.target.keys().all(|key| receipt.target.keys().any(|known| known == key));
            // What a release let go of is not contained anew.
            let is_let_go = |receipt: &Receipt| receipt.standing(&self.release.receipts).is_let_go();
            self.receipts().filter(about).any(|receipt| is_let_go(receipt) || !waited(receipt) && knows(receipt))
        };
        let at_once = decisions.iter().filter(|d| d.mode == Mode::Auto && d.containment.is_some());
        at_once.filter(move |decision| !self.containment.status.is_empty() && !has_receipt(decision))
    }

    fn broken_approval(&self) -> Option<String> {
        self.approval.error.as_ref().map(|error| format!("what was approved could not be contained: {error}"))
    }
}

/// What a fact without steps and error says ([`Carry`](crate::facts::Carry)).
pub(crate) const UNREAD: &str = "the steps are in the ledger; they could not be read";

fn receipt_problems(receipt: &Receipt, failed: &str) -> Vec<String> {
    match receipt.status {
        Status::Failed => {
            let unread = || UNREAD.to_owned();
            let why = receipt.told().or_else(|| first_error(receipt)).unwrap_or_else(unread);
            vec![format!("{} is {failed}: {why}", receipt.target)]
        }
        Status::Partial => {
            let steps = receipt.steps.iter().filter(|step| step.outcome == Outcome::Failed);
            let line = |step: &Step| {
                let says = step.says()?;
                // Somebody's change is no failure of Firebreak.
                let drift = step.is(StepKind::CheckDrift);
                let what = if drift { String::new() } else { format!(" is {failed} in full") };
                Some(format!("{}{what}: {says}", receipt.target))
            };
            let fact = receipt.steps.is_empty().then(|| format!("{} is {failed} in full: {UNREAD}", receipt.target));
            steps.filter_map(line).chain(fact).collect()
        }
        Status::Contained | Status::Skipped | Status::Waits => vec![],
    }
}

/// Why a target is not contained, as far as one line says it. What was left out has a reason, too, and is no cause; nor is a failed
/// step that contains nothing, as long as another one failed.
pub(crate) fn first_error(receipt: &Receipt) -> Option<String> {
    let is_needed = |step: &Step| step.kind().is_none_or(|kind| !kind.is_bookkeeping() || kind.is_tried_again());
    let told = receipt.steps.iter().filter_map(|step| Some((step, step.error.as_ref()?)));
    let first = told.min_by_key(|(step, _)| (step.outcome != Outcome::Failed, !is_needed(step)));
    first.map(|(step, fault)| format!("{}: {}", step.name, fault.told()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::containment::Containment;
    use crate::decision::{ReasonCode, Waits};
    use crate::ids::{AccountId, Partition, Region};
    use crate::revision::LATER;
    use crate::target::{Place, Target, TargetKind};

    fn bucket() -> Target {
        let place = Place {
            account: AccountId::parse("111122223333").expect("an account"),
            region: Region::parse("eu-central-1").expect("a Region"),
            partition: Partition::parse("aws").expect("a partition"),
        };
        Target::new(TargetKind::S3Bucket, "acme", place)
    }

    #[test]
    fn what_was_approved_and_waits_again_is_not_done() {
        let waits = Waits { code: ReasonCode::Impact, impact: "it serves a website".to_owned() };
        let receipt = Receipt::waiting(bucket(), Containment::LockdownS3, waits, jiff::Timestamp::UNIX_EPOCH);
        let report = Report { gated: vec![receipt], ..Report::default() };
        assert_eq!(report.unfinished(Answer::Approve).len(), 1);
        assert_eq!(report.unfinished(Answer::Release), [""; 0]);
        // The same receipt of a release: no ticket had shown the target.
        let report =
            Report { release: ReleaseBranch { receipts: report.gated, ..ReleaseBranch::default() }, ..Report::default() };
        assert_eq!(report.unfinished(Answer::Release), [format!("S3 bucket acme: {LATER}")]);
        assert_eq!(report.unfinished(Answer::Approve), [""; 0]);
    }

    #[test]
    fn the_step_that_failed_is_the_cause_and_not_one_that_was_left_out_before_it() {
        let step = |name: &str, outcome, why: &str| Step {
            name: name.to_owned().into(),
            outcome,
            error: Some(crate::fault::Fault::malformed(why)),
            digest: None,
            started_at: jiff::Timestamp::UNIX_EPOCH,
            ms: 1,
        };
        let mut steps = vec![
            step("reserve-share web", Outcome::Skipped, "NOT compared"),
            step("enter-standby web", Outcome::Failed, "no standby"),
            step("cut-tracked eni-1", Outcome::Skipped, "it has a public address"),
            step("isolate-interface eni-1", Outcome::Failed, "refused"),
        ];
        let why = |steps: &[Step]| {
            let failed = Receipt::of(bucket(), Containment::IsolateEc2, Status::Failed);
            first_error(&Receipt { steps: steps.to_vec(), ..failed })
        };
        assert!(why(&steps).is_some_and(|why| why.starts_with("isolate-interface eni-1: ")), "{:?}", why(&steps));
        steps.pop();
        assert!(why(&steps).is_some_and(|why| why.starts_with("enter-standby web: ")), "{:?}", why(&steps));
        assert!(why(&steps[..1]).is_some_and(|why| why.starts_with("reserve-share web: ")), "{:?}", why(&steps[..1]));
        assert_eq!(why(&[]), None);
    }

    #[test]
    fn what_an_approval_contained_is_no_problem_any_more() {
        let ended = |status| Receipt::of(bucket(), Containment::LockdownS3, status);
        let mut report = Report::default();
        report.containment.receipts = vec![ended(Status::Failed)];
        assert_eq!(report.problems().len(), 1);
        report.gated = vec![ended(Status::Failed)];
        assert_eq!(report.problems().len(), 1, "once, not twice");
        report.gated = vec![ended(Status::Contained)];
        assert_eq!(report.problems(), [""; 0]);
        assert_eq!(report.receipts().map(|receipt| receipt.status).collect::<Vec<_>>(), [Status::Contained]);
    }
}
