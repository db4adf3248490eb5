//! `firebreak plan`: what triage would decide, offline.

use crate::arguments::PlanArguments;
use crate::{CommandError, print_json};
use console::style;
use firebreak::decision::{Decision, Mode};
use firebreak::plan::{Plan, Verdict, plan_json};
use firebreak::playbook::Playbook;
use firebreak::policy::Policy;
use firebreak::text::inert;
use serde::Serialize;
use std::io::Read as _;
use std::path::{Path, PathBuf};

pub(crate) fn run(arguments: &PlanArguments) -> Result<(), CommandError> {
    let policy = policy(arguments.policy.as_deref())?;
    if let Some(folder) = &arguments.batch {
        return batch(folder, &policy);
    }
    let path = arguments.event.as_deref().unwrap_or(Path::new("-"));
    let plan = decide(path, &policy)?;
    if arguments.json {
        return print_json(&plan);
    }
    print(&plan);
    Ok(())
}

fn policy(file: Option<&Path>) -> Result<Policy, CommandError> {
    let Some(file) = file else { return Ok(Policy::unrestricted()) };
    let text = std::fs::read_to_string(file)
        .map_err(|error| CommandError::Input(format!("cannot read the policy {}: {error}", file.display())))?;
    Policy::parse(&text).map_err(|error| CommandError::Input(format!("{}: {error}", file.display())))
}

fn decide(path: &Path, policy: &Policy) -> Result<Plan, CommandError> {
    plan_json(&read(path)?, Playbook::shipped(), policy)
        .map_err(|error| CommandError::Input(format!("{} is {error}", path.display())))
}

/// Reads an event file, or standard input for `-`.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, CommandError> {
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin().read_to_end(&mut bytes).map(|_| ())
    } else {
        std::fs::read(path).map(|content| bytes = content)
    };
    read.map_err(|error| CommandError::Input(format!("cannot read {}: {error}", path.display())))?;
    Ok(bytes)
}

#[derive(Serialize)]
#[serde(untagged)]
enum Line {
    Plan {
        file: String,
        #[serde(flatten)]
        plan: Box<Plan>,
    },
    Error {
        file: String,
        error: String,
    },
}

fn batch(folder: &Path, policy: &Policy) -> Result<(), CommandError> {
    let mut unreadable = 0;
    for path in files(folder)? {
        let file = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
        match decide(&path, policy) {
            Ok(plan) => print_json(&Line::Plan { file, plan: Box::new(plan) })?,
            Err(error) => {
                unreadable += 1;
                print_json(&Line::Error { file, error: error.to_string() })?;
            }
        }
    }
    if unreadable > 0 {
        return Err(CommandError::Input(format!("{unreadable} file(s) are not JSON; their lines carry \"error\"")));
    }
    Ok(())
}

/// All `*.json` below a folder, in order.
fn files(folder: &Path) -> Result<Vec<PathBuf>, CommandError> {
    let cannot = |error: std::io::Error| CommandError::Input(format!("cannot read the folder {}: {error}", folder.display()));
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(cannot)? {
        let path = entry.map_err(cannot)?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "json") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn print(plan: &Plan) {
    let finding = &plan.finding;
    let verdict = match plan.verdict {
        Verdict::Respond => style("RESPOND").red().bold(),
        Verdict::Notify => style("NOTIFY").yellow().bold(),
        Verdict::Ignore => style("IGNORE").dim(),
    };
    let kind = finding.finding_type.as_deref().unwrap_or("not a finding Firebreak can read");
    println!("{verdict}  {}", style(inert(kind, 128)).bold());
    let severity = match (finding.severity_band, finding.severity) {
        (Some(band), Some(number)) => format!("{} {number}", band.label()),
        (Some(band), None) => band.label().to_owned(),
        _ => "severity unknown".to_owned(),
    };
    let account = finding.account.as_ref().map_or("unknown", |account| account.as_str());
    let region = finding.region.as_ref().map_or("unknown", |region| region.as_str());
    println!("{severity}, account {account}, {region}");
    if let Some(reason) = &plan.reason {
        let word = if plan.verdict == Verdict::Respond { "Note" } else { "Nothing is contained" };
        println!("{word}: {}", inert(reason, 300));
    }
    for decision in &plan.decisions {
        println!();
        print_decision(decision);
    }
}

fn print_decision(decision: &Decision) {
    let when = match decision.mode {
        Mode::Auto => style("at once").red(),
        Mode::Gate => style("after approval").yellow(),
        Mode::Notify => style("not by Firebreak").dim(),
    };
    let what = decision.containment.map_or("tell a person", |containment| containment.name());
    println!("  {} {when}: {}", style(what).bold(), decision.target);
    if let Some(session) = &decision.target.session {
        println!("    session {}", inert(session, 64));
    }
    println!("    {}", inert(&decision.reason, 300));
}
