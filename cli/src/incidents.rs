//! `firebreak incidents`: what happened and where it stands.

use crate::arguments::{IncidentsArguments, ShowIncident};
use crate::{CommandError, Connection, decisions, paint, print_json};
use console::style;
use firebreak::ids::IncidentId;
use firebreak::receipt::Receipt;
use firebreak::text::inert;
use firebreak_ledger::{IncidentRecord, IncidentView};

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
    let finding = &incident.finding;
    let target = incident.decisions.first().map_or_else(|| "no target".to_owned(), |decision| decision.target.to_string());
    let more = incident.decisions.len().saturating_sub(1);
    let more = if more > 0 { format!(" +{more}") } else { String::new() };
    let severity = finding.severity_band.map_or("no severity", |band| band.label());
    let account = finding.account.as_ref().map_or("unknown account", |account| account.as_str());
    let kind = inert(finding.finding_type.as_deref().unwrap_or("unknown finding"), 80);
    let (id, status, opened) =
        (style(incident.id.as_str()).bold(), paint::incident_status(*status), paint::time(incident.opened_at));
    format!("{id}  {status}  {severity}  {opened}\n    {target}{more} in {account}: {kind}")
}

async fn show(id: &str, json: bool) -> Result<(), CommandError> {
    let id = incident_id(id)?;
    let view = Connection::open().await?.ledger.incident(&id).await?;
    let Some(view) = view else { return Err(CommandError::Bad(format!("there is no incident {id}"))) };
    if json {
        return print_json(&view);
    }
    print(&view);
    Ok(())
}

fn print(view: &IncidentView) {
    let IncidentRecord { status, incident } = &view.record;
    let finding = &incident.finding;
    println!("{}  {}", style(incident.id.as_str()).bold(), paint::incident_status(*status));
    println!("{}", inert(finding.finding_type.as_deref().unwrap_or("unknown finding"), 128));
    if let Some(reason) = &incident.reason {
        println!("{}", inert(reason, 300));
    }
    if let Some(first) = &incident.follows {
        println!("an update of {first}");
    }
    heading("Decisions");
    decisions::print(&incident.decisions);
    receipts("Targets", &view.receipts);
    for check in view.verifications.iter().filter(|check| !check.holds) {
        println!("  {} {}: {}", style("does not hold").red().bold(), check.target, inert(&check.problems.join("; "), 300));
    }
    receipts("Put back", &view.releases);
    if let Some(sweep) = &view.sweep {
        heading("CloudTrail");
        let lines = [("did", &sweep.found), ("no room", &sweep.left_out), ("not seen", &sweep.missing)];
        let lines: Vec<_> = lines.iter().flat_map(|(what, lines)| lines.iter().map(move |line| (what, line))).collect();
        if lines.is_empty() {
            println!("  {}", sweep.says());
        }
        for (what, line) in lines {
            println!("  {} {}", style(format!("{what:8}")).dim(), inert(line, 200));
        }
    }
    heading("Evidence");
    if view.evidence.is_empty() {
        println!("  none yet");
    }
    for entry in &view.evidence {
        let digest = entry.sha256.as_deref().map_or("snapshot", |digest| &digest[..12.min(digest.len())]);
        println!("  {} {}", style(format!("{digest:12}")).dim(), inert(&entry.key, 160));
    }
    if let Some(review) = &view.review {
        heading("Review");
        match &review.decision {
            Some(decided) => println!(
                "  {} by {} at {}: {}",
                decided.answer.word(),
                inert(&decided.by, 100),
                paint::time(decided.at),
                inert(&decided.comment, 300)
            ),
            None => println!(
                "  waiting for your answer since {} (round {})\n  firebreak review approve {} --comment \"WHY\"\n  firebreak review release {} --comment \"WHY\"",
                text_time(&review.opened_at),
                review.round,
                incident.id,
                incident.id
            ),
        }
    }
    heading("Timeline");
    for event in &view.timeline {
        println!("  {}  {}", style(text_time(&event.at)).dim(), inert(&event.what, 200));
    }
}

fn receipts(title: &str, receipts: &[Receipt]) {
    if receipts.is_empty() {
        return;
    }
    heading(title);
    for receipt in receipts {
        let status = if title == "Targets" { paint::status(receipt.status).to_string() } else { String::new() };
        println!("  {} {status}", receipt.target);
        for step in &receipt.steps {
            let why = step.error.as_ref().map(|fault| format!(": {}", inert(&fault.message, 200))).unwrap_or_default();
            println!(
                "    {} {} {}{why}",
                paint::outcome(step.outcome),
                inert(&step.name.done(), 120),
                style(format!("{} ms", step.ms)).dim()
            );
        }
        if let Some(error) = receipt.told() {
            println!("    {}", inert(&error, 300));
        }
    }
}

/// A time that the ledger keeps as text.
fn text_time(at: &str) -> String {
    at.parse().map_or_else(|_| inert(at, 40), paint::time)
}

fn heading(text: &str) {
    println!("\n{}", style(text).bold().underlined());
}

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
