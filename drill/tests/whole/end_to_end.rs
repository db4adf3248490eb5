//! The real state machine, the real binaries, the local AWS. Each test has its own.

mod appended;
mod bucket;
pub(crate) mod buckets;
mod deliveries;
mod drift;
mod failures;
mod flow_logs;
mod hosts;
mod isolation;
mod joins;
mod malware;
mod members;
mod pause;
mod quarantine;
mod ransom;
mod restore;
mod review;
mod rules;
mod safety;
mod signed;
mod sizes;
mod targets;
pub(crate) mod triage;
mod updates;
mod watch;
mod watch_time;
mod whole_role;

use firebreak::ids::IncidentId;
use firebreak_aws::clock;
use firebreak_drill::{PlantedUser, Stage};
use firebreak_ledger::IncidentView;
use firebreak_testkit::{Call, Options, fixture};
use serde_json::Value;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

type TestResult = firebreak_drill::Result<()>;

/// A fresh local AWS whose logs stay only when the test fails.
async fn stage() -> Stage {
    stage_with(None).await
}

/// Where each finding has an incident of its own, so that two incidents can be about one target.
async fn stage_apart() -> Stage {
    let shipped = std::fs::read_to_string(fixture::repository().join("local/policy.toml")).expect("the local policy");
    // As in an account that is in use: what GuardDuty does not know is doubted.
    let shipped = shipped.replace("test = true\n", "");
    triage::stage_with_policy(&format!("join_within_hours = 0\n{shipped}")).await
}

async fn stage_with(policy: Option<PathBuf>) -> Stage {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let name = format!(".local/logs/test-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    let logs = Some(fixture::repository().join(name));
    Stage::set(&Options { policy, logs }).await.expect("the local AWS starts")
}

fn user_finding(user: &PlantedUser, account: &str, serial: &str) -> Value {
    let mut event = fixture::load("guardduty/exfiltration-iam-user").expect("fixture");
    user.name_in(&mut event);
    fixture::personalise(&mut event, account, serial, clock::now());
    event
}

fn incident_of(event: &Value) -> IncidentId {
    IncidentId::of(event["detail"]["arn"].as_str().expect("an ARN"))
}

/// One finding through EventBridge; returns its execution and its incident.
async fn send(stage: &Stage, event: &Value) -> firebreak_drill::Result<(String, IncidentId)> {
    let started = stage.send(event).await?;
    assert_eq!(started.len(), 1, "one rule must match, once");
    Ok((started[0].clone(), incident_of(event)))
}

/// After an answer that could not be carried out, the gate waits for another one.
fn is_open_again(view: &IncidentView) -> bool {
    view.review.as_ref().is_some_and(|review| review.decision.is_none())
}

/// Calls that change something a customer owns: not Firebreak's own table, topics, queue, bucket and executions.
fn changes(calls: &[Call]) -> Vec<String> {
    let reads = ["Get", "List", "Describe", "Head", "AssumeRole", "GenerateServiceLast"];
    calls
        .iter()
        .filter(|call| matches!(call.service.as_str(), "iam" | "ec2" | "s3" | "ssm"))
        .filter(|call| call.caller.is_some())
        .filter(|call| !reads.iter().any(|read| call.operation.starts_with(read)) && call.operation != "PutObject")
        .map(Call::action)
        .collect()
}
