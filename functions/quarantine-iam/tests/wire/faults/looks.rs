//! A look with each of its calls broken, and killed at each of them. A look never claims what is not so, and never writes what a
//! release takes away; the next look ends with the target contained.

use super::{Left, assert_nothing_undone};
use crate::principal::{KEY, Principal, arn};
use crate::target::{role, session, user};
use crate::{base, contained, held, verify};
use firebreak::containment::Containment;
use firebreak::holders::Holders;
use firebreak::receipt::Verification;
use firebreak::target::Target;
use firebreak_aws::clock;
use firebreak_ledger::ReleaseClaim;
use firebreak_testkit::room::{self, each_break};
use firebreak_testkit::scripted::{ScriptedAws, error};
use quarantine_iam::{BaseState, DENY_ALL, DENY_TAGGED_SESSION};
use std::collections::BTreeSet;

/// What the last look left in the ledger. A look that was killed may have left something, too.
async fn kept_look(aws: &ScriptedAws, target: &Target) -> Option<Verification> {
    let kept = room::ledger(aws).verification(&room::incident("one"), Containment::QuarantineIam, target).await;
    kept.expect("the ledger answers")
}

/// Somebody reverts what holds `target`, and a look breaks at each of its calls. `holds` says when it may call the target contained.
async fn however_a_look_breaks(
    before: Principal,
    target: Target,
    reverts: impl Fn(&mut Principal),
    holds: impl Fn(&Principal) -> bool,
) {
    let (aws, iam) = contained(before.clone(), &target).await;
    let quarantined = iam.now().untimed();
    iam.change(&reverts);
    assert!(!holds(&iam.now()), "{target}: nothing was reverted");
    let left = Left::by(&aws, &iam);
    let check = verify(&aws, "one", &target).await.expect("a look");
    assert!(check.holds && check.reverted.len() == 1, "{target}: {check:?}");
    assert_eq!(iam.now().untimed(), quarantined, "{target}");
    let tried = each_break(&aws.calls(), async |point, how| {
        let (aws, iam) = left.again().await;
        let broken = how.run(&aws, point, verify(&aws, "one", &target)).await;
        let now = iam.now();
        aws.mend();
        for look in broken.and_then(Result::ok).into_iter().chain(kept_look(&aws, &target).await) {
            assert!(!look.holds || holds(&now), "{point:?} {how:?}: it says more than is so: {look:?}");
        }
        let next = verify(&aws, "one", &target).await.expect("a look");
        assert!(next.holds && !next.reverted.is_empty(), "{point:?} {how:?}: nobody hears of the revert: {next:?}");
        assert_eq!(iam.now().untimed(), quarantined, "{point:?} {how:?}");
        let base = base(&aws, &target).await.expect("a base");
        let may_become_active: BTreeSet<String> = base.deactivated.difference(&base.exposed).cloned().collect();
        assert_eq!(may_become_active, before.active(), "{point:?} {how:?}: what a release may make active");
        assert_nothing_undone(&aws);
        assert_eq!(aws.unknown(), [""; 0]);
    })
    .await;
    println!("look at {target}: {tried} broken calls");
}

fn detach_deny(principal: &mut Principal) {
    principal.attached.remove(&arn(DENY_ALL));
}

fn is_denied(user: &Principal) -> bool {
    user.attached.contains(&arn(DENY_ALL)) && user.active().is_empty()
}

#[tokio::test]
async fn however_a_look_breaks_a_detached_deny_is_attached_again() {
    however_a_look_breaks(Principal::user(), user(), detach_deny, is_denied).await;
}

#[tokio::test]
async fn however_a_look_breaks_a_reactivated_key_becomes_inactive_again() {
    however_a_look_breaks(Principal::user(), user(), |alice| alice.set_active(KEY, true), is_denied).await;
}

#[tokio::test]
async fn however_a_look_breaks_a_reactivated_certificate_becomes_inactive_again() {
    let certificate = "CERTIFICATEEXAMPLEEXAMPLE01";
    however_a_look_breaks(Principal::user(), user(), |alice| alice.set_active(certificate, true), is_denied).await;
}

/// Of a kind that only the second read cannot list, nobody knows whether a credential works.
#[tokio::test]
async fn a_look_that_cannot_read_twice_what_it_saw_does_not_say_that_it_holds() {
    let (aws, iam) = contained(Principal::user(), &user()).await;
    iam.change(|alice| alice.set_active("CERTIFICATEEXAMPLEEXAMPLE01", true));
    aws.break_call("iam:ListSigningCertificates", 2, error(403, "AccessDenied"), None);
    let check = verify(&aws, "one", &user()).await.expect("a look");
    assert!(!check.holds || is_denied(&iam.now()), "{check:?}");
}

fn take_name(role: &mut Principal) {
    role.tags.retain(|key, _| !key.starts_with("firebreak-session-"));
}

fn names_suspect(role: &Principal) -> bool {
    let named = role.tags.iter().any(|(key, name)| key.starts_with("firebreak-session-") && name == "suspect");
    named && role.attached.contains(&arn(DENY_TAGGED_SESSION))
}

#[tokio::test]
async fn however_a_look_breaks_a_session_whose_tag_was_taken_is_named_again() {
    however_a_look_breaks(Principal::role(), session("suspect"), take_name, names_suspect).await;
}

#[tokio::test]
async fn however_a_look_breaks_a_whole_role_is_denied_again() {
    however_a_look_breaks(Principal::role(), role(), detach_deny, |role| role.attached.contains(&arn(DENY_ALL))).await;
}

/// The principal is as it was. The release goes on, or has `ended`.
async fn however_a_look_at_what_is_released_breaks(before: Principal, target: Target, ended: bool) {
    let (aws, iam) = contained(before.clone(), &target).await;
    let (ledger, one) = (room::ledger(&aws), room::incident("one"));
    let claim = ledger.begin_release::<BaseState>(held(&target), &Holders::of(&one), clock::now()).await.expect("a claim");
    let ReleaseClaim::Ours { lease, .. } = claim else { unreachable!("no other incident holds it") };
    if ended {
        ledger.end_release(held(&target), &lease, clock::now()).await.expect("the ledger takes it");
    }
    iam.change(|principal| *principal = before.clone());
    let left = Left::by(&aws, &iam);
    aws.forget();
    assert!(!verify(&aws, "one", &target).await.expect("a look").holds);
    let tried = each_break(&aws.calls(), async |point, how| {
        let (aws, iam) = left.again().await;
        let broken = how.run(&aws, point, verify(&aws, "one", &target)).await;
        assert_eq!((aws.changes(), iam.now()), (vec![], before.clone()), "{point:?} {how:?}: it came back");
        aws.mend();
        for look in broken.and_then(Result::ok).into_iter().chain(kept_look(&aws, &target).await) {
            assert!(!look.holds, "{point:?} {how:?}: nothing holds any more: {look:?}");
        }
    })
    .await;
    println!("look at {target}, which is released: {tried} broken calls");
}

#[tokio::test]
async fn however_a_look_breaks_it_writes_nothing_on_a_user_while_a_release_goes_on() {
    however_a_look_at_what_is_released_breaks(Principal::user(), user(), false).await;
}

#[tokio::test]
async fn however_a_look_breaks_it_writes_nothing_about_a_session_that_was_released() {
    however_a_look_at_what_is_released_breaks(Principal::role(), session("suspect"), true).await;
}
