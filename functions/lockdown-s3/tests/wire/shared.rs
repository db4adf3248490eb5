//! Levels that are in force on one bucket at the same time.

use crate::bucket::CLOSED;
use crate::lived_in::{contained_at, is_in_force};
use crate::release::{Told, try_release};
use crate::{approved_at, outcome, target};
use firebreak::containment::Containment;
use firebreak::holders::Holders;
use firebreak::receipt::{Outcome, Receipt, Status, Step};
use firebreak::step::StepKind;
use firebreak::target::Scope;
use firebreak_aws::clock;
use firebreak_ledger::{Held, ReleaseClaim};
use firebreak_testkit::room;
use firebreak_testkit::scripted::ScriptedAws;
use lockdown_s3::BaseState;

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
    // The block of the freeze keeps the public statement out. It is not forgotten.
    assert_eq!(outcome(&steps, "restore-policy"), Outcome::Failed, "{steps:?}");
    let_go(&aws, "one", Scope::Freeze).await;
    let steps = let_go(&aws, "one", Scope::Seal).await;
    assert!(steps.iter().all(|step| step.outcome != Outcome::Failed), "{steps:?}");
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
    assert_eq!(outcome(&steps, "restore-policy"), Outcome::Failed, "it is not forgotten: {steps:?}");
    assert_eq!((bucket.block(), bucket.sids()), (Some(CLOSED), vec!["TlsOnly".to_owned()]));
    let_go(&aws, "one", Scope::Principal).await;
    let steps = let_go(&aws, "two", Scope::Freeze).await;
    assert!(steps.iter().all(|step| step.outcome != Outcome::Failed), "{steps:?}");
    assert_eq!(bucket.now(), before);
}
