#![doc = include_str!("../README.md")]

use aws_sdk_sfn::error::SdkError;
use aws_sdk_sfn::operation::start_execution::StartExecutionError;
use aws_sdk_sfn::types::ExecutionStatus;
use firebreak::digest::sha256_hex;
use firebreak::fault::Fault;
use firebreak::finding;
use firebreak::flood::{self, Announced, Excess, only_announced};
use firebreak::policy::{Flood, Policy};
use firebreak::stored_event::{Reference, must_be_stored};
use firebreak_aws::classify::{OrFault, code, fault};
use firebreak_aws::{Aws, clock};
use firebreak_function::environment;
use firebreak_ledger::{Announcement, Ledger};
use futures::future::join_all;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;

/// The executions of one event, in the order of its findings.
#[derive(Debug, Serialize)]
pub struct Started {
    /// Their ARNs.
    pub executions: Vec<String>,
    /// Findings that were only counted: an execution of their account's tells how many.
    pub counted: usize,
}

/// The function and what it needs.
pub struct Function {
    ledger: Ledger,
    executions: aws_sdk_sfn::Client,
    state_machine: String,
    policy: Option<Policy>,
}

impl Function {
    /// Reads the environment.
    ///
    /// # Errors
    /// A fault that names the missing variable.
    pub async fn load() -> Result<Self, Fault> {
        let aws = Aws::load().await;
        let ledger = environment::ledger(&aws)?;
        // A policy that cannot be read must not cost a finding: every one is handed over, and `triage` says what is wrong.
        let policy = environment::response_policy()
            .inspect_err(|fault| tracing::error!(fault.message = %fault.message, "floods are not bounded"));
        Ok(Self::new(&aws, ledger, environment::required(environment::STATE_MACHINE_ARN)?, policy.ok()))
    }

    /// Starts executions of `state_machine`, an ARN. Under `policy` it bounds what can only be announced; without one it bounds nothing.
    #[must_use]
    pub fn new(aws: &Aws, ledger: Ledger, state_machine: String, policy: Option<Policy>) -> Self {
        Self { ledger, executions: aws_sdk_sfn::Client::new(aws.own()), state_machine, policy }
    }

    /// Starts one execution per finding of the event, but for findings that are only counted.
    ///
    /// # Errors
    /// When an execution could not be started, or a finding not counted. The others were; the same event again starts only what is missing.
    pub async fn handle(&self, event: Box<RawValue>) -> Result<Started, Fault> {
        self.handle_at(event, clock::now()).await
    }

    /// As [`handle`](Self::handle), at a time: the minute in which a finding is counted.
    ///
    /// # Errors
    /// Those of `handle`.
    pub async fn handle_at(&self, event: Box<RawValue>, now: Timestamp) -> Result<Started, Fault> {
        let digest = sha256_hex(event.get().as_bytes());
        let parts = finding::split(event.get());
        let taken = parts.iter().enumerate().map(|(at, part)| self.take(name(&digest, at), part, now));
        let taken = join_all(taken).await.into_iter().collect::<Result<Vec<_>, Fault>>()?;
        let counted = taken.iter().filter(|taken| taken.is_none()).count();
        let executions: Vec<String> = taken.into_iter().flatten().collect();
        tracing::info!(event.bytes = event.get().len(), executions = executions.join(" "), counted, "handed over");
        Ok(Started { executions, counted })
    }

    /// Starts the execution of one finding, or counts it: its ARN, or nothing.
    async fn take(&self, name: String, event: &str, now: Timestamp) -> Result<Option<String>, Fault> {
        let Some((finding, flood)) = self.announced(event, now) else { return self.start(name, event).await.map(Some) };
        match self.ledger.announce(&finding, flood, now).await? {
            Announcement::Told => self.start(name, event).await.map(Some),
            Announcement::Counted { excess, ask } => {
                if ask {
                    self.start_summary(&excess, now).await?;
                }
                Ok(None)
            }
        }
    }

    /// A finding that can only be announced, and what bounds how many are told.
    fn announced(&self, event: &str, now: Timestamp) -> Option<(Announced, &Flood)> {
        let policy = self.policy.as_ref()?;
        Some((only_announced(event, policy, now)?, &policy.flood))
    }

    /// The one execution that tells how many were counted. Asked for again it is the same one as long as that runs. One that ended
    /// has not closed the window, and another one is started.
    async fn start_summary(&self, excess: &Excess, now: Timestamp) -> Result<(), Fault> {
        let reference = flood::Reference { firebreak_excess: excess.clone() };
        let input = serde_json::to_string(&reference).map_err(|error| Fault::bug(format!("no reference: {error}")))?;
        let name = excess.execution_name();
        if let Err(error) = self.start_with(&name, &input).await {
            if code(&error) != Some("ExecutionAlreadyExists") {
                return Err(fault("states:StartExecution", &error));
            }
            if !self.is_running(&name).await? {
                // The time makes the name a new one, however often the notice failed.
                let again = format!("{name}-{}", now.as_second());
                let started = self.start_with(&again, &input).await;
                self.arn(&again, &input, started, |status| *status == ExecutionStatus::Running).await?;
            }
        }
        // The finding is counted and the execution runs. Without the note the next finding asks once more.
        if let Err(fault) = self.ledger.summary_asked(excess, now).await {
            tracing::warn!(fault.message = %fault.message, "not noted that a summary was asked for");
        }
        Ok(())
    }

    async fn start(&self, name: String, event: &str) -> Result<String, Fault> {
        if !must_be_stored(event) {
            match self.start_with(&name, event).await {
                // JSON that Step Functions does not take is still a finding.
                Err(error) if code(&error) == Some("InvalidExecutionInput") => {}
                started => return self.arn(&name, event, started, has_answered).await,
            }
        }
        let reference = Reference { firebreak_stored_event: self.ledger.store_event(event).await? };
        let input = serde_json::to_string(&reference).map_err(|error| Fault::bug(format!("no reference: {error}")))?;
        let started = self.start_with(&name, &input).await;
        self.arn(&name, &input, started, has_answered).await
    }

    async fn start_with(&self, name: &str, input: &str) -> Result<String, SdkError<StartExecutionError>> {
        let start = self.executions.start_execution().state_machine_arn(&self.state_machine).name(name).input(input);
        start.send().await.map(|started| started.execution_arn)
    }

    fn execution_arn(&self, name: &str) -> String {
        format!("{}:{name}", self.state_machine.replacen(":stateMachine:", ":execution:", 1))
    }

    async fn is_running(&self, name: &str) -> Result<bool, Fault> {
        let described = self.executions.describe_execution().execution_arn(self.execution_arn(name)).send().await;
        Ok(described.or_fault("states:DescribeExecution")?.status == ExecutionStatus::Running)
    }

    /// An execution of this name exists when the same event came before: EventBridge and Lambda deliver at least once. One whose
    /// status is not enough is started again under another name.
    async fn arn(
        &self,
        name: &str,
        input: &str,
        started: Result<String, SdkError<StartExecutionError>>,
        suffices: fn(&ExecutionStatus) -> bool,
    ) -> Result<String, Fault> {
        let mut started = started;
        for attempt in 1..MAX_ATTEMPTS {
            match started {
                Ok(arn) => return Ok(arn),
                Err(error) if code(&error) != Some("ExecutionAlreadyExists") => {
                    return Err(fault("states:StartExecution", &error));
                }
                Err(_) => {}
            }
            let existing = if attempt == 1 { name.to_owned() } else { format!("{name}-{attempt}") };
            let existing = self.execution_arn(&existing);
            let described = self.executions.describe_execution().execution_arn(&existing).send().await;
            let status = described.or_fault("states:DescribeExecution")?.status;
            if suffices(&status) {
                return Ok(existing);
            }
            started = self.start_with(&format!("{name}-{}", attempt + 1), input).await;
        }
        started.map_err(|error| fault("states:StartExecution", &error))
    }
}

/// Whether an event's execution works on it, or has. One that failed answered nothing.
fn has_answered(status: &ExecutionStatus) -> bool {
    !matches!(status, ExecutionStatus::Failed | ExecutionStatus::TimedOut | ExecutionStatus::Aborted)
}

/// How often the same event, or the same summary, is started when its executions fail.
const MAX_ATTEMPTS: u32 = 5;

/// The same for every delivery of the same bytes. The event's own id is part of them.
fn name(digest: &str, at: usize) -> String {
    format!("event-{}-{at}", digest.get(..40).unwrap_or(digest))
}
