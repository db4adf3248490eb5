//! A plan for people: what happens, when, to what, and why, in that order.

use super::PolicySource;
use crate::decisions;
use console::style;
use firebreak::arrival;
use firebreak::finding::Source;
use firebreak::plan::{Because, FindingSummary, Plan, Verdict};
use firebreak::playbook::Playbook;
use firebreak::policy::{Policy, line_of};
use firebreak::text::inert;

pub(super) fn plan(plan: &Plan) {
    let verdict = match plan.verdict {
        Verdict::Respond => style("RESPOND").red().bold(),
        Verdict::Notify => style("NOTIFY").yellow().bold(),
        Verdict::Ignore => style("IGNORE").dim(),
    };
    let kind = plan.finding.finding_type.as_deref().unwrap_or("not a finding Firebreak can read");
    println!("{verdict}  {}", style(inert(kind, 128)).bold());
    println!("{}", style(where_and_when(&plan.finding)).dim());
    if let Some(title) = &plan.finding.title {
        println!("{}", inert(title, 200));
    }
    if let Some(reason) = &plan.reason {
        let word = match plan.verdict {
            Verdict::Respond => "Note",
            Verdict::Notify => "Nothing is contained",
            Verdict::Ignore => "Nothing is done",
        };
        println!("\n{word}: {}", inert(reason, 400));
    }
    if plan.findings.is_empty() {
        decisions::print(&plan.decisions);
        return;
    }
    println!("\nThe event carries {} findings; each is answered by itself:", plan.findings.len());
    for part in &plan.findings {
        println!();
        self::plan(part);
    }
}

/// Says that a finding of GuardDuty does not come to Firebreak at all.
pub(super) fn arrival(plan: &Plan, policy: &Policy) {
    let FindingSummary { finding_type: Some(kind), severity: Some(severity), source: Source::GuardDuty, .. } = &plan.finding
    else {
        return;
    };
    if arrival::rule_of(kind, *severity, policy, Playbook::shipped()).is_none() {
        let why = "below severity 7 only findings arrive whose row contains something, needs an answer, or says arrives";
        println!("\n{}: {why}", style("This finding does not reach Firebreak").yellow());
    }
}

fn where_and_when(finding: &FindingSummary) -> String {
    let severity = match (finding.severity_band, finding.severity) {
        (Some(band), Some(number)) => format!("{} {number}", band.label()),
        (Some(band), None) => band.label().to_owned(),
        _ => "severity unknown".to_owned(),
    };
    let source = match finding.source {
        Source::GuardDuty => "from GuardDuty",
        Source::SecurityHub => "through Security Hub",
        Source::Health => "from AWS Health",
        Source::MalwareScan => "from a malware scan",
        Source::Request => "asked for by a person",
        Source::Unknown => "from an unknown source",
    };
    let account = finding.account.as_ref().map_or("unknown", |account| account.as_str());
    let region = finding.region.as_ref().map_or("unknown", |region| region.as_str());
    format!("{severity}, account {account}, {region}, {source}")
}

/// Which row, which field and which line decided.
pub(super) fn explanation(plan: &Plan, source: &PolicySource) {
    let parts = if plan.findings.is_empty() { std::slice::from_ref(plan) } else { &plan.findings };
    println!("\n{}", style("Why").bold());
    for step in parts.iter().flat_map(|part| &part.explanation) {
        let path = step.at.join(".");
        let (kind, at) = match step.because {
            Because::Field => ("field", path),
            Because::Rule => ("rule", path),
            Because::Row => ("row", located("playbook.toml", Playbook::SHIPPED_TEXT, &step.at)),
            Because::Policy => match &source.file {
                Some((file, text)) => ("policy", located(&file.display().to_string(), text, &step.at)),
                None => ("policy", format!("{path} (no --policy: full strength)")),
            },
        };
        println!("  {}{}\n  {:8}{}", style(format!("{kind:8}")).cyan(), inert(&at, 200), "", step.so);
    }
    if parts.iter().all(|part| part.explanation.is_empty()) {
        println!("  {}{}", style("event   ").cyan(), plan.reason.as_deref().unwrap_or("it cannot be read"));
    }
}

/// `file:line path`, or that the default holds when the file does not have it.
fn located(file: &str, text: &str, at: &[String]) -> String {
    let path = at.join(".");
    match line_of(text, at) {
        Some(line) => format!("{file}:{line}  {path}"),
        None => format!("{file}  {path} (not set: the default)"),
    }
}
