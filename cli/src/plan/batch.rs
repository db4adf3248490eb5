//! Whole folders: one JSON line per file.

use super::decide;
use crate::{CommandError, print_json};
use firebreak::plan::Plan;
use firebreak::policy::Policy;
use firebreak::text::inert;
use serde::Serialize;
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

/// A few names, and how many more there are.
pub(super) fn named(files: &[String]) -> String {
    const SHOWN: usize = 3;
    let shown = files.iter().take(SHOWN).map(|file| inert(file, 100)).collect::<Vec<_>>().join(", ");
    if files.len() > SHOWN { format!("{shown} and {} more", files.len() - SHOWN) } else { shown }
}

/// All files of findings below a folder, in order.
///
/// # Errors
/// There is none: a report about nothing would look like a policy that lets nothing through.
pub(super) fn files_to_plan(folder: &Path) -> Result<Vec<PathBuf>, CommandError> {
    let found = files(folder)?;
    if found.is_empty() {
        return Err(CommandError::Input(format!("there is no *.json, *.jsonl or *.jsonl.gz below {}", folder.display())));
    }
    Ok(found)
}

/// All files of findings below a folder, in order.
fn files(folder: &Path) -> Result<Vec<PathBuf>, CommandError> {
    let cannot = |error: std::io::Error| CommandError::Input(format!("cannot read the folder {}: {error}", folder.display()));
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(cannot)? {
        let path = entry.map_err(cannot)?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else if is_of_findings(&path) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn is_of_findings(path: &Path) -> bool {
    const EXTENSIONS: [&str; 4] = ["json", "jsonl", "json.gz", "jsonl.gz"];
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    EXTENSIONS.iter().any(|extension| name.strip_suffix(extension).is_some_and(|stem| stem.ends_with('.')))
}
