//! SDK configuration, and assuming a role in a member account.
//!
//! Timeouts and retries are pinned here because the SDK's defaults suit a batch job, not an incident: no read timeout at all,
//! and a back-off that starts at one second.

use crate::classify::OrFault;
use crate::session_policy::{looking_policy, session_policy};
use aws_config::{BehaviorVersion, Region as SdkRegion, SdkConfig};
use aws_sdk_sts::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use firebreak::fault::Fault;
use firebreak::ids::{AccountId, IncidentId, Partition, Region};
use firebreak::target::Target;
pub use firebreak_functions::MemberRole;
use std::time::Duration;

/// Seconds the credentials of one invocation live: the shortest STS allows.
const SESSION_SECONDS: i32 = 900;
/// The session that looks for `firebreak doctor`; member roles take names that begin with `fb-`.
const DIAGNOSIS: &str = "fb-doctor";

/// AWS as the security account sees it.
#[derive(Debug, Clone)]
pub struct Aws {
    own: SdkConfig,
    sts: aws_sdk_sts::Client,
    external_id: Option<String>,
}

impl Aws {
    /// Loads credentials and Region from the Lambda environment. Makes no call.
    pub async fn load() -> Self {
        Self::new(configure(aws_config::defaults(behavior_version())).load().await)
    }

    /// The security account as `own` reaches it. Makes no call.
    #[must_use]
    pub fn new(own: SdkConfig) -> Self {
        Self { sts: aws_sdk_sts::Client::new(&own), own, external_id: None }
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
        let session = Session { name: incident.as_str(), policy: session_policy(target, role) };
        self.assume(role, &target.partition, &target.account, &target.region, session).await
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
        let session = Session { name: DIAGNOSIS, policy: looking_policy(calls) };
        self.assume(role, partition, account, region, session).await
    }

    async fn assume(
        &self,
        role: MemberRole,
        partition: &Partition,
        account: &AccountId,
        region: &Region,
        session: Session<'_>,
    ) -> Result<SdkConfig, Fault> {
        let external_id =
            self.external_id.as_ref().ok_or_else(|| Fault::bug("a member role is assumed without an external id"))?;
        let arn = format!("arn:{partition}:iam::{account}:role/firebreak/{}", role.name());
        let answer = self
            .sts
            .assume_role()
            .role_arn(arn)
            .role_session_name(session.name)
            .source_identity(session.name)
            .policy(session.policy)
            .external_id(external_id)
            .duration_seconds(SESSION_SECONDS)
            .send()
            .await
            .or_fault(&format!("sts:AssumeRole of {} in account {account}", role.name()))?;
        let keys = answer.credentials.ok_or_else(|| Fault::bug("sts:AssumeRole answered without credentials"))?;
        let credentials =
            Credentials::new(keys.access_key_id, keys.secret_access_key, Some(keys.session_token), None, "firebreak");
        Ok(self
            .own
            .to_builder()
            .region(SdkRegion::new(region.to_string()))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .build())
    }
}

/// How a session is known in the member's CloudTrail, and what it may do at most.
struct Session<'a> {
    name: &'a str,
    policy: String,
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
