//! One process from which every local AWS of a test run is forked: importing the emulator takes most of a start.

use crate::fixture::repository;
use crate::local_aws_error::LocalAwsError;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A local AWS on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// The process; it ends with the test program, because its input does.
static NURSERY: Mutex<Option<Nursery>> = Mutex::new(None);

struct Nursery {
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
    /// Kept, so that the process is not waited for by nobody.
    _process: Child,
}

impl Nursery {
    fn begin() -> Result<Self, LocalAwsError> {
        let root = repository().canonicalize()?;
        let python = root.join(".venv/bin/python");
        if !python.exists() {
            return Err(LocalAwsError::NotInstalled);
        }
        let mut command = Command::new(python);
        command.args(["-m", "firebreak_local.nursery"]).current_dir(&root).env("PYTHONPATH", root.join("local"));
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        match (process.stdin.take(), process.stdout.take()) {
            (Some(orders), Some(answers)) => Ok(Self { orders, answers: BufReader::new(answers), _process: process }),
            _ => Err(LocalAwsError::NotReady("no pipe".to_owned())),
        }
    }

    fn order(&mut self, order: &Value) -> Result<(), LocalAwsError> {
        writeln!(self.orders, "{order}")?;
        Ok(self.orders.flush()?)
    }

    fn answer(&mut self) -> Result<u32, LocalAwsError> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        line.trim().parse().map_err(|_| LocalAwsError::NotReady(line))
    }
}

/// Forks a local AWS, and waits until it says `ready`. Returns its process id and where it listens.
pub(crate) fn start(arguments: &[&str]) -> Result<(u32, String), LocalAwsError> {
    // What it says goes there; the file goes with this call.
    let file = tempfile::NamedTempFile::new()?;
    let out = file.path();
    let pid = with(|nursery| {
        nursery.order(&json!({ "start": arguments, "out": out }))?;
        nursery.answer()
    })?;
    let began = Instant::now();
    loop {
        let said = std::fs::read_to_string(out).unwrap_or_default();
        if let Some(endpoint) = said.lines().find_map(|line| line.strip_prefix("ready ")) {
            return Ok((pid, endpoint.to_owned()));
        }
        if said.contains("ended ") || began.elapsed() > PATIENCE {
            return Err(LocalAwsError::NotReady(said));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Ends a local AWS.
pub(crate) fn end(pid: u32) {
    // A nursery that is gone has taken its children with it.
    let _ = with(|nursery| nursery.order(&json!({ "end": pid })));
}

fn with<T>(work: impl FnOnce(&mut Nursery) -> Result<T, LocalAwsError>) -> Result<T, LocalAwsError> {
    let mut nursery = NURSERY.lock().unwrap_or_else(PoisonError::into_inner);
    if nursery.is_none() {
        *nursery = Some(Nursery::begin()?);
    }
    match nursery.as_mut() {
        Some(nursery) => work(nursery),
        None => Err(LocalAwsError::NotInstalled),
    }
}
