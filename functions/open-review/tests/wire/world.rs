//! The execution that waits at the gate, as Step Functions shows it, and the topic that people read.

use firebreak::answer::Decided;
use firebreak_testkit::scripted::{Answer, Call, ScriptedAws, error, ok};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What people got.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ticket {
    pub(crate) topic: String,
    pub(crate) subject: String,
    pub(crate) body: String,
}

#[derive(Default)]
struct State {
    /// Nothing: no gate is open.
    waits_for: Option<String>,
    taken: Vec<Decided>,
    tickets: Vec<Ticket>,
}

/// Both of them.
#[derive(Clone, Default)]
pub(crate) struct World(Arc<Mutex<State>>);

impl World {
    /// A topic without messages, and an execution that waits for nobody.
    pub(crate) fn of(aws: &ScriptedAws) -> Self {
        let world = Self::default();
        let (execution, topic) = (world.clone(), world.clone());
        aws.on("states:SendTaskSuccess", move |call| Some(execution.take(call)));
        aws.on("sns:Publish", move |call| Some(topic.publish(call)));
        world
    }

    /// The execution opens a gate.
    pub(crate) fn waits_for(&self, token: &str) {
        self.state().waits_for = Some(token.to_owned());
    }

    /// The answers that the execution got.
    pub(crate) fn taken(&self) -> Vec<Decided> {
        self.state().taken.clone()
    }

    /// What was published.
    pub(crate) fn tickets(&self) -> Vec<Ticket> {
        self.state().tickets.clone()
    }

    fn take(&self, call: &Call) -> Answer {
        let mut state = self.state();
        let token = call.param("taskToken");
        if state.waits_for.as_deref() != Some(token) {
            return error(400, "TaskTimedOut").saying(&format!("Task Timed Out: '{token}'"));
        }
        state.waits_for = None;
        state.taken.push(serde_json::from_str(call.param("output")).expect("an answer as JSON"));
        ok("{}")
    }

    fn publish(&self, call: &Call) -> Answer {
        let [topic, subject, body] = ["TopicArn", "Subject", "Message"].map(|name| call.param(name).to_owned());
        self.state().tickets.push(Ticket { topic, subject, body });
        ok("<MessageId>m</MessageId>")
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
