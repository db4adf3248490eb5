//! Snapshots of an instance: all volumes, once.

use crate::Stage;
use firebreak::target::{Target, TargetKind};
use firebreak_testkit::room;
use firebreak_testkit::scripted::{Answer, Call, ScriptedAws, error, ok};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

const INSTANCE: &str = "i-0123456789abcdef0";

fn instance() -> Target {
    room::target(TargetKind::Ec2Instance, INSTANCE)
}

/// Makes two snapshots at a time, and finds them by their tags.
fn snapshots(aws: &ScriptedAws, loses_its_answer: bool) {
    let made: Arc<Mutex<Vec<BTreeMap<String, String>>>> = Arc::default();
    let listed = made.clone();
    aws.on("ec2:CreateSnapshots", move |call| {
        let mut made = made.lock().unwrap_or_else(PoisonError::into_inner);
        made.extend([tags(call), tags(call)]);
        Some(if loses_its_answer { Answer::reset() } else { list(made.len() - 2..made.len()) })
    });
    aws.on("ec2:DescribeSnapshots", move |call| {
        let wanted = pairs(call, "Filter", "Name", "Value.1");
        let made = listed.lock().unwrap_or_else(PoisonError::into_inner);
        let found = made.iter().enumerate().filter(|(_, tags)| {
            let has = |name: &str, value| name.strip_prefix("tag:").and_then(|key| tags.get(key)) == Some(value);
            !wanted.is_empty() && wanted.iter().all(|(name, value)| has(name, value))
        });
        let asked = call.param("SnapshotId.1").strip_prefix("snap-").and_then(|at| at.parse::<usize>().ok());
        if let Some(first) = asked {
            return Some(list(first..(first + 2).min(made.len())));
        }
        Some(list(found.map(|(at, _)| at)))
    });
}

fn list(ids: impl Iterator<Item = usize>) -> Answer {
    let items: String = ids.map(|at| format!("<item><snapshotId>snap-{at}</snapshotId></item>")).collect();
    ok(format!("<snapshotSet>{items}</snapshotSet>"))
}

fn tags(call: &Call) -> BTreeMap<String, String> {
    pairs(call, "TagSpecification.1.Tag", "Key", "Value")
}

/// `List.1.Name` with `List.1.Value`, and so on.
fn pairs(call: &Call, list: &str, name: &str, value: &str) -> BTreeMap<String, String> {
    let pair = |at: usize| {
        let field = |field: &str| call.param(&format!("{list}.{at}.{field}")).to_owned();
        (field(name), field(value))
    };
    (1..).map(pair).take_while(|(name, _)| !name.is_empty()).collect()
}

/// The snapshots that the ledger vouches for.
async fn vouched(stage: &Stage) -> Vec<String> {
    let entries = stage.view().await.evidence;
    let snapshots = entries.iter().filter(|entry| entry.key.starts_with("arn:"));
    snapshots
        .map(|entry| {
            assert_eq!((&entry.sha256, entry.bytes), (&None, None), "EC2 gives no digest");
            entry.key.clone()
        })
        .collect()
}

fn both() -> [String; 2] {
    ["snap-0", "snap-1"].map(|id| format!("arn:aws:ec2:{}:{}:snapshot/{id}", room::REGION, room::ACCOUNT))
}

#[tokio::test]
async fn all_volumes_are_snapshotted_once_however_often_the_function_runs() {
    let stage = Stage::about(&[instance()]).await;
    snapshots(&stage.aws, false);
    for _ in 0..2 {
        let branch = stage.collect().await.expect("a branch");
        assert_eq!(branch.missing, [""; 0]);
        assert_eq!(vouched(&stage).await, both());
    }
    let made = stage.aws.calls_of("ec2:CreateSnapshots");
    assert_eq!((made.len(), made[0].param("InstanceSpecification.InstanceId")), (1, INSTANCE));
    assert_eq!(made[0].param("InstanceSpecification.ExcludeBootVolume"), "false");
    stage.untouched();
}

#[tokio::test]
async fn an_answer_that_got_lost_and_a_killed_process_make_no_second_set() {
    let stage = Stage::about(&[instance()]).await;
    snapshots(&stage.aws, true);
    let branch = stage.collect().await.expect("a branch");
    assert_eq!((branch.missing.len(), vouched(&stage).await), (0, both().to_vec()));
    assert_eq!(stage.aws.calls_of("ec2:CreateSnapshots").len(), 1, "it is not sent again blindly");

    let stage = Stage::about(&[instance()]).await;
    snapshots(&stage.aws, false);
    assert!(stage.aws.kill_at("ec2:CreateSnapshots", 1, true, Box::pin(stage.collect())).await.is_none());
    stage.collect().await.expect("a branch");
    assert_eq!(vouched(&stage).await, both());
    assert_eq!(stage.aws.calls_of("ec2:CreateSnapshots").len(), 1);
}

#[tokio::test]
async fn a_flood_of_incidents_about_one_host_is_one_set_in_six_hours() {
    let mut stage = Stage::about(&[instance()]).await;
    snapshots(&stage.aws, false);
    stage.collect().await.expect("a branch");
    for name in ["two", "three"] {
        stage.opens(name).await;
        assert_eq!(stage.collect().await.expect("a branch").missing, [""; 0]);
        assert_eq!(vouched(&stage).await, both(), "{name}: the snapshots of the first incident");
    }
    assert_eq!(stage.aws.calls_of("ec2:CreateSnapshots").len(), 1);
    // Whoever administers the account deletes them: the next incident has its own.
    stage.aws.on("ec2:DescribeSnapshots", |_| Some(list(0..0)));
    stage.opens("four").await;
    stage.collect().await.expect("a branch");
    assert_eq!(stage.aws.calls_of("ec2:CreateSnapshots").len(), 2);
}

#[tokio::test]
async fn a_ledger_that_does_not_say_whose_turn_it_is_keeps_no_evidence_from_being_taken() {
    let stage = Stage::about(&[instance()]).await;
    snapshots(&stage.aws, false);
    stage.aws.always("dynamodb:UpdateItem", error(400, "AccessDeniedException"));
    assert_eq!(stage.collect().await.expect("a branch").missing, [""; 0]);
    assert_eq!(vouched(&stage).await, both());
}

#[tokio::test]
async fn a_snapshot_that_is_refused_is_listed_and_the_configuration_is_kept() {
    let stage = Stage::about(&[instance()]).await;
    snapshots(&stage.aws, false);
    stage.aws.always("ec2:CreateSnapshots", error(403, "UnauthorizedOperation"));
    let branch = stage.collect().await.expect("a branch");
    assert_eq!(branch.missing.len(), 1);
    assert!(branch.missing[0].contains("ec2:CreateSnapshots"), "{:?}", branch.missing);
    assert_eq!(stage.view().await.evidence.len(), 1 + 4, "the event, and four answers about the instance");
}
