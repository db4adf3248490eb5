//! Giving keys back over the wire: the real SDK, against a key that the test plays.
#![expect(clippy::expect_used, reason = "a test may fail where it stands")]

mod contain;
mod faults;
mod key;
mod release;
mod verify;

use enable_key::{BaseState, Function};
use firebreak::containment::Containment;
use firebreak::fault::Fault;
use firebreak::receipt::{Outcome, Receipt, Step, Verification};
use firebreak::target::{Target, TargetKind};
use firebreak::task::{Phase, TaskInput, TaskOutput};
use firebreak_function::containment::Responder;
use firebreak_ledger::Held;
use firebreak_testkit::room;
use firebreak_testkit::scripted::ScriptedAws;
use key::Key;
use std::time::Duration;

const ID: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";
/// What gives it back by hand.
const COMMANDS: [&str; 2] = [
    "aws kms cancel-key-deletion --key-id 1234abcd-12ab-34cd-56ef-1234567890ab --region eu-central-1",
    "aws kms enable-key --key-id 1234abcd-12ab-34cd-56ef-1234567890ab --region eu-central-1",
];

/// A server with one key in this state.
async fn stage(state: &'static str) -> (ScriptedAws, Key) {
    let aws = ScriptedAws::start().await.expect("a port");
    let key = Key::of(&aws, state);
    (aws, key)
}

fn function(aws: &ScriptedAws) -> Function {
    Function::new(responder(aws))
}

fn responder(aws: &ScriptedAws) -> Responder {
    Responder::new(aws.aws(), room::ledger(aws)).settling_in(Duration::ZERO)
}

fn target() -> Target {
    room::target(TargetKind::KmsKey, ID)
}

/// What the state machine sends after an approval.
fn approved(incident: &str, target: Target) -> TaskInput {
    TaskInput { approved: true, ..room::request(Phase::Contain, incident, target) }
}

/// Gives the key back for an incident.
async fn contain(aws: &ScriptedAws, incident: &str) -> Result<Receipt, Fault> {
    match Box::pin(function(aws).handle(approved(incident, target()))).await? {
        TaskOutput::Receipt(receipt) => Ok(receipt),
        TaskOutput::Verification(_) => unreachable!("a containment answers with a receipt"),
    }
}

/// Looks whether it is enabled.
async fn verify(aws: &ScriptedAws, incident: &str) -> Result<Verification, Fault> {
    let request = room::request(Phase::Verify, incident, target());
    match Box::pin(function(aws).handle(request)).await? {
        TaskOutput::Verification(check) => Ok(check),
        TaskOutput::Receipt(_) => unreachable!("a look answers with a verification"),
    }
}

fn held(target: &Target) -> Held<'_> {
    Held { target, containment: Containment::EnableKey }
}

/// The recorded base, if there is one.
async fn base(aws: &ScriptedAws) -> Option<BaseState> {
    room::ledger(aws).base(held(&target())).await.expect("the ledger answers").map(|(base, _)| base)
}

/// The steps about the key, with how each ended.
fn outcomes(steps: &[Step]) -> Vec<(&str, Outcome)> {
    let about_key = steps.iter().filter(|step| step.name.as_str().contains("key"));
    about_key.map(|step| (step.name.as_str(), step.outcome)).collect()
}

/// What the faults of the steps say.
fn told(steps: &[Step]) -> String {
    steps.iter().filter_map(|step| step.error.as_ref()).map(|fault| fault.message.as_str()).collect::<Vec<_>>().join("\n")
}
