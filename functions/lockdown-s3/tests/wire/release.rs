use crate::bucket::{Bucket, CLOSED, Switches};
use crate::{NAME, contain, responder, stage};
use firebreak::containment::Containment;
use firebreak::receipt::{Outcome, Step};
use firebreak::step::StepKind;
use firebreak::target::TargetKind;
use firebreak_aws::clients::MemberRole;
use firebreak_function::containment::Call;
use firebreak_testkit::room;
use firebreak_testkit::scripted::ScriptedAws;

/// Releases the bucket from its recorded base, as the function `release` does.
async fn release(aws: &ScriptedAws) -> Vec<Step> {
    release_past(aws, vec![]).await
}

/// As [`release`], and an analyst has seen the changes with these digests.
async fn release_past(aws: &ScriptedAws, seen_drift: Vec<String>) -> Vec<Step> {
    let target = room::target(TargetKind::S3Bucket, NAME);
    let incident = room::incident("one");
    let call = responder(aws).call(&target, Containment::LockdownS3, MemberRole::Release, &incident).await.expect("credentials");
    let call = Call { seen_drift, ..call };
    let (base, _) = call.ledger.base(call.held()).await.expect("the ledger answers").expect("a base");
    lockdown_s3::release(&call, Some(&base)).await.expect("a release")
}

async fn contained(before: Option<Switches>) -> (ScriptedAws, Bucket) {
    let (aws, bucket) = stage().await;
    bucket.set(before);
    contain(&aws, "one").await.expect("a receipt");
    assert_eq!(bucket.block(), Some(CLOSED));
    (aws, bucket)
}

#[tokio::test]
async fn a_bucket_is_as_it_was_whatever_it_was() {
    for before in [None, Some([false; 4]), Some([true, false, true, false]), Some(CLOSED)] {
        let (aws, bucket) = contained(before).await;
        let steps = release(&aws).await;
        assert!(steps.iter().all(|step| step.outcome != Outcome::Failed), "{steps:?}");
        assert_eq!(bucket.block(), before, "absent is not the same as four times false");
        aws.forget();
        release(&aws).await;
        assert_eq!(aws.changes(), [""; 0], "a second release finds nothing to do");
    }
}

#[tokio::test]
async fn what_somebody_changed_since_is_shown_once_and_left() {
    let (aws, bucket) = contained(None).await;
    for theirs in [Some([false, true, true, true]), Some([false; 4])] {
        bucket.set(theirs);
        let shown = release(&aws).await;
        assert!(shown[0].is(StepKind::CheckDrift) && shown[0].outcome == Outcome::Failed, "{shown:?}");
        let seen = shown[0].digest.clone().expect("a digest");
        let left = release_past(&aws, vec![seen]).await;
        assert!(left.iter().all(|step| step.outcome == Outcome::Skipped), "the second release ends: {left:?}");
        assert_eq!(bucket.block(), theirs, "theirs stays");
    }
}

#[tokio::test]
async fn what_firebreak_could_not_close_is_not_its_to_open() {
    let (aws, bucket) = contained(None).await;
    let target = room::target(TargetKind::S3Bucket, NAME);
    let call = responder(&aws).call(&target, Containment::LockdownS3, MemberRole::Release, &room::incident("one")).await;
    let mut call = call.expect("credentials");
    call.failed_steps = vec![StepKind::BlockPublicAccess.into()];
    let (base, _) = call.ledger.base(call.held()).await.expect("the ledger answers").expect("a base");
    let steps = lockdown_s3::release(&call, Some(&base)).await.expect("a release");
    assert_eq!((steps[0].outcome, bucket.block()), (Outcome::Skipped, Some(CLOSED)));
}
