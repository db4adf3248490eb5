use crate::iam::Iam;
use crate::principal::{KEY, NAMESAKE_ID, Principal, arn};
use crate::target::{key, older_sessions, role, session, user};
use crate::{base, contain, contained, held, kept, recorded_before, stage, verify};
use firebreak::fault::FaultKind;
use firebreak::holders::Holders;
use firebreak::receipt::Status;
use firebreak_aws::clock;
use firebreak_ledger::ReleaseClaim;
use firebreak_testkit::room;
use firebreak_testkit::scripted::{error, ok};
use quarantine_iam::{BaseState, DENY_ALL, DENY_TAGGED_SESSION};
use std::collections::BTreeSet;

/// Somebody detaches the deny.
fn detach(iam: &Iam) {
    iam.change(|principal| {
        principal.attached.remove(&arn(DENY_ALL));
    });
}

#[tokio::test]
async fn what_holds_is_only_looked_at() {
    let users = [(Principal::user(), user()), (Principal::user().full(), user()), (Principal::user(), key(KEY))];
    let roles = [role(), session("suspect"), older_sessions()].map(|target| (Principal::role(), target));
    for (principal, target) in users.into_iter().chain(roles) {
        let (aws, _) = contained(principal, &target).await;
        let check = verify(&aws, "one", &target).await.expect("a look");
        assert!(check.holds && check.reverted.is_empty(), "{check:?}");
        assert_eq!(aws.changes(), [""; 0], "{target}");
    }
}

#[tokio::test]
async fn a_deny_that_somebody_detached_is_reported_and_attached_again_as_soon_as_it_can_be() {
    let (aws, iam) = contained(Principal::user(), &user()).await;
    let quarantined = iam.now();
    detach(&iam);
    aws.always("iam:AttachUserPolicy", error(403, "AccessDenied"));
    let open = verify(&aws, "one", &user()).await.expect("a look");
    assert_eq!((open.holds, open.problems.len(), open.reverted.len()), (false, 1, 1), "{open:?}");
    aws.mend();
    aws.forget();
    let check = verify(&aws, "one", &user()).await.expect("a look");
    assert_eq!(iam.now(), quarantined);
    assert!(check.holds && check.reverted.len() == 2, "{check:?}");
    assert_eq!(aws.changes(), ["iam:AttachUserPolicy"]);
    let later = verify(&aws, "one", &user()).await.expect("a look");
    assert_eq!((later.holds, later.reverted), (true, check.reverted), "what an earlier look saw is not forgotten");
    assert_eq!(aws.changes(), ["iam:AttachUserPolicy"]);
}

#[tokio::test]
async fn during_a_pause_a_deny_that_somebody_detached_is_told_and_not_attached_again() {
    let (aws, iam) = contained(Principal::user(), &user()).await;
    let quarantined = iam.now();
    detach(&iam);
    room::pause(&aws, None, clock::now()).await;
    let check = verify(&aws, "one", &user()).await.expect("a look");
    assert_eq!((check.holds, check.problems.len(), check.reverted.len()), (false, 1, 1), "{check:?}");
    assert!(check.reverted[0].contains("NOT written again"), "{check:?}");
    assert_eq!(aws.changes(), [""; 0]);
    room::ledger(&aws).resume(None, "bob", clock::now()).await.expect("the ledger takes it").expect("a pause");
    let after = verify(&aws, "one", &user()).await.expect("a look");
    assert!(after.holds && after.reverted.len() == 2, "{after:?}");
    assert_eq!(iam.now(), quarantined);
}

#[tokio::test]
async fn a_key_that_was_made_during_a_pause_stays_active_and_is_recorded_as_exposed() {
    let (aws, iam) = contained(Principal::user(), &user()).await;
    let made = "AKIAEXAMPLEEXAMPLE03";
    iam.change(|alice| {
        alice.credentials[1].id = made.to_owned();
        alice.set_active(made, true);
    });
    room::pause(&aws, None, clock::now()).await;
    let check = verify(&aws, "one", &user()).await.expect("a look");
    assert_eq!((check.holds, check.problems.len(), iam.now().active().len()), (false, 1, 1), "{check:?}");
    assert_eq!(base(&aws, &user()).await.expect("a base").exposed, BTreeSet::from([made.to_owned()]), "a release ends it");
}

#[tokio::test]
async fn one_old_answer_of_iam_is_no_revert() {
    let (aws, _) = contained(Principal::user(), &user()).await;
    aws.next("iam:ListAttachedUserPolicies", ok("<AttachedPolicies/><IsTruncated>false</IsTruncated>"));
    let check = verify(&aws, "one", &user()).await.expect("a look");
    assert!(check.holds && check.reverted.is_empty(), "{check:?}");
    assert_eq!(aws.changes(), [""; 0]);
}

#[tokio::test]
async fn what_is_being_released_or_was_is_not_written_again() {
    let (aws, iam) = contained(Principal::user(), &user()).await;
    let (ledger, one, target) = (room::ledger(&aws), room::incident("one"), user());
    let claim = ledger.begin_release::<BaseState>(held(&target), &Holders::of(&one), clock::now()).await.expect("a claim");
    let ReleaseClaim::Ours { lease, .. } = claim else { unreachable!("no other incident holds it") };
    detach(&iam);
    let detached = iam.now();
    for ended in [false, true] {
        if ended {
            ledger.end_release(held(&target), &lease, clock::now()).await.expect("the ledger answers");
        }
        let check = verify(&aws, "one", &target).await.expect("a look");
        assert!(!check.holds && check.reverted.is_empty(), "{check:?}");
        assert_eq!((aws.changes(), iam.now()), (vec![], detached.clone()), "ended: {ended}");
    }
}

#[tokio::test]
async fn what_was_never_written_is_no_revert_and_the_receipt_is_corrected() {
    let (aws, iam) = stage(Principal::user()).await;
    aws.always("iam:AttachUserPolicy", error(403, "AccessDenied"));
    assert_eq!(contain(&aws, "one", &user()).await.expect("a receipt").status, Status::Partial);
    let still = verify(&aws, "one", &user()).await.expect("a look");
    assert!(!still.holds && still.reverted.is_empty(), "{still:?}");
    assert_eq!(kept(&aws, "one", &user()).expect("a receipt").status, Status::Partial);
    aws.mend();
    let check = verify(&aws, "one", &user()).await.expect("a look");
    assert!(check.holds && check.reverted.is_empty(), "{check:?}");
    assert_eq!(iam.now().untimed(), Principal::user().denied_by(DENY_ALL, "one"));
    let corrected = kept(&aws, "one", &user()).expect("a receipt");
    assert_eq!((corrected.status, corrected.failed_steps()), (Status::Contained, vec![]));
}

#[tokio::test]
async fn a_key_that_was_made_since_is_made_inactive_and_recorded_as_exposed_first() {
    let (aws, iam) = contained(Principal::user(), &user()).await;
    let made = "AKIAEXAMPLEEXAMPLE03";
    iam.change(|alice| {
        alice.credentials[1].id = made.to_owned();
        alice.set_active(made, true);
        alice.set_active(KEY, true);
    });
    let check = verify(&aws, "one", &user()).await.expect("a look");
    assert_eq!((check.holds, check.reverted.len(), iam.now().active().len()), (true, 2, 0), "{check:?}");
    assert_eq!(base(&aws, &user()).await.expect("a base").exposed, BTreeSet::from([made.to_owned()]));
    assert!(recorded_before(&aws, "UpdateAccessKey"));
}

#[tokio::test]
async fn a_session_that_somebody_let_in_is_denied_again() {
    let (aws, iam) = contained(Principal::role(), &session("suspect")).await;
    let denied = iam.now();
    iam.change(|role| {
        role.tags.remove("firebreak-session-1");
        role.attached.remove(&arn(DENY_TAGGED_SESSION));
    });
    let check = verify(&aws, "one", &session("suspect")).await.expect("a look");
    assert_eq!((check.holds, check.reverted.len(), iam.now()), (true, 2, denied), "{check:?}");
}

/// An inline policy needs the role that only an approval uses.
#[tokio::test]
async fn older_sessions_that_somebody_let_in_are_reported_and_not_written_again() {
    let (aws, iam) = contained(Principal::role(), &older_sessions()).await;
    let name = format!("FirebreakRevoke-{}", room::incident("one"));
    iam.change(|role| {
        role.inline.remove(&name);
    });
    let check = verify(&aws, "one", &older_sessions()).await.expect("a look");
    assert!(!check.holds && (check.problems.len(), check.reverted.len()) == (1, 1), "{check:?}");
    assert!(aws.changes().is_empty() && !iam.now().inline.contains_key(&name));
    contain(&aws, "one", &older_sessions()).await.expect("a receipt");
    assert!(verify(&aws, "one", &older_sessions()).await.expect("a look").holds, "the gate's second approval");
}

#[tokio::test]
async fn a_policy_whose_text_somebody_changed_is_a_problem_and_is_not_written_back() {
    for (principal, target, policy) in [
        (Principal::user(), user(), DENY_ALL),
        (Principal::role(), role(), DENY_ALL),
        (Principal::role(), session("suspect"), DENY_TAGGED_SESSION),
    ] {
        let (aws, iam) = contained(principal, &target).await;
        iam.rewrite(policy, r#"{"Version":"2012-10-17","Statement":[]}"#);
        let check = verify(&aws, "one", &target).await.expect("a look");
        assert!(!check.holds && check.problems.len() == 1, "{check:?}");
        assert_eq!(aws.changes(), [""; 0], "{target}");
    }
}

#[tokio::test]
async fn nothing_is_written_on_a_namesake() {
    let (aws, iam) = contained(Principal::user(), &user()).await;
    iam.change(|alice| *alice = Principal { id: NAMESAKE_ID.to_owned(), ..Principal::user() });
    assert_eq!(verify(&aws, "one", &user()).await.expect_err("another user").kind, FaultKind::Malformed);
    assert_eq!(aws.changes(), [""; 0]);
}
