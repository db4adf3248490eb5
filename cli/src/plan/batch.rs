//! Whole folders: one JSON line per file, or a table of types and decisions.

use super::decide;
use crate::{CommandError, print_json};
use firebreak::decision::{Decision, Mode};
use firebreak::plan::{Plan, Verdict};
use firebreak::policy::Policy;
use firebreak::text::inert;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

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

pub(super) fn lines(folder: &Path, policy: &Policy) -> Result<(), CommandError> {
    let mut unreadable = Vec::new();
    for path in files_to_plan(folder)? {
        let file = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
        match decide(&path, policy, false) {
            Ok(plan) => print_json(&Line::Plan { file, plan: Box::new(plan) })?,
            Err(error) => {
                unreadable.push(file.clone());
                print_json(&Line::Error { file, error: error.to_string() })?;
            }
        }
    }
    if !unreadable.is_empty() {
        let names = named(&unreadable);
        return Err(CommandError::Input(format!(
            "{} file(s) are not JSON; their lines carry \"error\": {names}",
            unreadable.len()
        )));
    }
    Ok(())
}

/// What was decided about the events of one type.
#[derive(Default)]
struct Row {
    events: usize,
    respond: usize,
    notify: usize,
    ignore: usize,
    decisions: BTreeMap<String, usize>,
}

/// Writes the table. Files that are no JSON are counted and named, and are no error: a folder may hold them on purpose.
pub(super) fn report(folder: &Path, to: &Path, policy: &Policy) -> Result<(), CommandError> {
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    let (mut all, mut unreadable) = (Row::default(), Vec::new());
    for path in files_to_plan(folder)? {
        let Ok(plan) = decide(&path, policy, false) else {
            unreadable.push(path.strip_prefix(folder).unwrap_or(&path).display().to_string());
            continue;
        };
        let parts = if plan.findings.is_empty() { std::slice::from_ref(&plan) } else { &plan.findings };
        for part in parts {
            let kind = part.finding.finding_type.as_deref().unwrap_or("(no finding that can be read)");
            let row = rows.entry(inert(kind, 100)).or_default();
            count(row, part);
            count(&mut all, part);
        }
    }
    std::fs::write(to, markdown(&rows, &all, &unreadable))
        .map_err(|error| CommandError::Input(format!("cannot write the report {}: {error}", to.display())))?;
    println!(
        "{} findings of {} types: respond {}, notify {}, ignore {}",
        all.events,
        rows.len(),
        all.respond,
        all.notify,
        all.ignore,
    );
    if !unreadable.is_empty() {
        println!("{} file(s) not JSON: {}", unreadable.len(), named(&unreadable));
    }
    println!("table: {}", to.display());
    Ok(())
}

fn count(row: &mut Row, plan: &Plan) {
    row.events += 1;
    match plan.verdict {
        Verdict::Respond => row.respond += 1,
        Verdict::Notify => row.notify += 1,
        Verdict::Ignore => row.ignore += 1,
    }
    for decision in &plan.decisions {
        *row.decisions.entry(name(decision)).or_default() += 1;
    }
}

fn name(decision: &Decision) -> String {
    let when = match decision.mode {
        Mode::Auto => "automatically",
        Mode::Gate => "if approved",
        Mode::Notify => "information only",
    };
    match decision.containment {
        Some(containment) => format!("{containment} {when}"),
        None if decision.mode == Mode::Gate => format!("{} for a person, needs an answer", decision.target.kind.name()),
        None => format!("{} for a person, {when}", decision.target.kind.name()),
    }
}

fn markdown(rows: &BTreeMap<String, Row>, all: &Row, unreadable: &[String]) -> String {
    let mut out = String::from(
        "# Finding types and decisions\n\n| type | findings | respond | notify | ignore | decisions |\n|---|---:|---:|---:|---:|---|\n",
    );
    let total = ("all".to_owned(), all);
    for (kind, row) in std::iter::once((&total.0, total.1)).chain(rows) {
        let decisions: Vec<String> = row.decisions.iter().map(|(what, n)| format!("{what} ×{n}")).collect();
        // A type is the sender's text: as code it is neither a link nor a tag, and a bar would end the cell.
        let kind = format!("`{}`", kind.replace(['|', '`'], " "));
        let _ = writeln!(
            out,
            "| {kind} | {} | {} | {} | {} | {} |",
            row.events,
            row.respond,
            row.notify,
            row.ignore,
            decisions.join("; ")
        );
    }
    if !unreadable.is_empty() {
        let _ = writeln!(out, "\nNot JSON: {}", unreadable.join(", "));
    }
    out
}

/// A few names, and how many more there are.
fn named(files: &[String]) -> String {
    const SHOWN: usize = 3;
    let shown = files.iter().take(SHOWN).map(|file| inert(file, 100)).collect::<Vec<_>>().join(", ");
    if files.len() > SHOWN { format!("{shown} and {} more", files.len() - SHOWN) } else { shown }
}

/// All `*.json` below a folder, in order.
///
/// # Errors
/// There is none: a report about nothing would look like a policy that lets nothing through.
fn files_to_plan(folder: &Path) -> Result<Vec<PathBuf>, CommandError> {
    let found = files(folder)?;
    if found.is_empty() {
        return Err(CommandError::Input(format!("there is no *.json below {}", folder.display())));
    }
    Ok(found)
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
