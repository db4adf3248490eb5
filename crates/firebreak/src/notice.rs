//! The words people read: plain text for SNS mail subscribers and for the ticket.
//!
//! Every value from a finding passes [`mail`] here, at the place where it becomes text. The text never carries
//! a task token: the ticket names the incident, and the answer goes through `decide-review`.

mod found;

use crate::decision::{Decision, Mode, Scope, Target, TargetKind};
use crate::incident::{Incident, Report};
use crate::plan::Verdict;
use crate::playbook::Playbook;
use crate::receipt::{Outcome, Receipt, Status};
use crate::review::{Answer, Decided};
use crate::text::{free_text, mail, subject};
use found::{found_lines, is_reverted};
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;

/// What a message is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoticeKind {
    /// A finding that only people can act on.
    Noticed,
    /// A response has begun.
    Opened,
    /// Containment and evidence are done, or partly failed: the report tells.
    Outcome,
    /// A later look found that somebody reverted the containment, or that the suspect did more.
    Alarm,
    /// Nobody answered the gate in time; it is open again.
    ReviewOverdue,
    /// The incident is closed.
    Closed,
}

/// A message: an ASCII subject of at most 99 characters and a text body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// For the mail's subject line.
    pub subject: String,
    /// The text.
    pub body: String,
}

/// SNS takes 256 KiB; a person takes less. Longer bodies are cut with a pointer to the command that shows everything.
const MAX_BODY: usize = 32_000;

/// Writes the message for `kind`.
#[must_use]
pub fn message(kind: NoticeKind, incident: &Incident, report: &Report, answer: Option<&Decided>, round: u32) -> Message {
    let problems = report.problems();
    let headline = match kind {
        NoticeKind::Noticed => "Look at this".to_owned(),
        NoticeKind::Opened if incident.over_budget > 0 => "OVER BUDGET, decide now".to_owned(),
        NoticeKind::Opened if !incident.decisions.iter().any(|d| d.containment.is_some() && d.mode != Mode::Notify) => {
            "Needs a person".to_owned()
        }
        NoticeKind::Opened => "Responding".to_owned(),
        NoticeKind::Outcome | NoticeKind::Alarm if is_reverted(report) => "CRITICAL, somebody reverted it".to_owned(),
        NoticeKind::Alarm => "MORE WAS FOUND".to_owned(),
        NoticeKind::Outcome if problems.is_empty() => outcome_word(incident, report).to_owned(),
        NoticeKind::Outcome if nothing_holds(report) => "NOT CONTAINED".to_owned(),
        NoticeKind::Outcome => "PARTLY FAILED".to_owned(),
        NoticeKind::ReviewOverdue => format!("Review overdue (round {round})"),
        NoticeKind::Closed if !unfinished(report, answer).is_empty() => "NOT FULLY carried out".to_owned(),
        NoticeKind::Closed => match answer.map(|a| a.answer) {
            Some(Answer::Release) => "Released and closed".to_owned(),
            Some(Answer::Approve) | None => "Approved and closed".to_owned(),
        },
    };
    let mut body = String::new();
    finding_lines(&mut body, incident);
    match kind {
        NoticeKind::Noticed => {
            let reason = incident.reason.as_deref().unwrap_or("no reason given");
            line(&mut body, "Nothing was contained", &mail(reason, 400));
            decision_lines(&mut body, &incident.decisions);
        }
        NoticeKind::Opened => decision_lines(&mut body, &incident.decisions),
        NoticeKind::Outcome | NoticeKind::Alarm => {
            problem_lines(&mut body, &problems);
            found_lines(&mut body, report);
            receipt_lines(&mut body, "Contained", &report.containment.receipts);
            if kind == NoticeKind::Alarm || is_reverted(report) {
                decision_lines(&mut body, &incident.decisions);
                body.push_str("\nThe review gate opens after the last look; then: firebreak review list\n");
            }
            evidence_line(&mut body, report);
        }
        NoticeKind::ReviewOverdue => {
            body.push_str("\nNobody has answered. Everything stays contained.\n");
            answer_lines(&mut body, incident);
        }
        NoticeKind::Closed => closed_lines(&mut body, report, answer, &unfinished(report, answer)),
    }
    let _ = write!(body, "\nAll details: firebreak incidents show {}\n", incident.id);
    Message { subject: subject(&format!("[Firebreak] {headline}: {}", what(incident))), body: cut(body) }
}

/// The ticket an analyst answers. It carries the incident's id and no secret.
#[must_use]
pub fn ticket(incident: &Incident, report: &Report, round: u32) -> Message {
    let problems = report.problems();
    let mut body = String::new();
    finding_lines(&mut body, incident);
    problem_lines(&mut body, &problems);
    found_lines(&mut body, report);
    receipt_lines(&mut body, "Done", &report.containment.receipts);
    for (title, automatic) in [("Done only if you approve", true), ("For you to do; approve when it is done", false)] {
        let gated = incident.decisions.iter().filter(|d| d.mode == Mode::Gate && d.containment.is_some() == automatic);
        let mut gated = gated.peekable();
        if gated.peek().is_some() {
            let _ = writeln!(body, "\n{title}:");
        }
        gated.for_each(|decision| decision_line(&mut body, decision));
    }
    evidence_line(&mut body, report);
    answer_lines(&mut body, incident);
    let again = if round > 1 { format!(" (asked {round} times)") } else { String::new() };
    Message { subject: subject(&format!("[Firebreak] Decide{again}: {}", what(incident))), body: cut(body) }
}

fn what(incident: &Incident) -> String {
    let target = incident.decisions.first().map(|d| shown(&d.target));
    format!("{} - {}", target.unwrap_or_else(|| "no target".to_owned()), kind_of(incident.finding.finding_type.as_deref()))
}

fn unfinished(report: &Report, answer: Option<&Decided>) -> Vec<String> {
    answer.map(|decided| report.unfinished(decided.answer)).unwrap_or_default()
}

/// Containment was tried and nothing came of it.
fn nothing_holds(report: &Report) -> bool {
    let receipts = &report.containment.receipts;
    let tried = report.containment.status == "failed" || receipts.iter().any(|receipt| receipt.status == Status::Failed);
    tried && !receipts.iter().any(Receipt::holds_something)
}

fn outcome_word(incident: &Incident, report: &Report) -> &'static str {
    if report.containment.receipts.iter().any(|r| r.status == Status::Contained) {
        "Contained"
    } else if incident.decisions.iter().any(|d| d.mode == Mode::Gate && d.containment.is_some()) {
        "Waiting for approval"
    } else {
        "Needs a person"
    }
}

fn finding_lines(body: &mut String, incident: &Incident) {
    let finding = &incident.finding;
    line(body, "Incident", incident.id.as_str());
    if let Some(first) = &incident.follows {
        line(body, "Follows", first.as_str());
    }
    line(body, "Finding", &kind_of(finding.finding_type.as_deref()));
    if let Some(title) = &finding.title {
        line(body, "Title", &free_text(title, 200));
    }
    let severity = match (finding.severity_band, finding.severity) {
        (Some(band), Some(number)) => format!("{} ({number})", band.label()),
        (Some(band), None) => band.label().to_owned(),
        _ => "unknown".to_owned(),
    };
    line(body, "Severity", &severity);
    let account = finding.account.as_ref().map_or("unknown", |a| a.as_str());
    let region = finding.region.as_ref().map_or("unknown", |r| r.as_str());
    line(body, "Where", &format!("account {account}, {region}"));
    if let (Verdict::Respond, Some(reason)) = (incident.verdict, &incident.reason) {
        line(body, "Note", &free_text(reason, 900));
    }
}

/// A finding's type. One that the playbook does not know is anybody's text.
fn kind_of(finding_type: Option<&str>) -> String {
    match finding_type {
        Some(kind) if Playbook::shipped().row(kind).is_some() => mail(kind, 128),
        Some(kind) => free_text(kind, 128),
        None => "unknown finding".to_owned(),
    }
}

/// The name of a target: its id can be text of whoever named the resource.
fn shown(target: &Target) -> String {
    let name = target.to_string();
    match target.kind {
        // Names that IAM, EC2 and S3 accept; a full stop is part of them.
        TargetKind::IamUser | TargetKind::IamRole | TargetKind::AccountRoot | TargetKind::Ec2Instance | TargetKind::S3Bucket => {
            mail(&name, 280)
        }
        _ => free_text(&name, 280),
    }
}

fn decision_lines(body: &mut String, decisions: &[Decision]) {
    if !decisions.is_empty() {
        body.push_str("\nDecided:\n");
    }
    for decision in decisions {
        decision_line(body, decision);
    }
}

fn decision_line(body: &mut String, decision: &Decision) {
    let what = match (decision.containment, decision.mode) {
        (Some(containment), Mode::Auto) => format!("{containment}, now"),
        (Some(containment), Mode::Gate) => format!("{containment}, after approval"),
        (Some(containment), Mode::Notify) => format!("{containment}, not by Firebreak"),
        (None, _) => "by hand".to_owned(),
    };
    let target = shown(&decision.target);
    let _ = writeln!(body, "  - {target}: {what} ({})", mail(&decision.reason, 300));
    if let Some(by_hand) = &decision.by_hand {
        let _ = writeln!(body, "    To do: {}", mail(by_hand, 300));
    }
}

fn receipt_lines(body: &mut String, title: &str, receipts: &[Receipt]) {
    if receipts.is_empty() {
        return;
    }
    let _ = writeln!(body, "\n{title}:");
    for receipt in receipts {
        let status = match receipt.status {
            Status::Contained => "contained",
            Status::Partial => "PARTLY contained",
            Status::Skipped => "not touched",
            Status::Failed => "NOT contained",
        };
        let steps: Vec<String> =
            receipt.steps.iter().filter(|s| s.outcome == Outcome::Applied).map(|s| mail(&s.name, 80)).collect();
        let detail = match (&receipt.error, steps.is_empty()) {
            (Some(error), _) => mail(error, 300),
            (None, false) => steps.join(", "),
            (None, true) if receipt.status == Status::Failed => {
                let first =
                    receipt.steps.iter().find_map(|step| step.error.as_ref().map(|fault| format!("{}: {fault}", step.name)));
                mail(&first.unwrap_or_else(|| "no step was tried".to_owned()), 300)
            }
            (None, true) => "nothing had to change".to_owned(),
        };
        let _ = writeln!(body, "  - {}: {status} ({detail})", shown(&receipt.target));
        for step in receipt.steps.iter().filter(|step| step.outcome == Outcome::Skipped) {
            if let Some(why) = &step.error {
                let _ = writeln!(body, "    Note: {}", mail(&why.message, 300));
            }
        }
    }
}

fn problem_lines(body: &mut String, problems: &[String]) {
    if problems.is_empty() {
        return;
    }
    body.push_str("\nNEEDS A PERSON NOW:\n");
    for problem in problems {
        let _ = writeln!(body, "  - {}", mail(problem, 500));
    }
}

fn evidence_line(body: &mut String, report: &Report) {
    if let Some(count) = report.seal.count.or(report.evidence.count) {
        let _ = writeln!(body, "\nEvidence: {count} items, with their digests in manifest.json");
    }
}

fn answer_lines(body: &mut String, incident: &Incident) {
    let id = &incident.id;
    let _ = write!(
        body,
        "\nAnswer:\n  firebreak review approve {id} --comment \"...\"   it was right: keep it contained\n  \
         firebreak review release {id} --comment \"...\"   it was wrong: put it back\n"
    );
    let about = |wanted: fn(&Target) -> bool| incident.decisions.iter().any(|d| d.containment.is_some() && wanted(&d.target));
    if about(|target| target.kind == TargetKind::IamUser) {
        body.push_str("  A credential that was exposed stays inactive after a release: replace it.\n");
    }
    if about(|target| target.scope == Scope::Session) {
        body.push_str("  A session works again after a release, with the same credentials until they expire.\n");
    }
}

fn closed_lines(body: &mut String, report: &Report, answer: Option<&Decided>, problems: &[String]) {
    if let Some(decided) = answer {
        let by = mail(&decided.by, 100);
        line(body, "Answer", &format!("{} by {by} at {}", decided.answer.word(), decided.at));
        line(body, "Comment", &mail(&decided.comment, 500));
    }
    problem_lines(body, problems);
    let gated: Vec<Receipt> = report.gated.iter().filter(|receipt| receipt.status != Status::Skipped).cloned().collect();
    receipt_lines(body, "After the approval", &gated);
    for check in report.gated_verification.iter().filter(|check| !check.holds) {
        for problem in &check.problems {
            let _ = writeln!(body, "  - {} DOES NOT HOLD: {}", shown(&check.target), mail(problem, 300));
        }
    }
    if let Some(error) = report.verify.error.as_ref().filter(|_| !gated.is_empty() && report.gated_verification.is_empty()) {
        let _ = writeln!(body, "\nIt could not be verified: {}", mail(error, 200));
    }
    if !report.release.receipts.is_empty() {
        body.push_str("\nPut back:\n");
        for receipt in &report.release.receipts {
            let steps: Vec<String> = receipt
                .steps
                .iter()
                .map(|s| format!("{}: {}", mail(&s.name, 80), format!("{:?}", s.outcome).to_lowercase()))
                .collect();
            let detail = receipt.error.as_deref().map_or_else(|| steps.join(", "), |error| mail(error, 300));
            let _ = writeln!(body, "  - {}: {detail}", shown(&receipt.target));
        }
    }
}

fn line(body: &mut String, label: &str, value: &str) {
    let _ = writeln!(body, "{label}: {value}");
}

fn cut(mut body: String) -> String {
    if body.len() > MAX_BODY {
        let end = (0..=MAX_BODY).rev().find(|&i| body.is_char_boundary(i)).unwrap_or(0);
        body.truncate(end);
        body.push_str("\n[cut]\n");
    }
    body
}
