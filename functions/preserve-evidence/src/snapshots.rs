//! Snapshots of all volumes of an instance, in one call.
//!
//! One set in six hours: later incidents about the same host name the snapshots of the first one.
//!
//! `CreateSnapshots` is crash-consistent across the volumes (EC2 API reference) and has no client token: before a second call the
//! snapshots of this incident are looked for by their tag.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::config::retry::RetryConfig;
use aws_sdk_ec2::config::timeout::TimeoutConfig;
use aws_sdk_ec2::types::{Filter, InstanceSpecification, ResourceType, SnapshotState, Tag, TagSpecification};
use firebreak::evidence::Entry;
use firebreak::fault::Fault;
use firebreak::ids::IncidentId;
use firebreak::target::Target;
use firebreak_aws::classify::OrFault;
use firebreak_aws::clock;
use firebreak_ledger::{Ledger, SnapshotTurn};
use jiff::Timestamp;
use std::time::Duration;

/// EC2 may take long to answer for many volumes, and a second call would make a second set of snapshots.
const PATIENCE: Duration = Duration::from_secs(60);

/// So often it is asked whether another incident's snapshots are made, a second apart: longer than a killed function keeps its
/// turn, so that of all who wait one goes on and not all.
const ROUNDS: u32 = 150;

/// Snapshots the instance, finds the snapshots an earlier call made, or takes those that another incident made within six hours.
/// Returns one entry per snapshot.
pub(crate) async fn take(ec2: &Client, ledger: &Ledger, incident: &IncidentId, target: &Target) -> Result<Vec<Entry>, Fault> {
    let ours = find(ec2, incident, target).await?;
    if !ours.is_empty() {
        // An earlier run may have been killed before it said so.
        end_turn(ledger, target, incident, &ours).await;
        return Ok(entries(target, &ours, None));
    }
    if let Some((of, at, ids)) = others(ec2, ledger, incident, target).await {
        return Ok(entries(target, &ids, Some((&of, at))));
    }
    let made = match create(ec2, incident, target).await {
        // A lost answer says nothing about the snapshots: look before giving up.
        Err(fault) => match find(ec2, incident, target).await? {
            found if found.is_empty() => Err(fault),
            found => Ok(found),
        },
        made => made,
    };
    let ids = made.as_ref().map(Vec::as_slice).unwrap_or_default();
    end_turn(ledger, target, incident, ids).await;
    Ok(entries(target, &made?, None))
}

/// Evidence is what counts: without the ledger the next incident makes a set of its own.
async fn end_turn(ledger: &Ledger, target: &Target, incident: &IncidentId, ids: &[String]) {
    if let Err(fault) = ledger.end_snapshot_turn(target, incident, ids).await {
        tracing::warn!(fault.message = %fault.message, "the ledger does not know the snapshots");
    }
}

/// The whole snapshots that another incident had made of the instance within the window, for which incident and when. Nothing when
/// the caller must make its own.
async fn others(
    ec2: &Client,
    ledger: &Ledger,
    incident: &IncidentId,
    target: &Target,
) -> Option<(String, Timestamp, Vec<String>)> {
    for _ in 0..ROUNDS {
        match ledger.snapshot_turn(target, incident, clock::now()).await {
            Ok(SnapshotTurn::Ours) => return None,
            Ok(SnapshotTurn::Made { of, at, ids }) => return all_whole(ec2, &ids).await.then_some((of, at, ids)),
            Ok(SnapshotTurn::Underway) => tokio::time::sleep(Duration::from_secs(1)).await,
            Err(fault) => {
                tracing::warn!(fault.message = %fault.message, "the ledger does not say who snapshots");
                return None;
            }
        }
    }
    None
}

/// Whether EC2 still has all of them, and none failed: whoever administers the account can delete a snapshot.
async fn all_whole(ec2: &Client, ids: &[String]) -> bool {
    let known = ec2.describe_snapshots().set_snapshot_ids(Some(ids.to_vec())).send().await;
    known.is_ok_and(|known| {
        let whole = known.snapshots().iter().filter(|snapshot| snapshot.state() != Some(&SnapshotState::Error));
        whole.count() == ids.len()
    })
}

/// Snapshots that were made for another incident show the disks at that incident's time, and say so.
fn entries(target: &Target, ids: &[String], earlier: Option<(&str, Timestamp)>) -> Vec<Entry> {
    let of = earlier.map(|(incident, at)| format!(", made for {incident} at {at}")).unwrap_or_default();
    let collected_at = earlier.map_or_else(clock::now, |(_, at)| at);
    let source = format!("ec2:CreateSnapshots of {}{of}", target.id);
    let arn = |id: &str| format!("arn:{}:ec2:{}:{}:snapshot/{id}", target.partition, target.region, target.account);
    let entry = |id: &String| Entry { key: arn(id), sha256: None, bytes: None, source: source.clone(), collected_at };
    ids.iter().map(entry).collect()
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
