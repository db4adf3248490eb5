//! Levels that are in force on one bucket at the same time.

use crate::bucket::{Bucket, CLOSED};
use crate::lived_in::{contained_at, is_in_force, lived_in};
use crate::release::{Told, try_release};
use crate::{approved_at, base_at, outcome, stage, target};
use firebreak::containment::Containment;
use firebreak::holders::Holders;
use firebreak::receipt::{Outcome, Receipt, Status, Step};
use firebreak::step::StepKind;
use firebreak::target::Scope;
use firebreak_aws::clock;
use firebreak_ledger::{Held, ReleaseClaim};
use firebreak_testkit::room;
use firebreak_testkit::scripted::{ScriptedAws, error};
use lockdown_s3::BaseState;

fn is_done(steps: &[Step]) -> bool {
    steps.iter().all(|step| step.outcome != Outcome::Failed)
}

fn says(steps: &[Step], what: &str) -> bool {
    steps.iter().filter_map(|step| step.error.as_ref()).any(|why| why.message.contains(what))
}

/// Whether the policy lets everybody in, as it did.
fn is_public(bucket: &Bucket) -> bool {
    bucket.policy().is_some_and(|policy| policy.contains("acme-exports/public/*"))
}

/// Releases a level, and lets go of it in the ledger.
pub(crate) async fn let_go(aws: &ScriptedAws, incident: &str, level: Scope) -> Vec<Step> {
    let (ledger, target, id) = (room::ledger(aws), target(level), room::incident(incident));
    let held = Held { target: &target, containment: Containment::LockdownS3 };
    let claim = ledger.begin_release::<BaseState>(held, &Holders::of(&id), clock::now()).await.expect("a claim");
    let ReleaseClaim::Ours { lease, .. } = claim else { panic!("{claim:?}") };
    let steps = try_release(aws, (incident, level), Told::default()).await.expect("a release");
    let is_done = steps.iter().all(|step| step.outcome != Outcome::Failed);
    if is_done {
        ledger.end_release(held, &lease, clock::now()).await.expect("the ledger takes it");
    } else {
        ledger.abandon_release(held, &lease, false).await.expect("the ledger takes it");
    }
    steps
}

/// The same, and keeps what came of it, as the function `release` does.
pub(crate) async fn released(aws: &ScriptedAws, incident: &str, level: Scope) {
    let steps = let_go(aws, incident, level).await;
    let receipt = Receipt { steps, ..Receipt::of(target(level), Containment::LockdownS3, Status::Contained) };
    room::ledger(aws).keep_release(&room::incident(incident), &receipt).await.expect("the ledger takes it");
}

#[tokio::test]
async fn what_another_level_needs_stays_until_that_one_is_released() {
    let (aws, bucket, before) = contained_at(Scope::Freeze).await;
    approved_at(&aws, "two", Scope::Destruction).await.expect("a receipt");
    let steps = let_go(&aws, "one", Scope::Freeze).await;
    assert!(is_in_force(&bucket, Scope::Destruction), "{steps:?}");
    let stays = steps.iter().find(|step| step.is(StepKind::EnableLifecycleRule)).expect("a step");
    assert!(stays.outcome == Outcome::Skipped && stays.error.is_some(), "{stays:?}");
    assert_eq!((bucket.block(), bucket.now().versioning), (before.block, before.versioning.clone()));
    let_go(&aws, "two", Scope::Destruction).await;
    assert_eq!(bucket.now(), before);
}

#[tokio::test]
async fn a_seal_is_taken_off_a_frozen_bucket_and_the_freeze_stays() {
    let (aws, bucket, before) = contained_at(Scope::Freeze).await;
    approved_at(&aws, "one", Scope::Seal).await.expect("a receipt");
    let steps = let_go(&aws, "one", Scope::Seal).await;
    assert!(is_in_force(&bucket, Scope::Freeze) && !is_in_force(&bucket, Scope::Seal), "{steps:?}");
    // The block of the freeze keeps the public statement out. That is said, and left to the freeze.
    assert!(is_done(&steps) && says(&steps, &format!("freeze of incident {}", room::incident("one"))), "{steps:?}");
    assert!(!is_public(&bucket));
    let steps = let_go(&aws, "one", Scope::Freeze).await;
    assert!(is_done(&steps), "{steps:?}");
    assert_eq!(bucket.now(), before);
}

/// As one answer releases them, in the order of the decisions.
#[tokio::test]
async fn what_one_incident_wrote_at_two_levels_is_taken_back_by_one_answer() {
    let (aws, bucket, before) = contained_at(Scope::Freeze).await;
    approved_at(&aws, "one", Scope::Seal).await.expect("a receipt");
    for level in [Scope::Freeze, Scope::Seal] {
        let steps = let_go(&aws, "one", level).await;
        assert!(steps.iter().all(|step| step.outcome != Outcome::Failed), "{level:?}: {steps:?}");
    }
    assert_eq!(bucket.now(), before);
}

#[tokio::test]
async fn public_access_stays_blocked_for_the_level_that_wants_no_more_than_that() {
    let (aws, bucket, before) = contained_at(Scope::Principal).await;
    approved_at(&aws, "two", Scope::Freeze).await.expect("a receipt");
    // Under the block S3 takes the public statement not back: not into the frozen policy, and not into the one before.
    let steps = let_go(&aws, "two", Scope::Freeze).await;
    assert_eq!(outcome(&steps, "restore-public-access-block"), Outcome::Skipped, "{steps:?}");
    assert!(is_done(&steps) && says(&steps, &format!("public access of incident {}", room::incident("one"))), "{steps:?}");
    assert_eq!((bucket.block(), bucket.sids()), (Some(CLOSED), vec!["TlsOnly".to_owned()]));
    // The next incident finds the bucket as it was before any of them.
    approved_at(&aws, "three", Scope::Seal).await.expect("a receipt");
    assert_eq!(base_at(&aws, Scope::Seal).expect("a base").policy, before.policy);
    assert!(is_done(&let_go(&aws, "three", Scope::Seal).await));
    let steps = let_go(&aws, "one", Scope::Principal).await;
    assert!(is_done(&steps), "{steps:?}");
    assert_eq!(bucket.now(), before);
}

#[tokio::test]
async fn what_a_level_left_out_under_a_block_is_back_when_the_block_is_gone() {
    let (aws, bucket, before) = contained_at(Scope::Freeze).await;
    approved_at(&aws, "two", Scope::Destruction).await.expect("a receipt");
    assert!(!is_public(&bucket), "S3 did not take it back under the block");
    let steps = let_go(&aws, "one", Scope::Freeze).await;
    assert!(is_done(&steps) && is_public(&bucket) && is_in_force(&bucket, Scope::Destruction), "{steps:?}");
    assert!(is_done(&let_go(&aws, "two", Scope::Destruction).await));
    assert_eq!(bucket.now(), before);
}

#[tokio::test]
async fn what_another_level_left_out_stays_out_under_the_block_of_a_third_one_and_is_said() {
    let (aws, bucket, before) = contained_at(Scope::Principal).await;
    approved_at(&aws, "two", Scope::Freeze).await.expect("a receipt");
    approved_at(&aws, "three", Scope::Destruction).await.expect("a receipt");
    let steps = let_go(&aws, "two", Scope::Freeze).await;
    assert!(is_done(&steps) && says(&steps, "it stays out of the bucket policy until another level"), "{steps:?}");
    for (name, level) in [("one", Scope::Principal), ("three", Scope::Destruction)] {
        let steps = let_go(&aws, name, level).await;
        assert!(is_done(&steps), "{steps:?}");
    }
    assert_eq!(bucket.now(), before);
}

/// The first incident could not block public access, and the second one did.
#[tokio::test]
async fn the_last_incident_takes_back_what_another_one_changed_and_left_to_it() {
    let (aws, bucket) = stage().await;
    let bucket = lived_in(bucket);
    let before = bucket.now();
    aws.always("s3:PutPublicAccessBlock", error(403, "AccessDenied"));
    approved_at(&aws, "one", Scope::Freeze).await.expect("a receipt");
    aws.mend();
    approved_at(&aws, "two", Scope::Freeze).await.expect("a receipt");
    assert_eq!(bucket.block(), Some(CLOSED));
    let (ledger, target, id) = (room::ledger(&aws), target(Scope::Freeze), room::incident("two"));
    let held = Held { target: &target, containment: Containment::LockdownS3 };
    let claim = ledger.begin_release::<BaseState>(held, &Holders::of(&id), clock::now()).await.expect("a claim");
    assert!(matches!(claim, ReleaseClaim::StillHeld { .. }), "{claim:?}");
    let told = Told { failed: vec![StepKind::BlockPublicAccess.into()], ..Told::default() };
    let steps = try_release(&aws, ("one", Scope::Freeze), told).await.expect("a release");
    assert!(is_done(&steps), "{steps:?}");
    assert_eq!(bucket.now(), before);
}
