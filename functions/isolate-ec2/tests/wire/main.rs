//! The isolation over the wire: the real SDK, against an instance that the test plays.
#![expect(clippy::expect_used, reason = "a test may fail where it stands")]

mod admit;
mod autoscaling_aws;
mod balancers;
mod balancing_aws;
mod contain;
mod depth;
mod diagnose;
mod documents;
mod ec2;
mod faults;
mod fleet;
mod flows;
mod groups;
mod impact;
mod interfaces;
mod member_faults;
mod others;
mod prepare;
mod protections;
mod release;
mod rule;
mod scaling;
mod security_groups;
mod shells;
mod slots;
mod target_places;
mod target_reads;
mod target_share;
mod target_share_faults;
mod tracked;
mod verify;
mod volatile;

use ec2::Ec2;
use firebreak::fault::Fault;
use firebreak::policy::{CutTracked, Policy};
use firebreak::receipt::{Outcome, Receipt, Step, Verification};
use firebreak::target::TargetKind;
use firebreak::task::{Phase, TaskOutput};
use firebreak_function::containment::Responder;
use firebreak_testkit::room;
use firebreak_testkit::scripted::{Call, ScriptedAws};
use isolate_ec2::{BaseState, Function};
use std::time::Duration;

const INSTANCE: &str = "i-0123456789abcdef0";
/// The interfaces it has at first, each in its own VPC.
const FIRST: &str = "eni-1";
const SECOND: &str = "eni-2";
const VPC_A: &str = "vpc-a";
const VPC_B: &str = "vpc-b";

/// A server with one instance.
async fn stage() -> (ScriptedAws, Ec2) {
    let aws = ScriptedAws::start().await.expect("a port");
    let ec2 = Ec2::of(&aws);
    others::nothing(&aws);
    (aws, ec2)
}

fn function(aws: &ScriptedAws) -> Function {
    Function::new(responder(aws), Policy::unrestricted())
}

/// A policy that says where open connections are cut.
fn cutting(cut_tracked: CutTracked) -> Policy {
    let mut policy = Policy::unrestricted();
    policy.instances.cut_tracked = cut_tracked;
    policy
}

fn responder(aws: &ScriptedAws) -> Responder {
    // What the scripted server has taken it shows at once.
    Responder::new(aws.aws(), room::ledger(aws)).settling_in(Duration::ZERO)
}

/// Contains the instance for an incident.
async fn contain(aws: &ScriptedAws, incident: &str) -> Result<Receipt, Fault> {
    Box::pin(contain_under(aws, incident, Policy::unrestricted())).await
}

async fn contain_under(aws: &ScriptedAws, incident: &str, policy: Policy) -> Result<Receipt, Fault> {
    let request = room::request(Phase::Contain, incident, room::target(TargetKind::Ec2Instance, INSTANCE));
    match Box::pin(Function::new(responder(aws), policy).handle(request)).await? {
        TaskOutput::Receipt(receipt) => Ok(receipt),
        TaskOutput::Verification(_) => unreachable!("a containment answers with a receipt"),
    }
}

/// Looks whether it holds.
async fn verify(aws: &ScriptedAws, incident: &str) -> Result<Verification, Fault> {
    let request = room::request(Phase::Verify, incident, room::target(TargetKind::Ec2Instance, INSTANCE));
    match Box::pin(function(aws).handle(request)).await? {
        TaskOutput::Verification(check) => Ok(check),
        TaskOutput::Receipt(_) => unreachable!("a look answers with a verification"),
    }
}

/// The recorded base, if there is one.
fn base(aws: &ScriptedAws) -> Option<BaseState> {
    room::base(aws, "ec2-instance", INSTANCE).map(|text| serde_json::from_str(&text).expect("a base state"))
}

/// The interfaces that the base knows, each with its groups.
fn recorded(aws: &ScriptedAws) -> Vec<(String, Vec<String>)> {
    let interfaces = base(aws).expect("a base").interfaces;
    interfaces.into_iter().map(|interface| (interface.id, interface.groups)).collect()
}

/// How the step of this name ended.
fn outcome(steps: &[Step], name: &str) -> Outcome {
    steps.iter().find(|step| step.name.as_str() == name).expect(name).outcome
}

/// Whether a call's name says that it destroys or takes apart.
fn destroys(call: &Call) -> bool {
    ["Delete", "Terminate", "Stop", "Reboot", "Detach", "Disassociate", "Release"]
        .iter()
        .any(|word| call.operation.starts_with(word))
}
