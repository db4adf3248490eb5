//! `firebreak incidents`: what happened and where it stands.

use crate::arguments::{IncidentsArguments, ShowIncident};
use crate::{CommandError, Connection, decisions, paint, print_json};
use console::style;
use firebreak::ids::IncidentId;
use firebreak::incident::{Incident, IncidentStatus};
use firebreak::plan::JoinedAs;
use firebreak::receipt::{Receipt, Standing, Status, Verification};
use firebreak::step::StepKind;
use firebreak::text::inert;
use firebreak_ledger::{IncidentRecord, IncidentView};
use std::fmt::Write as _;

pub(crate) async fn run(arguments: &IncidentsArguments) -> Result<(), CommandError> {
    match &arguments.show {
        Some(ShowIncident::Show { id, json }) => show(id, *json || arguments.json).await,
        None => {
            let records = Connection::open().await?.ledger.incidents(arguments.limit).await?;
            if arguments.json {
                return print_json(&records);
            }
            list(&records, "No incidents.");
            Ok(())
        }
    }
}

/// Reads an incident id from the command line.
pub(crate) fn incident_id(text: &str) -> Result<IncidentId, CommandError> {
    IncidentId::parse(text).map_err(|error| CommandError::Input(format!("{}: {error}", inert(text, 40))))
}

/// Prints incidents, two lines each: an id stays in one piece however narrow the terminal is.
pub(crate) fn list(records: &[IncidentRecord], none: &str) {
    if records.is_empty() {
        println!("{none}");
    }
    for record in records {
        println!("{}", two_lines(record));
    }
}

fn two_lines(IncidentRecord { status, incident }: &IncidentRecord) -> String {
    let finding = incident.gravest();
    let target = incident.decisions.first().map_or_else(|| "no target".to_owned(), |decision| decision.target.to_string());
    let more = incident.decisions.len().saturating_sub(1);
    let more = if more > 0 { format!(" +{more}") } else { String::new() };
    let others = incident.findings.len().saturating_sub(1);
    let others = if others > 0 { format!(" +{others}") } else { String::new() };
    let severity = finding.severity_band.map_or("no severity", |band| band.label());
    let account = finding.account.as_ref().map_or("unknown account", |account| account.as_str());
    let kind = inert(finding.finding_type.as_deref().unwrap_or("unknown finding"), 80);
    let (id, status, opened) =
        (style(incident.id.as_str()).bold(), paint::incident_status(*status), paint::time(incident.opened_at));
    format!("{id}  {status}  {severity}  {opened}\n    {target}{more} in {account}: {kind}{others}")
}

async fn show(id: &str, json: bool) -> Result<(), CommandError> {
    let id = incident_id(id)?;
    let ledger = Connection::open().await?.ledger;
    let (mut view, mut joined) = (ledger.incident(&id).await?, None);
    if view.is_none() {
        joined = ledger.joined(&id).await?.map(|joining| joining.incident);
        if let Some(joined) = &joined {
            view = ledger.incident(joined).await?;
        }
    }
    let Some(view) = view else { return Err(CommandError::Bad(format!("there is no incident {id}"))) };
    if json {
        return print_json(&view);
    }
    if let Some(joined) = joined {
        println!("{id} is a finding that joined {joined}:");
    }
    print!("{}", shown(&view));
    Ok(())
}

/// Everything the ledger knows of an incident, as a screen.
fn shown(view: &IncidentView) -> String {
    let mut out = String::new();
    top(&mut out, view);
    findings(&mut out, &view.record.incident);
    heading(&mut out, "Decisions");
    out.push_str(&decisions::shown(&view.record.incident.decisions));
    targets(&mut out, view);
    releases(&mut out, &view.releases);
    trail(&mut out, view);
    evidence(&mut out, view);
    review(&mut out, view);
    heading(&mut out, "Timeline");
    for event in &view.timeline {
        line(&mut out, &format!("{}  {}", style(text_time(&event.at)).dim(), inert(&event.what, 200)));
    }
    out
}

fn top(out: &mut String, view: &IncidentView) {
    let IncidentRecord { status, incident } = &view.record;
    let _ = writeln!(out, "{}  {}", style(incident.id.as_str()).bold(), paint::incident_status(*status));
    let _ = writeln!(out, "{}", inert(incident.gravest().finding_type.as_deref().unwrap_or("unknown finding"), 128));
    let _ = writeln!(out, "opened {}", paint::time(incident.opened_at));
    if let Some(reason) = &incident.reason {
        let _ = writeln!(out, "{}", inert(reason, 300));
    }
    if let Some(first) = &incident.follows {
        let _ = writeln!(out, "an update of {first}");
    }
}

/// Every finding, when there are several.
fn findings(out: &mut String, incident: &Incident) {
    if incident.findings.len() < 2 && incident.more_findings == 0 {
        return;
    }
    heading(out, "Findings");
    for finding in &incident.findings {
        let kind = inert(finding.finding_type.as_deref().unwrap_or("unknown finding"), 128);
        let severity = finding.severity_band.map_or("no severity", |band| band.label());
        let region = finding.region.as_ref().map_or("unknown Region", |region| region.as_str());
        let how = match &finding.joined {
            None => "opened the incident".to_owned(),
            Some(JoinedAs { revision: None, at, .. }) => format!("joined {}, adds nothing", paint::time(*at)),
            Some(JoinedAs { id, at, .. }) => format!("joined {} as {id}", paint::time(*at)),
        };
        line(out, &format!("{kind}, {severity}, {region}: {how}"));
    }
    if incident.more_findings > 0 {
        line(out, &format!("{} more like these, which add nothing", incident.more_findings));
    }
}

/// How each target stands now. What a release put back is no longer contained, whatever its containment had done.
fn targets(out: &mut String, view: &IncidentView) {
    if view.receipts.is_empty() {
        return;
    }
    heading(out, "Targets");
    for receipt in &view.receipts {
        let problems = problems(receipt, view);
        line(out, &format!("{} {}", receipt.target, stands(receipt, view, problems.is_empty())));
        for problem in problems {
            line(out, &format!("  {} {}", style("NOT in place:").red().bold(), inert(problem, 300)));
        }
        for note in checks(receipt, view).flat_map(|check| &check.notes) {
            line(out, &format!("  {} {}", style("left to you:").yellow(), inert(note, 500)));
        }
        steps(out, receipt);
    }
}

/// What the last check found wrong with a target that is still held.
fn problems<'a>(receipt: &'a Receipt, view: &'a IncidentView) -> Vec<&'a str> {
    checks(receipt, view).filter(|check| !check.holds).flat_map(|check| &check.problems).map(String::as_str).collect()
}

/// The last check of a target that is still held.
fn checks<'a>(receipt: &'a Receipt, view: &'a IncidentView) -> impl Iterator<Item = &'a Verification> {
    let (is_held, key) = (receipt.standing(&view.releases) == Standing::Held, receipt.target.merge_key());
    let same = move |check: &&Verification| check.containment == receipt.containment && check.target.merge_key() == key;
    view.verifications.iter().filter(move |_| is_held).filter(same)
}

fn stands(receipt: &Receipt, view: &IncidentView, confirmed: bool) -> String {
    let standing = receipt.standing(&view.releases);
    let before = if receipt.changed_nothing() { "; it was so before, by Firebreak or by somebody else" } else { "" };
    match standing {
        Standing::HeldByAnother => {
            let released = receipt.release_among(&view.releases).and_then(|released| released.held_by.as_ref());
            let by = released.map_or("another one", |by| by.as_str());
            style(format!("still contained, for incident {by}; this incident holds it no longer")).yellow().to_string()
        }
        Standing::Held if !confirmed && receipt.status == Status::Contained => {
            style("contained, NOT confirmed by the last check").red().bold().to_string()
        }
        Standing::Held => format!("{}{before}", paint::status(receipt.status)),
        other => match other.says() {
            Some(says) => style(says).yellow().to_string(),
            None => paint::status(receipt.status).to_string(),
        },
    }
}

fn releases(out: &mut String, releases: &[Receipt]) {
    if releases.is_empty() {
        return;
    }
    heading(out, "Release");
    for receipt in releases {
        line(out, &receipt.target.to_string());
        steps(out, receipt);
    }
}

fn steps(out: &mut String, receipt: &Receipt) {
    for step in &receipt.steps {
        // A change that somebody made can come with a command.
        let max = if step.is(StepKind::CheckDrift) { 400 } else { 200 };
        let why = step.error.as_ref().map(|fault| format!(": {}", inert(&fault.message, max))).unwrap_or_default();
        // What somebody else changed is no failure of Firebreak.
        if step.is(StepKind::CheckDrift) && step.error.is_some() {
            line(out, &format!("  {}{why}", style("left as it is").yellow()));
            continue;
        }
        let (outcome, ms) = (paint::outcome(step.outcome), style(format!("{} ms", step.ms)).dim());
        line(out, &format!("  {outcome} {} {ms}{why}", inert(&step.name.done(), 120)));
    }
    if let Some(error) = receipt.told() {
        line(out, &format!("  {}", inert(&error, 300)));
    }
    if receipt.found_drift() {
        line(out, "  answer release again: Firebreak takes back what is its own and leaves what somebody changed");
    }
}

fn trail(out: &mut String, view: &IncidentView) {
    let Some(sweep) = &view.sweep else { return };
    heading(out, "CloudTrail");
    let lines = [("did", &sweep.found), ("no room", &sweep.left_out), ("not seen", &sweep.missing)];
    let lines: Vec<_> = lines.iter().flat_map(|(what, lines)| lines.iter().map(move |line| (what, line))).collect();
    if lines.is_empty() {
        line(out, &sweep.says());
    }
    for (what, text) in lines {
        line(out, &format!("{} {}", style(format!("{what:8}")).dim(), inert(text, 200)));
    }
}

fn evidence(out: &mut String, view: &IncidentView) {
    heading(out, "Evidence");
    if view.evidence.is_empty() {
        line(out, "none yet");
    }
    for entry in &view.evidence {
        let digest = entry.sha256.as_deref().map_or("snapshot", |digest| &digest[..12.min(digest.len())]);
        line(out, &format!("{} {}", style(format!("{digest:12}")).dim(), inert(&entry.key, 160)));
    }
}

fn review(out: &mut String, view: &IncidentView) {
    let Some(review) = &view.review else { return };
    let IncidentRecord { status, incident } = &view.record;
    heading(out, "Review");
    let is_over = matches!(status, IncidentStatus::Failed | IncidentStatus::Closed | IncidentStatus::Released);
    match &review.decision {
        Some(decided) => {
            let (word, by) = (decided.answer.word(), inert(&decided.by, 200));
            line(out, &format!("{word} by {by} at {}: {}", paint::time(decided.at), inert(&decided.comment, 300)));
        }
        None if is_over => line(out, "nobody answered, and an answer would come too late"),
        None => {
            line(out, &format!("waiting for your answer since {} (round {})", text_time(&review.opened_at), review.round));
            for word in ["approve", "release"] {
                line(out, &format!("firebreak review {word} {} --comment \"WHY\"", incident.id));
            }
        }
    }
}

/// A time that the ledger keeps as text.
fn text_time(at: &str) -> String {
    at.parse().map_or_else(|_| inert(at, 40), paint::time)
}

fn heading(out: &mut String, text: &str) {
    let _ = writeln!(out, "\n{}", style(text).bold().underlined());
}

fn line(out: &mut String, text: &str) {
    let _ = writeln!(out, "  {text}");
}

#[cfg(test)]
mod screens;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_incident_of_a_list_fits_into_80_columns_and_keeps_its_id_in_one_piece() {
        let target = json!({ "kind": "ec2-instance", "id": "i-0123456789abcdef0", "account": "111122223333",
            "region": "eu-central-1", "partition": "aws" });
        let record: IncidentRecord = serde_json::from_value(json!({
            "status": "awaiting-review", "id": "fb-0123456789abcdef", "verdict": "respond", "reason": null, "dedupe_key": "k",
            "finding": { "id": "x", "type": "CryptoCurrency:EC2/BitcoinTool.B", "severity": 8.0, "severity_band": "high",
                "source": "guardduty", "account": "111122223333", "region": "eu-central-1", "title": null },
            "decisions": [{ "target": target, "containment": "isolate-ec2", "mode": "auto", "reason": "why" }],
            "execution_arn": "arn", "opened_at": "2026-11-20T02:00:00.123456789Z",
            "timing": { "review_timeout_seconds": 1, "review_max_rounds": 1 } }))
        .expect("a record");
        let text = console::strip_ansi_codes(&two_lines(&record)).into_owned();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "fb-0123456789abcdef  awaiting-review  HIGH  2026-11-20 02:00:00 UTC");
        assert!(lines[0].len() <= 80 && lines[1].starts_with("    EC2 instance i-0123456789abcdef0 in 111122223333:"), "{text}");
        assert_eq!(text_time("2026-11-20T02:00:00.123456Z"), "2026-11-20 02:00:00 UTC");
        assert_eq!(text_time("x\u{1b}[2J"), inert("x\u{1b}[2J", 40), "whatever the ledger has is shown inert");
    }
}
