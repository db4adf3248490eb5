//! A release with each of its calls broken, and killed at each of them: what is unfinished stays harmless, nobody else is let in,
//! and the next run ends the release.

use super::Left;
use crate::principal::{KEY, Principal, arn};
use crate::release::{is_done, release};
use crate::target::{key, older_sessions, role, session, user};
use crate::{contain, contained};
use firebreak::target::Target;
use firebreak_testkit::room::{self, each_break};
use quarantine_iam::{DENY_ALL, DENY_TAGGED_SESSION};

/// Releases `target` for the incident "one" with each call broken, and then again, until the principal is as `end` says. `harmless`
/// holds all the time, also in the middle.
async fn however_a_release_breaks(left: Left, target: Target, end: Principal, harmless: impl Fn(&Principal) -> bool) {
    let (aws, iam) = left.again().await;
    let steps = release(&aws, "one", &target).await.expect("a release");
    assert!(is_done(&steps) && iam.now() == end, "{target}: {steps:?}");
    let tried = each_break(&aws.calls(), async |point, how| {
        let (aws, iam) = left.again().await;
        let broken = how.run(&aws, point, release(&aws, "one", &target)).await;
        let now = iam.now();
        assert!(harmless(&now), "{point:?} {how:?}: {now:?}");
        if let Some(Ok(steps)) = broken {
            assert!(!is_done(&steps) || now == end, "{point:?} {how:?}: it says more than it did: {steps:?}");
        }
        aws.mend();
        let next = release(&aws, "one", &target).await.map(|steps| is_done(&steps));
        assert_eq!((next, iam.now()), (Ok(true), end.clone()), "{point:?} {how:?}");
        let named = room::ledger(&aws).named_sessions(&target).await.expect("the ledger answers");
        assert!(named.iter().all(|name| Some(name) != target.session.as_ref()), "{point:?} {how:?}: {named:?} keep their slots");
        assert_eq!(aws.unknown(), [""; 0]);
    })
    .await;
    println!("release of {target}: {tried} broken calls");
}

async fn contained_once(before: &Principal, target: &Target) -> Left {
    let (aws, iam) = contained(before.clone(), target).await;
    assert_ne!(iam.now(), *before, "{target}");
    Left::by(&aws, &iam)
}

/// The organization's guard knows a quarantined principal by this label: the label goes after the deny.
fn is_labelled(principal: &Principal) -> bool {
    principal.tags.contains_key("firebreak-state")
}

#[tokio::test]
async fn however_a_release_breaks_a_session_loses_its_slot_and_another_one_stays_denied() {
    let (aws, iam) = contained(Principal::role(), &session("first")).await;
    contain(&aws, "two", &session("second")).await.expect("a receipt");
    let left = Left::by(&aws, &iam);
    let end = iam.now().but(|role| role.tags.retain(|_, name| name != "first"));
    let second_is_denied = |role: &Principal| {
        let named = role.tags.iter().any(|(key, name)| key.starts_with("firebreak-session-") && name == "second");
        named && role.attached.contains(&arn(DENY_TAGGED_SESSION)) && is_labelled(role)
    };
    assert!(second_is_denied(&end));
    however_a_release_breaks(left, session("first"), end, second_is_denied).await;
}

#[tokio::test]
async fn however_a_release_breaks_the_last_session_takes_the_policy_with_it() {
    let before = Principal::role();
    let left = contained_once(&before, &session("suspect")).await;
    let guarded = |role: &Principal| !role.attached.contains(&arn(DENY_TAGGED_SESSION)) || is_labelled(role);
    however_a_release_breaks(left, session("suspect"), before, guarded).await;
}

#[tokio::test]
async fn however_a_release_breaks_a_whole_role_is_as_it_was() {
    let before = Principal::role().bounded();
    let left = contained_once(&before, &role()).await;
    let guarded = |role: &Principal| !role.attached.contains(&arn(DENY_ALL)) || is_labelled(role);
    however_a_release_breaks(left, role(), before, guarded).await;
}

#[tokio::test]
async fn however_a_release_breaks_older_sessions_may_work_again_and_the_role_is_closed() {
    let before = Principal::role().bounded();
    let left = contained_once(&before, &older_sessions()).await;
    let is_open = |role: &Principal| role.tags.contains_key("firebreak-revoke");
    let opened = |role: &Principal| !role.inline.keys().any(|name| name.starts_with("FirebreakRevoke-")) || is_open(role);
    however_a_release_breaks(left, older_sessions(), before, opened).await;
}

/// The finding named the key: it stays inactive, and the rest of the user was never touched.
#[tokio::test]
async fn however_a_release_breaks_one_key_stays_inactive() {
    let end = Principal::user().but(|alice| alice.set_active(KEY, false));
    let left = contained_once(&Principal::user(), &key(KEY)).await;
    let untouched = end.clone();
    however_a_release_breaks(left, key(KEY), end, |alice| *alice == untouched).await;
}

#[tokio::test]
async fn however_a_release_breaks_a_user_denied_by_its_boundary_gets_the_old_one_back() {
    let before = Principal::user().full().bounded();
    let left = contained_once(&before, &user()).await;
    let credentials = before.credentials.clone();
    let harmless = |alice: &Principal| {
        let is_bounded = alice.boundary == Some(arn(DENY_ALL));
        (is_bounded && is_labelled(alice)) || (!is_bounded && alice.credentials == credentials)
    };
    however_a_release_breaks(left, user(), before, harmless).await;
}
