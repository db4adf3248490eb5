#![doc = include_str!("../README.md")]

use aws_sdk_sfn::error::SdkError;
use aws_sdk_sfn::operation::start_execution::StartExecutionError;
use aws_sdk_sfn::types::ExecutionStatus;
use firebreak::digest::sha256_hex;
use firebreak::fault::Fault;
use firebreak::finding;
use firebreak::stored_event::{Reference, must_be_stored};
use firebreak_aws::Aws;
use firebreak_aws::classify::{OrFault, code, fault};
use firebreak_function::environment;
use firebreak_ledger::Ledger;
use futures::future::join_all;
use serde::Serialize;
use serde_json::value::RawValue;

/// The executions of one event, in the order of its findings.
#[derive(Debug, Serialize)]
pub struct Started {
    /// Their ARNs.
    pub executions: Vec<String>,
}

/// The function and what it needs.
pub struct Function {
    ledger: Ledger,
    executions: aws_sdk_sfn::Client,
    state_machine: String,
}

impl Function {
    /// Reads the environment.
    ///
    /// # Errors
    /// A fault that names the missing variable.
    pub async fn load() -> Result<Self, Fault> {
        let aws = Aws::load().await;
        let ledger = environment::ledger(&aws)?;
        Ok(Self::new(&aws, ledger, environment::required(environment::STATE_MACHINE_ARN)?))
    }

    /// Starts executions of `state_machine`, an ARN.
    #[must_use]
    pub fn new(aws: &Aws, ledger: Ledger, state_machine: String) -> Self {
        Self { ledger, executions: aws_sdk_sfn::Client::new(aws.own()), state_machine }
    }

    /// Starts one execution per finding of the event.
    ///
    /// # Errors
    /// When an execution could not be started. The others were; the same event again starts only what is missing.
    pub async fn handle(&self, event: Box<RawValue>) -> Result<Started, Fault> {
        let digest = sha256_hex(event.get().as_bytes());
        let parts = finding::split(event.get());
        let started = parts.iter().enumerate().map(|(at, part)| self.start(name(&digest, at), part));
        let executions = join_all(started).await.into_iter().collect::<Result<Vec<_>, Fault>>()?;
        tracing::info!(event.bytes = event.get().len(), executions = executions.join(" "), "handed over");
        Ok(Started { executions })
    }

    async fn start(&self, name: String, event: &str) -> Result<String, Fault> {
        if !must_be_stored(event) {
            match self.start_with(&name, event).await {
                // JSON that Step Functions does not take is still a finding.
                Err(error) if code(&error) == Some("InvalidExecutionInput") => {}
                started => return self.arn(&name, event, started).await,
            }
        }
        let reference = Reference { firebreak_stored_event: self.ledger.store_event(event).await? };
        let input = serde_json::to_string(&reference).map_err(|error| Fault::bug(format!("no reference: {error}")))?;
        let started = self.start_with(&name, &input).await;
        self.arn(&name, &input, started).await
    }

    async fn start_with(&self, name: &str, input: &str) -> Result<String, SdkError<StartExecutionError>> {
        let start = self.executions.start_execution().state_machine_arn(&self.state_machine).name(name).input(input);
        start.send().await.map(|started| started.execution_arn)
    }

    /// An execution of this name exists when the same event came before: EventBridge and Lambda deliver at least once. One that
    /// failed answered nothing, and is started again under another name.
    async fn arn(
        &self,
        name: &str,
        input: &str,
        started: Result<String, SdkError<StartExecutionError>>,
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
            let of_name = |name: &str| format!("{}:{name}", self.state_machine.replacen(":stateMachine:", ":execution:", 1));
            let existing = if attempt == 1 { of_name(name) } else { of_name(&format!("{name}-{attempt}")) };
            let described = self.executions.describe_execution().execution_arn(&existing).send().await;
            let status = described.or_fault("states:DescribeExecution")?.status;
            if !matches!(status, ExecutionStatus::Failed | ExecutionStatus::TimedOut | ExecutionStatus::Aborted) {
                return Ok(existing);
            }
            started = self.start_with(&format!("{name}-{}", attempt + 1), input).await;
        }
        started.map_err(|error| fault("states:StartExecution", &error))
    }
}

/// How often the same event is started when its executions fail.
const MAX_ATTEMPTS: u32 = 5;

/// The same for every delivery of the same bytes. The event's own id is part of them.
fn name(digest: &str, at: usize) -> String {
    format!("event-{}-{at}", digest.get(..40).unwrap_or(digest))
}
