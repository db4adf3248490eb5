//! SDK configuration, and assuming a role in a member account.
//!
//! Timeouts and retries are pinned here because the SDK's defaults suit a batch job, not an incident: no read timeout at all,
//! and a back-off that starts at one second.

use crate::classify::OrFault;
use crate::environment;
pub use crate::member_role::MemberRole;
use crate::session_policy::session_policy;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sts::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use firebreak::decision::Target;
use firebreak::fault::Fault;
use firebreak::ids::IncidentId;
use std::time::Duration;

/// Seconds the credentials of one invocation live: the shortest STS allows.
const SESSION_SECONDS: i32 = 900;

/// AWS as the security account sees it.
#[derive(Debug, Clone)]
pub struct Aws {
    own: SdkConfig,
    sts: aws_sdk_sts::Client,
}

impl Aws {
    /// Loads credentials and Region from the Lambda environment. Makes no call.
    pub async fn load() -> Self {
        let own = configure(aws_config::defaults(behavior_version())).load().await;
        Self { sts: aws_sdk_sts::Client::new(&own), own }
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
        let arn = format!("arn:{}:iam::{}:role/firebreak/{}", target.partition, target.account, role.name());
        let answer = self
            .sts
            .assume_role()
            .role_arn(arn)
            .role_session_name(incident.as_str())
            .source_identity(incident.as_str())
            .policy(session_policy(target, role))
            .external_id(environment::required(environment::EXTERNAL_ID)?)
            .duration_seconds(SESSION_SECONDS)
            .send()
            .await
            .or_fault(&format!("sts:AssumeRole of {} in account {}", role.name(), target.account))?;
        let keys = answer.credentials.ok_or_else(|| Fault::bug("sts:AssumeRole answered without credentials"))?;
        let credentials =
            Credentials::new(keys.access_key_id, keys.secret_access_key, Some(keys.session_token), None, "firebreak");
        Ok(self
            .own
            .to_builder()
            .region(Region::new(target.region.to_string()))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .build())
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
