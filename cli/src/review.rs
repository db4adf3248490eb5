//! `firebreak review`: the analyst's answer from a terminal.
//!
//! The task token never comes here. The command asks the function `decide-review`, which holds the right to read it.

mod ask;
mod outcome;
mod told;

use crate::arguments::{AnswerArguments, ReviewArguments, ReviewCommand};
use crate::incidents::{incident_id, list};
use crate::{CommandError, Connection, paint, print_json, restore, signed};
use console::style;
use firebreak::answer::{Answer, Decided, Targets};
use firebreak::ids::IncidentId;
use firebreak::incident::IncidentStatus;
use firebreak::review::{DecideOutcome, DecideRequest};
use firebreak::text::inert;
use std::time::Duration;
use tokio::time::Instant;
use told::{Answered, Carried};

pub(crate) async fn run(arguments: &ReviewArguments) -> Result<(), CommandError> {
    match &arguments.command {
        ReviewCommand::List { json } => {
            let all = Connection::open().await?.ledger.overviews_in(IncidentStatus::AwaitingReview).await?;
            list(all, *json, "No incident waits for an answer.")
        }
        ReviewCommand::Keep(arguments) => answer(Answer::Keep, arguments, &[]).await,
        ReviewCommand::Approve(arguments) => answer(Answer::Approve, &arguments.answer, &arguments.accept_open).await,
        ReviewCommand::Release(arguments) => answer(Answer::Release, arguments, &[]).await,
    }
}

async fn answer(answer: Answer, arguments: &AnswerArguments, accept_open: &[String]) -> Result<(), CommandError> {
    let id = incident_id(&arguments.id)?;
    let connection = Connection::open().await?;
    let request = DecideRequest {
        from: Some("command".to_owned()),
        accept_open: accept_open.to_vec(),
        targets: Targets { only: arguments.only.clone(), except: arguments.except.clone() },
        shown: arguments.shown.clone(),
        ..DecideRequest::new(id.clone(), answer, &arguments.comment)
    };
    // A program that reads JSON is not asked.
    let Some(request) = ask::agreed(&connection.ledger, request, arguments.yes || arguments.json).await? else {
        return Err(CommandError::Bad("nothing was answered".to_owned()));
    };
    let outcome = decide(&connection, &request).await?;
    if arguments.json {
        let taken = taken(&outcome, answer).filter(|_| !arguments.no_wait);
        print_result(&connection, &id, &outcome, taken).await?;
    }
    let says = |text: String| {
        if !arguments.json {
            println!("{text}");
        }
    };
    match outcome {
        DecideOutcome::Accepted { decision } | DecideOutcome::Queued { decision } => {
            says(format!("answer taken: {} {id}; {}", style(decision.answer.word()).bold(), doing(decision.answer)));
            if !arguments.json && !arguments.no_wait {
                return told::wait(&connection.ledger, &id, &decision).await;
            }
        }
        DecideOutcome::AlreadyDecided { decision } => {
            let who = inert(&decision.by, 200);
            let (part, rest) = match decision.targets.says() {
                Some(part) => (format!(" ({})", inert(&part, 200)), "; the gate opens again with the rest"),
                None => (String::new(), ""),
            };
            let text = format!(
                "already decided: {}{part} by {who} at {}; the first answer stands{rest}",
                decision.answer.word(),
                paint::time(decision.at)
            );
            if decision.answer != answer || !is_same_part(&connection, &id, &decision.targets, &request.targets).await? {
                return Err(CommandError::Bad(text));
            }
            says(text);
            if !arguments.json && !arguments.no_wait {
                return told::wait(&connection.ledger, &id, &decision).await;
            }
        }
        DecideOutcome::NeedsSecond { asked, first_by, first_comment, expires_at } => {
            let text = restore::needs_second(&asked, &first_by, first_comment.as_deref(), expires_at);
            return Err(CommandError::Bad(text));
        }
        DecideOutcome::Changed { decisions, shown } => {
            return Err(CommandError::Bad(outcome::changed(&id, &decisions, shown.as_deref())));
        }
        DecideOutcome::TooLate => {
            return Err(CommandError::Bad(format!(
                "too late: the execution of {id} has ended and nothing will act on this answer; what was contained stays contained"
            )));
        }
        DecideOutcome::NoReview => {
            // Without the rows that an analyst may not read.
            let known = connection.ledger.incident(&id).await?;
            return Err(CommandError::Bad(match known {
                Some(view) => format!("no review is open for {id}: it is {}", view.record.status.word()),
                None => format!("there is no incident {id}; firebreak review list shows what waits"),
            }));
        }
    }
    Ok(())
}

/// An incident can be answered once its ticket is out.
const TICKET_WITHIN: Duration = Duration::from_secs(60);

/// Answers `release` as soon as somebody can, and waits until that is carried out.
pub(crate) async fn release_and_wait(connection: &Connection, id: &IncidentId, comment: &str) -> Result<(), CommandError> {
    let until = Instant::now() + TICKET_WITHIN;
    loop {
        let view = connection.ledger.incident(id).await?;
        if view.as_ref().is_some_and(|view| view.record.incident.findings.len() > 1) {
            let why = "it lists other findings, which may be real: answer it yourself";
            return Err(CommandError::Bad(format!("{id} is not released: {why}: firebreak incidents show {id}")));
        }
        // What joins after this look has the answer refused.
        let shown = view.and_then(|view| view.review?.shown).map(|digest| firebreak::revision::code(&digest));
        let request = DecideRequest {
            from: Some("rehearsal".to_owned()),
            shown,
            ..DecideRequest::new(id.clone(), Answer::Release, comment)
        };
        match decide(connection, &request).await? {
            DecideOutcome::Accepted { decision } | DecideOutcome::Queued { decision } => {
                return outcome::carried_out(&connection.ledger, id, &decision).await.map(drop);
            }
            DecideOutcome::NoReview if Instant::now() < until => tokio::time::sleep(Duration::from_millis(500)).await,
            DecideOutcome::Changed { .. } => {
                return Err(CommandError::Bad(format!("{id} is not released: more was decided meanwhile; answer it yourself")));
            }
            DecideOutcome::NeedsSecond { asked, first_by, first_comment, expires_at } => {
                let text = restore::needs_second(&asked, &first_by, first_comment.as_deref(), expires_at);
                return Err(CommandError::Bad(text));
            }
            DecideOutcome::AlreadyDecided { .. } => {
                return Err(CommandError::Bad(format!("{id} is not released: somebody has answered it already")));
            }
            DecideOutcome::TooLate | DecideOutcome::NoReview => {
                return Err(CommandError::Bad(format!("{id} is not released: no gate waits for an answer")));
            }
        }
    }
}

/// Whether both are about the same targets of the incident: what is recorded has another name for a target than the person may type.
async fn is_same_part(connection: &Connection, id: &IncidentId, one: &Targets, other: &Targets) -> Result<bool, CommandError> {
    if one == other {
        return Ok(true);
    }
    let Some(view) = connection.ledger.incident(id).await? else { return Ok(false) };
    Ok(view.record.incident.decisions.iter().all(|d| one.includes(&d.target) == other.includes(&d.target)))
}

/// Asks `decide-review`, which knows who signed the request.
async fn decide(connection: &Connection, request: &DecideRequest) -> Result<DecideOutcome, CommandError> {
    signed::call(connection, "decide-review", request).await
}

/// Prints one line of JSON: the outcome, and what came of the answer that was taken.
async fn print_result(
    connection: &Connection,
    id: &IncidentId,
    outcome: &DecideOutcome,
    taken: Option<&Decided>,
) -> Result<(), CommandError> {
    let Some(decided) = taken else { return print_json(&Answered { outcome, result: None }) };
    let (after, view) = outcome::ended(&connection.ledger, id, decided).await?;
    print_json(&Answered { outcome, result: Some(Carried::of(after, &view, decided)) })?;
    outcome::judged(after, &view, decided).map(drop)
}

/// The answer that stands, when that is what was asked for: its result is worth waiting for.
fn taken(outcome: &DecideOutcome, answer: Answer) -> Option<&Decided> {
    match outcome {
        DecideOutcome::Accepted { decision } | DecideOutcome::Queued { decision } => Some(decision),
        DecideOutcome::AlreadyDecided { decision } if decision.answer == answer => Some(decision),
        _ => None,
    }
}

fn doing(answer: Answer) -> &'static str {
    match answer {
        Answer::Keep => "nothing more is done",
        Answer::Approve => "containing what waits or failed",
        Answer::Release => "putting back what was changed",
    }
}
