//! The quarantine over the wire: the real SDK, against an IAM that the test plays.
#![expect(clippy::expect_used, reason = "a test may fail where it stands")]

mod by_hand;
mod depth;
mod evasion;
mod faults;
mod guards;
mod iam;
mod key;
mod names;
mod older_sessions;
mod pages;
mod principal;
mod races;
mod release;
mod renamed;
mod renamed_faults;
mod role;
mod rows;
mod same_name;
mod session;
mod target;
mod user;
mod verify;

use firebreak::containment::Containment;
use firebreak::fault::Fault;
use firebreak::receipt::{Outcome, Receipt, Step, Verification};
use firebreak::target::{Scope, Target};
use firebreak::task::{Phase, TaskInput, TaskOutput};
use firebreak_function::containment::Responder;
use firebreak_ledger::Held;
use firebreak_testkit::dynamodb::Value;
use firebreak_testkit::room;
use firebreak_testkit::scripted::{Call, ScriptedAws, error};
use iam::Iam;
use principal::Principal;
use quarantine_iam::{BaseState, Function};
use std::time::Duration;

/// A server whose IAM knows one principal.
async fn stage(principal: Principal) -> (ScriptedAws, Iam) {
    let aws = ScriptedAws::start().await.expect("a port");
    let iam = Iam::with(&aws, principal);
    (aws, iam)
}

/// As [`stage`], and the target is contained for the incident "one".
async fn contained(principal: Principal, target: &Target) -> (ScriptedAws, Iam) {
    let (aws, iam) = stage(principal).await;
    contain(&aws, "one", target).await.expect("a receipt");
    aws.forget();
    (aws, iam)
}

fn responder(aws: &ScriptedAws) -> Responder {
    Responder::new(aws.aws(), room::ledger(aws)).settling_in(Duration::from_millis(1))
}

/// Contains a target for an incident, by the function that carries this level out.
async fn contain(aws: &ScriptedAws, incident: &str, target: &Target) -> Result<Receipt, Fault> {
    // Older sessions end only after an approval, by a function of their own.
    let apart = target.scope == Scope::OlderSessions;
    let request = TaskInput { approved: apart, ..room::request(Phase::Contain, incident, target.clone()) };
    let contained = if apart {
        Box::pin(revoke_sessions::Function::new(responder(aws)).handle(request)).await?
    } else {
        Box::pin(Function::new(responder(aws)).handle(request)).await?
    };
    match contained {
        TaskOutput::Receipt(receipt) => Ok(receipt),
        TaskOutput::Verification(_) => unreachable!("a containment answers with a receipt"),
    }
}

/// Looks whether it holds.
async fn verify(aws: &ScriptedAws, incident: &str, target: &Target) -> Result<Verification, Fault> {
    let request = room::request(Phase::Verify, incident, target.clone());
    match Box::pin(Function::new(responder(aws)).handle(request)).await? {
        TaskOutput::Verification(check) => Ok(check),
        TaskOutput::Receipt(_) => unreachable!("a look answers with a verification"),
    }
}

fn held(target: &Target) -> Held<'_> {
    Held { target, containment: Containment::QuarantineIam }
}

/// The recorded base of a target, or of a part of one.
async fn base(aws: &ScriptedAws, target: &Target) -> Option<BaseState> {
    room::ledger(aws).base(held(target)).await.expect("the ledger answers").map(|(base, _)| base)
}

/// The receipt that the ledger keeps.
fn kept(aws: &ScriptedAws, incident: &str, target: &Target) -> Option<Receipt> {
    let sk = format!("receipt#quarantine-iam#{}", target.by_name().scoped_key());
    let pk = format!("incident#{}", room::incident(incident));
    match aws.table().item(&pk, &sk)?.get("doc")? {
        Value::S(doc) => Some(serde_json::from_str(doc).expect("a receipt")),
        _ => None,
    }
}

/// How a step ended; nothing when there was no such step.
fn outcome(steps: &[Step], name: &str) -> Option<Outcome> {
    steps.iter().find(|step| step.name.as_str() == name).map(|step| step.outcome)
}

/// Whether a call writes the state of a principal to the ledger, and not only who holds it.
fn records_a_base(call: &Call) -> bool {
    call.operation == "UpdateItem" && call.params["ExpressionAttributeValues"].get(":doc").is_some()
}

/// Whether the state of the principal went to the ledger before the first call of `operation`.
fn recorded_before(aws: &ScriptedAws, operation: &str) -> bool {
    let calls = aws.calls();
    let recorded = calls.iter().position(records_a_base).expect("a base");
    recorded < calls.iter().position(|call| call.operation == operation).expect(operation)
}

/// Lets the ledger take everything but the state of a principal.
fn refuse_records(aws: &ScriptedAws) {
    aws.on("dynamodb:UpdateItem", |call| records_a_base(call).then(|| error(400, "AccessDeniedException")));
}
