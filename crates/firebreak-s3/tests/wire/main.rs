//! Buckets over the wire: the real SDK, against an S3 that the test plays.
#![expect(clippy::expect_used, reason = "a test may fail where it stands")]

mod open;
mod policy;
mod put;
mod turn;

use firebreak::fault::Fault;
use firebreak::target::{Target, TargetKind};
use firebreak_s3::Bucket;
use firebreak_testkit::room;
use firebreak_testkit::scripted::{ScriptedAws, ok};

const NAME: &str = "acme-exports";

/// A server that knows every bucket.
async fn stage() -> ScriptedAws {
    let aws = ScriptedAws::start().await.expect("a port");
    aws.answer("s3:HeadBucket", ok(""));
    aws
}

fn target() -> Target {
    room::target(TargetKind::S3Bucket, NAME)
}

async fn open(aws: &ScriptedAws) -> Result<Bucket, Fault> {
    Box::pin(firebreak_s3::open(&aws.config(), &target())).await
}
