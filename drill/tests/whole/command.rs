//! The command, as an operator of the security account runs it.

use firebreak_drill::{Result, Stage};
use firebreak_testkit::REGION;
use std::process::{Child, Command, Output, Stdio};

/// Runs `firebreak` on a stage.
pub(crate) fn run(stage: &Stage, arguments: &[&str]) -> Result<Output> {
    Ok(start(stage, arguments)?.wait_with_output()?)
}

/// Starts `firebreak` on a stage.
pub(crate) fn start(stage: &Stage, arguments: &[&str]) -> Result<Child> {
    let program = std::env::current_exe()?;
    let binary = program.ancestors().map(|folder| folder.join("firebreak")).find(|path| path.is_file()).ok_or("not built")?;
    let mut command = Command::new(binary);
    command.env_clear().env("AWS_ENDPOINT_URL", stage.aws.endpoint()).env("AWS_REGION", REGION);
    command.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test");
    Ok(command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?)
}
