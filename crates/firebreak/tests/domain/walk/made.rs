//! Incidents, receipts and reports as triage, the functions and the state machine write them.

use firebreak::fault::{Fault, FaultKind};
use firebreak::incident::Incident;
use firebreak::plan::{Circumstances, plan_json};
use firebreak::policy::{Policy, ResponseMode};
use firebreak::receipt::{Outcome, Receipt, Status, Step, Verification};
use firebreak::report::{Asked, ReleaseBranch, Report};
use jiff::Timestamp;
use std::path::Path;

/// Minutes after the finding was sent.
pub(super) fn at(minutes: i64) -> Timestamp {
    let sent: Timestamp = "2026-11-20T02:05:00Z".parse().expect("a time");
    sent + jiff::SignedDuration::from_mins(minutes)
}

/// An incident about one target, as triage opens it in an account of this mode.
fn incident(fixture: &str, default_mode: ResponseMode) -> Incident {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/findings/guardduty");
    let event = std::fs::read(folder.join(fixture)).expect("readable");
    let policy = Policy { default_mode, ..Policy::unrestricted() };
    let plan = plan_json(&event, &Circumstances::new(&policy, at(0))).expect("JSON");
    assert_eq!(plan.decisions.len(), 1, "{fixture}");
    Incident::new(plan, &policy, "arn".to_owned(), at(0))
}

pub(super) fn user(mode: ResponseMode) -> Incident {
    incident("exfiltration-iam-user.json", mode)
}

pub(super) fn instance() -> Incident {
    incident("bitcoin-tool.json", ResponseMode::Auto)
}

pub(super) fn step(name: &str, outcome: Outcome) -> Step {
    Step { name: name.to_owned().into(), outcome, error: None, digest: None, started_at: at(1), ms: 7 }
}

pub(super) fn with_fault(name: &str, outcome: Outcome, fault: Fault) -> Step {
    Step { error: Some(fault), ..step(name, outcome) }
}

/// What a release finds that somebody changed. The functions write it with this kind of fault.
pub(super) fn drift(outcome: Outcome) -> Step {
    with_fault("check-drift", outcome, Fault::malformed("changed by somebody since the containment: it is not as it was left"))
}

/// A receipt that a function wrote.
pub(super) fn receipt(incident: &Incident, status: Status, minutes: i64, steps: Vec<Step>) -> Receipt {
    let decision = &incident.decisions[0];
    let of = Receipt::of(decision.target.clone(), decision.containment.expect("a containment"), status);
    Receipt { steps, finished_at: Some(at(minutes)), ..of }
}

/// A receipt that the state machine wrote.
pub(super) fn by_the_machine(incident: &Incident, status: Status, error: &str, fault: Option<FaultKind>) -> Receipt {
    let (error, fault) = (Some(error.to_owned()), fault.map(Into::into));
    Receipt { error, fault, finished_at: None, ..receipt(incident, status, 0, vec![]) }
}

pub(super) fn quarantined(incident: &Incident, minutes: i64) -> Receipt {
    let key = "deactivate-key AKIA8EAD6FD1811981E9";
    let steps = ["mark-held", "attach-deny", key, "tag"].map(|name| step(name, Outcome::Applied));
    receipt(incident, Status::Contained, minutes, steps.to_vec())
}

pub(super) fn isolated(incident: &Incident) -> Receipt {
    let steps = ["record-base", "isolate-interface eni-1", "isolate-interface eni-2", "protect-from-termination", "tag"];
    receipt(incident, Status::Contained, 1, steps.map(|name| step(name, Outcome::Applied)).to_vec())
}

pub(super) fn check(incident: &Incident, problems: &[&str]) -> Verification {
    let decision = &incident.decisions[0];
    Verification {
        target: decision.target.clone(),
        containment: decision.containment,
        holds: problems.is_empty(),
        problems: problems.iter().map(|problem| (*problem).to_owned()).collect(),
        reverted: vec![],
        notes: vec![],
    }
}

/// The report after the looks. `asked`: how many principals CloudTrail was searched for.
pub(super) fn report(receipt: Receipt, asked: usize) -> Report {
    let mut report = Report::default();
    report.containment.status = "ok".to_owned();
    report.verification = vec![Verification {
        target: receipt.target.clone(),
        containment: receipt.containment,
        holds: receipt.holds_something(),
        problems: vec![],
        reverted: vec![],
        notes: vec![],
    }];
    report.containment.receipts = vec![receipt];
    report.sweep.status = "ok".to_owned();
    report.sweep.suspects = Some(asked);
    report.sweep.asked = Some(Asked { places: 2 * asked, since: at(-1440) });
    report.seal.count = Some(9);
    report
}

/// The same after an approval.
pub(super) fn approved(report: &Report, receipt: Receipt, incident: &Incident) -> Report {
    let gated_verification = if receipt.holds_something() { vec![check(incident, &[])] } else { vec![] };
    Report { gated: vec![receipt], gated_verification, ..report.clone() }
}

/// The same after a release.
pub(super) fn released(report: &Report, receipt: Receipt) -> Report {
    let done = matches!(receipt.status, Status::Contained | Status::Skipped);
    let status = if done { "ok" } else { "failed" }.to_owned();
    Report { release: ReleaseBranch { status, receipts: vec![receipt], error: None }, ..report.clone() }
}

/// The release of what was never changed.
pub(super) fn nothing_to_release(incident: &Incident) -> Receipt {
    Receipt { error: Some("nothing was changed".to_owned()), ..receipt(incident, Status::Skipped, 5, vec![]) }
}
