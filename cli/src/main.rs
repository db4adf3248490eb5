//! The `firebreak` command.

use clap::Parser;
use firebreak_cli::Arguments;
use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    firebreak_cli::run(Arguments::parse()).await
}
