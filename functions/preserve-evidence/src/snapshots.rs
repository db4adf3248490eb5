//! Snapshots of all volumes of an instance, in one call.
//!
//! `CreateSnapshots` is crash-consistent across the volumes (EC2 API reference) and has no client token: before a second call the
//! snapshots of this incident are looked for by their tag.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{Filter, InstanceSpecification, ResourceType, Tag, TagSpecification};
use firebreak::decision::Target;
use firebreak::evidence::Entry;
use firebreak::fault::Fault;
use firebreak::ids::IncidentId;
use firebreak_aws::classify::OrFault;
use firebreak_aws::clock;

/// Snapshots the instance, or finds the snapshots an earlier run made. Returns one entry per snapshot.
pub(crate) async fn take(ec2: &Client, incident: &IncidentId, target: &Target) -> Result<Vec<Entry>, Fault> {
    let filter = |name: &str, value: &str| Filter::builder().name(name).values(value).build();
    let known = ec2
        .describe_snapshots()
        .owner_ids("self")
        .filters(filter("tag:firebreak-incident", incident.as_str()))
        .filters(filter("tag:firebreak-instance", &target.id))
        .send()
        .await
        .or_fault("ec2:DescribeSnapshots")?;
    let mut ids: Vec<String> = known.snapshots().iter().filter_map(|s| s.snapshot_id().map(str::to_owned)).collect();
    if ids.is_empty() {
        let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build();
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
            .send()
            .await
            .or_fault("ec2:CreateSnapshots")?;
        ids = made.snapshots().iter().filter_map(|s| s.snapshot_id().map(str::to_owned)).collect();
    }
    let source = format!("ec2:CreateSnapshots of {}", target.id);
    let arn = |id: &str| format!("arn:{}:ec2:{}:{}:snapshot/{id}", target.partition, target.region, target.account);
    let entry =
        |id: &String| Entry { key: arn(id), sha256: None, bytes: None, source: source.clone(), collected_at: clock::now() };
    Ok(ids.iter().map(entry).collect())
}
