//! `firebreak incidents`: what happened and where it stands.

mod details;
mod drift;
pub(crate) mod list;
mod summary;

use crate::arguments::{IncidentsArguments, ShowIncident};
use crate::layout;
use crate::{CommandError, Connection, print_json};
use console::style;
use firebreak::ids::IncidentId;
use firebreak::text::inert;
use firebreak_aws::clock;
use firebreak_ledger::{IncidentView, Overview};
use jiff::Timestamp;
use list::Listed;

pub(crate) async fn run(arguments: &IncidentsArguments) -> Result<(), CommandError> {
    match &arguments.show {
        Some(ShowIncident::Show { id, json }) => show(id, *json || arguments.json).await,
        None => {
            let all = Connection::open().await?.ledger.overviews(arguments.limit).await?;
            list(all, arguments.json, "No incident was opened yet.")
        }
    }
}

/// Prints incidents, most urgent first.
pub(crate) fn list(mut all: Vec<Overview>, json: bool, none: &str) -> Result<(), CommandError> {
    list::sort(&mut all);
    if json {
        return print_json(&all.iter().map(Listed::from).collect::<Vec<_>>());
    }
    if all.is_empty() {
        println!("{none}");
    }
    print!("{}", list::shown(&all, clock::now(), layout::width()));
    Ok(())
}

/// Reads an incident id from the command line.
pub(crate) fn incident_id(text: &str) -> Result<IncidentId, CommandError> {
    IncidentId::parse(text).map_err(|error| CommandError::Input(format!("{}: {error}", inert(text, 40))))
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
    print!("{}", shown(&view, clock::now(), layout::width()));
    Ok(())
}

/// Everything the ledger knows of an incident, as a screen: first what the reader must know to answer.
fn shown(view: &IncidentView, now: Timestamp, width: usize) -> String {
    let mut page = Page { out: String::new(), width, now };
    summary::write(&mut page, view);
    details::write(&mut page, view);
    page.out
}

/// A screen that is written from top to bottom.
struct Page {
    out: String,
    width: usize,
    now: Timestamp,
}

/// A line of a part.
enum Line {
    Text(String),
    /// What can be copied into a shell. It belongs to the line before.
    Command(String),
}

/// Narrower than this, a label has a line of its own.
const LABELLED: usize = 60;
/// The column of the labels.
const LABEL: usize = 11;

impl Page {
    /// Lines with a label before them; nothing when there are no lines.
    fn part(&mut self, label: &str, lines: &[String]) {
        let lines: Vec<Line> = lines.iter().cloned().map(Line::Text).collect();
        self.part_of(label, &lines);
    }

    /// The same with commands among the lines.
    fn part_of(&mut self, label: &str, lines: &[Line]) {
        let is_wide = self.width >= LABELLED;
        if !is_wide && !lines.is_empty() {
            self.out.push_str(&format!("{}\n", style(label).bold()));
        }
        for (at, line) in lines.iter().enumerate() {
            let first = match (is_wide, at) {
                (false, _) => "  ".to_owned(),
                (true, 0) => layout::pad(&style(label).bold().to_string(), LABEL),
                (true, _) => " ".repeat(LABEL),
            };
            // What belongs to the line before stands a little to the right.
            let text = match line {
                Line::Text(line) => {
                    let text = line.trim_start();
                    layout::wrap(&format!("{first}{}", " ".repeat(line.len() - text.len())), text, self.width)
                }
                Line::Command(line) => {
                    layout::command(&format!("{first}    "), &line.split(' ').collect::<Vec<&str>>(), self.width)
                }
            };
            self.out.push_str(&text);
        }
    }

    fn heading(&mut self, text: &str) {
        self.out.push_str(&format!("\n{}\n", style(text).bold().underlined()));
    }

    fn line(&mut self, text: &str) {
        self.out.push_str(&layout::wrap("  ", text, self.width));
    }

    /// A line that belongs to the one before.
    fn below(&mut self, text: &str) {
        self.out.push_str(&layout::wrap("    ", text, self.width));
    }
}

/// A time that the ledger keeps as text.
fn text_time(at: &str) -> String {
    at.parse().map_or_else(|_| inert(at, 40), crate::paint::time)
}

#[cfg(test)]
pub(crate) mod screens;
#[cfg(test)]
mod snapshots;
