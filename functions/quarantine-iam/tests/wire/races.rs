//! Changes that arrive together, and quotas that are full: how the principal ends, whoever was first.

use crate::principal::{Principal, TAGS_AT_MOST, arn};
use crate::release::{is_done, release};
use crate::target::{role, session, user};
use crate::{base, contain, contained, outcome, stage, verify};
use firebreak::fault::FaultKind;
use firebreak::receipt::{Outcome, Receipt, Status};
use firebreak::target::Target;
use firebreak_testkit::scripted::{Answer, ScriptedAws, error};
use quarantine_iam::{Credential, CredentialKind, DENY_ALL, DENY_TAGGED_SESSION_BOUNDARY};
use std::collections::BTreeSet;

/// What IAM answers to one of two changes of a principal that arrive together (IAM API reference, `AttachUserPolicy`, `TagRole`).
fn changed_together() -> Answer {
    error(409, "ConcurrentModification")
}

/// Contains as the state machine does: again, as long as the fault passes.
async fn contain_at_last(aws: &ScriptedAws, target: &Target) -> Receipt {
    for _ in 0..4 {
        match contain(aws, "one", target).await {
            Err(fault) if fault.kind == FaultKind::Transient => {}
            ended => return ended.expect("a receipt"),
        }
    }
    unreachable!("{target}: what passes has passed")
}

/// How a containment ends that nobody meets.
async fn alone(before: &Principal, target: &Target) -> Principal {
    let (aws, iam) = stage(before.clone()).await;
    assert_eq!(contain(&aws, "one", target).await.expect("a receipt").status, Status::Contained, "{target}");
    iam.now().untimed()
}

#[tokio::test]
async fn a_change_that_meets_another_one_is_made_again_and_the_end_is_the_same() {
    let suspect = || session("suspect");
    for (before, target, action) in [
        (Principal::user(), user(), "iam:AttachUserPolicy"),
        (Principal::user(), user(), "iam:TagUser"),
        (Principal::user(), user(), "iam:UpdateAccessKey"),
        (Principal::user().full().bounded(), user(), "iam:PutUserPermissionsBoundary"),
        (Principal::role(), role(), "iam:AttachRolePolicy"),
        (Principal::role(), role(), "iam:TagRole"),
        (Principal::role().full(), role(), "iam:PutRolePermissionsBoundary"),
        (Principal::role(), suspect(), "iam:AttachRolePolicy"),
        (Principal::role(), suspect(), "iam:TagRole"),
        (Principal::role().full(), suspect(), "iam:PutRolePermissionsBoundary"),
    ] {
        let end = alone(&before, &target).await;
        let (aws, iam) = stage(before.clone()).await;
        for _ in 0..2 {
            aws.next(action, changed_together());
        }
        let receipt = contain_at_last(&aws, &target).await;
        assert_eq!((receipt.status, iam.now().untimed()), (Status::Contained, end), "{action} of {target}");
        let recorded = base(&aws, &target).await.expect("a base");
        assert_eq!((recorded.boundary, recorded.deactivated), (before.boundary.clone(), before.active()), "{action} of {target}");
        let released = release(&aws, "one", &target).await.expect("a release");
        assert!(is_done(&released) && iam.now() == before, "{action} of {target}: {released:?}");
    }
}

#[tokio::test]
async fn a_label_that_always_meets_another_change_stops_nothing_and_the_name_of_a_session_is_no_label() {
    let (aws, iam) = stage(Principal::user()).await;
    aws.always("iam:TagUser", changed_together());
    let receipt = contain_at_last(&aws, &user()).await;
    let now = iam.now();
    assert_eq!((receipt.status, now.tags), (Status::Contained, Principal::user().tags), "{:?}", receipt.steps);
    assert!(now.attached.contains(&arn(DENY_ALL)) && now.credentials.iter().all(|credential| !credential.active));

    let end = alone(&Principal::role(), &session("suspect")).await;
    let (aws, iam) = stage(Principal::role()).await;
    aws.always("iam:TagRole", changed_together());
    let fault = contain(&aws, "one", &session("suspect")).await.expect_err("half of it denies nothing");
    assert_eq!(fault.kind, FaultKind::Transient);
    aws.mend();
    let receipt = contain_at_last(&aws, &session("suspect")).await;
    assert_eq!((receipt.status, iam.now().untimed()), (Status::Contained, end));
}

/// The look is not the state machine: nobody repeats its calls, and the next look does.
#[tokio::test]
async fn a_look_that_meets_another_change_says_so_and_the_next_one_mends() {
    let (aws, iam) = contained(Principal::user(), &user()).await;
    let quarantined = iam.now().untimed();
    iam.change(|alice| {
        alice.attached.remove(&arn(DENY_ALL));
    });
    aws.always("iam:AttachUserPolicy", changed_together());
    assert!(!verify(&aws, "one", &user()).await.expect("a look").holds);
    aws.mend();
    assert!(verify(&aws, "one", &user()).await.expect("a look").holds);
    assert_eq!(iam.now().untimed(), quarantined);
}

#[tokio::test]
async fn a_role_without_room_for_a_sessions_name_keeps_its_tags_and_nobody_is_told_that_the_session_is_denied() {
    let full = Principal::role().but(|role| {
        role.tags = (0..TAGS_AT_MOST).map(|n| (format!("theirs-{n}"), "x".to_owned())).collect();
    });
    let (aws, iam) = stage(full.clone()).await;
    let receipt = contain(&aws, "one", &session("suspect")).await.expect("a receipt");
    let step = outcome(&receipt.steps, "deny-session");
    assert_eq!((receipt.status, step, iam.now().tags), (Status::Failed, Some(Outcome::Failed), full.tags.clone()));
    let released = release(&aws, "one", &session("suspect")).await.expect("a release");
    assert!(is_done(&released) && iam.now() == full, "{released:?}");
}

/// Row 9 for whom no boundary limited before: the release leaves none behind.
#[tokio::test]
async fn a_boundary_that_only_firebreak_put_is_gone_after_the_release() {
    for (before, target, boundary) in [
        (Principal::user().full(), user(), DENY_ALL),
        (Principal::role().full(), role(), DENY_ALL),
        (Principal::role().full(), session("suspect"), DENY_TAGGED_SESSION_BOUNDARY),
    ] {
        assert_eq!(before.boundary, None);
        let (aws, iam) = contained(before.clone(), &target).await;
        assert_eq!(iam.now().boundary, Some(arn(boundary)), "{target}");
        assert_eq!(base(&aws, &target).await.expect("a base").boundary, None, "{target}: ours is no base");
        let released = release(&aws, "one", &target).await.expect("a release");
        assert!(is_done(&released), "{target}: {released:?}");
        assert_eq!(iam.now(), before, "{target}");
    }
}

/// A certificate signs requests for a user, as a key does.
#[tokio::test]
async fn a_signing_certificate_is_made_inactive_comes_back_and_one_made_since_does_not() {
    let before = Principal::user();
    let own = before.credentials.iter().find(|known| known.kind == CredentialKind::Certificate).expect("one").id.clone();
    let (aws, iam) = stage(before.clone()).await;
    aws.always("iam:UpdateSigningCertificate", error(403, "AccessDenied"));
    let receipt = contain(&aws, "one", &user()).await.expect("a receipt");
    let step = outcome(&receipt.steps, &format!("deactivate-certificate {own}"));
    assert_eq!((receipt.status, step), (Status::Partial, Some(Outcome::Failed)));
    assert_eq!(iam.now().active(), BTreeSet::from([own.clone()]), "nothing else waits for it");
    aws.mend();
    assert_eq!(contain(&aws, "one", &user()).await.expect("a receipt").status, Status::Contained);

    let made = Credential { kind: CredentialKind::Certificate, id: "CERTIFICATEEXAMPLEEXAMPLE02".to_owned(), active: true };
    iam.change(|alice| alice.credentials.push(made.clone()));
    assert!(verify(&aws, "one", &user()).await.expect("a look").holds);
    assert!(iam.now().active().is_empty());
    let released = release(&aws, "one", &user()).await.expect("a release");
    assert!(is_done(&released), "{released:?}");
    assert_eq!(iam.now(), before.but(|alice| alice.credentials.push(Credential { active: false, ..made })));
}
