//! The lockdown over the wire: the real SDK, against a bucket that the test plays.
#![expect(clippy::expect_used, reason = "a test may fail where it stands")]

mod blind;
mod bucket;
mod changed;
mod contain;
mod deleted;
mod depth;
mod encryption;
mod faults;
mod full;
mod impact;
mod late;
mod levels;
mod lived_in;
mod planted;
mod protected;
mod recovery;
mod release;
mod rules;
mod shared;
mod stale;
mod surroundings;
mod suspects;
mod trust;
mod verify;

use bucket::Bucket;
use firebreak::containment::Containment;
use firebreak::decision::{Decision, Mode};
use firebreak::fault::Fault;
use firebreak::incident::Incident;
use firebreak::receipt::{Outcome, Receipt, Step, Verification};
use firebreak::target::{Scope, Target, TargetKind};
use firebreak::task::{Phase, TaskInput, TaskOutput};
use firebreak_function::containment::Responder;
use firebreak_testkit::room;
use firebreak_testkit::scripted::ScriptedAws;
use lockdown_s3::{BaseState, Function};
use std::time::Duration;

const NAME: &str = "acme-exports";
/// The organization that the function knows.
const ORGANIZATION: &str = "o-exampleorgid";
/// The user whom every incident accuses.
const MALLORY: &str = "mallory";

/// A server with one bucket.
async fn stage() -> (ScriptedAws, Bucket) {
    let aws = ScriptedAws::start().await.expect("a port");
    let bucket = Bucket::new(&aws);
    (aws, bucket)
}

fn function(aws: &ScriptedAws) -> Function {
    Function::new(responder(aws), Some(ORGANIZATION.to_owned()))
}

fn responder(aws: &ScriptedAws) -> Responder {
    // What the scripted server has taken it shows at once.
    Responder::new(aws.aws(), room::ledger(aws)).settling_in(Duration::ZERO)
}

/// One level of the bucket.
fn target(level: Scope) -> Target {
    Target { scope: level, ..room::target(TargetKind::S3Bucket, NAME) }
}

/// An incident that accuses [`MALLORY`] of what began in November.
fn incident(name: &str) -> Incident {
    let suspect = room::target(TargetKind::IamUser, MALLORY);
    let accused = Decision::new(suspect, Some(Containment::QuarantineIam), Mode::Auto, "whose key was used");
    let mut incident = Incident { decisions: vec![accused], ..room::opened(name) };
    incident.finding.first_seen = Some("2026-11-01T00:00:00Z".parse().expect("a time"));
    incident
}

/// What the state machine sends. The levels that wait have been approved.
fn request(phase: Phase, name: &str, level: Scope) -> TaskInput {
    let approved = matches!(level, Scope::Destruction | Scope::Seal);
    TaskInput { phase, incident: incident(name), target: target(level), approved }
}

async fn run(aws: &ScriptedAws, request: TaskInput) -> Result<TaskOutput, Fault> {
    Box::pin(function(aws).handle(request)).await
}

/// Blocks public access for an incident.
async fn contain(aws: &ScriptedAws, incident: &str) -> Result<Receipt, Fault> {
    contain_at(aws, incident, Scope::Principal).await
}

async fn contain_at(aws: &ScriptedAws, incident: &str, level: Scope) -> Result<Receipt, Fault> {
    receipt(run(aws, request(Phase::Contain, incident, level)).await?)
}

/// The same, after an approval.
async fn approved_at(aws: &ScriptedAws, incident: &str, level: Scope) -> Result<Receipt, Fault> {
    receipt(run(aws, TaskInput { approved: true, ..request(Phase::Contain, incident, level) }).await?)
}

fn receipt(output: TaskOutput) -> Result<Receipt, Fault> {
    match output {
        TaskOutput::Receipt(receipt) => Ok(receipt),
        TaskOutput::Verification(_) => unreachable!("a containment answers with a receipt"),
    }
}

/// Looks whether a level holds.
async fn verify_at(aws: &ScriptedAws, incident: &str, level: Scope) -> Result<Verification, Fault> {
    match run(aws, request(Phase::Verify, incident, level)).await? {
        TaskOutput::Verification(check) => Ok(check),
        TaskOutput::Receipt(_) => unreachable!("a look answers with a verification"),
    }
}

/// What is recorded of a level, if something is.
fn base_at(aws: &ScriptedAws, level: Scope) -> Option<BaseState> {
    let row = if level.is_whole() { "base".to_owned() } else { format!("base#/{}", level.name()) };
    let table = aws.table();
    let mut items = table.items().filter(|((pk, sk), _)| pk.ends_with(&format!("s3-bucket/{NAME}")) && *sk == row);
    let doc = items.next()?.1.get("doc")?;
    let firebreak_testkit::dynamodb::Value::S(text) = doc else { return None };
    Some(serde_json::from_str(text).expect("a base state"))
}

/// How the step of this name ended.
fn outcome(steps: &[Step], name: &str) -> Outcome {
    steps.iter().find(|step| step.name.as_str() == name).unwrap_or_else(|| panic!("{name}: {steps:?}")).outcome
}
