//! What a level would hit is read before people decide, and nothing is changed.

use crate::{base_at, function, request, stage};
use firebreak::fault::{Fault, FaultKind};
use firebreak::impact::Impact;
use firebreak::target::{Scope, TargetKind};
use firebreak::task::{Hits, Phase, TaskInput};
use firebreak_testkit::room;
use firebreak_testkit::scripted::{Call, ScriptedAws, error};
use lockdown_s3::Answer;

/// A partner reads and deletes; CloudTrail writes; somebody is named by a canonical id.
const SHARED: &str = r#"{"Version":"2012-10-17","Statement":[
  {"Effect":"Allow","Principal":{"AWS":"555566667777"},"Action":["s3:GetObject","s3:DeleteObject"],"Resource":"arn:aws:s3:::acme-exports/*"},
  {"Effect":"Allow","Principal":{"Service":"cloudtrail.amazonaws.com"},"Action":"s3:PutObject","Resource":"arn:aws:s3:::acme-exports/*"},
  {"Effect":"Allow","Principal":{"CanonicalUser":"79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::acme-exports/*"}]}"#;

const RULES: &str =
    "<Rule><ID>expire</ID><Filter><Prefix/></Filter><Status>Enabled</Status><Expiration><Days>1</Days></Expiration></Rule>";

async fn hits_of(aws: &ScriptedAws, request: TaskInput) -> Result<Vec<String>, Fault> {
    match Box::pin(function(aws).answer(request)).await? {
        Answer::Hits(Hits { hits }) => Ok(hits),
        Answer::Task(task) => panic!("{task:?}"),
    }
}

async fn hits(aws: &ScriptedAws, level: Scope) -> Vec<String> {
    hits_of(aws, request(Phase::Impact, "one", level)).await.expect("an answer")
}

#[tokio::test]
async fn each_level_says_who_loses_and_who_keeps_and_leaves_the_bucket_as_it_is() {
    let (aws, bucket) = stage().await;
    let bucket = bucket.with_policy(SHARED).with_lifecycle(RULES);
    let before = bucket.now();
    for (level, loses, also) in [
        (Scope::Freeze, "canonical user id", "SSE-C"),
        (Scope::Destruction, "account 555566667777 (may not delete", "1 lifecycle rules"),
        (Scope::Seal, "service cloudtrail.amazonaws.com", "AWS services are refused, too"),
    ] {
        let hits = hits(&aws, level).await;
        assert!(hits[0].starts_with("loses access: ") && hits[0].contains(loses), "{level:?}: {hits:?}");
        assert!(hits.iter().any(|line| line.contains(also)), "{level:?}: {hits:?}");
        let keeps = hits.iter().any(|line| line.starts_with("keeps access: ") && line.contains("cloudtrail.amazonaws.com"));
        assert_eq!(keeps, level != Scope::Seal, "{level:?}: {hits:?}");
        assert!(base_at(&aws, level).is_none(), "nothing is held");
    }
    assert_eq!((aws.changes(), bucket.now() == before), (vec![], true));
    assert_eq!(aws.unknown(), [""; 0]);
}

#[tokio::test]
async fn what_cannot_be_read_is_a_line_and_what_is_gone_is_a_fault() {
    let (aws, bucket) = stage().await;
    let _bucket = bucket.with_policy("{\"Statement\":7}");
    let unreadable = hits(&aws, Scope::Freeze).await;
    assert!(unreadable[0].starts_with("not known whom it would hit"), "{unreadable:?}");
    assert!(unreadable.iter().any(|line| line.contains("SSE-C")), "what the level does is known: {unreadable:?}");
    aws.always("s3:GetBucketAcl", error(403, "AccessDenied"));
    aws.always("s3:GetBucketPolicy", error(404, "NoSuchBucketPolicy"));
    let denied = hits(&aws, Scope::Freeze).await;
    let last = denied.last().expect("a line");
    assert!(last.starts_with("not known: ") && last.contains("s3:GetBucketAcl"), "{denied:?}");
    aws.always("s3:HeadBucket", error(404, ""));
    let gone = hits_of(&aws, request(Phase::Impact, "one", Scope::Freeze)).await.expect_err("nothing to say");
    assert_eq!(gone.kind, FaultKind::Gone);
    let instance = room::target(TargetKind::Ec2Instance, "i-0123456789abcdef0");
    let other = hits_of(&aws, room::request(Phase::Impact, "one", instance)).await.expect_err("nothing to say");
    assert_eq!(other.kind, FaultKind::Malformed);
}

/// Whoever approves reads it in the ticket, which takes so many lines.
#[tokio::test]
async fn people_read_what_a_seal_does_and_who_loses_access_where_no_setting_can_be_read() {
    let (aws, bucket) = stage().await;
    let _bucket = bucket.with_policy(SHARED);
    let is_read = |call: &Call| call.operation.starts_with("Get") && call.operation != "GetBucketPolicy";
    aws.on("s3:*", move |call| is_read(call).then(|| error(403, "AccessDenied")));
    let says = Impact::of_bucket(&hits(&aws, Scope::Seal).await).says();
    for told in ["account 555566667777 (every call is denied)", "also reads", "AWS services are refused, too", "not known: 1"] {
        assert!(says.contains(told), "{told}: {says}");
    }
}

#[tokio::test]
async fn the_frame_takes_the_question_for_no_task() {
    let (aws, _bucket) = stage().await;
    let refused = Box::pin(function(&aws).handle(request(Phase::Impact, "one", Scope::Seal))).await.expect_err("no task");
    assert_eq!((refused.kind, aws.calls().len()), (FaultKind::Malformed, 0));
}
