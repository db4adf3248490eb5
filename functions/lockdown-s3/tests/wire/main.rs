//! The lockdown over the wire: the real SDK, against a bucket that the test plays.
#![expect(clippy::expect_used, reason = "a test may fail where it stands")]

mod bucket;
mod contain;
mod faults;
mod release;
mod verify;

use bucket::Bucket;
use firebreak::fault::Fault;
use firebreak::receipt::{Receipt, Verification};
use firebreak::target::TargetKind;
use firebreak::task::{Phase, TaskOutput};
use firebreak_function::containment::Responder;
use firebreak_testkit::room;
use firebreak_testkit::scripted::ScriptedAws;
use lockdown_s3::Function;

const NAME: &str = "acme-exports";

/// A server with one bucket.
async fn stage() -> (ScriptedAws, Bucket) {
    let aws = ScriptedAws::start().await.expect("a port");
    let bucket = Bucket::public(&aws);
    (aws, bucket)
}

fn function(aws: &ScriptedAws) -> Function {
    Function::new(responder(aws))
}

fn responder(aws: &ScriptedAws) -> Responder {
    Responder::new(aws.aws(), room::ledger(aws))
}

/// Contains the bucket for an incident.
async fn contain(aws: &ScriptedAws, incident: &str) -> Result<Receipt, Fault> {
    let request = room::request(Phase::Contain, incident, room::target(TargetKind::S3Bucket, NAME));
    match Box::pin(function(aws).handle(request)).await? {
        TaskOutput::Receipt(receipt) => Ok(receipt),
        TaskOutput::Verification(_) => unreachable!("a containment answers with a receipt"),
    }
}

/// Looks whether it holds.
async fn verify(aws: &ScriptedAws, incident: &str) -> Result<Verification, Fault> {
    let request = room::request(Phase::Verify, incident, room::target(TargetKind::S3Bucket, NAME));
    match Box::pin(function(aws).handle(request)).await? {
        TaskOutput::Verification(check) => Ok(check),
        TaskOutput::Receipt(_) => unreachable!("a look answers with a verification"),
    }
}
