//! What was done, part by part: for whoever wants to know more than an answer needs.

use super::{Page, text_time};
use crate::standing::Facts;
use crate::{decisions, paint};
use console::style;
use firebreak::plan::JoinedAs;
use firebreak::receipt::Receipt;
use firebreak::step::StepKind;
use firebreak::text::inert;
use firebreak_ledger::IncidentView;

pub(super) fn write(page: &mut Page, view: &IncidentView) {
    findings(page, view);
    if !view.record.incident.decisions.is_empty() {
        page.heading("Decisions");
        let decisions = decisions::shown(&view.record.incident.decisions, page.width);
        page.out.push_str(&decisions);
    }
    let facts = Facts::from(view);
    steps(page, "What the containments did", facts, &view.receipts);
    steps(page, "What the release did", facts, &view.releases);
    if !view.evidence.is_empty() {
        page.heading("Evidence");
    }
    for entry in &view.evidence {
        let digest = entry.sha256.as_deref().map_or("snapshot", |digest| &digest[..12.min(digest.len())]);
        page.line(&format!("{} {}", style(format!("{digest:12}")).dim(), inert(&entry.key, 160)));
    }
    if !view.timeline.is_empty() {
        page.heading("Timeline");
    }
    for event in &view.timeline {
        page.line(&format!("{}  {}", style(text_time(&event.at)).dim(), inert(&event.what, 200)));
    }
}

/// Every finding, when there are several.
fn findings(page: &mut Page, view: &IncidentView) {
    let incident = &view.record.incident;
    if incident.findings.len() < 2 && incident.more_findings == 0 {
        return;
    }
    page.heading("Findings");
    for finding in &incident.findings {
        let kind = inert(finding.finding_type.as_deref().unwrap_or("unknown finding"), 128);
        let severity = finding.severity_band.map_or("no severity", |band| band.label());
        let region = finding.region.as_ref().map_or("unknown Region", |region| region.as_str());
        let how = match &finding.joined {
            None => "opened the incident".to_owned(),
            Some(JoinedAs { revision: None, at, .. }) => format!("joined {}, adds nothing", paint::time(*at)),
            Some(JoinedAs { id, at, .. }) => format!("joined {} as {id}", paint::time(*at)),
        };
        page.line(&format!("{kind}, {severity}, {region}: {how}"));
    }
    if incident.more_findings > 0 {
        page.line(&format!("{} more like these, which add nothing", incident.more_findings));
    }
}

/// Each step of each target. What somebody changed stands above.
fn steps(page: &mut Page, heading: &str, facts: Facts<'_>, receipts: &[Receipt]) {
    let is_told = |receipt: &&Receipt| facts.tells(receipt) && (!receipt.steps.is_empty() || receipt.error.is_some());
    let told: Vec<&Receipt> = receipts.iter().filter(is_told).collect();
    if !told.is_empty() {
        page.heading(heading);
    }
    for receipt in told {
        page.line(&receipt.target.to_string());
        for step in &receipt.steps {
            if step.is(StepKind::CheckDrift) && step.error.is_some() {
                continue;
            }
            let why = step.error.as_ref().map(|fault| format!(": {}", inert(&fault.message, 200))).unwrap_or_default();
            let (outcome, ms) = (paint::step(step), style(format!("{} ms", step.ms)).dim());
            page.below(&format!("{outcome} {} {ms}{why}", inert(&step.name.done(), 120)));
        }
        if let Some(error) = receipt.told() {
            page.below(&inert(&error, 300));
        }
    }
}
