//! The quarantine of objects over the wire: the real SDK, against a bucket that the test plays.
#![expect(clippy::expect_used, reason = "a test may fail where it stands")]

mod bucket;
mod contain;
mod faults;
mod release;
mod replaced;
mod shared;
mod verify;

use bucket::{Bucket, Object};
use firebreak::containment::Containment;
use firebreak::fault::Fault;
use firebreak::objects::ObjectVersion;
use firebreak::receipt::{Outcome, Receipt, Step, Verification};
use firebreak::target::{Scope, Target, TargetKind};
use firebreak::task::{Phase, TaskOutput};
use firebreak_function::containment::Responder;
use firebreak_ledger::Held;
use firebreak_testkit::room;
use firebreak_testkit::scripted::ScriptedAws;
use quarantine_object::{BaseState, Function};
use std::time::Duration;

const NAME: &str = "acme-uploads";
/// In which the scan found something.
const MALWARE: &str = "in/invoice.zip";
/// In which it found nothing.
const CLEAN: &str = "in/logo.png";
const POLICY: &str = "{ \"Version\": \"2012-10-17\",\n \"Statement\": { \"Sid\": \"App\", \"Effect\": \"Allow\", \"Principal\": { \"AWS\": \
                      \"arn:aws:iam::111122223333:role/app\" }, \"Action\": \"s3:*\", \"Resource\": \"arn:aws:s3:::acme-uploads/*\" } }";

/// A server with one bucket that has versions and a policy of its own.
async fn stage() -> (ScriptedAws, Bucket) {
    let (aws, bucket) =
        stage_of(vec![Object::new(MALWARE, "v2", "bad1", &["team"]), Object::new(MALWARE, "v1", "fine", &[]), clean()]).await;
    bucket.change(|state| state.policy = Some(POLICY.to_owned()));
    (aws, bucket)
}

fn clean() -> Object {
    Object::new(CLEAN, "v1", "fine", &["team"])
}

/// A server with a bucket of these objects, without a policy.
async fn stage_of(objects: Vec<Object>) -> (ScriptedAws, Bucket) {
    let aws = ScriptedAws::start().await.expect("a port");
    let bucket = Bucket::new(&aws, objects);
    (aws, bucket)
}

fn function(aws: &ScriptedAws) -> Function {
    Function::new(responder(aws))
}

fn responder(aws: &ScriptedAws) -> Responder {
    Responder::new(aws.aws(), room::ledger(aws)).settling_in(Duration::ZERO)
}

/// An object by its version id.
fn version(key: &str, id: &str) -> ObjectVersion {
    ObjectVersion::parse(key, Some(id), None).expect("an object")
}

/// An object by its `ETag` alone.
fn etag(key: &str, etag: &str) -> ObjectVersion {
    ObjectVersion::parse(key, None, Some(etag)).expect("an object")
}

/// Objects as one target.
fn target(objects: &[ObjectVersion]) -> Target {
    Target { scope: Scope::Objects, objects: objects.to_vec(), ..room::target(TargetKind::S3Object, NAME) }
}

/// The object of [`stage`] with malware in it.
fn malware() -> Target {
    target(&[version(MALWARE, "v2")])
}

/// Quarantines objects for an incident.
async fn contain(aws: &ScriptedAws, incident: &str, target: &Target) -> Result<Receipt, Fault> {
    let request = room::request(Phase::Contain, incident, target.clone());
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

fn held(target: &Target) -> Held<'_> {
    Held { target, containment: Containment::QuarantineObject }
}

/// The recorded base, if there is one.
async fn base(aws: &ScriptedAws, target: &Target) -> Option<BaseState> {
    room::ledger(aws).base(held(target)).await.expect("the ledger answers").map(|(base, _)| base)
}

/// How each step whose name begins so ended.
fn outcomes(steps: &[Step], name: &str) -> Vec<Outcome> {
    steps.iter().filter(|step| step.name.as_str().starts_with(name)).map(|step| step.outcome).collect()
}

/// What the faults of the steps say.
fn told(steps: &[Step]) -> String {
    steps.iter().filter_map(|step| step.error.as_ref()).map(|fault| fault.message.as_str()).collect::<Vec<_>>().join("\n")
}
