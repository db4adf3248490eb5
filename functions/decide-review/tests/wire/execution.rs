//! An execution as Step Functions shows it.

use firebreak::answer::Decided;
use firebreak_testkit::scripted::{Answer, Call, ScriptedAws, error, ok};
use serde_json::json;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[derive(Default)]
struct State {
    /// Nothing: no gate is open.
    waits_for: Option<String>,
    /// Nothing: Step Functions does not know it.
    status: Option<&'static str>,
    /// What becomes of it at the next hand-over, whether its gate takes the answer or not.
    ends_as: Option<&'static str>,
    /// The acknowledgement of what it takes is lost on the way.
    unheard: bool,
    taken: Vec<Decided>,
}

/// The execution.
#[derive(Clone, Default)]
pub(crate) struct Execution(Arc<Mutex<State>>);

impl Execution {
    /// One that runs and waits for an answer with `token`.
    pub(crate) fn waiting(aws: &ScriptedAws, token: &str) -> Self {
        let execution = Self::default();
        execution.set_status(Some("RUNNING"));
        execution.waits_for(Some(token));
        let served = execution.clone();
        aws.on("states:*", move |call| served.serve(call));
        execution
    }

    /// Its gate opens with a token, or closes.
    pub(crate) fn waits_for(&self, token: Option<&str>) {
        self.state().waits_for = token.map(str::to_owned);
    }

    /// Its status; nothing when Step Functions no longer knows it.
    pub(crate) fn set_status(&self, status: Option<&'static str>) {
        self.state().status = status;
    }

    /// It ends at the next hand-over.
    pub(crate) fn ends_as(&self, status: &'static str) {
        self.state().ends_as = Some(status);
    }

    /// It takes the answer, and nobody hears of it.
    pub(crate) fn takes_unheard(&self) {
        self.state().unheard = true;
    }

    /// The answers that it got.
    pub(crate) fn taken(&self) -> Vec<Decided> {
        self.state().taken.clone()
    }

    fn serve(&self, call: &Call) -> Option<Answer> {
        match call.operation.as_str() {
            "SendTaskSuccess" => Some(self.take(call)),
            "DescribeExecution" => Some(self.describe(call)),
            _ => None,
        }
    }

    fn take(&self, call: &Call) -> Answer {
        let mut state = self.state();
        if let Some(status) = state.ends_as.take() {
            state.status = Some(status);
        }
        let token = call.param("taskToken");
        if state.waits_for.as_deref() != Some(token) {
            return error(400, "TaskTimedOut").saying(&format!("Task Timed Out: '{token}'"));
        }
        state.waits_for = None;
        state.taken.push(serde_json::from_str(call.param("output")).expect("an answer as JSON"));
        if state.unheard { Answer::reset() } else { ok("{}") }
    }

    fn describe(&self, call: &Call) -> Answer {
        let arn = call.param("executionArn");
        let machine = "arn:aws:states:eu-central-1:123456789012:stateMachine:firebreak-incident-response";
        self.state().status.map_or_else(
            || error(400, "ExecutionDoesNotExist"),
            |status| {
                let shown = json!({ "executionArn": arn, "stateMachineArn": machine, "status": status, "startDate": 1.5e9 });
                ok(shown.to_string())
            },
        )
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
