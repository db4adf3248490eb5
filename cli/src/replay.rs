//! `firebreak replay`: starts the real state machine with an event.

use crate::arguments::ReplayArguments;
use crate::follow::{End, Follower};
use crate::screen::Screen;
use crate::{CommandError, Connection, plan, print_json};
use console::style;
use firebreak::finding;
use firebreak::stored_event::{Reference, must_be_stored};
use firebreak_aws::classify::OrFault;
use firebreak_aws::clock;
use serde_json::json;
use std::path::Path;

pub(crate) async fn run(arguments: &ReplayArguments) -> Result<(), CommandError> {
    let inputs = arguments.events.iter().map(|path| input(path)).collect::<Result<Vec<_>, _>>()?;
    let connection = Connection::open().await?;
    let sfn = aws_sdk_sfn::Client::new(&connection.config);
    let screen = if arguments.json { Screen::silent() } else { Screen::new() };
    let mut bad = 0;
    for (path, input) in arguments.events.iter().zip(inputs) {
        for (at, part) in finding::split(&input).iter().enumerate() {
            let arn = start(&connection, &sfn, at, part).await?;
            screen.line(&format!("{} {}", style("replaying").bold(), path.display()));
            let mut follower = Follower::new(&sfn, &screen, arn.clone(), String::new());
            let end = if arguments.follow { Some(follower.to_gate().await?) } else { None };
            if end == Some(End::Failed) {
                bad += 1;
            }
            if arguments.json {
                let status = end.map(|end| match end {
                    End::AtGate => "awaiting-review",
                    End::Succeeded => "succeeded",
                    End::Failed => "failed",
                });
                print_json(
                    &json!({ "file": path, "execution_arn": arn, "status": status, "incident": follower.incident, "receipts": follower.receipts }),
                )?;
            } else {
                next_step(&screen, end, &follower, &arn);
            }
        }
    }
    if bad > 0 { Err(CommandError::Bad(format!("{bad} execution(s) failed"))) } else { Ok(()) }
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
