#![doc = include_str!("../README.md")]

mod arguments;
mod confirm;
mod connection;
mod decisions;
mod doctor;
pub mod follow;
mod incidents;
mod layout;
mod local;
mod paint;
mod pause;
mod plan;
mod prepare;
mod recovery;
mod replay;
mod report;
mod restore;
mod review;
pub mod screen;
pub mod signed;
mod slots;
mod standing;

pub use arguments::{Arguments, Command};
use arguments::{LocalArguments, LocalCommand, S3Arguments, S3Command};
pub use connection::Connection;

use std::process::ExitCode;

/// Why a command did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// Exit code 2: the call or its input is wrong.
    #[error("{0}")]
    Input(String),
    /// Exit code 1: it ran, and the result is bad.
    #[error("{0}")]
    Bad(String),
}

impl CommandError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Input(_) => ExitCode::from(2),
            Self::Bad(_) => ExitCode::from(1),
        }
    }
}

impl From<firebreak::fault::Fault> for CommandError {
    fn from(fault: firebreak::fault::Fault) -> Self {
        Self::Bad(fault.message)
    }
}

/// Runs one command and prints its result. A failure is one line on standard error.
pub async fn run(arguments: Arguments) -> ExitCode {
    let done = match arguments.command {
        Command::Plan(arguments) => plan::run(&arguments),
        Command::Replay(arguments) => Box::pin(replay::run(&arguments)).await,
        Command::Incidents(arguments) => Box::pin(incidents::run(&arguments)).await,
        Command::Slots(arguments) => Box::pin(slots::run(&arguments)).await,
        Command::Report(arguments) => Box::pin(report::run(&arguments)).await,
        Command::Doctor(arguments) => Box::pin(doctor::run(&arguments)).await,
        Command::Prepare(arguments) => Box::pin(prepare::run(&arguments)).await,
        Command::S3(S3Arguments { command: S3Command::RecoveryPlan(arguments) }) => Box::pin(recovery::run(&arguments)).await,
        Command::Review(arguments) => Box::pin(review::run(&arguments)).await,
        Command::Restore(arguments) => Box::pin(restore::run(&arguments)).await,
        Command::Pause(arguments) => Box::pin(pause::pause(&arguments)).await,
        Command::Resume(arguments) => Box::pin(pause::resume(&arguments)).await,
        Command::Local(LocalArguments { command: LocalCommand::Plant }) => Box::pin(local::plant()).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("firebreak: {error}");
            error.exit_code()
        }
    }
}

/// Prints one line of JSON.
fn print_json(value: &impl serde::Serialize) -> Result<(), CommandError> {
    let line = serde_json::to_string(value).map_err(|error| CommandError::Bad(format!("cannot write JSON: {error}")))?;
    println!("{line}");
    Ok(())
}
