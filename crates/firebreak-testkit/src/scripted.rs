//! AWS as a script: a server on loopback that the real SDK talks to, with the answers a test gives it.
//!
//! An emulator answers as its authors thought. What matters here is what it does not model: throttles, quotas, odd errors,
//! truncated lists, slow bodies, a client that is killed at any call. Each test has a server of its own, in its own process, and is
//! done in milliseconds.
//!
//! The ledger is a [`Table`] in memory. Every other service answers what the test says; a call that nobody scripted is refused.

mod answer;
mod call;
mod connection;

pub use answer::{Answer, error, ok};
pub use call::Call;

use crate::dynamodb::Table;
use crate::local_aws::REGION;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sts::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use firebreak_aws::{Aws, clients};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// Answers the calls of one service, or of one operation. Nothing: it does not know the call.
type Handler = Box<dyn FnMut(&Call) -> Option<Answer> + Send>;

/// Whether a call is one of those that a service takes one after the other.
type Exclusive = Box<dyn Fn(&Call) -> bool + Send>;

/// The table's name, for a `Ledger`.
pub const TABLE: &str = "firebreak-ledger";

/// What breaks, and where.
#[derive(Debug, Clone)]
struct Fault {
    action: String,
    /// From 1; nothing: every call of the action.
    nth: Option<usize>,
    answer: Answer,
    /// Nothing: for ever.
    times: Option<usize>,
}

/// A moment at which the test is told: the n-th call of an action.
#[derive(Debug, Clone)]
struct Stop {
    action: String,
    nth: usize,
    /// The service carries the call out first.
    after: bool,
}

#[derive(Default)]
struct Script {
    table: Table,
    handlers: Vec<(String, Handler)>,
    /// With the answer to a call that comes while another one is under way.
    exclusive: Vec<(Exclusive, Answer)>,
    queued: BTreeMap<String, VecDeque<Answer>>,
    faults: Vec<Fault>,
    /// Calls that are carried out and answered late.
    late: Vec<(String, usize, Duration)>,
    /// Every answer takes at least this long.
    pace: Duration,
    stop: Option<Stop>,
    calls: Vec<Call>,
    unknown: Vec<String>,
    counts: BTreeMap<String, usize>,
}

/// The server. It ends with its handle.
pub struct ScriptedAws {
    endpoint: String,
    script: Arc<Mutex<Script>>,
    stopped: watch::Receiver<bool>,
    server: tokio::task::JoinHandle<()>,
}

impl ScriptedAws {
    /// Starts a server whose ledger is empty and whose STS gives credentials for every role.
    ///
    /// # Errors
    /// There is no free port on loopback.
    pub async fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let script = Arc::new(Mutex::new(Script::default()));
        let (stop, stopped) = watch::channel(false);
        let server = tokio::spawn(connection::serve(listener, script.clone(), stop));
        let aws = Self { endpoint, script, stopped, server };
        aws.on("sts:AssumeRole", |_| Some(ok(CREDENTIALS)));
        Ok(aws)
    }

    /// Configuration for a client of this server. Retries are as many as in production, and hardly wait.
    #[must_use]
    pub fn config(&self) -> SdkConfig {
        let credentials = SharedCredentialsProvider::new(Credentials::new("test", "test", None, None, "scripted"));
        let timeouts = TimeoutConfig::builder().operation_attempt_timeout(Duration::from_millis(400));
        let retries = RetryConfig::standard()
            .with_max_attempts(4)
            .with_initial_backoff(Duration::from_millis(1))
            .with_max_backoff(Duration::from_millis(2));
        SdkConfig::builder()
            .behavior_version(version())
            .region(Region::new(REGION))
            .endpoint_url(&self.endpoint)
            .credentials_provider(credentials)
            .timeout_config(timeouts.build())
            .retry_config(retries)
            .sleep_impl(aws_smithy_async_sleep())
            .http_client(http_client())
            .identity_cache(aws_config::identity::IdentityCache::lazy().build())
            .build()
    }

    /// The security account, able to assume member roles.
    #[must_use]
    pub fn aws(&self) -> Aws {
        Aws::new(self.config()).with_external_id("an-external-id".to_owned())
    }

    /// Answers an action, for example `iam:GetUser`, or every operation of a service, `iam:*`. What is scripted later is asked first.
    pub fn on(&self, action: &str, handler: impl FnMut(&Call) -> Option<Answer> + Send + 'static) {
        self.script().handlers.push((action.to_owned(), Box::new(handler)));
    }

    /// Refuses a call that `is` means with `refusal`, as long as another one that `is` means is under way.
    pub fn one_at_a_time(&self, is: impl Fn(&Call) -> bool + Send + 'static, refusal: Answer) {
        self.script().exclusive.push((Box::new(is), refusal));
    }

    /// Answers an action always alike.
    pub fn answer(&self, action: &str, answer: Answer) {
        self.on(action, move |_| Some(answer.clone()));
    }

    /// Answers the next call of an action, before anything else does. Answers queue up.
    pub fn next(&self, action: &str, answer: Answer) {
        self.script().queued.entry(action.to_owned()).or_default().push_back(answer);
    }

    /// Breaks every call of an action from now on.
    pub fn always(&self, action: &str, answer: Answer) {
        self.script().faults.push(Fault { action: action.to_owned(), nth: None, answer, times: None });
    }

    /// Breaks the n-th call of an action, counted from the last [`forget`](Self::forget), and its repetitions by the SDK: `times` of
    /// them, or for ever.
    pub fn break_call(&self, action: &str, nth: usize, answer: Answer, times: Option<usize>) {
        self.script().faults.push(Fault { action: action.to_owned(), nth: Some(nth), answer, times });
    }

    /// Carries the n-th call of an action out, and answers it so late that the client has given up. Once.
    pub fn delay_call(&self, action: &str, nth: usize, delay: Duration) {
        self.script().late.push((action.to_owned(), nth, delay));
    }

    /// From now on every answer takes this long: [`depth`](Self::depth) goes by it.
    pub fn pace(&self, delay: Duration) {
        self.script().pace = delay;
    }

    /// The most round trips, one after the other, that end with a call that `is` means, since the last [`forget`](Self::forget). Zero: there
    /// was no such call.
    #[must_use]
    pub fn depth(&self, is: impl Fn(&Call) -> bool) -> usize {
        let calls = self.calls();
        let depths = call::depths(&calls).into_iter().zip(&calls);
        depths.filter(|(_, call)| is(call)).map(|(depth, _)| depth).max().unwrap_or(0)
    }

    /// Runs `work` until the n-th call of `action`, and drops it there, as a killed process would be: before the service has seen the
    /// call, or after the service has carried it out. Returns what `work` returned when it never came that far.
    pub async fn kill_at<T>(&self, action: &str, nth: usize, after: bool, work: impl Future<Output = T>) -> Option<T> {
        self.script().stop = Some(Stop { action: action.to_owned(), nth, after });
        let mut stopped = self.stopped.clone();
        stopped.mark_unchanged();
        let ended = tokio::select! {
            _ = stopped.changed() => None,
            done = work => Some(done),
        };
        self.script().stop = None;
        ended
    }

    /// Takes every fault back.
    pub fn mend(&self) {
        let mut script = self.script();
        script.faults.clear();
        script.late.clear();
        script.queued.clear();
    }

    /// Forgets the calls so far.
    pub fn forget(&self) {
        let mut script = self.script();
        script.calls.clear();
        script.counts.clear();
    }

    /// Every call so far, in the order in which it arrived.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.script().calls.clone()
    }

    /// The calls of one action.
    #[must_use]
    pub fn calls_of(&self, action: &str) -> Vec<Call> {
        self.calls().into_iter().filter(|call| call.action() == action).collect()
    }

    /// The actions that change something a customer owns, in order: no reads, and nothing of Firebreak's own.
    #[must_use]
    pub fn changes(&self) -> Vec<String> {
        self.calls().iter().filter(|call| call.changes_something()).map(Call::action).collect()
    }

    /// Actions that were called and that nobody scripted.
    #[must_use]
    pub fn unknown(&self) -> Vec<String> {
        self.script().unknown.clone()
    }

    /// The ledger as it is.
    #[must_use]
    pub fn table(&self) -> Table {
        self.script().table.clone()
    }

    /// Puts another ledger in its place.
    pub fn replace_table(&self, table: Table) {
        self.script().table = table;
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ScriptedAws {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn version() -> BehaviorVersion {
    clients::behavior_version()
}

fn aws_smithy_async_sleep() -> aws_smithy_async::rt::sleep::SharedAsyncSleep {
    aws_smithy_async::rt::sleep::SharedAsyncSleep::new(aws_smithy_async::rt::sleep::TokioSleep::new())
}

/// Plain HTTP: no TLS connector is built for each test.
fn http_client() -> aws_smithy_runtime_api::client::http::SharedHttpClient {
    aws_smithy_http_client::Builder::new().build_http()
}

const CREDENTIALS: &str = "<Credentials><AccessKeyId>ASIAEXAMPLE</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>\
    <SessionToken>session</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>";
