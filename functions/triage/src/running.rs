//! Which executions are still running. Each answer is remembered for a minute: of many findings that join one incident, one asks.

use aws_sdk_sfn::types::ExecutionStatus;
use firebreak::fault::{Fault, FaultKind};
use firebreak_aws::classify::OrFault;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// For so long an execution that was running is taken for running.
const REMEMBERED: Duration = Duration::from_secs(60);
/// A process remembers so many executions.
const MAX_REMEMBERED: usize = 1_000;

/// Asks Step Functions, and remembers which executions were running.
pub(crate) struct Running {
    executions: aws_sdk_sfn::Client,
    seen: Mutex<HashMap<String, Instant>>,
}

impl Running {
    pub(crate) fn new(executions: aws_sdk_sfn::Client) -> Self {
        Self { executions, seen: Mutex::default() }
    }

    /// Whether the execution is running, or was within the last minute. One that Step Functions does not know is not.
    ///
    /// # Errors
    /// Step Functions did not answer.
    pub(crate) async fn is_running(&self, execution_arn: &str) -> Result<bool, Fault> {
        if self.seen().get(execution_arn).is_some_and(|at| at.elapsed() < REMEMBERED) {
            return Ok(true);
        }
        let described = self.executions.describe_execution().execution_arn(execution_arn).send().await;
        let is_running = match described.or_fault("states:DescribeExecution") {
            Ok(execution) => execution.status == ExecutionStatus::Running,
            Err(fault) if fault.kind == FaultKind::Gone => false,
            Err(fault) => return Err(fault),
        };
        let mut seen = self.seen();
        if seen.len() >= MAX_REMEMBERED {
            seen.clear();
        }
        if is_running {
            seen.insert(execution_arn.to_owned(), Instant::now());
        }
        Ok(is_running)
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, HashMap<String, Instant>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
