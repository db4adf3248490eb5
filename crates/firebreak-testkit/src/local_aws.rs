//! The local AWS as a child process that ends with its handle.

use crate::local_aws_error::LocalAwsError;
use crate::nursery;
use aws_config::{Region, SdkConfig};
use aws_sdk_sts::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_types::timeout::TimeoutConfig;
use firebreak_aws::clients;
use serde::Deserialize;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Duration;

/// The only Region.
pub const REGION: &str = "eu-central-1";
/// The security account, which is a member account, too.
pub const SECURITY_ACCOUNT: &str = "123456789012";
/// The second member account.
pub const MEMBER_ACCOUNT: &str = "111122223333";

/// How long an administrator waits for an answer: the first ones are slow when several local AWS start at once on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// How to start it.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The response policy; without it, `local/policy.toml`.
    pub policy: Option<PathBuf>,
    /// Where functions log; without it, `.local/logs`. A folder given here is removed with the handle unless a test panics.
    pub logs: Option<PathBuf>,
}

/// One recorded call.
#[derive(Debug, Clone, Deserialize)]
pub struct Call {
    /// For example `iam`.
    pub service: String,
    /// For example `AttachUserPolicy`.
    pub operation: String,
    /// A function's name, an assumed role's session, or nothing.
    pub caller: Option<String>,
    /// The function at work, directly or with an assumed role.
    pub function: Option<String>,
    /// When it arrived, in seconds since the start.
    pub started_at: f64,
    /// When its answer left; nothing while the call is under way.
    pub ended_at: Option<f64>,
    /// The HTTP status of the answer; nothing while the call is under way.
    pub status: Option<u16>,
    /// The parameters, without tokens and secrets.
    pub params: Value,
}

impl Call {
    /// For example `iam:AttachUserPolicy`.
    #[must_use]
    pub fn action(&self) -> String {
        format!("{}:{}", self.service, self.operation)
    }
}

/// A running local AWS with Firebreak deployed. Dropping it ends the process.
#[derive(Debug)]
pub struct LocalAws {
    process: u32,
    endpoint: String,
    logs: Option<PathBuf>,
}

impl LocalAws {
    /// Starts one and waits until Firebreak is deployed in it.
    ///
    /// # Errors
    /// See [`LocalAwsError`].
    pub fn start(options: &Options) -> Result<Self, LocalAwsError> {
        let binaries = binaries()?;
        let mut arguments = vec!["--exit-with-parent".to_owned(), "--port".to_owned(), "0".to_owned()];
        let folders =
            [("--bin-dir", Some(&binaries)), ("--policy", options.policy.as_ref()), ("--log-dir", options.logs.as_ref())];
        for (name, path) in folders {
            arguments.extend(path.into_iter().flat_map(|path| [name.to_owned(), path.display().to_string()]));
        }
        let (process, endpoint) = nursery::start(&arguments.iter().map(String::as_str).collect::<Vec<_>>())?;
        Ok(Self { process, endpoint, logs: options.logs.clone() })
    }

    /// Where it listens, for `AWS_ENDPOINT_URL`.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// SDK configuration of an administrator of `account`.
    ///
    /// # Errors
    /// STS does not answer.
    pub async fn administrator(&self, account: &str) -> Result<SdkConfig, LocalAwsError> {
        let credentials = Credentials::new("test", "test", None, None, "local");
        let loader = aws_config::defaults(clients::behavior_version()).region(Region::new(REGION));
        let patient = TimeoutConfig::builder().operation_attempt_timeout(PATIENCE).operation_timeout(PATIENCE).build();
        let loader = clients::configure(loader.endpoint_url(&self.endpoint).credentials_provider(credentials));
        let own = loader.timeout_config(patient).load().await;
        if account == SECURITY_ACCOUNT {
            return Ok(own);
        }
        // The emulator knows an account by the credentials that STS gave for it.
        assume(&own, &format!("arn:aws:iam::{account}:role/OrganizationAccountAccessRole"), "administrator").await
    }

    /// SDK configuration of a person who has assumed a role of the security account.
    ///
    /// # Errors
    /// STS does not answer.
    pub async fn person(&self, role: &str, name: &str) -> Result<SdkConfig, LocalAwsError> {
        let own = self.administrator(SECURITY_ACCOUNT).await?;
        assume(&own, &format!("arn:aws:iam::{SECURITY_ACCOUNT}:role/firebreak-people/{role}"), name).await
    }

    /// Replaces the fault plan: rules of `match`, `status`, `code`, `times`, `delay_ms` (see `local/README.md`).
    ///
    /// # Errors
    /// The process does not answer.
    pub fn plan_faults(&self, rules: &Value) -> Result<(), LocalAwsError> {
        self.put("faults", rules)
    }

    /// Replaces the findings that the local GuardDuty knows, in the form of its API.
    ///
    /// # Errors
    /// It refuses them.
    pub fn plant_findings(&self, findings: &Value) -> Result<(), LocalAwsError> {
        self.put("findings", findings)
    }

    /// Replaces the events that the local CloudTrail knows: `{account, region, event}` each.
    ///
    /// # Errors
    /// It refuses them.
    pub fn plant_trail(&self, events: &Value) -> Result<(), LocalAwsError> {
        self.put("trail", events)
    }

    /// Sets the clock of state machines and functions: `speed`, `forward` (see `local/README.md`).
    ///
    /// # Errors
    /// It refuses.
    pub fn set_clock(&self, change: &Value) -> Result<(), LocalAwsError> {
        self.put("clock", change)
    }

    /// Forgets the calls so far.
    ///
    /// # Errors
    /// The process does not answer.
    pub fn forget_calls(&self) -> Result<(), LocalAwsError> {
        ureq::delete(format!("{}/_firebreak/calls", self.endpoint)).call().map_err(Box::new)?;
        Ok(())
    }

    /// Runs another binary of the build in place of a function; the name of a binary, or nothing for the real one.
    ///
    /// # Errors
    /// The process does not answer.
    pub fn replace_function(&self, function: &str, binary: Option<&str>) -> Result<(), LocalAwsError> {
        let path = binary.map(|binary| binaries().map(|folder| folder.join(binary))).transpose()?;
        self.put("functions", &json!({ function: path }))
    }

    /// Every call since the start, in order.
    ///
    /// # Errors
    /// The process does not answer.
    pub fn calls(&self) -> Result<Vec<Call>, LocalAwsError> {
        let answer = ureq::get(format!("{}/_firebreak/calls", self.endpoint)).call().map_err(Box::new)?;
        Ok(answer.into_body().read_json().map_err(Box::new)?)
    }

    fn put(&self, what: &str, body: &Value) -> Result<(), LocalAwsError> {
        ureq::put(format!("{}/_firebreak/{what}", self.endpoint)).send_json(body).map_err(Box::new)?;
        Ok(())
    }
}

/// Configuration of a session of `role`, under this name.
async fn assume(own: &SdkConfig, role: &str, name: &str) -> Result<SdkConfig, LocalAwsError> {
    let assumed = aws_sdk_sts::Client::new(own).assume_role().role_arn(role).role_session_name(name).send().await;
    let keys = assumed.ok().and_then(|answer| answer.credentials).ok_or(LocalAwsError::NoCredentials)?;
    let keys = Credentials::new(keys.access_key_id, keys.secret_access_key, Some(keys.session_token), None, "local");
    Ok(own.to_builder().credentials_provider(SharedCredentialsProvider::new(keys)).build())
}

impl Drop for LocalAws {
    fn drop(&mut self) {
        // Its functions notice that the Runtime API is gone and end by themselves.
        nursery::end(self.process);
        if let Some(logs) = self.logs.as_ref().filter(|_| !std::thread::panicking()) {
            let _ = std::fs::remove_dir_all(logs);
        }
    }
}

/// The folder of the build this program belongs to: test binaries are in `deps/` below it.
fn binaries() -> std::io::Result<PathBuf> {
    let program = std::env::current_exe()?;
    let folder = program.ancestors().skip(1).find(|folder| folder.join("triage").exists());
    let missing = || std::io::Error::other("the functions are not built: run `cargo build --workspace`");
    folder.map(PathBuf::from).ok_or_else(missing)
}
