//! What CloudTrail shows only after the containment: a look finds it.

use crate::bucket::Bucket;
use crate::changed::{TRAIL, WIPE, ago, asked, end_destruction, freeze, noise, wipe, words, wrote_lifecycle};
use crate::lived_in::is_wiping;
use crate::release::release_at;
use crate::trust::{FOREIGN, PARTNER, by_alice, excepted, reads, wrote_policy};
use crate::{base_at, outcome, run, stage, target};
use firebreak::containment::Containment;
use firebreak::receipt::{Outcome, Receipt, Status, Verification};
use firebreak::step::{StepKind, StepName};
use firebreak::target::Scope;
use firebreak::task::{Phase, TaskInput, TaskOutput};
use firebreak_testkit::room;
use firebreak_testkit::scripted::{ScriptedAws, error};

async fn look(aws: &ScriptedAws) -> Verification {
    let TaskOutput::Verification(check) = Box::pin(run(aws, asked(Phase::Verify))).await.expect("a look") else {
        unreachable!("a look answers with a verification")
    };
    check
}

/// The receipt of the freeze, as the ledger has it.
async fn receipt(aws: &ScriptedAws) -> Receipt {
    let known = room::ledger(aws).receipt(&room::incident("one"), Containment::LockdownS3, &target(Scope::Freeze)).await;
    known.expect("read").expect("a receipt")
}

/// The freeze ended so many minutes before now.
async fn aged(aws: &ScriptedAws, minutes: i64) {
    let receipt = Receipt { finished_at: Some(ago(minutes)), ..receipt(aws).await };
    room::ledger(aws).keep_receipt(&room::incident("one"), &receipt).await.expect("written");
}

/// A frozen bucket with a rule that deletes everything. CloudTrail shows nothing yet.
async fn frozen() -> (ScriptedAws, Bucket) {
    let (aws, bucket) = stage().await;
    let bucket = bucket.with_lifecycle(WIPE);
    assert_eq!(freeze(&aws).await.status, Status::Contained);
    assert!(is_wiping(&bucket), "nobody has written it, as far as CloudTrail shows");
    (aws, bucket)
}

#[tokio::test]
async fn a_rule_that_cloudtrail_shows_too_late_is_switched_off_and_nobody_reverted_anything() {
    let (aws, bucket) = frozen().await;
    let bucket = bucket.with_event(wrote_lifecycle(10, &wipe()));
    let before = bucket.now();
    let check = look(&aws).await;
    assert!(check.holds && check.reverted.is_empty(), "{check:?}");
    assert!(check.notes.iter().any(|note| note.contains("wipe") && note.contains("CloudTrail")), "{check:?}");
    assert!(!is_wiping(&bucket) && base_at(&aws, Scope::Freeze).expect("a base").planned.lifecycle.contains("wipe"));
    assert_eq!(outcome(&receipt(&aws).await.steps, "disable-lifecycle-rule wipe"), Outcome::Applied);

    bucket.change(|state| state.lifecycle.clone_from(&before.lifecycle));
    let check = look(&aws).await;
    assert!(!is_wiping(&bucket) && check.reverted.len() == 1, "now somebody did: {check:?}");
    let steps = release_at(&aws, "one", Scope::Freeze).await;
    assert!(steps.iter().any(|step| step.name.as_str() == "enable-lifecycle-rule wipe"), "a release knows the rule: {steps:?}");
}

#[tokio::test]
async fn a_look_that_is_killed_behind_its_record_is_followed_by_one_that_blames_nobody() {
    let (aws, bucket) = frozen().await;
    let bucket = bucket.with_event(wrote_lifecycle(10, &wipe()));
    assert!(aws.kill_at("s3:PutBucketLifecycle", 1, false, Box::pin(look(&aws))).await.is_none());
    assert!(is_wiping(&bucket) && base_at(&aws, Scope::Freeze).expect("a base").planned.lifecycle.contains("wipe"));
    let check = look(&aws).await;
    assert!(check.holds && check.reverted.is_empty() && !is_wiping(&bucket), "{check:?}");
}

#[tokio::test]
async fn rules_that_an_earlier_record_shows_stay_on_in_a_look_too() {
    let (aws, bucket) = frozen().await;
    let bucket = bucket.with_event(wrote_lifecycle(10, &wipe())).with_event(wrote_lifecycle(24 * 60, &wipe()));
    let check = look(&aws).await;
    assert!(check.holds && is_wiping(&bucket), "{check:?}");
}

#[tokio::test]
async fn an_hour_after_a_containment_that_saw_everything_looks_ask_no_more() {
    let (aws, _) = frozen().await;
    look(&aws).await;
    aged(&aws, 59).await;
    look(&aws).await;
    assert_eq!(aws.calls_of(TRAIL).len(), 3);
    aged(&aws, 61).await;
    look(&aws).await;
    assert_eq!(aws.calls_of(TRAIL).len(), 3);
}

#[tokio::test]
async fn where_cloudtrail_said_nothing_looks_ask_until_it_answers_and_the_receipt_says_so_then() {
    for by_suspect in [false, true] {
        let (aws, bucket) = stage().await;
        let bucket = bucket.with_lifecycle(WIPE);
        aws.always(TRAIL, error(400, "AccessDeniedException"));
        assert_eq!(freeze(&aws).await.status, Status::Partial);
        aged(&aws, 300).await;
        look(&aws).await;
        assert_eq!(receipt(&aws).await.status, Status::Partial, "it says nothing yet");

        aws.mend();
        let bucket = if by_suspect { bucket.with_event(wrote_lifecycle(310, &wipe())) } else { bucket };
        let mut request = asked(Phase::Verify);
        request.incident.finding.first_seen = Some(ago(360));
        Box::pin(run(&aws, request)).await.expect("a look");
        assert_eq!((receipt(&aws).await.status, is_wiping(&bucket)), (Status::Contained, !by_suspect), "{by_suspect}");
        let asked_until_now = aws.calls_of(TRAIL).len();
        look(&aws).await;
        assert_eq!(aws.calls_of(TRAIL).len(), asked_until_now, "there is nothing more to ask");
    }
}

#[tokio::test]
async fn an_accomplice_whom_cloudtrail_shows_too_late_is_no_exception_any_more() {
    let (aws, bucket) = stage().await;
    let both = reads(&[PARTNER, FOREIGN]);
    let bucket = bucket.with_policy(&both.to_string()).with_event(by_alice(wrote_policy(24 * 60, &reads(&[PARTNER]))));
    assert_eq!(freeze(&aws).await.status, Status::Contained);
    assert_eq!(excepted(&bucket), Some(vec![PARTNER.to_owned(), FOREIGN.to_owned()]), "nobody knows yet");

    let bucket = bucket.with_event(wrote_policy(10, &both));
    let check = look(&aws).await;
    assert!(check.holds && check.reverted.is_empty() && check.notes.len() == 1, "{check:?}");
    assert_eq!(excepted(&bucket), Some(vec![PARTNER.to_owned()]));
    aws.forget();
    let check = look(&aws).await;
    assert!(check.holds && check.reverted.is_empty() && aws.changes().is_empty(), "{check:?}");
}

#[tokio::test]
async fn once_cloudtrail_shows_who_wrote_the_policy_the_receipt_says_so_and_noise_of_later_takes_that_back_from_nobody() {
    let (aws, bucket) = stage().await;
    let partner = reads(&[PARTNER]);
    let bucket = bucket.with_policy(&partner.to_string());
    aws.always(TRAIL, error(400, "AccessDeniedException"));
    assert_eq!(freeze(&aws).await.status, Status::Partial);
    aws.mend();
    look(&aws).await;
    assert_eq!(receipt(&aws).await.status, Status::Contained, "nobody has written it since");
    let bucket = noise(wrote_policy(0, &partner)).into_iter().fold(bucket, Bucket::with_event);
    look(&aws).await;
    assert_eq!(receipt(&aws).await.status, Status::Contained);
    assert_eq!(excepted(&bucket), Some(vec![PARTNER.to_owned()]));
}

#[tokio::test]
async fn what_cloudtrail_shows_too_late_a_release_of_the_end_of_destruction_knows_too() {
    let (aws, bucket) = stage().await;
    let bucket = bucket.with_lifecycle(WIPE);
    assert_eq!(end_destruction(&aws).await.status, Status::Contained);
    let bucket = bucket.with_event(wrote_lifecycle(10, &wipe()));
    let request = TaskInput { target: target(Scope::Destruction), ..asked(Phase::Verify) };
    Box::pin(run(&aws, request)).await.expect("a look");
    assert_eq!(base_at(&aws, Scope::Destruction).expect("a base").planned.by_suspect.len(), 1);
    release_at(&aws, "one", Scope::Destruction).await;
    assert!(!is_wiping(&bucket), "a suspect wrote it");
}

#[tokio::test]
async fn an_exception_of_which_nobody_knows_whose_it_is_makes_the_receipt_partial_and_a_person_decides() {
    let (aws, bucket) = stage().await;
    let both = reads(&[PARTNER, FOREIGN]);
    let bucket = bucket.with_policy(&both.to_string());
    assert_eq!(freeze(&aws).await.status, Status::Contained);
    let bucket = bucket.with_event(wrote_policy(10, &both));
    let check = look(&aws).await;
    assert!(!check.holds && check.problems.iter().any(|line| line.contains(FOREIGN)), "{check:?}");
    let known = receipt(&aws).await;
    let failed = known.steps.iter().find(|step| step.name == StepName::from(StepKind::DenyOutsiders));
    assert_eq!((known.status, failed.map(|step| step.outcome)), (Status::Partial, Some(Outcome::Failed)), "{known:?}");
    assert!(words(failed).contains("--only"), "{failed:?}");
    assert_eq!(excepted(&bucket).expect("a statement").len(), 2, "nobody is shut out on a guess");
}
