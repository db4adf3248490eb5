//! The executions of the state machine, as Step Functions keeps them.

use crate::stage::STATE_MACHINE;
use firebreak_testkit::scripted::{Answer, Call, ScriptedAws, error, ok};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The longest input of an execution, in bytes (Step Functions quotas).
const MAX_INPUT: usize = 256 * 1024;

#[derive(Clone, PartialEq)]
struct Execution {
    input: String,
    status: &'static str,
}

/// All of them, by their names.
#[derive(Clone, Default)]
pub(crate) struct Executions(Arc<Mutex<BTreeMap<String, Execution>>>);

impl Executions {
    /// None yet.
    pub(crate) fn of(aws: &ScriptedAws) -> Self {
        let executions = Self::default();
        let served = executions.clone();
        aws.on("states:*", move |call| served.serve(call));
        executions
    }

    /// Their names, in order.
    pub(crate) fn names(&self) -> Vec<String> {
        self.all().keys().cloned().collect()
    }

    /// Their inputs, in the order of their names.
    pub(crate) fn inputs(&self) -> Vec<String> {
        self.all().values().map(|execution| execution.input.clone()).collect()
    }

    /// Every one that runs ends like this.
    pub(crate) fn end(&self, status: &'static str) {
        self.all().values_mut().filter(|execution| execution.status == "RUNNING").for_each(|execution| execution.status = status);
    }

    fn serve(&self, call: &Call) -> Option<Answer> {
        match call.operation.as_str() {
            "StartExecution" => Some(self.start(call)),
            "DescribeExecution" => Some(self.describe(call)),
            _ => None,
        }
    }

    /// The same name and input again is no error as long as the execution runs (Step Functions API reference, `StartExecution`).
    fn start(&self, call: &Call) -> Answer {
        let (name, input) = (call.param("name"), call.param("input"));
        if call.param("stateMachineArn") != STATE_MACHINE {
            return error(400, "StateMachineDoesNotExist");
        }
        if name.is_empty() || name.len() > 80 || input.len() > MAX_INPUT {
            return error(400, "ValidationException");
        }
        let new = Execution { input: input.to_owned(), status: "RUNNING" };
        if *self.all().entry(name.to_owned()).or_insert_with(|| new.clone()) != new {
            return error(400, "ExecutionAlreadyExists");
        }
        ok(json!({ "executionArn": arn(name), "startDate": 1.5e9 }).to_string())
    }

    fn describe(&self, call: &Call) -> Answer {
        let wanted = call.param("executionArn");
        let status = self.all().iter().find(|(name, _)| arn(name) == wanted).map(|(_, execution)| execution.status);
        status.map_or_else(
            || error(400, "ExecutionDoesNotExist"),
            |status| {
                let shown =
                    json!({ "executionArn": wanted, "stateMachineArn": STATE_MACHINE, "status": status, "startDate": 1.5e9 });
                ok(shown.to_string())
            },
        )
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Execution>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The ARN of the execution of this name.
pub(crate) fn arn(name: &str) -> String {
    format!("arn:aws:states:eu-central-1:123456789012:execution:firebreak-incident-response:{name}")
}
