//! The `firebreak` command.

use clap::Parser;
use firebreak_cli::Arguments;
use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    // A pipe whose reader has left ends the command, as with any other.
    sigpipe::reset();
    firebreak_cli::run(Arguments::parse()).await
}
