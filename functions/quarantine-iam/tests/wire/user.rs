use crate::principal::{KEY, NAMESAKE_ID, OLD_KEY, Principal, TAGS_AT_MOST, arn};
use crate::target::{identified, seen_with, user};
use crate::{base, contain, contained, kept, outcome, recorded_before, refuse_records, stage};
use firebreak::fault::FaultKind;
use firebreak::receipt::{Outcome, Status};
use firebreak_testkit::scripted::error;
use quarantine_iam::{CredentialKind, DENY_ALL};
use std::collections::BTreeSet;

#[tokio::test]
async fn a_user_is_denied_everything_and_no_credential_works() {
    let before = Principal::user();
    let (aws, iam) = stage(before.clone()).await;
    let receipt = contain(&aws, "one", &user()).await.expect("a receipt");
    assert_eq!(receipt.status, Status::Contained, "{:?}", receipt.steps);
    assert_eq!(iam.now().untimed(), before.clone().denied_by(DENY_ALL, "one"));
    assert!(iam.now().tags.contains_key("firebreak-at"), "people see since when");
    let base = base(&aws, &user()).await.expect("a base");
    assert_eq!((base.credentials, base.deactivated), (before.credentials.clone(), before.active()));
    assert_eq!((base.attached_policies, base.tags), (Some(before.attached), Some(before.tags)), "nothing of Firebreak's");
    assert_eq!((base.groups, base.mfa_devices), (Some(before.groups), Some(before.mfa_devices)));
    assert_eq!((base.principal_id, base.console_password), (before.id, Some(true)));
    assert_eq!(aws.unknown(), [""; 0]);
}

#[tokio::test]
async fn the_deny_does_not_wait_for_the_record_and_the_credentials_do() {
    let (aws, _) = stage(Principal::user()).await;
    contain(&aws, "one", &user()).await.expect("a receipt");
    assert!(!recorded_before(&aws, "AttachUserPolicy"));
    let credentials = ["AccessKey", "ServiceSpecificCredential", "SSHPublicKey", "SigningCertificate"];
    for waits in credentials.map(|credential| format!("Update{credential}")) {
        assert!(recorded_before(&aws, &waits), "{waits}");
    }
}

#[tokio::test]
async fn without_a_record_a_user_is_denied_but_no_credential_and_no_boundary_is_changed() {
    let before = Principal::user();
    let (aws, iam) = stage(before.clone()).await;
    refuse_records(&aws);
    let receipt = contain(&aws, "one", &user()).await.expect("a receipt");
    assert_eq!(receipt.status, Status::Partial);
    let labelled = Principal { credentials: before.credentials.clone(), ..before.denied_by(DENY_ALL, "one") };
    assert_eq!(iam.now().untimed(), labelled, "a label is undone without a record");

    let before = Principal::user().full().bounded();
    let (aws, iam) = stage(before.clone()).await;
    refuse_records(&aws);
    let receipt = contain(&aws, "one", &user()).await.expect("a receipt");
    let now = iam.now();
    assert_eq!(outcome(&receipt.steps, "deny-by-boundary"), Some(Outcome::Failed));
    assert_eq!((now.boundary, now.attached, now.credentials), (before.boundary, before.attached, before.credentials));
    assert_ne!(receipt.status, Status::Contained);
}

#[tokio::test]
async fn when_no_more_policies_fit_the_boundary_denies_once_the_old_one_is_recorded() {
    let before = Principal::user().full().bounded();
    let (aws, iam) = stage(before.clone()).await;
    let receipt = contain(&aws, "one", &user()).await.expect("a receipt");
    let steps = ["attach-deny", "deny-by-boundary"].map(|step| outcome(&receipt.steps, step));
    assert_eq!((receipt.status, steps), (Status::Contained, [Some(Outcome::Skipped), Some(Outcome::Applied)]));
    let now = iam.now();
    assert_eq!((now.boundary.clone(), &now.attached), (Some(arn(DENY_ALL)), &before.attached));
    assert!(now.active().is_empty());
    assert_eq!(base(&aws, &user()).await.expect("a base").boundary, before.boundary);
    assert!(recorded_before(&aws, "PutUserPermissionsBoundary"));
}

#[tokio::test]
async fn a_namesake_with_another_id_keeps_its_credentials() {
    let before = Principal::user();
    let (aws, iam) = stage(before.clone()).await;
    let target = identified(user(), NAMESAKE_ID);
    let receipt = contain(&aws, "one", &target).await.expect("a receipt");
    let steps = ["take-off-deny", "check-identity"].map(|step| outcome(&receipt.steps, step));
    assert_eq!((receipt.status, steps), (Status::Failed, [Some(Outcome::Applied), Some(Outcome::Failed)]));
    assert_eq!((iam.now(), base(&aws, &target).await), (before, None), "the deny that went out beside the look is gone again");
}

#[tokio::test]
async fn a_key_of_the_finding_becomes_inactive_before_the_record_and_counts_as_active_before() {
    for (key, is_sure) in [(KEY, true), (OLD_KEY, false)] {
        let before = Principal::user();
        let (aws, iam) = stage(before.clone()).await;
        let target = seen_with(key, user());
        let receipt = contain(&aws, "one", &target).await.expect("a receipt");
        assert_eq!((receipt.status, iam.now().untimed()), (Status::Contained, before.clone().denied_by(DENY_ALL, "one")));
        let name = format!("deactivate-key {key}");
        assert_eq!(receipt.steps.iter().filter(|step| step.name.as_str() == name).count(), 1, "one step, whoever wrote it");
        assert!(!recorded_before(&aws, "UpdateAccessKey"));
        let base = base(&aws, &target).await.expect("a base");
        assert!(base.deactivated.contains(key) && base.exposed.contains(key), "{key}");
        assert!(!is_sure || base.credentials == before.credentials);
        aws.forget();
        contain(&aws, "one", &target).await.expect("a receipt");
        let again = crate::base(&aws, &target).await.expect("a base");
        assert_eq!(again, base, "a read after the write says the same");
    }
}

#[tokio::test]
async fn a_key_of_the_finding_that_could_not_be_changed_at_once_is_tried_again_with_the_others() {
    let (aws, iam) = stage(Principal::user()).await;
    aws.next("iam:UpdateAccessKey", error(403, "AccessDenied"));
    let receipt = contain(&aws, "one", &seen_with(KEY, user())).await.expect("a receipt");
    assert_eq!((receipt.status, iam.now().active().len()), (Status::Contained, 0));
}

#[tokio::test]
async fn containing_a_user_twice_changes_nothing_more() {
    let (aws, iam) = contained(Principal::user(), &user()).await;
    let (first, recorded) = (iam.now().untimed(), base(&aws, &user()).await);
    let again = contain(&aws, "one", &user()).await.expect("a receipt");
    assert_eq!((again.status, iam.now().untimed()), (Status::Contained, first));
    assert_eq!(aws.changes(), ["iam:AttachUserPolicy", "iam:TagUser"], "what is so already is said again");
    assert_eq!(base(&aws, &user()).await, recorded, "an inactive credential is still known as one that worked");
}

#[tokio::test]
async fn a_second_incident_joins_the_base_and_what_was_made_between_counts_as_exposed() {
    let (aws, iam) = contained(Principal::user(), &user()).await;
    let recorded = base(&aws, &user()).await.expect("a base");
    let made = "AKIAEXAMPLEEXAMPLE03";
    iam.change(|alice| {
        alice.credentials[1].id = made.to_owned();
        alice.set_active(made, true);
    });
    let receipt = contain(&aws, "two", &user()).await.expect("a receipt");
    assert_eq!((receipt.status, iam.now().active().len()), (Status::Contained, 0));
    let joined = base(&aws, &user()).await.expect("a base");
    assert_eq!((&joined.attached_policies, &joined.tags), (&recorded.attached_policies, &recorded.tags));
    assert!(joined.credentials.starts_with(&recorded.credentials), "what was active before still is in the record");
    assert_eq!(joined.exposed, BTreeSet::from([made.to_owned()]));
    assert!(joined.deactivated.is_superset(&recorded.deactivated) && joined.deactivated.contains(made));
}

#[tokio::test]
async fn a_user_whose_access_keys_cannot_be_listed_is_denied_all_the_same() {
    let before = Principal::user();
    let (aws, iam) = stage(before.clone()).await;
    aws.always("iam:ListAccessKeys", error(403, "AccessDenied"));
    let receipt = contain(&aws, "one", &user()).await.expect("a receipt");
    assert_eq!((receipt.status, outcome(&receipt.steps, "read-base")), (Status::Partial, Some(Outcome::Failed)));
    assert_eq!(iam.now(), before.but(|alice| alice.attached.extend([arn(DENY_ALL)])));
}

#[tokio::test]
async fn a_throttle_that_lasts_is_tried_again_by_the_state_machine() {
    let before = Principal::user();
    let (aws, iam) = stage(before.clone()).await;
    aws.always("iam:ListAccessKeys", error(400, "Throttling"));
    assert_eq!(contain(&aws, "one", &user()).await.expect_err("another try").kind, FaultKind::Transient);
    assert_eq!(kept(&aws, "one", &user()).expect("a receipt").status, Status::Partial);
    assert!(iam.now().attached.contains(&arn(DENY_ALL)), "the deny is there meanwhile");
    aws.mend();
    let receipt = contain(&aws, "one", &user()).await.expect("a receipt");
    assert_eq!((receipt.status, iam.now().untimed()), (Status::Contained, before.denied_by(DENY_ALL, "one")));
}

#[tokio::test]
async fn a_throttle_that_passes_is_ridden_out() {
    let (aws, iam) = stage(Principal::user()).await;
    for action in ["iam:ListAccessKeys", "iam:AttachUserPolicy", "iam:UpdateAccessKey", "dynamodb:UpdateItem"] {
        let code = if action.starts_with("iam") { "Throttling" } else { "ThrottlingException" };
        aws.next(action, error(400, code));
        aws.next(action, error(400, code));
    }
    let receipt = contain(&aws, "one", &user()).await.expect("a receipt");
    assert_eq!((receipt.status, iam.now().untimed()), (Status::Contained, Principal::user().denied_by(DENY_ALL, "one")));
}

#[tokio::test]
async fn a_kind_of_credential_that_cannot_be_listed_is_said_and_the_others_are_inactive() {
    let kinds = [
        ("iam:ListServiceSpecificCredentials", "list-service-credentials", CredentialKind::ServiceSpecific),
        ("iam:ListSSHPublicKeys", "list-ssh-keys", CredentialKind::SshKey),
        ("iam:ListSigningCertificates", "list-certificates", CredentialKind::Certificate),
    ];
    for (action, step, left) in kinds {
        let (aws, iam) = stage(Principal::user()).await;
        aws.always(action, error(403, "AccessDenied"));
        let receipt = contain(&aws, "one", &user()).await.expect("a receipt");
        assert_eq!((receipt.status, outcome(&receipt.steps, step)), (Status::Partial, Some(Outcome::Failed)), "{action}");
        let now = iam.now();
        let working: Vec<CredentialKind> = now.credentials.iter().filter(|c| c.active).map(|c| c.kind).collect();
        assert_eq!(working, [left], "{action}");
    }
    // A partition without CodeCommit or Keyspaces.
    let without = Principal::user().but(|alice| alice.credentials.retain(|c| c.kind != CredentialKind::ServiceSpecific));
    let (aws, iam) = stage(without.clone()).await;
    aws.always("iam:ListServiceSpecificCredentials", error(404, "NotSupportedService"));
    let receipt = contain(&aws, "one", &user()).await.expect("a receipt");
    assert_eq!((receipt.status, iam.now().untimed()), (Status::Contained, without.denied_by(DENY_ALL, "one")));
}

#[tokio::test]
async fn a_user_without_room_for_a_label_or_whose_key_is_deleted_meanwhile_is_contained_all_the_same() {
    let before = Principal::user().but(|alice| {
        alice.tags = (0..TAGS_AT_MOST).map(|n| (format!("theirs-{n}"), "x".to_owned())).collect();
    });
    let (aws, iam) = stage(before.clone()).await;
    let receipt = contain(&aws, "one", &user()).await.expect("a receipt");
    assert_eq!((receipt.status, outcome(&receipt.steps, "tag")), (Status::Contained, Some(Outcome::Skipped)));
    let now = iam.now();
    assert!(now.attached.contains(&arn(DENY_ALL)) && now.active().is_empty());
    assert_eq!(now.tags, before.tags, "a label of the owner's is not pushed out");

    let (aws, _) = stage(Principal::user()).await;
    aws.always("iam:UpdateAccessKey", error(404, "NoSuchEntity"));
    let receipt = contain(&aws, "one", &user()).await.expect("a receipt");
    let step = outcome(&receipt.steps, &format!("deactivate-key {KEY}"));
    assert_eq!((receipt.status, step), (Status::Contained, Some(Outcome::Skipped)));
}

#[tokio::test]
async fn what_people_should_know_besides_is_said_and_is_no_failure() {
    let found = "arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantineV3".to_owned();
    let (aws, _) = stage(Principal::user().but(|alice| alice.attached.extend([found]))).await;
    let theirs = contain(&aws, "one", &seen_with(OLD_KEY, user())).await.expect("a receipt");
    let deleted = contain(&aws, "two", &seen_with("AKIAEXAMPLEEXAMPLE77", user())).await.expect("a receipt");
    let notes = [&theirs, &deleted]
        .map(|receipt| ["note-quarantine-of-aws", "find-exposed-key"].map(|step| outcome(&receipt.steps, step)));
    let skipped = Some(Outcome::Skipped);
    assert_eq!(notes, [[skipped, None], [skipped, skipped]]);
    assert_eq!([theirs.status, deleted.status], [Status::Contained; 2]);
}
