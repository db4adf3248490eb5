//! What somebody changed since a containment, as a release found it: when, from what to what, and how to find out who.

use super::Line;
use crate::paint;
use firebreak::ids::region_of_iam;
use firebreak::incident::IncidentStatus;
use firebreak::receipt::{Outcome, Receipt, Step};
use firebreak::step::StepKind;
use firebreak::target::{Target, TargetKind};
use firebreak::text::inert;
use firebreak_ledger::IncidentView;
use jiff::Timestamp;

pub(super) fn lines(view: &IncidentView) -> Vec<Line> {
    view.releases.iter().flat_map(|release| of(release, view)).collect()
}

fn of(release: &Receipt, view: &IncidentView) -> Vec<Line> {
    let told = |step: &&Step| step.is(StepKind::CheckDrift) && step.error.is_some();
    let mut lines = Vec::new();
    let contained = view.receipts.iter().find(|receipt| receipt.is_about_same(release));
    let mut seen_at = None;
    for step in release.steps.iter().filter(told) {
        let now = step.error.as_ref().map(|fault| inert(&fault.message, 400)).unwrap_or_default();
        let word = if step.outcome == Outcome::Failed { "left as it is" } else { "passed over, as you asked" };
        lines.push(Line::Text(format!("{}: {now}: {word}", release.target)));
        seen_at = Some(step.started_at);
    }
    let Some(seen_at) = seen_at else { return lines };
    let since = contained.and_then(|receipt| receipt.finished_at);
    if let Some(before) = contained.map(left_by_firebreak).filter(|before| !before.is_empty()) {
        lines.push(Line::Text(format!("  Firebreak had left it so: {}", inert(&before, 400))));
    }
    let since_text = since.map(|since| format!("between {} and ", paint::time(since)));
    let since_text = since_text.unwrap_or_else(|| "before ".to_owned());
    lines.push(Line::Text(format!("  when: {since_text}{}", paint::time(seen_at))));
    // What the suspects did is known already; only their calls were asked for.
    let found = view.sweep.iter().flat_map(|sweep| &sweep.found).filter(|line| line.contains(&release.target.id));
    lines.extend(found.map(|line| Line::Text(format!("  CloudTrail, of the suspects: {}", inert(line, 250)))));
    lines.push(Line::Text(format!("  who: ask CloudTrail in account {}:", release.target.account)));
    lines.push(Line::Command(asks(&release.target, since)));
    if release.found_drift() {
        lines.extend(again(view));
    }
    lines
}

/// How what is Firebreak's own is taken back. An incident that failed takes no answer.
fn again(view: &IncidentView) -> Vec<Line> {
    let does = "Firebreak takes back what is its own and leaves what somebody changed";
    let (status, id) = (view.record.status, &view.record.incident.id);
    match status {
        IncidentStatus::Closed => vec![
            Line::Text(format!("  ask for the restore again: {does}:")),
            Line::Command(format!("firebreak restore {id} --comment \"WHY\"")),
        ],
        _ if status.is_over() => vec![],
        _ => vec![Line::Text(format!("  answer release again: {does}"))],
    }
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
        "aws cloudtrail lookup-events --region {region} --lookup-attributes \
         AttributeKey=ResourceName,AttributeValue={name}{since}"
    )
}
