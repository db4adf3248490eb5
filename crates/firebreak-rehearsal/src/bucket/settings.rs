//! The settings of a bucket that a lockdown changes or keeps.

use crate::{State, list};
use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::types::{ExpirationStatus, ReplicationRuleStatus};
use firebreak::fault::Fault;
use firebreak_aws::classify::{OrFault, SdkResult, code, fault};

const ABSENT: &str = "absent";
/// What S3 shows where no type of encryption is refused. A bucket that never heard of it shows nothing, and means the same.
const NOTHING_BLOCKED: &str = "NONE";

/// Adds them. A rule has two fields: whether it is on, and what it says.
pub(super) async fn observe(s3: &Client, name: &str, state: &mut State) -> Result<(), Fault> {
    Box::pin(versioning(s3, name, state)).await?;
    Box::pin(lifecycle(s3, name, state)).await?;
    Box::pin(replication(s3, name, state)).await?;
    Box::pin(encryption(s3, name, state)).await?;
    Box::pin(deliveries(s3, name, state)).await?;
    Box::pin(ownership(s3, name, state)).await
}

/// S3 reports a setting that was never made as an error.
fn or_absent<T, E: ProvideErrorMetadata>(operation: &str, absent: &str, answer: SdkResult<T, E>) -> Result<Option<T>, Fault> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if code(&error) == Some(absent) => Ok(None),
        Err(error) => Err(fault(operation, &error)),
    }
}

async fn versioning(s3: &Client, name: &str, state: &mut State) -> Result<(), Fault> {
    let answer = s3.get_bucket_versioning().bucket(name).send().await.or_fault("s3:GetBucketVersioning")?;
    state.set("versioning", answer.status().map_or("never", |status| status.as_str()));
    state.set("MFA delete", answer.mfa_delete().map_or("Disabled", |status| status.as_str()));
    Ok(())
}

async fn lifecycle(s3: &Client, name: &str, state: &mut State) -> Result<(), Fault> {
    let answer = s3.get_bucket_lifecycle_configuration().bucket(name).send().await;
    let answer = or_absent("s3:GetBucketLifecycleConfiguration", "NoSuchLifecycleConfiguration", answer)?;
    let Some(answer) = answer else {
        state.set("lifecycle", ABSENT);
        return Ok(());
    };
    let smallest = answer.transition_default_minimum_object_size();
    state.set("lifecycle", format!("moves {}", smallest.map_or("all sizes", |smallest| smallest.as_str())));
    for rule in answer.rules() {
        let id = rule.id().unwrap_or_default();
        state.set(format!("lifecycle rule {id}"), rule.status().as_str());
        let mut body = rule.clone();
        body.status = ExpirationStatus::Disabled;
        state.set(format!("lifecycle by {id}"), format!("{body:?}"));
    }
    Ok(())
}

async fn replication(s3: &Client, name: &str, state: &mut State) -> Result<(), Fault> {
    let answer = s3.get_bucket_replication().bucket(name).send().await;
    let answer = or_absent("s3:GetBucketReplication", "ReplicationConfigurationNotFoundError", answer)?;
    let Some(setting) = answer.and_then(|answer| answer.replication_configuration) else {
        state.set("replication", ABSENT);
        return Ok(());
    };
    state.set("replication", setting.role());
    for rule in setting.rules() {
        let id = rule.id().unwrap_or_default();
        state.set(format!("replication rule {id}"), rule.status().as_str());
        let mut body = rule.clone();
        body.status = ReplicationRuleStatus::Disabled;
        state.set(format!("replication by {id}"), format!("{body:?}"));
    }
    Ok(())
}

async fn encryption(s3: &Client, name: &str, state: &mut State) -> Result<(), Fault> {
    let answer = s3.get_bucket_encryption().bucket(name).send().await;
    let answer = or_absent("s3:GetBucketEncryption", "ServerSideEncryptionConfigurationNotFoundError", answer)?;
    let setting = answer.and_then(|answer| answer.server_side_encryption_configuration);
    let rule = setting.as_ref().and_then(|setting| setting.rules().first());
    let default = rule.and_then(|rule| rule.apply_server_side_encryption_by_default());
    let shown = default.map_or(ABSENT.to_owned(), |default| {
        let key = default.kms_master_key_id().map_or_else(String::new, |key| format!(" {key}"));
        let cheap = if rule.and_then(|rule| rule.bucket_key_enabled()) == Some(true) { ", bucket key" } else { "" };
        format!("{}{key}{cheap}", default.sse_algorithm().as_str())
    });
    state.set("default encryption", shown);
    let blocked = rule.and_then(|rule| rule.blocked_encryption_types()).map(|blocked| blocked.encryption_type());
    let blocked: Vec<&str> =
        blocked.unwrap_or_default().iter().map(|kind| kind.as_str()).filter(|kind| *kind != NOTHING_BLOCKED).collect();
    state.set("blocked encryption", list(&blocked));
    Ok(())
}

async fn deliveries(s3: &Client, name: &str, state: &mut State) -> Result<(), Fault> {
    let told = s3.get_bucket_notification_configuration().bucket(name).send().await;
    let told = told.or_fault("s3:GetBucketNotificationConfiguration")?;
    let receivers = (
        told.topic_configurations(),
        told.queue_configurations(),
        told.lambda_function_configurations(),
        told.event_bridge_configuration(),
    );
    state.set("notification", format!("{receivers:?}"));
    let logged = s3.get_bucket_logging().bucket(name).send().await.or_fault("s3:GetBucketLogging")?;
    let logged = logged.logging_enabled().map(|to| format!("{}/{}", to.target_bucket(), to.target_prefix()));
    state.set("logging", logged.unwrap_or_else(|| ABSENT.to_owned()));
    Ok(())
}

async fn ownership(s3: &Client, name: &str, state: &mut State) -> Result<(), Fault> {
    let answer = s3.get_bucket_ownership_controls().bucket(name).send().await;
    let answer = or_absent("s3:GetBucketOwnershipControls", "OwnershipControlsNotFoundError", answer)?;
    let controls = answer.and_then(|answer| answer.ownership_controls);
    let rule = controls.as_ref().and_then(|controls| controls.rules().first());
    state.set("object ownership", rule.map_or(ABSENT, |rule| rule.object_ownership().as_str()));
    let answer = s3.get_object_lock_configuration().bucket(name).send().await;
    let answer = or_absent("s3:GetObjectLockConfiguration", "ObjectLockConfigurationNotFoundError", answer)?;
    let lock = answer.and_then(|answer| answer.object_lock_configuration);
    state.set("object lock", lock.map_or(ABSENT.to_owned(), |lock| format!("{lock:?}")));
    Ok(())
}
