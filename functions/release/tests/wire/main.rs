//! The release over the wire: the real SDK, against what the containments left behind.
#![expect(clippy::expect_used, reason = "a test may fail where it stands")]

mod buckets;
mod carried;
mod covers;
mod each;
mod faults;
mod freed;
mod holds;
mod instance;
mod names;
mod parts;
mod policy;
mod restores;
mod role;
mod rows;
mod users;

use buckets::Buckets;
use firebreak::containment::Containment;
use firebreak::decision::{Decision, Mode};
use firebreak::facts::Carry;
use firebreak::fault::Fault;
use firebreak::incident::{Incident, IncidentStatus};
use firebreak::receipt::{Receipt, Status};
use firebreak::target::{Target, TargetKind};
use firebreak::task::{Phase, TaskOutput};
use firebreak_function::containment::Responder;
use firebreak_ledger::{Held, RawEvent};
use firebreak_testkit::dynamodb::{Item, Value};
use firebreak_testkit::room;
use firebreak_testkit::scripted::ScriptedAws;
use quarantine_scp::Organization;
use release::{Function, ReleaseInput, Released};
use std::time::Duration;

/// The organization's quarantine policy, and the account that owns it.
const POLICY: &str = "p-examplepolicyid111";
const MANAGEMENT: &str = "999988887777";

/// A server with public buckets of these names.
async fn stage(names: &[&str]) -> (ScriptedAws, Buckets) {
    let aws = ScriptedAws::start().await.expect("a port");
    let buckets = Buckets::start(&aws);
    names.iter().for_each(|name| buckets.put(name, None));
    (aws, buckets)
}

fn responder(aws: &ScriptedAws) -> Responder {
    // What the scripted server has taken it shows at once.
    Responder::new(aws.aws(), room::ledger(aws)).settling_in(Duration::ZERO)
}

fn bucket(name: &str) -> Target {
    room::target(TargetKind::S3Bucket, name)
}

/// What triage decides about a target.
fn decision(containment: Containment, target: &Target) -> Decision {
    Decision::new(target.clone(), Some(containment), Mode::Auto, "a finding")
}

/// An incident that decided this, as the ledger and the state machine have it.
async fn opened(aws: &ScriptedAws, name: &str, decisions: Vec<Decision>) -> Incident {
    let incident = Incident { decisions, ..room::opened(name) };
    let opened = room::ledger(aws).open_incident(&incident, IncidentStatus::Containing, &RawEvent::Inline("{}")).await;
    opened.expect("the ledger takes it");
    incident
}

/// An incident that locked these buckets down.
async fn contained(aws: &ScriptedAws, name: &str, buckets: &[&str]) -> Incident {
    let decisions = buckets.iter().map(|name| decision(Containment::LockdownS3, &bucket(name))).collect();
    let incident = opened(aws, name, decisions).await;
    for bucket in buckets {
        lock_down(aws, name, bucket).await;
    }
    incident
}

/// Locks a bucket down for an incident.
async fn lock_down(aws: &ScriptedAws, incident: &str, name: &str) {
    let request = room::request(Phase::Contain, incident, bucket(name));
    match Box::pin(lockdown_s3::Function::new(responder(aws), None).handle(request)).await.expect("a receipt") {
        TaskOutput::Receipt(receipt) => assert_eq!(receipt.status, Status::Contained, "{receipt:?}"),
        TaskOutput::Verification(_) => unreachable!("a containment answers with a receipt"),
    }
}

/// Releases an incident, in an organization that has a quarantine policy.
async fn undo(aws: &ScriptedAws, incident: &Incident) -> Result<Released, Fault> {
    undo_with(aws, incident, Organization::new(POLICY, MANAGEMENT)).await
}

async fn undo_with(aws: &ScriptedAws, incident: &Incident, organization: Result<Organization, Fault>) -> Result<Released, Fault> {
    let function = Function::new(responder(aws), organization);
    let (incident, carry) = (incident.clone(), Carry::default());
    Box::pin(function.handle(ReleaseInput { incident, answer: None, carry, restore: None })).await
}

/// What became of each target.
fn outcomes(released: &Released) -> Vec<(&str, Status)> {
    released.receipts.iter().map(|receipt| (receipt.target.id.as_str(), receipt.status)).collect()
}

/// What the ledger keeps about who holds a target.
fn base(aws: &ScriptedAws, held: Held<'_>) -> Item {
    let (target, sk) = held.key();
    aws.table().item(&format!("target#{target}"), &sk).cloned().unwrap_or_default()
}

/// The incidents that hold a target.
fn holders(aws: &ScriptedAws, containment: Containment, target: &Target) -> Vec<String> {
    match base(aws, Held { target, containment }).get("holders") {
        Some(Value::Ss(holders)) => holders.iter().cloned().collect(),
        _ => vec![],
    }
}

/// The receipts of releases that the ledger keeps.
async fn kept(aws: &ScriptedAws, incident: &Incident) -> Vec<Receipt> {
    let view = room::ledger(aws).incident(&incident.id).await.expect("the ledger answers");
    view.expect("an incident").releases
}

/// Which roles were assumed.
fn roles(aws: &ScriptedAws) -> Vec<String> {
    aws.calls_of("sts:AssumeRole").iter().map(|call| call.param("RoleArn").to_owned()).collect()
}

/// The role that undoes, in the account of the targets.
fn release_role() -> String {
    format!("arn:aws:iam::{}:role/firebreak/FirebreakMemberRelease", room::ACCOUNT)
}
