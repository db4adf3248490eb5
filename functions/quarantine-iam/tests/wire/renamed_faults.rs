//! Every call broken where the name means somebody else: the next run frees whoever was hit and contains the suspect.

use crate::principal::{KEY, Principal, arn};
use crate::renamed::{replaced, suspect, victim};
use crate::target::{identified, key, seen_with, user};
use crate::{contain, kept, stage};
use firebreak::receipt::{Receipt, Status};
use firebreak::target::Target;
use firebreak_testkit::room::each_break;
use quarantine_iam::DENY_ALL;

/// `holds` says of the suspect what a receipt may call contained.
async fn however_it_breaks(target: Target, end: Principal, holds: impl Fn(&Principal) -> bool) {
    let calls = {
        let (aws, _) = replaced().await;
        contain(&aws, "one", &target).await.expect("a receipt");
        aws.calls()
    };
    let tried = each_break(&calls, async |point, how| {
        let (aws, iam) = replaced().await;
        let broken = how.run(&aws, point, contain(&aws, "one", &target)).await;
        for receipt in broken.and_then(Result::ok).into_iter().chain(kept(&aws, "one", &target)) {
            let is_true = receipt.status != Status::Contained || holds(&iam.now()) && iam.others() == [victim()];
            assert!(is_true, "{point:?} {how:?}: it says more than it did: {receipt:?}");
        }
        aws.mend();
        let again = contain(&aws, "one", &target).await.map(|receipt| receipt.status);
        assert_eq!((again, iam.now().untimed()), (Ok(Status::Contained), end.clone()), "{point:?} {how:?}");
        assert_eq!(iam.others(), [victim()], "{point:?} {how:?}: an innocent user is denied");
        assert_eq!(aws.unknown(), [""; 0]);
    })
    .await;
    println!("{target}, renamed and replaced: {tried} broken calls");
}

fn is_quarantined(now: &Principal) -> bool {
    now.attached.contains(&arn(DENY_ALL)) && now.active().is_empty()
}

#[tokio::test]
async fn however_a_call_breaks_the_next_run_frees_the_victim_and_denies_the_suspect() {
    however_it_breaks(user(), suspect().denied_by(DENY_ALL, "one"), is_quarantined).await;
}

#[tokio::test]
async fn however_a_call_breaks_the_next_run_does_so_by_a_key() {
    however_it_breaks(seen_with(KEY, user()), suspect().denied_by(DENY_ALL, "one"), is_quarantined).await;
}

#[tokio::test]
async fn however_a_call_breaks_the_key_alone_is_inactive_after_the_next_run() {
    let end = suspect().but(|alice| alice.set_active(KEY, false));
    however_it_breaks(key(KEY), end, |now| !now.active().contains(KEY)).await;
}

/// Nobody has the id of the finding: whoever has the name is left as it was.
#[tokio::test]
async fn however_a_call_breaks_a_user_who_was_created_anew_is_not_denied_after_the_next_run() {
    let target = identified(user(), "AIDAEXAMPLEEXAMPLE42");
    let calls = {
        let (aws, _) = stage(Principal::user()).await;
        contain(&aws, "one", &target).await.expect("a receipt");
        aws.calls()
    };
    each_break(&calls, async |point, how| {
        let (aws, iam) = stage(Principal::user()).await;
        let broken = how.run(&aws, point, contain(&aws, "one", &target)).await;
        let is_denied = iam.now().attached.contains(&arn(DENY_ALL));
        let says = broken.and_then(Result::ok).or_else(|| kept(&aws, "one", &target));
        assert!(says.is_none_or(|receipt: Receipt| !is_denied || receipt.holds_something()), "{point:?} {how:?}");
        aws.mend();
        let again = contain(&aws, "one", &target).await.map(|receipt| receipt.status);
        assert_eq!((again, iam.now()), (Ok(Status::Failed), Principal::user()), "{point:?} {how:?}");
    })
    .await;
}
