//! `firebreak incidents`: what happened and where it stands.

use crate::arguments::{IncidentsArguments, ShowIncident};
use crate::{CommandError, Connection, decisions, paint, print_json};
use comfy_table::{ContentArrangement, Table, presets};
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
            list(&records);
            Ok(())
        }
    }
}

/// Reads an incident id from the command line.
pub(crate) fn incident_id(text: &str) -> Result<IncidentId, CommandError> {
    IncidentId::parse(text).map_err(|error| CommandError::Input(format!("{}: {error}", inert(text, 40))))
}

/// Prints incidents as a table.
pub(crate) fn list(records: &[IncidentRecord]) {
    if records.is_empty() {
        println!("No incidents.");
        return;
    }
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["INCIDENT", "STATUS", "SEVERITY", "FINDING", "TARGET", "OPENED (UTC)"]);
    for IncidentRecord { status, incident } in records {
        let finding = &incident.finding;
        let target = incident.decisions.first().map_or_else(|| "-".to_owned(), |decision| decision.target.to_string());
        let more = incident.decisions.len().saturating_sub(1);
        table.add_row([
            incident.id.to_string(),
            paint::incident_status(*status).to_string(),
            finding.severity_band.map_or("-", |band| band.label()).to_owned(),
            inert(finding.finding_type.as_deref().unwrap_or("unknown"), 80),
            if more > 0 { format!("{target} +{more}") } else { target },
            incident.opened_at.strftime("%Y-%m-%d %H:%M:%S").to_string(),
        ]);
    }
    println!("{table}");
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
        for (what, line) in lines.iter().flat_map(|(what, lines)| lines.iter().map(move |line| (what, line))) {
            println!("  {} {}", style(format!("{what:8}")).dim(), inert(line, 200));
        }
    }
    heading("Evidence");
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
                decided.at,
                inert(&decided.comment, 300)
            ),
            None => println!(
                "  open since {} (round {})\n  firebreak review approve {} --comment \"...\"\n  firebreak review release {} --comment \"...\"",
                review.opened_at, review.round, incident.id, incident.id
            ),
        }
    }
    heading("Timeline");
    for event in &view.timeline {
        println!("  {}  {}", style(&event.at).dim(), inert(&event.what, 200));
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
                inert(step.name.as_str(), 80),
                style(format!("{} ms", step.ms)).dim()
            );
        }
        if let Some(error) = &receipt.error {
            println!("    {}", inert(error, 300));
        }
    }
}

fn heading(text: &str) {
    println!("\n{}", style(text).bold().underlined());
}
