//! What S3 shows of a bucket's configuration can be older than the last change, and its block can last longer than it is shown.

use crate::bucket::{CLOSED, Xml};
use crate::lived_in::{contained_at, is_in_force, lived_in};
use crate::release::release_at;
use crate::shared::let_go;
use crate::verify::look_beyond;
use crate::{approved_at, base_at, contain, contain_at, stage};
use firebreak::receipt::{Outcome, Status, Step};
use firebreak::target::Scope;
use firebreak_testkit::scripted::{Answer, error, ok};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

const READ: &str = "s3:GetBucketPolicy";

fn is_done(steps: &[Step]) -> bool {
    steps.iter().all(|step| step.outcome != Outcome::Failed)
}

fn shown(policy: Option<String>) -> Answer {
    ok(policy.expect("a policy"))
}

#[tokio::test]
async fn what_a_release_took_out_does_not_come_back_with_the_next_one() {
    let (aws, bucket, before) = contained_at(Scope::Freeze).await;
    approved_at(&aws, "one", Scope::Destruction).await.expect("a receipt");
    let frozen = bucket.policy();
    assert!(is_done(&let_go(&aws, "one", Scope::Freeze).await));
    aws.next(READ, shown(frozen));
    let steps = let_go(&aws, "one", Scope::Destruction).await;
    assert!(is_done(&steps), "{steps:?}");
    assert_eq!(bucket.now(), before);
}

#[tokio::test]
async fn what_a_release_took_out_does_not_come_back_with_the_next_containment() {
    let (aws, bucket, before) = contained_at(Scope::Freeze).await;
    let frozen = bucket.policy();
    assert!(is_done(&let_go(&aws, "one", Scope::Freeze).await));
    aws.next(READ, shown(frozen));
    approved_at(&aws, "two", Scope::Seal).await.expect("a receipt");
    assert_eq!(base_at(&aws, Scope::Seal).expect("a base").policy, before.policy, "byte for byte");
    let ours: Vec<String> = bucket.sids().into_iter().filter(|sid| sid.starts_with("Firebreak")).collect();
    assert_eq!(ours, ["FirebreakSeal"]);
}

/// Nobody holds the level any more whose statement S3 still shows to the look: nobody would take it out again.
#[tokio::test]
async fn what_a_release_took_out_does_not_come_back_with_the_next_look() {
    let (aws, bucket, _) = contained_at(Scope::Freeze).await;
    approved_at(&aws, "one", Scope::Destruction).await.expect("a receipt");
    let old = bucket.policy();
    assert!(is_done(&let_go(&aws, "one", Scope::Destruction).await));
    // The first read in the turn of the look shows the policy of before.
    let has_turn = Arc::new(AtomicBool::new(false));
    let begins = has_turn.clone();
    aws.on("dynamodb:UpdateItem", move |call| {
        let owner = call.params["ExpressionAttributeValues"][":me"]["S"].as_str().unwrap_or_default();
        begins.fetch_or(owner.ends_with("#look"), Relaxed);
        None
    });
    aws.on(READ, move |_| has_turn.swap(false, Relaxed).then(|| shown(old.clone())));
    let check = look_beyond(&aws).await;
    assert!(check.holds && is_in_force(&bucket, Scope::Freeze), "{check:?}");
    assert!(bucket.statement("FirebreakDenySuspects").expect("a statement").to_string().contains("user/trent"));
    assert!(bucket.statement("FirebreakDenyDestruction").is_none(), "{:?}", bucket.sids());
}

/// A look has just written the seal again, and S3 shows the bucket as somebody had left it.
#[tokio::test]
async fn a_release_does_not_end_because_of_one_old_read_of_the_policy() {
    let (aws, bucket, before) = contained_at(Scope::Seal).await;
    aws.next(READ, shown(before.policy.clone()));
    let steps = release_at(&aws, "one", Scope::Seal).await;
    assert!(is_done(&steps), "{steps:?}");
    assert_eq!(bucket.now(), before);
}

#[tokio::test]
async fn a_release_does_not_end_because_of_one_old_read_of_the_block_or_of_versioning() {
    let (aws, bucket) = stage().await;
    contain(&aws, "one").await.expect("a receipt");
    assert_eq!(bucket.block(), Some(CLOSED));
    aws.next("s3:GetPublicAccessBlock", error(404, "NoSuchPublicAccessBlockConfiguration"));
    assert!(is_done(&release_at(&aws, "one", Scope::Principal).await));
    assert_eq!(bucket.block(), None);

    let (aws, bucket, before) = contained_at(Scope::Freeze).await;
    let suspended = Xml::of("VersioningConfiguration", "<Status>Suspended</Status>");
    aws.next("s3:GetBucketVersioning", ok(suspended.text()));
    assert!(is_done(&release_at(&aws, "one", Scope::Freeze).await));
    assert_eq!(bucket.now(), before);
}

#[tokio::test]
async fn the_next_turn_begins_when_s3_shows_the_policy_that_it_took() {
    let (aws, bucket) = stage().await;
    let bucket = lived_in(bucket);
    let before = bucket.policy();
    for _ in 0..2 {
        // The first one is the read before the write.
        aws.next(READ, shown(before.clone()));
    }
    approved_at(&aws, "one", Scope::Seal).await.expect("a receipt");
    assert!(is_in_force(&bucket, Scope::Seal));
    assert_eq!(aws.calls_of(READ).len(), 3, "the last one shows the seal");
}

/// S3 goes by the block for some seconds after the block was taken off.
#[tokio::test]
async fn a_public_statement_is_not_lost_because_s3_still_goes_by_the_old_block() {
    let (aws, bucket, before) = contained_at(Scope::Freeze).await;
    aws.next("s3:PutBucketPolicy", error(403, "AccessDenied"));
    let steps = release_at(&aws, "one", Scope::Freeze).await;
    assert!(is_done(&steps), "{steps:?}");
    assert_eq!(bucket.now(), before);
}

/// Without a turn, each of two levels would write what it read before the other one wrote.
#[tokio::test]
async fn without_an_answer_about_its_turn_a_level_writes_nothing_and_takes_nothing_out() {
    for code in ["ThrottlingException", "AccessDeniedException"] {
        let (aws, bucket) = stage().await;
        let bucket = lived_in(bucket);
        let is_broken = Arc::new(AtomicBool::new(true));
        let breaks = is_broken.clone();
        aws.on("dynamodb:UpdateItem", move |call| {
            let key = call.params["Key"]["pk"]["S"].as_str().unwrap_or_default();
            let owner = call.params["ExpressionAttributeValues"][":me"]["S"].as_str().unwrap_or_default();
            let is_meant = key.starts_with("lock#") && owner.ends_with("#freeze");
            (is_meant && breaks.load(Relaxed)).then(|| error(400, code))
        });
        let (freeze, destruction) =
            futures::join!(contain_at(&aws, "one", Scope::Freeze), contain_at(&aws, "one", Scope::Destruction));
        assert_eq!(destruction.expect("a receipt").status, Status::Contained, "{code}");
        assert!(freeze.is_err() && !bucket.sids().iter().any(|sid| sid == "FirebreakDenySuspects"), "{code}");
        is_broken.store(false, Relaxed);
        approved_at(&aws, "one", Scope::Freeze).await.expect("a receipt");
        assert!(is_in_force(&bucket, Scope::Freeze) && is_in_force(&bucket, Scope::Destruction), "{code}: {:?}", bucket.sids());
    }
}
