//! Rows of the evasion table that are about one principal; `crates/firebreak/tests/domain/evasion.rs` lists all rows.

use crate::iam::Iam;
use crate::principal::{KEY, Principal, arn};
use crate::release::{digests, is_done, release, release_past};
use crate::target::{key, older_sessions, role, session, user};
use crate::{base, contain, contained, outcome, stage, verify};
use firebreak::receipt::{Outcome, Status};
use firebreak::step::StepKind;
use firebreak::target::Target;
use firebreak_testkit::scripted::{ScriptedAws, error};
use quarantine_iam::{DENY_ALL, DENY_TAGGED_SESSION};
use std::collections::BTreeSet;

/// The lines of the timeline that say that somebody reverted a quarantine.
fn raised(aws: &ScriptedAws) -> usize {
    let table = aws.table();
    table.items().filter(|((_, sk), _)| sk.starts_with("timeline#") && sk.contains("REVERTED by somebody")).count()
}

fn detach(iam: &Iam, policy: &str) {
    iam.change(|principal| {
        principal.attached.remove(&arn(policy));
    });
}

/// Somebody detaches the policy before each of three looks.
async fn each_look_attaches_it_again(before: Principal, target: Target, policy: &str) {
    let (aws, iam) = contained(before, &target).await;
    let quarantined = iam.now().untimed();
    for look in 1..=3 {
        detach(&iam, policy);
        let check = verify(&aws, "one", &target).await.expect("a look");
        assert!(check.holds, "{target}, look {look}: {check:?}");
        assert_eq!((check.reverted.len(), raised(&aws)), (look, look), "{target}: {check:?}");
        assert_eq!(iam.now().untimed(), quarantined, "{target}, look {look}");
    }
}

#[tokio::test]
async fn row_7_a_user_that_is_let_in_before_each_look_is_denied_again_and_raised_each_time() {
    each_look_attaches_it_again(Principal::user(), user(), DENY_ALL).await;
}

#[tokio::test]
async fn row_7_a_session_that_is_let_in_before_each_look_is_denied_again_and_raised_each_time() {
    each_look_attaches_it_again(Principal::role(), session("suspect"), DENY_TAGGED_SESSION).await;
}

/// The deny counts seconds after it was written: an attacker who waits for it is faster than the rest of the containment.
#[tokio::test]
async fn row_7_what_is_detached_while_the_containment_goes_on_is_attached_by_the_first_look() {
    let (aws, iam) = stage(Principal::user()).await;
    let attacker = iam.clone();
    aws.on("iam:UpdateAccessKey", move |_| {
        detach(&attacker, DENY_ALL);
        None
    });
    let receipt = contain(&aws, "one", &user()).await.expect("a receipt");
    assert_eq!((receipt.status, iam.now().attached.contains(&arn(DENY_ALL))), (Status::Contained, false), "it was faster");
    let check = verify(&aws, "one", &user()).await.expect("a look");
    assert!(check.holds && iam.now().attached.contains(&arn(DENY_ALL)), "{check:?}");
    assert_eq!((check.reverted.len(), raised(&aws)), (1, 1), "{check:?}");
}

/// Who removes the boundary instead, where no policy fits.
#[tokio::test]
async fn row_7_a_boundary_that_is_removed_before_a_look_is_put_again_and_raised() {
    let (aws, iam) = contained(Principal::user().full().bounded(), &user()).await;
    let quarantined = iam.now().untimed();
    for look in 1..=2 {
        iam.change(|alice| alice.boundary = None);
        let check = verify(&aws, "one", &user()).await.expect("a look");
        assert!(check.holds, "look {look}: {check:?}");
        assert_eq!((check.reverted.len(), raised(&aws), iam.now().untimed()), (look, look, quarantined.clone()));
    }
    assert_eq!(base(&aws, &user()).await.expect("a base").boundary, Some(arn("of-the-owner")), "a release knows the owner's");
}

/// IAM counts the characters of all inline policies of a principal together, and an attacker can use them up.
#[tokio::test]
async fn row_10_a_full_quota_of_inline_policies_stops_no_containment() {
    let full = |aws: &ScriptedAws| {
        for write in ["iam:PutUserPolicy", "iam:PutRolePolicy"] {
            aws.always(write, error(409, "LimitExceeded"));
        }
    };
    for (before, target) in [
        (Principal::user(), user()),
        (Principal::user().full(), user()),
        (Principal::user(), key(KEY)),
        (Principal::role(), session("suspect")),
        (Principal::role().full(), session("suspect")),
        (Principal::role(), role()),
        (Principal::role().full(), role()),
    ] {
        let (aws, iam) = stage(before.clone()).await;
        full(&aws);
        let receipt = contain(&aws, "one", &target).await.expect("a receipt");
        assert_eq!((receipt.status, iam.now().inline), (Status::Contained, before.inline), "{target}: {:?}", receipt.steps);
        let puts = |call: &String| call.starts_with("iam:Put") && !call.ends_with("PermissionsBoundary");
        assert!(!aws.changes().iter().any(puts), "{target}: {:?}", aws.changes());
    }
    // Older sessions need one: that they work on is said, and another try ends them once there is room.
    let (aws, iam) = stage(Principal::role()).await;
    full(&aws);
    let receipt = contain(&aws, "one", &older_sessions()).await.expect("a receipt");
    let step = outcome(&receipt.steps, "revoke-older-sessions");
    assert_eq!((receipt.status, step), (Status::Failed, Some(Outcome::Failed)));
    assert_eq!(iam.now().inline, Principal::role().inline);
    aws.mend();
    assert_eq!(contain(&aws, "one", &older_sessions()).await.expect("a receipt").status, Status::Contained);
    assert_eq!(iam.now().inline.len(), Principal::role().inline.len() + 1);
}

#[tokio::test]
async fn row_16_a_key_made_after_the_list_becomes_inactive_and_a_password_and_a_device_are_shown() {
    let before = Principal::user().but(|alice| alice.console_password = false);
    let (aws, iam) = contained(before.clone(), &user()).await;
    let made = "AKIAEXAMPLEEXAMPLE03";
    // A user has two keys at most: the inactive one makes room.
    let replace = |alice: &mut Principal, active| {
        alice.credentials[1].id = made.to_owned();
        alice.set_active(made, active);
    };
    let theirs = |alice: &mut Principal| {
        alice.console_password = true;
        alice.mfa_devices.insert("arn:aws:iam::111122223333:mfa/theirs".to_owned());
    };
    iam.change(|alice| replace(alice, true));
    iam.change(theirs);
    let check = verify(&aws, "one", &user()).await.expect("a look");
    assert!(!check.reverted.is_empty() && raised(&aws) > 0, "{check:?}");
    let now = iam.now();
    assert!(now.active().is_empty() && now.attached.contains(&arn(DENY_ALL)), "{now:?}");
    assert_eq!(base(&aws, &user()).await.expect("a base").exposed, BTreeSet::from([made.to_owned()]));

    let shown = release(&aws, "one", &user()).await.expect("a release");
    assert!(shown.len() == 2 && shown.iter().all(|step| step.is(StepKind::CheckDrift)), "{shown:?}");
    let told: String = shown.iter().filter_map(|step| step.error.as_ref()).map(|fault| fault.message.as_str()).collect();
    assert!(told.contains("console password was created") && told.contains("mfa/theirs"), "{told}");
    assert_eq!(iam.now(), now, "until somebody has seen them nothing is put back");

    let steps = release_past(&aws, "one", &user(), digests(&shown)).await.expect("a release");
    assert!(is_done(&steps), "{steps:?}");
    assert_eq!(iam.now(), before.but(|alice| replace(alice, false)).but(theirs), "the attacker's key stays inactive");
}

/// The same after the last look: a release is the last to look.
#[tokio::test]
async fn row_16_a_key_made_after_the_last_look_is_shown_before_anything_is_put_back() {
    let (aws, iam) = contained(Principal::user(), &user()).await;
    iam.change(|alice| {
        alice.credentials[1].id = "AKIAEXAMPLEEXAMPLE03".to_owned();
        alice.credentials[1].active = true;
    });
    let now = iam.now();
    let shown = release(&aws, "one", &user()).await.expect("a release");
    let is_shown = shown.iter().all(|step| step.is(StepKind::CheckDrift) && step.outcome == Outcome::Failed);
    assert!(shown.len() == 1 && is_shown, "{shown:?}");
    assert_eq!((aws.changes(), iam.now()), (vec![], now));
}
