//! IAM may give fewer entries than it has, on any page.

use crate::iam::Iam;
use crate::principal::{Principal, arn};
use crate::release::{is_done, release};
use crate::target::{key, older_sessions, role, session, user};
use crate::{base, contain, contained, outcome, stage, verify};
use firebreak::fault::FaultKind;
use firebreak::receipt::{Outcome, Status};
use firebreak::target::TargetKind;
use firebreak_testkit::room;
use firebreak_testkit::scripted::{ScriptedAws, error};
use quarantine_iam::{Credential, CredentialKind, DENY_ALL};
use std::collections::BTreeSet;

/// The kinds of credential: how they are listed, the step that says so, the first letters of an id.
const KINDS: [(CredentialKind, &str, &str, &str); 4] = [
    (CredentialKind::AccessKey, "iam:ListAccessKeys", "list-keys", "AKIA"),
    (CredentialKind::ServiceSpecific, "iam:ListServiceSpecificCredentials", "list-service-credentials", "ACCA"),
    (CredentialKind::SshKey, "iam:ListSSHPublicKeys", "list-ssh-keys", "APKA"),
    (CredentialKind::Certificate, "iam:ListSigningCertificates", "list-certificates", "CERT"),
];

/// With two more of everything that it can have several of.
fn wide(principal: Principal) -> Principal {
    principal.but(|it| {
        it.attached.extend(["AmazonS3FullAccess", "PowerUserAccess"].map(|name| format!("arn:aws:iam::aws:policy/{name}")));
        it.inline.extend(["A", "B"].map(|name| (name.to_owned(), "{}".to_owned())));
        it.tags.extend(["env", "owner"].map(|key| (key.to_owned(), "x".to_owned())));
        if it.kind == TargetKind::IamUser {
            it.groups.extend(["admins", "ops"].map(str::to_owned));
            it.mfa_devices.extend([2, 3].map(|n| format!("arn:aws:iam::{}:mfa/device-{n}", room::ACCOUNT)));
            for (kind, _, _, letters) in KINDS {
                it.credentials.extend([10, 11].map(|n| Credential {
                    kind,
                    id: format!("{letters}EXAMPLEEXAMPLE{n}"),
                    active: true,
                }));
            }
        }
    })
}

/// Of this list, every page but the first one is refused.
fn refuse_later_pages(aws: &ScriptedAws, list: &str) {
    aws.on(list, |call| (!call.param("Marker").is_empty()).then(|| error(403, "AccessDenied")));
}

async fn paged(principal: Principal, entries: usize) -> (ScriptedAws, Iam) {
    let (aws, iam) = stage(principal).await;
    iam.page(entries);
    (aws, iam)
}

#[tokio::test]
async fn what_is_on_a_later_page_is_recorded_contained_and_put_back() {
    let targets = [(Principal::user(), user()), (Principal::role(), role()), (Principal::role(), session("suspect"))];
    for (before, target) in targets.map(|(principal, target)| (wide(principal), target)) {
        for entries in [1, 2] {
            let (aws, iam) = paged(before.clone(), entries).await;
            let receipt = contain(&aws, "one", &target).await.expect("a receipt");
            assert_eq!((receipt.status, iam.now().active().len()), (Status::Contained, 0), "{target}: {receipt:?}");
            let base = base(&aws, &target).await.expect("a base");
            let inline: BTreeSet<String> = before.inline.keys().cloned().collect();
            assert_eq!((base.attached_policies, base.inline_policies), (Some(before.attached.clone()), Some(inline)), "{target}");
            assert_eq!(base.tags.as_ref(), Some(&before.tags), "{target}");
            assert_eq!(base.groups.unwrap_or_default(), before.groups, "{target}");
            assert_eq!(base.mfa_devices.unwrap_or_default(), before.mfa_devices, "{target}");
            let all = |credentials: &[Credential]| credentials.iter().cloned().collect::<BTreeSet<_>>();
            assert_eq!(all(&base.credentials), all(&before.credentials), "{target}");
            let check = verify(&aws, "one", &target).await.expect("a look");
            assert!(check.holds && check.reverted.is_empty() && check.notes.is_empty(), "{target}: {check:?}");
            let steps = release(&aws, "one", &target).await.expect("a release");
            assert!(is_done(&steps), "{target}: {steps:?}");
            assert_eq!(iam.now(), before, "{target}");
            assert_eq!(aws.unknown(), [""; 0]);
        }
    }
}

#[tokio::test]
async fn of_a_list_that_ends_too_early_what_was_read_is_inactive_and_the_next_try_does_the_rest() {
    let before = wide(Principal::user());
    for (kind, list, step, _) in KINDS {
        let (aws, iam) = paged(before.clone(), 1).await;
        aws.break_call(list, 2, error(403, "AccessDenied"), None);
        let receipt = contain(&aws, "one", &user()).await.expect("a receipt");
        assert_eq!((receipt.status, outcome(&receipt.steps, step)), (Status::Partial, Some(Outcome::Failed)), "{list}");
        let now = iam.now();
        let working: Vec<CredentialKind> = now.credentials.iter().filter(|c| c.active).map(|c| c.kind).collect();
        assert_eq!((working, now.attached.contains(&arn(DENY_ALL))), (vec![kind; 2], true), "the first page's is inactive");
        aws.mend();
        let again = contain(&aws, "one", &user()).await.expect("a receipt");
        assert_eq!((again.status, iam.now().active().len()), (Status::Contained, 0), "{list}");
        let base = base(&aws, &user()).await.expect("a base");
        assert_eq!(base.deactivated, before.active(), "{list}");
        assert!(!base.exposed.is_empty(), "{list}: nobody can tell whether they were there before");
    }
}

#[tokio::test]
async fn a_key_alone_needs_no_list_and_one_that_no_page_shows_does_not_count_as_deleted() {
    let made = "AKIAEXAMPLEEXAMPLE10";
    let (aws, iam) = paged(wide(Principal::user()), 1).await;
    aws.break_call("iam:ListAccessKeys", 2, error(403, "AccessDenied"), None);
    aws.always("iam:UpdateAccessKey", error(403, "AccessDenied"));
    let refused = contain(&aws, "one", &key(made)).await;
    let is_gone = refused.as_ref().is_ok_and(|receipt| receipt.fault == Some(FaultKind::Gone.into()));
    assert!(!is_gone && refused.as_ref().err().is_none_or(|fault| fault.kind != FaultKind::Gone), "{refused:?}");
    assert!(refused.is_ok_and(|receipt| receipt.status == Status::Failed) && iam.now().active().contains(made));
    aws.mend();
    aws.forget();
    aws.break_call("iam:ListAccessKeys", 2, error(403, "AccessDenied"), None);
    let receipt = contain(&aws, "one", &key(made)).await.expect("a receipt");
    assert_eq!((receipt.status, iam.now().active().contains(made)), (Status::Contained, false));
}

#[tokio::test]
async fn a_deny_behind_ten_other_policies_is_no_revert_and_neither_is_one_that_no_page_shows() {
    let (aws, iam) = contained(Principal::user(), &user()).await;
    iam.change(|alice| alice.attached.extend((0..10).map(|n| arn(&format!("a-{n}")))));
    iam.page(10);
    let check = verify(&aws, "one", &user()).await.expect("a look");
    assert!(check.holds && check.reverted.is_empty(), "{check:?}");
    refuse_later_pages(&aws, "iam:ListAttachedUserPolicies");
    assert_eq!(verify(&aws, "one", &user()).await.expect_err("nobody knows").kind, FaultKind::Denied);
    assert_eq!(aws.changes(), [""; 0]);
}

#[tokio::test]
async fn a_look_at_an_incomplete_list_of_credentials_confirms_nothing() {
    for (_, list, _, _) in KINDS {
        let (aws, iam) = contained(wide(Principal::user()), &user()).await;
        iam.page(1);
        refuse_later_pages(&aws, list);
        let check = verify(&aws, "one", &user()).await.expect("a look");
        assert!(!check.holds && check.problems.len() == 1 && check.reverted.is_empty(), "{list}: {check:?}");
    }
}

#[tokio::test]
async fn a_revocation_on_a_later_page_is_seen_and_undone() {
    let before = wide(Principal::role());
    let (aws, iam) = paged(before.clone(), 1).await;
    contain(&aws, "one", &older_sessions()).await.expect("a receipt");
    assert!(verify(&aws, "one", &older_sessions()).await.expect("a look").holds);
    let steps = release(&aws, "one", &older_sessions()).await.expect("a release");
    assert!(is_done(&steps), "{steps:?}");
    assert_eq!(iam.now(), before);
}

#[tokio::test]
async fn older_sessions_are_not_called_released_while_their_policy_may_be_on_a_page_that_nobody_read() {
    let (aws, iam) = paged(wide(Principal::role()), 1).await;
    refuse_later_pages(&aws, "iam:ListRolePolicies");
    contain(&aws, "one", &older_sessions()).await.expect("a receipt");
    let revoked = iam.now();
    release(&aws, "one", &older_sessions()).await.expect_err("it cannot tell");
    assert_eq!(iam.now(), revoked);
}
