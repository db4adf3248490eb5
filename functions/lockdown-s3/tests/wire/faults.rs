//! Every call broken in every way, and the process killed at every call: the next run leads to the same end. At every level, for its
//! containment, its looks and its release.

use crate::bucket::Bucket;
use crate::lived_in::{LEVELS, POLICY, contained_at, is_in_force, is_wiping, lived_in};
use crate::release::{Told, release_at, try_release};
use crate::{approved_at, base_at, stage, verify_at};
use firebreak::receipt::{Outcome, Status};
use firebreak::target::Scope;
use firebreak_testkit::room::each_break;
use firebreak_testkit::scripted::ScriptedAws;

/// No call of a containment or a look takes anything away for good.
fn destroys(aws: &ScriptedAws) -> bool {
    aws.calls().iter().any(|call| call.operation.starts_with("Delete") && call.service == "s3")
}

async fn a_bucket() -> (ScriptedAws, Bucket) {
    let (aws, bucket) = stage().await;
    (aws, lived_in(bucket))
}

#[tokio::test]
async fn however_a_call_breaks_the_next_run_has_the_level_in_force() {
    for level in LEVELS {
        let calls = {
            let (aws, _) = a_bucket().await;
            approved_at(&aws, "one", level).await.expect("a receipt");
            aws.calls()
        };
        let tried = each_break(&calls, async |point, how| {
            let (aws, bucket) = a_bucket().await;
            let before = bucket.now();
            let broken = how.run(&aws, point, approved_at(&aws, "one", level)).await;
            if let Some(Ok(receipt)) = &broken {
                let says_more = receipt.status == Status::Contained && !is_in_force(&bucket, level);
                assert!(!says_more, "{level:?} {point:?} {how:?}: it says more than it did");
            }
            if bucket.now() != before {
                assert!(base_at(&aws, level).is_some(), "{level:?} {point:?} {how:?}: changed without a record");
            }
            assert!(!destroys(&aws), "{level:?} {point:?} {how:?}");
            aws.mend();
            let again = approved_at(&aws, "one", level).await.expect("a receipt");
            let end = (again.status, is_in_force(&bucket, level));
            assert_eq!(end, (Status::Contained, true), "{level:?} {point:?} {how:?}: {:?}", again.steps);
            let stays_on = matches!(level, Scope::Principal | Scope::Seal);
            assert_eq!(is_wiping(&bucket), stays_on, "{level:?} {point:?} {how:?}: {:?}", again.steps);
            let base = base_at(&aws, level).expect("a base");
            assert_eq!(base.policy.as_deref(), Some(POLICY), "{level:?} {point:?} {how:?}");
            let steps = release_at(&aws, "one", level).await;
            assert_eq!(bucket.now(), before, "{level:?} {point:?} {how:?}: {steps:?}");
            assert_eq!(aws.unknown(), [""; 0]);
        })
        .await;
        println!("lockdown-s3, {}: {tried} broken calls", level.name());
    }
}

/// A level is in force, and somebody took away what is in the policy and in the block.
async fn reverted(level: Scope) -> (ScriptedAws, Bucket) {
    let (aws, bucket, before) = contained_at(level).await;
    bucket.change(|state| (state.policy, state.block) = (before.policy.clone(), before.block));
    aws.forget();
    (aws, bucket)
}

#[tokio::test]
async fn however_a_call_of_a_look_breaks_the_next_one_has_the_level_in_force_and_told() {
    for (level, told) in [
        (Scope::Principal, vec!["public access block"]),
        (Scope::Freeze, vec!["deny the suspects", "FirebreakDenyOutsiders", "public access block"]),
        (Scope::Destruction, vec!["FirebreakDenyDestruction"]),
        (Scope::Seal, vec!["FirebreakSeal"]),
    ] {
        let calls = {
            let (aws, _) = reverted(level).await;
            verify_at(&aws, "one", level).await.expect("a look");
            aws.calls()
        };
        let tried = each_break(&calls, async |point, how| {
            let (aws, bucket) = reverted(level).await;
            let broken = how.run(&aws, point, verify_at(&aws, "one", level)).await;
            if let Some(Ok(check)) = &broken {
                assert!(!check.holds || is_in_force(&bucket, level), "{level:?} {point:?} {how:?}: it says more than it did");
            }
            assert!(!destroys(&aws), "{level:?} {point:?} {how:?}");
            aws.mend();
            let check = verify_at(&aws, "one", level).await.expect("a look");
            assert!(is_in_force(&bucket, level), "{level:?} {point:?} {how:?}: {check:?}");
            let is_told = |what: &&str| check.reverted.iter().any(|line| line.contains(*what));
            assert!(told.iter().all(is_told), "{level:?} {point:?} {how:?}: {check:?}");
            assert_eq!(aws.unknown(), [""; 0]);
        })
        .await;
        println!("lockdown-s3, look at {}: {tried} broken calls", level.name());
    }
}

#[tokio::test]
async fn however_a_call_of_a_release_breaks_the_next_one_puts_the_bucket_back() {
    for level in LEVELS {
        let calls = {
            let (aws, _, _) = contained_at(level).await;
            aws.forget();
            release_at(&aws, "one", level).await;
            aws.calls()
        };
        let tried = each_break(&calls, async |point, how| {
            let (aws, bucket, before) = contained_at(level).await;
            let broken = how.run(&aws, point, try_release(&aws, ("one", level), Told::default())).await;
            if let Some(Ok(steps)) = &broken {
                let says_more = steps.iter().all(|step| step.outcome != Outcome::Failed) && bucket.now() != before;
                assert!(!says_more, "{level:?} {point:?} {how:?}: it says more than it did");
            }
            aws.mend();
            let steps = release_at(&aws, "one", level).await;
            assert!(steps.iter().all(|step| step.outcome != Outcome::Failed), "{level:?} {point:?} {how:?}: {steps:?}");
            assert_eq!(bucket.now(), before, "{level:?} {point:?} {how:?}");
            assert_eq!(aws.unknown(), [""; 0]);
        })
        .await;
        println!("lockdown-s3, release of {}: {tried} broken calls", level.name());
    }
}

/// S3 refuses the second of two changes at once, and every refusal would be tried again.
#[tokio::test]
async fn no_two_changes_of_a_bucket_meet() {
    let (aws, _) = a_bucket().await;
    aws.pace(std::time::Duration::from_millis(20));
    approved_at(&aws, "one", Scope::Freeze).await.expect("a receipt");
    release_at(&aws, "one", Scope::Freeze).await;
    for action in ["BucketPolicy", "PublicAccessBlock", "BucketVersioning", "BucketEncryption", "BucketLifecycle"] {
        let calls = aws.calls_of(&format!("s3:Put{action}"));
        assert_eq!(calls.len(), 2, "{action}: once on the way in, once on the way out");
    }
}
