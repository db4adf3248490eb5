//! Every call broken in every way, and the process killed at every call: the next run leads to the same end, for a containment, a look and a
//! release.

use crate::bucket::{Bucket, TAG};
use crate::release::{quarantined, release, try_release};
use crate::{MALWARE, POLICY, base, contain, malware, stage, told, verify};
use firebreak::receipt::{Outcome, Status};
use firebreak_testkit::room::each_break;
use firebreak_testkit::scripted::ScriptedAws;

#[tokio::test]
async fn however_a_call_breaks_the_next_run_quarantines_the_object() {
    let calls = {
        let (aws, _) = stage().await;
        contain(&aws, "one", &malware()).await.expect("a receipt");
        aws.calls()
    };
    let tried = each_break(&calls, async |point, how| {
        let (aws, bucket) = stage().await;
        let before = bucket.now();
        let broken = how.run(&aws, point, contain(&aws, "one", &malware())).await;
        if let Some(Ok(receipt)) = &broken {
            let says_more = receipt.status == Status::Contained && !bucket.denies(MALWARE);
            assert!(!says_more, "{point:?} {how:?}: it says more than it did");
        }
        assert!(aws.calls().iter().all(|call| !call.operation.starts_with("Delete")), "{point:?} {how:?}");
        aws.mend();
        if bucket.now() != before {
            assert!(base(&aws, &malware()).await.is_some(), "{point:?} {how:?}: changed without a record");
        }
        let again = contain(&aws, "one", &malware()).await.expect("a receipt");
        assert_eq!((again.status, bucket.denies(MALWARE)), (Status::Contained, true), "{point:?} {how:?}: {:?}", again.steps);
        let base = base(&aws, &malware()).await.expect("a base");
        assert_eq!(base.policy.as_deref(), Some(POLICY), "{point:?} {how:?}");
        release(&aws, &malware()).await;
        assert_eq!(bucket.now(), before, "{point:?} {how:?}");
        assert_eq!(aws.unknown(), [""; 0]);
    })
    .await;
    println!("quarantine-object: {tried} broken calls");
}

/// Somebody took the tag and the statement away.
async fn reverted() -> (ScriptedAws, Bucket) {
    let (aws, bucket, before) = quarantined().await;
    bucket.change(|state| *state = before);
    aws.forget();
    (aws, bucket)
}

#[tokio::test]
async fn however_a_call_of_a_look_breaks_the_next_one_has_the_quarantine_in_force_and_told() {
    let calls = {
        let (aws, _) = reverted().await;
        verify(&aws, "one", &malware()).await.expect("a look");
        aws.calls()
    };
    let tried = each_break(&calls, async |point, how| {
        let (aws, bucket) = reverted().await;
        let broken = how.run(&aws, point, verify(&aws, "one", &malware())).await;
        if let Some(Ok(check)) = &broken {
            assert!(!check.holds || bucket.denies(MALWARE), "{point:?} {how:?}: it says more than it did");
        }
        assert!(aws.calls().iter().all(|call| !call.operation.starts_with("Delete")), "{point:?} {how:?}");
        aws.mend();
        let check = verify(&aws, "one", &malware()).await.expect("a look");
        assert!(bucket.denies(MALWARE), "{point:?} {how:?}: {check:?}");
        let is_told = |what: &str| check.reverted.iter().any(|line| line.contains(what));
        assert!(is_told(TAG) && is_told("does not deny"), "{point:?} {how:?}: {check:?}");
        assert_eq!(aws.unknown(), [""; 0]);
    })
    .await;
    println!("quarantine-object, look: {tried} broken calls");
}

#[tokio::test]
async fn however_a_call_of_a_release_breaks_the_next_one_gives_the_object_back() {
    let calls = {
        let (aws, _, _) = quarantined().await;
        release(&aws, &malware()).await;
        aws.calls()
    };
    let tried = each_break(&calls, async |point, how| {
        let (aws, bucket, before) = quarantined().await;
        let broken = how.run(&aws, point, try_release(&aws, "one", &malware())).await;
        if let Some(Ok(steps)) = &broken {
            let is_back = bucket.now() == before;
            // What S3 refuses may stay where it denies nobody, and that is said.
            let is_free = bucket.now().objects == before.objects && told(steps).contains("the statement stays");
            let says_more = steps.iter().all(|step| step.outcome != Outcome::Failed) && !is_back && !is_free;
            assert!(!says_more, "{point:?} {how:?}: it says more than it did");
        }
        aws.mend();
        release(&aws, &malware()).await;
        assert_eq!(bucket.now(), before, "{point:?} {how:?}");
        assert_eq!(aws.unknown(), [""; 0]);
    })
    .await;
    println!("quarantine-object, release: {tried} broken calls");
}
