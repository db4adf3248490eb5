//! Every call broken in every way, and the process killed at every call: the next run leads to the same end.

mod looks;
mod releases;

use crate::iam::Iam;
use crate::principal::{KEY, Principal, arn};
use crate::release::{is_done, release};
use crate::target::{role, seen_with, session, user};
use crate::{base, contain, contained, kept, stage};
use firebreak::receipt::Status;
use firebreak::target::Target;
use firebreak_testkit::dynamodb::Table;
use firebreak_testkit::room::each_break;
use firebreak_testkit::scripted::{Call, ScriptedAws};
use quarantine_iam::{DENY_ALL, DENY_TAGGED_SESSION};

/// The ledger and the principal, as something left them. Each case begins with a copy.
struct Left {
    ledger: Table,
    principal: Principal,
}

impl Left {
    fn by(aws: &ScriptedAws, iam: &Iam) -> Self {
        Self { ledger: aws.table(), principal: iam.now() }
    }

    async fn again(&self) -> (ScriptedAws, Iam) {
        let (aws, iam) = stage(self.principal.clone()).await;
        aws.replace_table(self.ledger.clone());
        (aws, iam)
    }
}

/// Contains `target` with each call broken, and then again. `holds` says what a receipt may call contained.
async fn however_it_breaks(before: Principal, target: Target, holds: impl Fn(&Principal) -> bool) {
    let (calls, end) = {
        let (aws, iam) = stage(before.clone()).await;
        contain(&aws, "one", &target).await.expect("a receipt");
        (aws.calls(), iam.now().untimed())
    };
    let tried = each_break(&calls, async |point, how| {
        let (aws, iam) = stage(before.clone()).await;
        let broken = how.run(&aws, point, contain(&aws, "one", &target)).await;
        let says = broken.and_then(Result::ok).into_iter().chain(kept(&aws, "one", &target));
        for receipt in says {
            let is_true = receipt.status != Status::Contained || holds(&iam.now());
            assert!(is_true, "{point:?} {how:?}: it says more than it did: {receipt:?}");
        }
        assert_nothing_undone(&aws);
        aws.mend();
        let again = contain(&aws, "one", &target).await.map(|receipt| receipt.status);
        assert_eq!((again, iam.now().untimed()), (Ok(Status::Contained), end.clone()), "{point:?} {how:?}");
        let base = base(&aws, &target).await.expect("a base");
        assert_eq!(base.deactivated, before.active(), "{point:?} {how:?}: what a release may make active");
        assert_eq!(base.boundary, before.boundary, "{point:?} {how:?}");
        let attached = base.attached_policies.is_none_or(|attached| attached == before.attached);
        let tags = base.tags.is_none_or(|tags| tags == before.tags);
        assert!(attached && tags, "{point:?} {how:?}: something of Firebreak's is in the record");
        assert_nothing_undone(&aws);
        assert_eq!(aws.unknown(), [""; 0]);
    })
    .await;
    println!("{target}: {tried} broken calls");
}

fn assert_nothing_undone(aws: &ScriptedAws) {
    let undoes = |call: &&Call| ["Delete", "Detach", "Remove", "Untag"].iter().any(|verb| call.operation.starts_with(verb));
    assert_eq!(aws.calls().iter().find(undoes), None);
}

#[tokio::test]
async fn however_a_call_breaks_the_next_run_contains_the_user() {
    let holds = |now: &Principal| now.attached.contains(&arn(DENY_ALL)) && now.active().is_empty();
    however_it_breaks(Principal::user(), user(), holds).await;
    however_it_breaks(Principal::user(), seen_with(KEY, user()), holds).await;
}

#[tokio::test]
async fn however_a_call_breaks_the_next_run_denies_the_session() {
    let holds = |now: &Principal| {
        let named = now.tags.iter().any(|(key, name)| key.starts_with("firebreak-session-") && name == "suspect");
        now.attached.contains(&arn(DENY_TAGGED_SESSION)) && named
    };
    however_it_breaks(Principal::role(), session("suspect"), holds).await;
}

#[tokio::test]
async fn however_a_call_breaks_the_next_run_denies_the_role() {
    however_it_breaks(Principal::role(), role(), |now| now.attached.contains(&arn(DENY_ALL))).await;
}

#[tokio::test]
async fn however_a_call_breaks_the_next_run_denies_a_full_user_by_its_boundary() {
    let holds = |now: &Principal| now.boundary == Some(arn(DENY_ALL)) && now.active().is_empty();
    however_it_breaks(Principal::user().full().bounded(), user(), holds).await;
}

#[tokio::test]
async fn however_a_call_of_a_release_breaks_the_deny_goes_last_and_the_next_run_ends_it() {
    let (before, target) = (Principal::user(), user());
    let calls = {
        let (aws, _) = contained(before.clone(), &target).await;
        release(&aws, "one", &target).await.expect("a release");
        aws.calls()
    };
    let tried = each_break(&calls, async |point, how| {
        let (aws, iam) = contained(before.clone(), &target).await;
        let broken = how.run(&aws, point, release(&aws, "one", &target)).await;
        let now = iam.now();
        let is_harmless = now.attached.contains(&arn(DENY_ALL)) || now.credentials == before.credentials;
        assert!(is_harmless, "{point:?} {how:?}: the deny went before the credentials were done");
        if let Some(Ok(steps)) = broken {
            assert!(!is_done(&steps) || now == before, "{point:?} {how:?}: it says more than it did: {steps:?}");
        }
        aws.mend();
        let again = release(&aws, "one", &target).await.map(|steps| is_done(&steps));
        assert_eq!((again, iam.now()), (Ok(true), before.clone()), "{point:?} {how:?}");
    })
    .await;
    println!("release of {target}: {tried} broken calls");
}
