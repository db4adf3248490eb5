//! `firebreak replay`: starts the real state machine with an event.

mod rehearsal;
mod sample;

use crate::arguments::ReplayArguments;
use crate::follow::{End, Follower};
use crate::screen::Screen;
use crate::{CommandError, Connection, plan, print_json};
use console::style;
use firebreak::finding;
use firebreak::stored_event::{Reference, must_be_stored};
use firebreak::text::inert;
use firebreak_aws::classify::OrFault;
use firebreak_aws::clock;
use rehearsal::Rehearsal;
use serde_json::json;
use std::path::Path;

pub(crate) async fn run(arguments: &ReplayArguments) -> Result<(), CommandError> {
    let files = arguments.events.iter().map(|path| Ok((path.display().to_string(), input(path)?)));
    let mut inputs = files.collect::<Result<Vec<_>, CommandError>>()?;
    let connection = Connection::open().await?;
    if let Some(kind) = &arguments.sample {
        inputs.push((format!("a sample of {kind}"), Box::pin(sample::sample(&connection, kind)).await?));
    }
    let run = Run {
        arguments,
        sfn: aws_sdk_sfn::Client::new(&connection.config),
        connection,
        screen: if arguments.json { Screen::silent() } else { Screen::new() },
    };
    let mut bad = Vec::new();
    for (name, input) in inputs {
        for (at, part) in finding::split(&input).iter().enumerate() {
            bad.extend(Box::pin(run.one(&name, at, part)).await?);
        }
    }
    if bad.is_empty() { Ok(()) } else { Err(CommandError::Bad(inert(&bad.join("; "), 2_000))) }
}

/// What every finding is replayed with.
struct Run<'a> {
    arguments: &'a ReplayArguments,
    connection: Connection,
    sfn: aws_sdk_sfn::Client,
    screen: Screen,
}

impl Run<'_> {
    /// Replays one finding. Returns what is not as it must be.
    async fn one(&self, name: &str, at: usize, part: &str) -> Result<Vec<String>, CommandError> {
        let ReplayArguments { as_resource, assert, follow, json, .. } = self.arguments;
        let rehearsal = match as_resource.is_empty() {
            true => None,
            false => Some(Rehearsal::prepare(self.arguments, &self.connection, part).await?),
        };
        let event = rehearsal.as_ref().map_or(part, |rehearsal| &rehearsal.event);
        let arn = start(&self.connection, &self.sfn, at, event).await?;
        self.screen.line(&format!("{} {name}", style("replaying").bold()));
        let mut follower = Follower::new(&self.sfn, &self.screen, arn.clone(), String::new());
        let end = if *follow || *assert { Some(follower.to_gate().await?) } else { None };
        let mut bad = Vec::new();
        if end == Some(End::Failed) {
            bad.push("the execution failed".to_owned());
        }
        let mut is_released = false;
        if let Some(rehearsal) = rehearsal.filter(|_| *assert) {
            // What was contained is told of, whatever breaks now.
            match self.check(&rehearsal, &follower, &mut bad).await {
                Ok(released) => is_released = released,
                Err(error) => bad.push(error.to_string()),
            }
        }
        if !json && !is_released {
            next_step(&self.screen, end, &follower, &arn);
        }
        if *json {
            let status = end.map(End::word);
            print_json(&json!({ "file": name, "execution_arn": arn, "status": status, "incident": follower.incident,
                "receipts": follower.receipts, "wrong": bad }))?;
        }
        Ok(bad)
    }

    /// Compares the resources with what they must be, at the gate and after a release. True when they were released.
    async fn check(&self, rehearsal: &Rehearsal, follower: &Follower<'_>, bad: &mut Vec<String>) -> Result<bool, CommandError> {
        let says = |wrong: &[String], what: &str| {
            let word = if wrong.is_empty() { style(what.to_owned()).green() } else { style(format!("NOT {what}")).red().bold() };
            self.screen.line(&format!("  {word}: {}", rehearsal.compared()));
            wrong.iter().for_each(|line| self.screen.line(&format!("    {}", inert(line, 400))));
        };
        let Some(id) = follower.incident.as_ref().map(|incident| incident.id.clone()) else {
            bad.push("triage decided nothing".to_owned());
            return Ok(false);
        };
        let view = self.connection.ledger.incident(&id).await?;
        let decided = view.map(|view| view.record.incident.decisions).unwrap_or_default();
        let wrong = rehearsal.wrong_at_the_gate(&decided, &follower.receipts).await?;
        let contains = rehearsal.contains_at_once(&decided);
        says(&wrong, if contains { "contained as it must be" } else { "unchanged, as nobody has approved it" });
        bad.extend(wrong);
        if !self.arguments.release {
            return Ok(false);
        }
        rehearsal::release(&self.connection, &id).await?;
        let left = rehearsal.wrong_after_the_release(&decided).await?;
        says(&left, if contains { "back as it was, but for an exposed key" } else { "unchanged after the release" });
        bad.extend(left);
        Ok(true)
    }
}

/// Starts an execution as `ingest` would, under a name of its own: a replay is meant, even of the same event.
async fn start(connection: &Connection, sfn: &aws_sdk_sfn::Client, at: usize, event: &str) -> Result<String, CommandError> {
    let input = if must_be_stored(event) {
        let reference = Reference { firebreak_stored_event: connection.ledger.store_event(event).await? };
        serde_json::to_string(&reference).map_err(|error| CommandError::Bad(error.to_string()))?
    } else {
        event.to_owned()
    };
    let name = format!("replay-{}-{}-{at}", clock::now().as_millisecond(), std::process::id());
    let start = sfn.start_execution().state_machine_arn(&connection.state_machine_arn).name(name).input(input);
    Ok(start.send().await.or_fault("states:StartExecution")?.execution_arn)
}

fn input(path: &Path) -> Result<String, CommandError> {
    let not_json = |detail: String| CommandError::Input(format!("{} is not JSON: {detail}", path.display()));
    let text = String::from_utf8(plan::read(path)?).map_err(|_| not_json("not UTF-8".to_owned()))?;
    serde_json::from_str::<serde::de::IgnoredAny>(&text)
        .map_err(|error| not_json(format!("line {}, column {}", error.line(), error.column())))?;
    Ok(text)
}

fn next_step(screen: &Screen, end: Option<End>, follower: &Follower<'_>, arn: &str) {
    let id = follower.incident.as_ref().map(|incident| incident.id.to_string()).unwrap_or_default();
    match end {
        None => screen.line(&format!("  started {arn}\n  follow it with: firebreak incidents")),
        Some(End::AtGate) => screen.line(&format!(
            "  {} answer with:\n    firebreak review approve {id} --comment \"WHY\"\n    firebreak review release {id} --comment \"WHY\"",
            style("waiting for an analyst;").yellow().bold()
        )),
        Some(End::Succeeded) if follower.incident.as_ref().is_some_and(|incident| incident.joining.is_some()) => {
            screen.line(&format!("  the finding is part of {id}; its newest ticket asks for the answer: firebreak review list"));
        }
        Some(End::Succeeded) => screen.line("  done"),
        Some(End::Failed) => screen.line(&format!("  {} see {arn}", style("the execution failed;").red().bold())),
    }
}
