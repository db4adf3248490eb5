//! SDK configuration, and assuming a role in a member account.
//!
//! Timeouts and retries are pinned here because the SDK's defaults suit a batch job, not an incident: no read timeout at all,
//! and a back-off that starts at one second.

use crate::classify::OrFault;
use crate::clock;
use crate::session_policy::{looking_policy, session_policy, triage_policy};
use aws_config::{BehaviorVersion, Region as SdkRegion, SdkConfig};
use aws_sdk_sts::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use firebreak::fault::Fault;
use firebreak::ids::{AccountId, IncidentId, Partition, Region};
use firebreak::target::{Place, Target};
pub use firebreak_functions::MemberRole;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Seconds the credentials of one invocation live: the shortest STS allows.
const SESSION_SECONDS: i32 = 900;
/// The session that looks for `firebreak doctor`; member roles take names that begin with `fb-`.
const DIAGNOSIS: &str = "fb-doctor";
/// The session that works for `firebreak prepare`.
const PREPARATION: &str = "fb-prepare";
/// The session that answers triage's questions.
const TRIAGE: &str = "fb-triage";
/// The longest that a role's session can have which another role opened (IAM user guide, "Role chaining").
const LONGEST_SECONDS: i32 = 3600;
/// A session that was kept is used no longer than this, nor in its own last minutes.
const KEPT_SECONDS: i64 = 50 * 60;
const LAST_SECONDS: i64 = 5 * 60;

/// AWS as the security account sees it.
#[derive(Debug, Clone)]
pub struct Aws {
    own: SdkConfig,
    sts: aws_sdk_sts::Client,
    external_id: Option<String>,
    kept: Arc<Mutex<BTreeMap<(AccountId, Partition), Session>>>,
}

/// A session of triage's member role.
#[derive(Debug)]
pub struct Kept {
    /// Configuration for the Region that was asked for.
    pub config: SdkConfig,
    /// An earlier question opened the session: it may have been ended since.
    pub reused: bool,
}

impl Aws {
    /// Loads credentials and Region from the Lambda environment. Makes no call.
    pub async fn load() -> Self {
        Self::new(configure(aws_config::defaults(behavior_version())).load().await)
    }

    /// The security account as `own` reaches it. Makes no call.
    #[must_use]
    pub fn new(own: SdkConfig) -> Self {
        Self { sts: aws_sdk_sts::Client::new(&own), own, external_id: None, kept: Arc::default() }
    }

    /// The same, and able to assume member roles, which require this external id.
    #[must_use]
    pub fn with_external_id(self, id: String) -> Self {
        Self { external_id: Some(id), ..self }
    }

    /// Configuration for calls in the security account.
    #[must_use]
    pub fn own(&self) -> &SdkConfig {
        &self.own
    }

    /// Assumes `role` in the target's account and returns configuration for the target's Region.
    ///
    /// The session carries the incident in its name and its source identity, so every call in the member's CloudTrail leads back to
    /// it. Its session policy narrows it to this one target: what leaks, or goes wrong, reaches nothing else. One round trip; the
    /// credentials live 15 minutes.
    ///
    /// # Errors
    /// `Denied` when the account does not trust Firebreak (or has no such role), `Transient` when STS does not answer.
    pub async fn member(&self, target: &Target, role: MemberRole, incident: &IncidentId) -> Result<SdkConfig, Fault> {
        let wanted = Wanted { name: incident.as_str(), policy: session_policy(target, role), seconds: SESSION_SECONDS };
        Ok(self.assume(role, &target.partition, &target.account, wanted).await?.in_region(&target.region))
    }

    /// Configuration for triage's questions in an account, which only read. The session is kept for later findings, so it is not
    /// named after an incident: the next finding of the account then waits for one round trip less.
    ///
    /// # Errors
    /// As [`member`](Self::member).
    pub async fn triage(&self, place: &Place) -> Result<Kept, Fault> {
        let Place { account, region, partition } = place;
        let key = (account.clone(), partition.clone());
        let now = clock::now().as_second();
        let kept = self.sessions(|sessions| {
            sessions.retain(|_, session| now < session.until);
            sessions.get(&key).cloned()
        });
        if let Some(session) = kept {
            return Ok(Kept { config: session.in_region(region), reused: true });
        }
        let wanted = Wanted { name: TRIAGE, policy: triage_policy(), seconds: LONGEST_SECONDS };
        let mut session = self.assume(MemberRole::Triage, partition, account, wanted).await?;
        session.until = (session.until - LAST_SECONDS).min(now + KEPT_SECONDS);
        let config = session.in_region(region);
        self.sessions(|sessions| sessions.insert(key, session));
        Ok(Kept { config, reused: false })
    }

    /// Drops the session that was kept for triage in an account.
    pub fn forget_triage(&self, place: &Place) {
        self.sessions(|sessions| sessions.remove(&(place.account.clone(), place.partition.clone())));
    }

    fn sessions<T>(&self, work: impl FnOnce(&mut BTreeMap<(AccountId, Partition), Session>) -> T) -> T {
        work(&mut self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Assumes `role` in `account` to look at something: the session may make `calls` and no other, whatever the role may.
    ///
    /// # Errors
    /// As [`member`](Self::member).
    pub async fn look(
        &self,
        role: MemberRole,
        (partition, account, region): (&Partition, &AccountId, &Region),
        calls: &[&str],
    ) -> Result<SdkConfig, Fault> {
        let wanted = Wanted { name: DIAGNOSIS, policy: looking_policy(calls), seconds: SESSION_SECONDS };
        Ok(self.assume(role, partition, account, wanted).await?.in_region(region))
    }

    /// Assumes `role` in `account` to prepare it before an incident: the session may make `calls` and no other, of those that the role
    /// may.
    ///
    /// # Errors
    /// As [`member`](Self::member).
    pub async fn prepare(
        &self,
        role: MemberRole,
        (partition, account, region): (&Partition, &AccountId, &Region),
        calls: &[&str],
    ) -> Result<SdkConfig, Fault> {
        let wanted = Wanted { name: PREPARATION, policy: looking_policy(calls), seconds: SESSION_SECONDS };
        Ok(self.assume(role, partition, account, wanted).await?.in_region(region))
    }

    /// Assumes `role` in the target's account to read something for people: named after the incident, as [`member`](Self::member), but the
    /// session may make `calls` and no other, whatever the role may.
    ///
    /// # Errors
    /// As [`member`](Self::member).
    pub async fn reader(
        &self,
        target: &Target,
        role: MemberRole,
        incident: &IncidentId,
        calls: &[&str],
    ) -> Result<SdkConfig, Fault> {
        let wanted = Wanted { name: incident.as_str(), policy: looking_policy(calls), seconds: SESSION_SECONDS };
        Ok(self.assume(role, &target.partition, &target.account, wanted).await?.in_region(&target.region))
    }

    async fn assume(
        &self,
        role: MemberRole,
        partition: &Partition,
        account: &AccountId,
        wanted: Wanted<'_>,
    ) -> Result<Session, Fault> {
        let external_id =
            self.external_id.as_ref().ok_or_else(|| Fault::bug("a member role is assumed without an external id"))?;
        let arn = format!("arn:{partition}:iam::{account}:role/firebreak/{}", role.name());
        let answer = self
            .sts
            .assume_role()
            .role_arn(arn)
            .role_session_name(wanted.name)
            .source_identity(wanted.name)
            .policy(wanted.policy)
            .external_id(external_id)
            .duration_seconds(wanted.seconds)
            .send()
            .await
            .or_fault(&format!("sts:AssumeRole of {} in account {account}", role.name()))?;
        let keys = answer.credentials.ok_or_else(|| Fault::bug("sts:AssumeRole answered without credentials"))?;
        let until = keys.expiration.secs();
        let credentials =
            Credentials::new(keys.access_key_id, keys.secret_access_key, Some(keys.session_token), None, "firebreak");
        let credentials = SharedCredentialsProvider::new(credentials);
        Ok(Session { config: self.own.to_builder().credentials_provider(credentials).build(), until })
    }
}

/// How a session is to be known in the member's CloudTrail, what it may do at most, and how long it lives.
struct Wanted<'a> {
    name: &'a str,
    policy: String,
    seconds: i32,
}

/// A session of a member role.
#[derive(Debug, Clone)]
struct Session {
    config: SdkConfig,
    /// In seconds since 1970.
    until: i64,
}

impl Session {
    fn in_region(&self, region: &Region) -> SdkConfig {
        self.config.to_builder().region(SdkRegion::new(region.to_string())).build()
    }
}

/// The SDK's behaviour, pinned by name so that an update cannot change a containment.
#[must_use]
pub fn behavior_version() -> BehaviorVersion {
    BehaviorVersion::v2026_01_12()
}

/// Firebreak's timeouts and retries on a configuration loader.
#[must_use]
pub fn configure(loader: aws_config::ConfigLoader) -> aws_config::ConfigLoader {
    loader
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(Duration::from_secs(1))
                .operation_attempt_timeout(Duration::from_secs(5))
                .operation_timeout(Duration::from_secs(15))
                .build(),
        )
        .retry_config(
            RetryConfig::standard()
                .with_max_attempts(4)
                .with_initial_backoff(Duration::from_millis(100))
                .with_max_backoff(Duration::from_secs(2)),
        )
}
