//! What somebody changed since a containment, as a release found it: when, from what to what, and how to find out who.

use crate::paint;
use firebreak::ids::region_of_iam;
use firebreak::receipt::{Outcome, Receipt, Step};
use firebreak::step::StepKind;
use firebreak::target::{Target, TargetKind};
use firebreak::text::inert;
use firebreak_ledger::IncidentView;
use jiff::Timestamp;

pub(super) fn lines(view: &IncidentView) -> Vec<String> {
    view.releases.iter().flat_map(|release| of(release, view)).collect()
}

fn of(release: &Receipt, view: &IncidentView) -> Vec<String> {
    let told = |step: &&Step| step.is(StepKind::CheckDrift) && step.error.is_some();
    let mut lines = Vec::new();
    let contained = view.receipts.iter().find(|receipt| receipt.is_about_same(release));
    let mut seen_at = None;
    for step in release.steps.iter().filter(told) {
        let now = step.error.as_ref().map(|fault| inert(&fault.message, 400)).unwrap_or_default();
        let word = if step.outcome == Outcome::Failed { "left as it is" } else { "passed over, as you asked" };
        lines.push(format!("{}: {now}: {word}", release.target));
        seen_at = Some(step.started_at);
    }
    let Some(seen_at) = seen_at else { return lines };
    let since = contained.and_then(|receipt| receipt.finished_at);
    if let Some(before) = contained.map(left_by_firebreak).filter(|before| !before.is_empty()) {
        lines.push(format!("  Firebreak had left it so: {}", inert(&before, 400)));
    }
    let since_text = since.map(|since| format!("between {} and ", paint::time(since)));
    lines.push(format!("  when: {}{}", since_text.unwrap_or_else(|| "before ".to_owned()), paint::time(seen_at)));
    // What the suspects did is known already; only their calls were asked for.
    let found = view.sweep.iter().flat_map(|sweep| &sweep.found).filter(|line| line.contains(&release.target.id));
    lines.extend(found.map(|line| format!("  CloudTrail, of the suspects: {}", inert(line, 250))));
    lines.push(format!("  who: {}", asks(&release.target, since)));
    if release.found_drift() {
        lines.push("  answer release again: Firebreak takes back what is its own and leaves what somebody changed".to_owned());
    }
    lines
}

/// What the containment wrote, one part after the other.
fn left_by_firebreak(receipt: &Receipt) -> String {
    let done = receipt.steps.iter().filter(|step| matches!(step.outcome, Outcome::Applied | Outcome::Already));
    done.filter_map(Step::says).collect::<Vec<_>>().join("; ")
}

/// The command that tells who changed a target.
fn asks(target: &Target, since: Option<Timestamp>) -> String {
    let is_iam = matches!(target.kind, TargetKind::IamUser | TargetKind::IamRole);
    let region = region_of_iam(&target.partition).filter(|_| is_iam).unwrap_or_else(|| target.region.clone());
    let name: String = target.id.chars().filter(|c| c.is_ascii_alphanumeric() || "+=,.@_-".contains(*c)).collect();
    let since = since.map(|at| format!(" --start-time {}", at.strftime("%Y-%m-%dT%H:%M:%SZ"))).unwrap_or_default();
    format!(
        "ask CloudTrail in account {}: aws cloudtrail lookup-events --region {region} --lookup-attributes \
         AttributeKey=ResourceName,AttributeValue={name}{since}",
        target.account
    )
}
