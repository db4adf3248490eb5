//! Snapshots of all volumes of an instance, in one call.
//!
//! `CreateSnapshots` is crash-consistent across the volumes (EC2 API reference) and has no client token: before a second call the
//! snapshots of this incident are looked for by their tag.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::config::retry::RetryConfig;
use aws_sdk_ec2::config::timeout::TimeoutConfig;
use aws_sdk_ec2::types::{Filter, InstanceSpecification, ResourceType, Tag, TagSpecification};
use firebreak::evidence::Entry;
use firebreak::fault::Fault;
use firebreak::ids::IncidentId;
use firebreak::target::Target;
use firebreak_aws::classify::OrFault;
use firebreak_aws::clock;
use std::time::Duration;

/// EC2 may take long to answer for many volumes, and a second call would make a second set of snapshots.
const PATIENCE: Duration = Duration::from_secs(60);

/// Snapshots the instance, or finds the snapshots an earlier call made. Returns one entry per snapshot.
pub(crate) async fn take(ec2: &Client, incident: &IncidentId, target: &Target) -> Result<Vec<Entry>, Fault> {
    let mut ids = find(ec2, incident, target).await?;
    if ids.is_empty() {
        ids = match create(ec2, incident, target).await {
            Ok(ids) => ids,
            // A lost answer says nothing about the snapshots: look before giving up.
            Err(fault) => match find(ec2, incident, target).await? {
                found if found.is_empty() => return Err(fault),
                found => found,
            },
        };
    }
    let source = format!("ec2:CreateSnapshots of {}", target.id);
    let arn = |id: &str| format!("arn:{}:ec2:{}:{}:snapshot/{id}", target.partition, target.region, target.account);
    let entry =
        |id: &String| Entry { key: arn(id), sha256: None, bytes: None, source: source.clone(), collected_at: clock::now() };
    Ok(ids.iter().map(entry).collect())
}

async fn find(ec2: &Client, incident: &IncidentId, target: &Target) -> Result<Vec<String>, Fault> {
    let filter = |name: &str, value: &str| Filter::builder().name(name).values(value).build();
    let known = ec2
        .describe_snapshots()
        .owner_ids("self")
        .filters(filter("tag:firebreak-incident", incident.as_str()))
        .filters(filter("tag:firebreak-instance", &target.id))
        .send()
        .await
        .or_fault("ec2:DescribeSnapshots")?;
    Ok(known.snapshots().iter().filter_map(|snapshot| snapshot.snapshot_id().map(str::to_owned)).collect())
}

async fn create(ec2: &Client, incident: &IncidentId, target: &Target) -> Result<Vec<String>, Fault> {
    let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build();
    let once = aws_sdk_ec2::config::Builder::new()
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::builder().operation_attempt_timeout(PATIENCE).operation_timeout(PATIENCE).build());
    let made = ec2
        .create_snapshots()
        .instance_specification(InstanceSpecification::builder().instance_id(&target.id).exclude_boot_volume(false).build())
        .description(format!("Firebreak evidence of {incident}"))
        .tag_specifications(
            TagSpecification::builder()
                .resource_type(ResourceType::Snapshot)
                .tags(tag("firebreak-incident", incident.as_str()))
                .tags(tag("firebreak-instance", &target.id))
                .tags(tag("firebreak-at", &clock::now().to_string()))
                .build(),
        )
        .customize()
        .config_override(once)
        .send()
        .await
        .or_fault("ec2:CreateSnapshots")?;
    Ok(made.snapshots().iter().filter_map(|snapshot| snapshot.snapshot_id().map(str::to_owned)).collect())
}
