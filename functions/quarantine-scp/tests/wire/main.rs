//! The quarantine policy over the wire: the real SDK, against an organization that the test plays.
#![expect(clippy::expect_used, reason = "a test may fail where it stands")]

mod contain;
mod faults;
mod policy;
mod refusals;
mod release;
mod verify;

use firebreak::fault::Fault;
use firebreak::ids::AccountId;
use firebreak::receipt::{Receipt, Verification};
use firebreak::target::{Target, TargetKind};
use firebreak::task::{Phase, TaskInput, TaskOutput};
use firebreak_function::containment::Responder;
use firebreak_testkit::room;
use firebreak_testkit::scripted::ScriptedAws;
use policy::Organizations;
use quarantine_scp::{Function, Organization};
use serde_json::json;

const POLICY: &str = "p-examplepolicyid1";
/// The account that owns the policy.
const MANAGEMENT: &str = "999988887777";
/// What denies the user alice.
const ALICE: [&str; 2] = ["arn:aws:iam::111122223333:user/alice", "arn:aws:iam::111122223333:user/*/alice"];
/// What denies the user bob.
const BOB: [&str; 2] = ["arn:aws:iam::111122223333:user/bob", "arn:aws:iam::111122223333:user/*/bob"];

/// A server with the quarantine policy as it is deployed, attached to the root.
async fn stage() -> (ScriptedAws, Organizations) {
    let aws = ScriptedAws::start().await.expect("a port");
    let organizations = Organizations::of(&aws);
    (aws, organizations)
}

fn organization() -> Organization {
    Organization::new(POLICY, MANAGEMENT).expect("a policy and an account")
}

fn responder(aws: &ScriptedAws) -> Responder {
    Responder::new(aws.aws(), room::ledger(aws))
}

fn function(aws: &ScriptedAws) -> Function {
    Function::new(responder(aws), organization())
}

fn user(name: &str) -> Target {
    room::target(TargetKind::IamUser, name)
}

/// The same target, seen in the management account.
fn in_management(target: Target) -> Target {
    Target { account: AccountId::parse(MANAGEMENT).expect("an account"), ..target }
}

/// Contains a target for an incident.
async fn contain(aws: &ScriptedAws, incident: &str, target: &Target) -> Result<Receipt, Fault> {
    let request = TaskInput { approved: true, ..room::request(Phase::Contain, incident, target.clone()) };
    match Box::pin(function(aws).handle(request)).await? {
        TaskOutput::Receipt(receipt) => Ok(receipt),
        TaskOutput::Verification(_) => unreachable!("a containment answers with a receipt"),
    }
}

/// Looks whether it holds.
async fn verify(aws: &ScriptedAws, incident: &str, target: &Target) -> Result<Verification, Fault> {
    let request = room::request(Phase::Verify, incident, target.clone());
    match Box::pin(function(aws).handle(request)).await? {
        TaskOutput::Verification(check) => Ok(check),
        TaskOutput::Receipt(_) => unreachable!("a look answers with a verification"),
    }
}

fn lock_key() -> String {
    format!("lock#{POLICY}")
}

/// Whether somebody has the lock on the policy.
fn is_locked(aws: &ScriptedAws) -> bool {
    aws.table().item(&lock_key(), "lock").is_some_and(|item| item.contains_key("locked_by"))
}

/// Somebody else has the lock on the policy, until `until`.
fn lock_for_another(aws: &ScriptedAws, until: &str) {
    let item = json!({ "pk": { "S": lock_key() }, "sk": { "S": "lock" }, "locked_by": { "S": "fb-another#1" },
                       "locked_until": { "S": until } });
    let mut table = aws.table();
    table.call("PutItem", &json!({ "Item": item })).expect("a lock");
    aws.replace_table(table);
}
