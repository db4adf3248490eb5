//! A user has another name than the decision says, and somebody else may have that one by now.

use crate::iam::Iam;
use crate::principal::{KEY, NAMESAKE_ID, Principal, USER_ID, arn};
use crate::release::{is_done, release};
use crate::target::{identified, key, seen_with, user};
use crate::{base, contain, contained, outcome, stage, verify};
use firebreak::fault::FaultKind;
use firebreak::receipt::{Outcome, Status};
use firebreak::target::{Target, TargetKind};
use firebreak_testkit::room;
use firebreak_testkit::scripted::{ScriptedAws, error};
use quarantine_iam::{Credential, CredentialKind, DENY_ALL};

/// What the suspect is called now.
pub(crate) const RENAMED: &str = "alice-2";
const THEIR_KEY: &str = "AKIAEXAMPLEEXAMPLE55";

/// The suspect under its new name.
pub(crate) fn suspect() -> Principal {
    Principal::user().but(|alice| alice.name = RENAMED.to_owned())
}

/// Whoever has the suspect's old name now.
pub(crate) fn victim() -> Principal {
    let own = Credential { kind: CredentialKind::AccessKey, id: THEIR_KEY.to_owned(), active: true };
    Principal::user().but(|victim| {
        victim.id = NAMESAKE_ID.to_owned();
        victim.credentials = vec![own];
    })
}

/// The suspect was renamed, and the victim has its name.
pub(crate) async fn replaced() -> (ScriptedAws, Iam) {
    let (aws, iam) = stage(suspect()).await;
    iam.add(victim());
    (aws, iam)
}

/// Renames the suspect and gives its name to the victim.
pub(crate) fn replace(iam: &Iam) {
    iam.change(|alice| alice.name = RENAMED.to_owned());
    iam.add(victim());
}

/// The decision knows no immutable id.
pub(crate) fn unidentified(target: Target) -> Target {
    Target { principal_id: None, ..target }
}

#[tokio::test]
async fn a_renamed_user_is_found_by_a_key_or_by_its_id_and_contained() {
    for target in [seen_with(KEY, user()), user()] {
        let (aws, iam) = stage(suspect()).await;
        let receipt = contain(&aws, "one", &target).await.expect("a receipt");
        assert_eq!(receipt.status, Status::Contained, "{:?}", receipt.steps);
        assert_eq!(outcome(&receipt.steps, "follow-rename alice-2"), Some(Outcome::Skipped));
        assert_eq!(iam.now().untimed(), suspect().denied_by(DENY_ALL, "one"));
        assert_eq!(base(&aws, &target).await.expect("a base").principal_id, USER_ID, "under its id");
        let sessions = aws.calls_of("sts:AssumeRole");
        assert!(sessions.last().expect("a session").param("Policy").contains("user/alice-2"), "one name for each session");
        assert_eq!((sessions.len(), aws.unknown()), (2, vec![]));
    }
}

#[tokio::test]
async fn whoever_has_the_name_ends_without_the_deny_and_the_suspect_with_it() {
    for target in [seen_with(KEY, user()), user()] {
        let (aws, iam) = replaced().await;
        let receipt = contain(&aws, "one", &target).await.expect("a receipt");
        assert_eq!(receipt.status, Status::Contained, "{:?}", receipt.steps);
        assert_eq!(outcome(&receipt.steps, "take-off-deny"), Some(Outcome::Applied));
        assert_eq!(iam.others(), [victim()]);
        assert_eq!(iam.now().untimed(), suspect().denied_by(DENY_ALL, "one"));
        assert!(verify(&aws, "one", &target).await.expect("a look").holds, "the containment knew the name");
    }
}

#[tokio::test]
async fn a_deny_that_cannot_be_taken_off_is_told_and_a_release_takes_it_off() {
    let (aws, iam) = replaced().await;
    aws.always("iam:DetachUserPolicy", error(403, "AccessDenied"));
    let receipt = contain(&aws, "one", &user()).await.expect("a receipt");
    let off = receipt.steps.iter().find(|step| step.name.as_str() == "take-off-deny").expect("a step");
    assert_eq!((receipt.status, off.outcome), (Status::Partial, Outcome::Failed));
    assert!(off.error.as_ref().is_some_and(|fault| fault.message.contains("INNOCENT")), "{off:?}");
    assert_eq!(iam.now().untimed(), suspect().denied_by(DENY_ALL, "one"), "the suspect is denied all the same");
    aws.mend();
    let steps = release(&aws, "one", &user()).await.expect("a release");
    assert!(is_done(&steps), "{steps:?}");
    assert_eq!((iam.now(), iam.others()), (suspect(), vec![victim()]));
}

#[tokio::test]
async fn a_throttle_while_the_deny_is_taken_off_is_tried_again() {
    let (aws, iam) = replaced().await;
    aws.always("iam:DetachUserPolicy", error(400, "Throttling"));
    assert_eq!(contain(&aws, "one", &user()).await.expect_err("another try").kind, FaultKind::Transient);
    aws.mend();
    assert_eq!(contain(&aws, "one", &user()).await.expect("a receipt").status, Status::Contained);
    assert_eq!(iam.others(), [victim()]);
}

#[tokio::test]
async fn whoever_another_incident_contains_keeps_deny_and_record() {
    let (aws, iam) = replaced().await;
    let theirs = identified(user(), NAMESAKE_ID);
    assert_eq!(contain(&aws, "two", &theirs).await.expect("a receipt").status, Status::Contained);
    let (held, recorded) = (iam.others(), base(&aws, &theirs).await);
    let receipt = contain(&aws, "one", &user()).await.expect("a receipt");
    let steps = ["take-off-deny", "record-base"].map(|step| outcome(&receipt.steps, step));
    assert_eq!((receipt.status, steps), (Status::Contained, [Some(Outcome::Skipped), Some(Outcome::Applied)]));
    assert_eq!((iam.others(), base(&aws, &theirs).await), (held, recorded));
    assert_eq!(iam.now().untimed(), suspect().denied_by(DENY_ALL, "one"), "each has a row");
}

#[tokio::test]
async fn whoever_has_the_label_keeps_the_deny_and_people_are_told() {
    let (aws, iam) = stage(suspect()).await;
    let labelled = victim().but(|victim| {
        victim.tags.insert("firebreak-state".to_owned(), "quarantined".to_owned());
    });
    iam.add(labelled.clone());
    let receipt = contain(&aws, "one", &user()).await.expect("a receipt");
    assert_eq!((receipt.status, outcome(&receipt.steps, "take-off-deny")), (Status::Partial, Some(Outcome::Failed)));
    assert_eq!(iam.others(), [labelled.but(|victim| victim.attached.extend([arn(DENY_ALL)]))]);
}

#[tokio::test]
async fn without_an_id_a_key_of_somebody_else_becomes_inactive_and_nobody_is_denied() {
    let target = unidentified(seen_with(KEY, user()));
    let (aws, iam) = replaced().await;
    let receipt = contain(&aws, "one", &target).await.expect("a receipt");
    let steps = ["take-off-deny", &format!("deactivate-key {KEY}"), "check-identity"].map(|step| outcome(&receipt.steps, step));
    let (applied, failed) = (Some(Outcome::Applied), Some(Outcome::Failed));
    assert_eq!((receipt.status, steps), (Status::Partial, [applied, applied, failed]));
    let without = suspect().but(|alice| alice.set_active(KEY, false));
    assert_eq!((iam.others(), iam.now()), (vec![victim()], without), "people judge the owner");
    aws.forget();
    verify(&aws, "one", &target).await.expect_err("a look writes nothing on whoever has the name");
    assert_eq!(aws.changes(), [""; 0]);
}

#[tokio::test]
async fn one_key_of_a_renamed_user_becomes_inactive() {
    let without = || suspect().but(|alice| alice.set_active(KEY, false));
    for stands_for_somebody in [false, true] {
        let (aws, iam) = stage(suspect()).await;
        if stands_for_somebody {
            iam.add(victim());
        }
        assert_eq!(contain(&aws, "one", &key(KEY)).await.expect("a receipt").status, Status::Contained);
        assert_eq!(iam.now(), without());
        assert_eq!(base(&aws, &key(KEY)).await.expect("a base").principal_id, USER_ID);
    }
    let (aws, iam) = replaced().await;
    let receipt = contain(&aws, "one", &unidentified(key(KEY))).await.expect("a receipt");
    assert_eq!((receipt.status, outcome(&receipt.steps, "check-identity")), (Status::Partial, Some(Outcome::Failed)));
    assert_eq!((iam.now(), iam.others()), (without(), vec![victim()]));
}

#[tokio::test]
async fn a_name_in_another_case_is_no_other_user() {
    let target = seen_with(KEY, room::target(TargetKind::IamUser, "Alice"));
    let (aws, iam) = stage(Principal::user()).await;
    // The list of keys is behind, and the owner is written as IAM knows it.
    iam.add(victim().but(|other| {
        other.name = "Alice".to_owned();
        other.credentials.clear();
    }));
    let receipt = contain(&aws, "one", &target).await.expect("a receipt");
    assert_eq!(outcome(&receipt.steps, "take-off-deny"), None, "{:?}", receipt.steps);
}

#[tokio::test]
async fn a_release_puts_a_renamed_user_back_under_its_present_name() {
    for (target, left) in [
        (user(), suspect()),
        (seen_with(KEY, user()), suspect().but(|alice| alice.set_active(KEY, false))),
        (unidentified(seen_with(KEY, user())), suspect().but(|alice| alice.set_active(KEY, false))),
    ] {
        let (aws, iam) = contained(Principal::user(), &target).await;
        replace(&iam);
        let steps = release(&aws, "one", &target).await.expect("a release");
        assert!(is_done(&steps), "{steps:?}");
        assert_eq!((iam.now(), iam.others()), (left, vec![victim()]));
        assert!(aws.changes().iter().all(|change| change != "iam:AttachUserPolicy"));
    }
}

#[tokio::test]
async fn a_user_counts_as_gone_only_when_neither_the_id_nor_a_key_exists() {
    let (aws, iam) = contained(Principal::user(), &seen_with(KEY, user())).await;
    iam.change(|alice| *alice = victim());
    aws.always("iam:ListUsers", error(400, "Throttling"));
    let unknown = release(&aws, "one", &user()).await.expect_err("nobody can tell");
    assert_eq!(unknown.kind, FaultKind::Transient);
    aws.mend();
    let gone = release(&aws, "one", &user()).await.expect_err("nothing to put back");
    assert_eq!((gone.kind, iam.now()), (FaultKind::Gone, victim()));
}

#[tokio::test]
async fn a_look_follows_a_renamed_user_and_writes_on_nobody_else() {
    for target in [user(), unidentified(seen_with(KEY, user()))] {
        let (aws, iam) = contained(Principal::user(), &target).await;
        replace(&iam);
        let quarantined = iam.now();
        let check = verify(&aws, "one", &target).await.expect("a look");
        assert!(!check.holds && check.problems.len() == 1 && check.problems[0].contains("renamed to alice-2"), "{check:?}");
        iam.change(|alice| {
            alice.attached.remove(&arn(DENY_ALL));
        });
        let check = verify(&aws, "one", &target).await.expect("a look");
        assert_eq!(check.reverted.len(), 1, "{check:?}");
        assert_eq!((iam.now(), iam.others()), (quarantined, vec![victim()]));
    }
}
