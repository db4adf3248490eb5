//! The denial of remote addresses over the wire: the real SDK, against network ACLs that the test plays.
#![expect(clippy::expect_used, reason = "a test may fail where it stands")]

mod contain;
mod faults;
mod release;
mod verify;
mod vpc;

use deny_addresses::{BaseState, Function};
use firebreak::containment::Containment;
use firebreak::fault::Fault;
use firebreak::receipt::{Outcome, Receipt, Step};
use firebreak::target::{Scope, Target, TargetKind};
use firebreak::task::{Phase, TaskInput, TaskOutput};
use firebreak_function::containment::Responder;
use firebreak_ledger::Held;
use firebreak_testkit::room;
use firebreak_testkit::scripted::ScriptedAws;
use std::time::Duration;
use vpc::Vpc;

const INSTANCE: &str = "i-0123456789abcdef0";
/// Whom the finding names.
const ATTACKER: &str = "203.0.113.7";
const ATTACKER_V6: &str = "2001:db8::7";

/// A server with one instance in two subnets, each with a network ACL of its own.
async fn stage() -> (ScriptedAws, Vpc) {
    let aws = ScriptedAws::start().await.expect("a port");
    let vpc = Vpc::of(&aws);
    (aws, vpc)
}

fn responder(aws: &ScriptedAws) -> Responder {
    Responder::new(aws.aws(), room::ledger(aws)).settling_in(Duration::from_millis(1))
}

/// The remote addresses of the instance.
fn target(addresses: &[&str]) -> Target {
    let addresses = addresses.iter().map(|address| address.parse().expect("an address")).collect();
    Target { scope: Scope::RemoteAddresses, addresses, ..room::target(TargetKind::Ec2Instance, INSTANCE) }
}

fn attacker() -> Target {
    target(&[ATTACKER])
}

/// Denies them for an incident.
async fn contain(aws: &ScriptedAws, target: &Target) -> Result<Receipt, Fault> {
    let request = TaskInput { approved: true, ..room::request(Phase::Contain, "one", target.clone()) };
    match Box::pin(Function::new(responder(aws)).handle(request)).await? {
        TaskOutput::Receipt(receipt) => Ok(receipt),
        TaskOutput::Verification(_) => unreachable!("a containment answers with a receipt"),
    }
}

/// The recorded base, if there is one.
async fn base(aws: &ScriptedAws) -> Option<BaseState> {
    let (target, containment) = (attacker(), Containment::IsolateEc2);
    let held = Held { target: &target, containment };
    room::ledger(aws).base(held).await.expect("the ledger answers").map(|(base, _)| base)
}

/// How each step of this beginning ended.
fn outcomes(steps: &[Step], name: &str) -> Vec<Outcome> {
    steps.iter().filter(|step| step.name.as_str().starts_with(name)).map(|step| step.outcome).collect()
}

/// What the faults of the steps say.
fn told(steps: &[Step]) -> String {
    steps.iter().filter_map(|step| step.error.as_ref()).map(|fault| fault.message.as_str()).collect::<Vec<_>>().join("\n")
}
