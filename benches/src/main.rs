#![doc = include_str!("../README.md")]

mod host;
mod isolation;
mod lockdown;
mod machine;
mod report;
mod series;
mod table;
mod triage;

use firebreak_drill::{Result, Stage};
use firebreak_testkit::{Options, fixture};
use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match bench().await {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("firebreak-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn bench() -> Result<String> {
    let logs = fixture::repository().join(format!(".local/logs/bench-{}", std::process::id()));
    let stage = Stage::set(&Options { policy: None, logs: Some(logs) }).await?;
    let triage = triage::depths(&stage).await?;
    let measured = series::measure_all(&stage).await?;
    let isolation = Box::pin(isolation::report(&stage)).await?;
    let lockdown = Box::pin(lockdown::report(&stage)).await?;
    Ok(format!("\n{}\n{triage}\n\n{isolation}\n{lockdown}\n{}", report::of(&measured), machine::words()))
}
