//! What the processes of one run share: the ledger, resources, and the calls that wait.

use crate::dynamodb::Table;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sts::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::RetryConfig;
use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// What a call wants to do to the world; its answer as text.
type Effect = Box<dyn FnOnce(&mut Shared) -> String + Send>;

/// What all processes share.
#[derive(Debug, Clone, Default, Hash, PartialEq, Eq)]
pub(super) struct Shared {
    table: Table,
    resources: BTreeMap<String, String>,
    /// Who is at work on something that has a lease.
    busy: BTreeSet<usize>,
    /// How often leases have run out so far.
    epoch: i64,
}

pub(super) struct Pending {
    /// For the trace.
    pub(super) name: String,
    when: When,
    effect: Effect,
    answer: oneshot::Sender<String>,
}

/// When a call can be let through.
enum When {
    Always,
    /// While nobody else is busy.
    Alone,
    /// When a resource is there.
    There(String),
}

/// A call that waits: whose it is, and which one of its own. A process can make several calls at once.
pub(super) type Waiting = (usize, u64);

#[derive(Default)]
pub(super) struct State {
    pub(super) shared: Shared,
    pub(super) pending: BTreeMap<Waiting, Pending>,
    calls: u64,
    /// What each process asked and was told, as a digest.
    pub(super) histories: BTreeMap<usize, u64>,
    pub(super) trace: Vec<String>,
}

/// The world of one run.
#[derive(Clone, Default)]
pub struct World(Arc<Mutex<State>>);

impl World {
    /// Configuration for the DynamoDB client of a process.
    #[must_use]
    pub fn config(&self, process: usize) -> SdkConfig {
        let client = SharedHttpClient::new(Client { world: self.clone(), process });
        let credentials = SharedCredentialsProvider::new(Credentials::new("test", "test", None, None, "interleaving"));
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .endpoint_url("http://ledger.invalid")
            .credentials_provider(credentials)
            .identity_cache(aws_config::identity::IdentityCache::no_cache())
            .retry_config(RetryConfig::disabled())
            .stalled_stream_protection(aws_config::stalled_stream_protection::StalledStreamProtectionConfig::disabled())
            .http_client(client)
            .build()
    }

    /// Reads a resource: a call like any other.
    pub async fn read(&self, process: usize, name: &str) -> String {
        let key = name.to_owned();
        let effect: Effect = Box::new(move |shared| shared.resources.get(&key).cloned().unwrap_or_default());
        self.call(process, format!("read {name}"), effect).await
    }

    /// Writes a resource.
    pub async fn write(&self, process: usize, name: &str, value: &str) {
        let (key, to) = (name.to_owned(), value.to_owned());
        let effect: Effect = Box::new(move |shared| {
            shared.resources.insert(key, to);
            String::new()
        });
        self.call(process, format!("write {name}={value}"), effect).await;
    }

    /// Writes a resource if it is as expected. True when it was.
    pub async fn exchange(&self, process: usize, name: &str, from: &str, to: &str) -> bool {
        let (key, from, to) = (name.to_owned(), from.to_owned(), to.to_owned());
        let effect: Effect = Box::new(move |shared| {
            let now = shared.resources.entry(key).or_default();
            if *now != from {
                return String::new();
            }
            *now = to;
            "yes".to_owned()
        });
        !self.call(process, format!("exchange {name}"), effect).await.is_empty()
    }

    /// Says that a process has come to a place where nothing of what it was told before matters any more. Orders that differ only
    /// before that place are one.
    pub fn at_place(&self, process: usize, place: &str) {
        let mut history = DefaultHasher::new();
        place.hash(&mut history);
        self.state().histories.insert(process, history.finish());
    }

    /// Says that a process works on something that has a lease, or has ended that work. A process that was killed does so no more.
    pub fn busy(&self, process: usize, is_busy: bool) {
        let busy = &mut self.state().shared.busy;
        let _ = if is_busy { busy.insert(process) } else { busy.remove(&process) };
    }

    /// Waits until every lease has run out. A lease is longer than the work it is for: it ends only when nobody is busy.
    pub async fn until_leases_end(&self, process: usize) {
        let effect: Effect = Box::new(|shared| {
            shared.epoch += 1;
            String::new()
        });
        self.ask(process, "wait".to_owned(), When::Alone, effect).await;
    }

    /// Waits until somebody has written a resource.
    pub async fn until_there(&self, process: usize, name: &str) {
        let effect: Effect = Box::new(|_| String::new());
        self.ask(process, format!("wait for {name}"), When::There(name.to_owned()), effect).await;
    }

    /// The time, in seconds: a day more each time that leases have run out.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.state().shared.epoch * 86_400
    }

    /// What a resource is, for the check at the end.
    #[must_use]
    pub fn resource(&self, name: &str) -> String {
        self.state().shared.resources.get(name).cloned().unwrap_or_default()
    }

    /// The ledger, for the check at the end.
    #[must_use]
    pub fn table(&self) -> Table {
        self.state().shared.table.clone()
    }

    async fn call(&self, process: usize, name: String, effect: Effect) -> String {
        self.ask(process, name, When::Always, effect).await
    }

    async fn ask(&self, process: usize, name: String, when: When, effect: Effect) -> String {
        let (answer, answered) = oneshot::channel();
        {
            let mut state = self.state();
            state.calls += 1;
            let waiting = (process, state.calls);
            state.pending.insert(waiting, Pending { name, when, effect, answer });
        }
        // A process that was killed is never asked again.
        answered.await.unwrap_or_default()
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Carries out the call that a process waits for, and answers it unless the process is killed right after it.
    pub(super) fn let_through(&self, call: Waiting, answered: bool) {
        let process = call.0;
        let mut state = self.state();
        let Some(pending) = state.pending.remove(&call) else { return };
        let text = (pending.effect)(&mut state.shared);
        let killed = if answered { "" } else { ", then killed" };
        state.trace.push(format!("{process}: {}{killed}", pending.name));
        let mut history = DefaultHasher::new();
        (state.histories.get(&process), &pending.name, &text).hash(&mut history);
        state.histories.insert(process, history.finish());
        if answered {
            let _ = pending.answer.send(text);
        }
    }

    /// The calls that can be let through now.
    pub(super) fn waiting(&self) -> Vec<Waiting> {
        let state = self.state();
        let can = |process: usize, call: &Pending| match &call.when {
            When::Always => true,
            When::Alone => state.shared.busy.iter().all(|busy| *busy == process),
            When::There(resource) => state.shared.resources.contains_key(resource),
        };
        state.pending.iter().filter(|((process, _), call)| can(*process, call)).map(|(waiting, _)| *waiting).collect()
    }

    /// Forgets every call of a process that is killed.
    pub(super) fn drop_calls(&self, process: usize) {
        let mut state = self.state();
        state.trace.push(format!("{process}: killed"));
        state.pending.retain(|(of, _), _| *of != process);
    }
}

#[derive(Clone)]
struct Client {
    world: World,
    process: usize,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "process {}", self.process)
    }
}

impl HttpClient for Client {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Client {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let operation = request.headers().get("x-amz-target").and_then(|target| target.rsplit('.').next()).unwrap_or_default();
        let mut body: serde_json::Value = serde_json::from_slice(request.body().bytes().unwrap_or_default()).unwrap_or_default();
        // The SDK draws it: the same request must have the same name.
        if let Some(fields) = body.as_object_mut() {
            fields.remove("ClientRequestToken");
        }
        let (operation, world, process) = (operation.to_owned(), self.world.clone(), self.process);
        let name = format!("{operation} {}", in_order(&body));
        let effect: Effect = Box::new(move |shared| match shared.table.call(&operation, &body) {
            Ok(answer) => format!("200{answer}"),
            Err(refusal) => format!("400{}", refusal.body()),
        });
        HttpConnectorFuture::new(async move {
            let answer = world.call(process, name, effect).await;
            let (status, body) = answer.split_at(answer.len().min(3));
            let status = if status == "200" { 200_u16 } else { 400 };
            let response =
                HttpResponse::try_from(http::Response::builder().status(status).body(SdkBody::from(body)).map_err(other)?);
            response.map_err(other)
        })
    }
}

/// The SDK writes maps in any order; the same request must have the same name.
fn in_order(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Object(fields) => {
            let fields: BTreeMap<&String, String> = fields.iter().map(|(name, value)| (name, in_order(value))).collect();
            format!("{fields:?}")
        }
        serde_json::Value::Array(elements) => format!("{:?}", elements.iter().map(in_order).collect::<Vec<_>>()),
        other => other.to_string(),
    }
}

fn other(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> aws_smithy_runtime_api::client::result::ConnectorError {
    aws_smithy_runtime_api::client::result::ConnectorError::other(error.into(), None)
}
