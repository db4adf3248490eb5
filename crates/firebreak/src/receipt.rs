//! What a containment did, step by step: the audit trail and the base of its undoing.

mod better;
mod standing;

pub use standing::Standing;

use crate::containment::Containment;
use crate::decision::Waits;
use crate::fault::{ErrorName, Fault, FaultKind};
use crate::ids::IncidentId;
use crate::step::{StepKind, StepName};
use crate::target::Target;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How one step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The call was made and AWS now has it so.
    Applied,
    /// AWS had it so already.
    Already,
    /// There was nothing to do, or the step does not apply here.
    Skipped,
    /// The call failed; the other steps were tried all the same.
    Failed,
}

/// One step of a containment, verification or release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What it does, and to which part of the target.
    pub name: StepName,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it failed or was skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Fault>,
    /// The digest of what an analyst must see before the step may be passed over. Of a release: what somebody else changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took, in milliseconds.
    pub ms: u64,
}

/// The state a target was left in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Every step that matters holds.
    Contained,
    /// Some steps hold and some failed.
    Partial,
    /// Nothing was done, on purpose.
    Skipped,
    /// Nothing holds.
    Failed,
    /// Nothing was changed: it waits until a person agrees to its impact.
    Waits,
}

/// What happened to one target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// The target.
    pub target: Target,
    /// What was tried.
    #[serde(default, deserialize_with = "crate::containment::by_function")]
    pub containment: Option<Containment>,
    /// How it ended.
    pub status: Status,
    /// Every step, also the failed ones.
    #[serde(default)]
    pub steps: Vec<Step>,
    /// Why nothing was done, or the error that ended the function: words for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The name of the error that ended the function: what programs go by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<ErrorName>,
    /// Why nothing was changed yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits: Option<Waits>,
    /// Of a release: the incident that still holds the target. The target stays contained for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_by: Option<IncidentId>,
    /// Of a release: the incident that still holds the target, if that one is closed. Only its restore lets go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restore: Option<IncidentId>,
    /// When the function finished. Absent when the state machine wrote the receipt for a function that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
}

impl Step {
    /// What it does, if this version of Firebreak knows it.
    #[must_use]
    pub fn kind(&self) -> Option<StepKind> {
        self.name.kind()
    }

    /// Whether it does `kind`.
    #[must_use]
    pub fn is(&self, kind: StepKind) -> bool {
        self.kind() == Some(kind)
    }

    /// Whether it was left out because the target must never be touched.
    fn is_spared(&self) -> bool {
        self.outcome == Outcome::Skipped && self.error.as_ref().is_some_and(|fault| fault.kind == FaultKind::Protected)
    }
}

impl Receipt {
    /// A receipt without steps.
    #[must_use]
    pub fn of(target: Target, containment: Containment, status: Status) -> Self {
        Self {
            target,
            containment: Some(containment),
            status,
            steps: vec![],
            error: None,
            fault: None,
            waits: None,
            held_by: None,
            restore: None,
            finished_at: None,
        }
    }

    /// Of a release: in whose name the target is still contained, and the command that ends it where nothing asks any more.
    #[must_use]
    pub fn still_contained(&self) -> Option<String> {
        let by = self.held_by.as_ref()?;
        Some(match &self.restore {
            Some(closed) => {
                format!(
                    "still contained for incident {by}, which is closed: firebreak restore {closed} --comment \"WHY\" puts it back"
                )
            }
            None => format!("still contained for incident {by}"),
        })
    }

    /// The receipt of a containment that waits for a person.
    #[must_use]
    pub fn waiting(target: Target, containment: Containment, waits: Waits, at: Timestamp) -> Self {
        let error = Some(format!("not done yet: {}", waits.impact));
        Self { error, waits: Some(waits), finished_at: Some(at), ..Self::of(target, containment, Status::Waits) }
    }

    /// The status that a list of steps amounts to. `decisive` names the steps without which nothing is contained; labels and records
    /// contain nothing. What is protected is left alone on purpose. What Firebreak may have left open counts as held: looks close it.
    #[must_use]
    pub fn status_of(steps: &[Step], decisive: &[StepKind]) -> Status {
        let held = |step: &&Step| matches!(step.outcome, Outcome::Applied | Outcome::Already);
        let decides = |step: &Step| step.kind().is_some_and(|kind| decisive.contains(&kind));
        let none_failed = steps.iter().all(|step| step.outcome != Outcome::Failed);
        if none_failed && steps.iter().filter(held).any(decides) {
            Status::Contained
        } else if steps.iter().filter(held).any(|step| step.kind().is_none_or(|kind| !kind.is_bookkeeping()))
            || steps.iter().any(|step| step.is(StepKind::LeftOpen) && step.outcome == Outcome::Failed)
        {
            Status::Partial
        } else if none_failed && steps.iter().any(|step| decides(step) && step.is_spared()) {
            Status::Skipped
        } else {
            Status::Failed
        }
    }

    /// The names of the steps that failed.
    #[must_use]
    pub fn failed_steps(&self) -> Vec<StepName> {
        self.steps.iter().filter(|step| step.outcome == Outcome::Failed).map(|step| step.name.clone()).collect()
    }

    /// The kind of fault that ended the function, if it is one of ours.
    ///
    /// An execution that began under an earlier definition of the state machine wrote no `fault`, but the error's name as the first
    /// word of `error`; a gate can keep such an execution for weeks.
    #[must_use]
    pub fn fault_kind(&self) -> Option<FaultKind> {
        let earlier = || self.error.as_deref()?.split(' ').next().map(|word| ErrorName::from(word.to_owned()));
        self.fault.clone().or_else(earlier).and_then(|name| name.kind())
    }

    /// Why nothing was done, or what ended the function, in words for a person. The state machine writes an error as the name and
    /// the JSON of Lambda, a function as the name and the message; a person gets the message.
    #[must_use]
    pub fn told(&self) -> Option<String> {
        let (error, kind) = (self.error.as_deref()?, self.fault_kind());
        let of_lambda = error.split_once('{').and_then(|(_, json)| message_of(&format!("{{{json}")));
        let of_function = || Some(error.strip_prefix(kind?.error_type())?.strip_prefix(": ")?.to_owned());
        Some(match (kind, of_lambda.or_else(of_function)) {
            (Some(kind), Some(message)) => Fault::new(kind, message).told(),
            (None, Some(message)) => message,
            (_, None) => error.to_owned(),
        })
    }

    /// What the state machine wrote for a function that failed, with the time at which it is kept: by its time another execution of
    /// the incident tells that it is of now. That nothing was done stays without: what comes of the decision may stand in its place.
    #[must_use]
    pub fn dated(&self, at: Timestamp) -> Self {
        let finished_at = self.finished_at.or_else(|| (self.status == Status::Failed).then_some(at));
        Self { finished_at, ..self.clone() }
    }

    /// Whether anything of this target was changed and needs a release.
    #[must_use]
    pub fn holds_something(&self) -> bool {
        matches!(self.status, Status::Contained | Status::Partial)
    }

    /// Whether two receipts are about the same containment of the same target.
    #[must_use]
    pub fn is_about_same(&self, other: &Self) -> bool {
        self.containment == other.containment && self.target.merge_key() == other.target.merge_key()
    }

    /// Whether every control was there before, so that nothing was changed. False while the steps are not known.
    #[must_use]
    pub fn changed_nothing(&self) -> bool {
        let is_control = |step: &&Step| step.kind().is_none_or(|kind| !kind.is_bookkeeping());
        let mut controls = self.steps.iter().filter(is_control).peekable();
        controls.peek().is_some() && controls.all(|step| matches!(step.outcome, Outcome::Already | Outcome::Skipped))
    }
}

/// The message of an error, as Lambda writes one: `{"errorType": …, "errorMessage": …}`.
fn message_of(json: &str) -> Option<String> {
    let error: serde_json::Value = serde_json::from_str(json).ok()?;
    error.get("errorMessage")?.as_str().map(str::to_owned)
}

/// What AWS says about a contained target after the propagation delay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verification {
    /// The target.
    pub target: Target,
    /// What was verified.
    #[serde(default, deserialize_with = "crate::containment::by_function")]
    pub containment: Option<Containment>,
    /// True when every control was read back as written.
    pub holds: bool,
    /// One line per control that does not hold, or the error that kept Firebreak from looking.
    #[serde(default)]
    pub problems: Vec<String>,
    /// One line per control that somebody had reverted since it was written. It was written again; `problems` says if that failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reverted: Vec<String>,
    /// What somebody made since and Firebreak leaves to a person, one line each. The containment holds all the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// What each list of an answer may take, in bytes of its lines: the state machine carries these lists of twenty targets, twice.
const MAX_LINES: usize = 1024;
/// The same for notes: two usual ones fit.
const MAX_NOTES: usize = 384;

impl Verification {
    /// As the state machine carries it. The ledger has the whole.
    #[must_use]
    pub fn bounded(self) -> Self {
        let lines = |lines| first_of(lines, MAX_LINES);
        Self { problems: lines(self.problems), reverted: lines(self.reverted), notes: first_of(self.notes, MAX_NOTES), ..self }
    }
}

/// As many lines as fit, and how many more there are.
fn first_of(mut lines: Vec<String>, mut room: usize) -> Vec<String> {
    let fits = lines.iter().take_while(|line| {
        let is_room = line.len() <= room;
        room = room.saturating_sub(line.len());
        is_room
    });
    let (fit, all) = (fits.count(), lines.len());
    lines.truncate(fit);
    if fit < all {
        lines.push(format!("{} more: firebreak incidents show", all - fit));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::FaultKind;

    fn step(name: &str, outcome: Outcome) -> Step {
        let error = (outcome == Outcome::Failed).then(|| Fault::new(FaultKind::Denied, "no"));
        Step { name: name.to_owned().into(), outcome, error, digest: None, started_at: Timestamp::UNIX_EPOCH, ms: 1 }
    }

    #[test]
    fn an_answer_is_bounded_and_says_how_much_it_leaves_out() {
        let target = serde_json::json!({ "kind": "iam-user", "id": "alice", "account": "111122223333", "region": "eu-central-1",
            "partition": "aws" });
        let target: Target = serde_json::from_value(target).expect("a target");
        let line = "x".repeat(500);
        let (problems, reverted, notes) = (vec![line.clone(); 9], vec![line], vec!["n".repeat(300); 3]);
        let all = Verification { target, containment: None, holds: false, problems, reverted, notes };
        let told = all.clone().bounded();
        assert_eq!((told.problems.len(), told.problems[2].as_str()), (3, "7 more: firebreak incidents show"));
        assert_eq!((told.notes.len(), told.notes[1].as_str()), (2, "2 more: firebreak incidents show"));
        assert_eq!((&told.reverted, told.holds), (&all.reverted, false));
        assert!(serde_json::to_string(&told).expect("JSON").len() < 3 * 1024);
    }

    #[test]
    fn what_the_state_machine_writes_for_a_level_that_is_apart_is_about_its_containment() {
        let target = serde_json::json!({ "kind": "iam-role", "id": "deploy", "account": "111122223333", "region": "eu-central-1",
            "partition": "aws", "scope": "older-sessions" });
        let written = |function: &str| {
            let failed = serde_json::json!({ "target": target, "containment": function, "status": "failed", "error": "no" });
            serde_json::from_value::<Receipt>(failed).map(|receipt| receipt.containment)
        };
        for function in ["revoke-sessions", "quarantine-iam"] {
            assert_eq!(written(function).expect("a receipt"), Some(Containment::QuarantineIam), "{function}");
        }
        assert!(written("release").is_err());
        let check = serde_json::json!({ "target": target, "containment": "revoke-sessions", "holds": false });
        let check: Verification = serde_json::from_value(check).expect("a verification");
        assert_eq!(check.containment, Some(Containment::QuarantineIam));
        let nobody: Verification = serde_json::from_value(serde_json::json!({ "target": target, "holds": false })).expect("none");
        assert_eq!(nobody.containment, None);
    }

    #[test]
    fn a_fault_is_known_by_its_name_also_where_an_earlier_definition_wrote_the_receipt() {
        let target = serde_json::json!({ "kind": "iam-user", "id": "alice", "account": "111122223333", "region": "eu-central-1",
            "partition": "aws" });
        let read = |more: serde_json::Value| {
            let mut receipt = serde_json::json!({ "target": target, "containment": "quarantine-iam", "status": "failed" });
            receipt.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            serde_json::from_value::<Receipt>(receipt).expect("a receipt").fault_kind()
        };
        assert_eq!(read(serde_json::json!({ "error": "what people read", "fault": "Firebreak.Gone" })), Some(FaultKind::Gone));
        assert_eq!(read(serde_json::json!({ "error": "Firebreak.Gone {\"errorMessage\": \"\"}" })), Some(FaultKind::Gone));
        assert_eq!(read(serde_json::json!({ "error": "States.Timeout", "fault": "States.Timeout" })), None);
        assert_eq!(read(serde_json::json!({ "error": "Firebreak.Gonera" })), None);
    }

    fn receipt() -> Receipt {
        let target = serde_json::json!({ "kind": "iam-user", "id": "alice", "account": "111122223333", "region": "eu-central-1",
            "partition": "aws" });
        Receipt::of(serde_json::from_value(target).expect("a target"), Containment::QuarantineIam, Status::Failed)
    }

    #[test]
    fn a_person_reads_what_a_fault_means_and_never_its_name() {
        let fault = Fault::new(FaultKind::Denied, "iam:DetachUserPolicy: AccessDenied");
        let lambda = format!("{} {{\"errorMessage\":\"{}\"}}", fault.kind.error_type(), fault.message);
        for error in [fault.to_string(), lambda] {
            let receipt = Receipt { error: Some(error), fault: Some(fault.kind.into()), ..receipt() };
            assert_eq!(receipt.told().as_deref(), Some("AWS refused: iam:DetachUserPolicy: AccessDenied"));
        }
    }

    #[test]
    fn what_was_there_before_is_no_change_and_what_is_not_known_may_be_one() {
        let of = |steps| Receipt { steps, ..receipt() };
        let record = || step("record-base", Outcome::Applied);
        assert!(of(vec![record(), step("isolate-interface eni-1", Outcome::Already)]).changed_nothing());
        let one_of_two =
            vec![step("isolate-interface eni-1", Outcome::Already), step("isolate-interface eni-2", Outcome::Applied)];
        assert!(!of(one_of_two).changed_nothing());
        assert!(!of(vec![record()]).changed_nothing() && !of(vec![]).changed_nothing());
    }

    #[test]
    fn a_status_never_claims_more_than_the_steps() {
        let decisive = [StepKind::AttachDeny];
        let status = |steps: &[Step]| Receipt::status_of(steps, &decisive);
        assert_eq!(status(&[step("attach-deny", Outcome::Applied), step("tag", Outcome::Applied)]), Status::Contained);
        assert_eq!(
            status(&[step("attach-deny", Outcome::Already), step("deactivate-key K", Outcome::Skipped)]),
            Status::Contained
        );
        assert_eq!(status(&[step("attach-deny", Outcome::Applied), step("deactivate-key K", Outcome::Failed)]), Status::Partial);
        assert_eq!(status(&[step("attach-deny", Outcome::Failed), step("deactivate-key K", Outcome::Applied)]), Status::Partial);
        assert_eq!(status(&[step("attach-deny", Outcome::Failed)]), Status::Failed);
        assert_eq!(status(&[step("attach-deny", Outcome::Failed), step("record-base", Outcome::Applied)]), Status::Failed);
        assert_eq!(status(&[step("tag", Outcome::Applied)]), Status::Failed, "a label contains nothing");
        assert_eq!(status(&[]), Status::Failed);
        assert_eq!(status(&[step("left-open eni-1", Outcome::Failed)]), Status::Partial, "looks must close it");
        let spared = |name| Step { error: Some(Fault::protected("a tag")), ..step(name, Outcome::Skipped) };
        assert_eq!(status(&[step("read-base", Outcome::Applied), spared("attach-deny")]), Status::Skipped);
        assert_eq!(status(&[spared("attach-deny"), step("deactivate-key K", Outcome::Failed)]), Status::Failed);
        assert_eq!(status(&[spared("deactivate-key K")]), Status::Failed, "it decides nothing");
    }
}
