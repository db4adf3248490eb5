use crate::principal::{KEY, NAMESAKE_ID, Principal};
use crate::target::{identified, key, user};
use crate::{base, contain, outcome, recorded_before, refuse_records, stage};
use firebreak::fault::FaultKind;
use firebreak::receipt::{Outcome, Status};
use firebreak_testkit::scripted::error;
use std::collections::BTreeSet;

#[tokio::test]
async fn one_access_key_is_made_inactive_and_the_rest_of_the_user_keeps_working() {
    let before = Principal::user();
    let (aws, iam) = stage(before.clone()).await;
    let receipt = contain(&aws, "one", &key(KEY)).await.expect("a receipt");
    assert_eq!((receipt.status, iam.now()), (Status::Contained, before.but(|alice| alice.set_active(KEY, false))));
    assert_eq!(aws.changes(), ["iam:UpdateAccessKey"]);
    assert!(!recorded_before(&aws, "UpdateAccessKey"), "it is exposed and stays inactive: it does not wait");
    let recorded = base(&aws, &key(KEY)).await.expect("a base");
    let alone = BTreeSet::from([KEY.to_owned()]);
    assert_eq!((&recorded.deactivated, &recorded.exposed), (&alone, &alone));
    assert_eq!(base(&aws, &user()).await, None, "the user as a whole is not held");
    aws.forget();
    assert_eq!(contain(&aws, "one", &key(KEY)).await.expect("a receipt").status, Status::Contained);
    assert_eq!((aws.changes(), iam.now().active().contains(KEY)), (vec!["iam:UpdateAccessKey".to_owned()], false));
}

#[tokio::test]
async fn a_key_that_is_gone_changes_nothing() {
    let (aws, iam) = stage(Principal::user()).await;
    let gone = contain(&aws, "one", &key("AKIAEXAMPLEEXAMPLE77")).await.expect_err("a refusal");
    assert_eq!((gone.kind, iam.now()), (FaultKind::Gone, Principal::user()));
}

#[tokio::test]
async fn a_key_becomes_inactive_although_the_user_cannot_be_read_or_recorded_or_is_a_namesake() {
    let without = || Principal::user().but(|alice| alice.set_active(KEY, false));
    let (aws, iam) = stage(Principal::user()).await;
    let receipt = contain(&aws, "one", &identified(key(KEY), NAMESAKE_ID)).await.expect("a receipt");
    assert_eq!((receipt.status, outcome(&receipt.steps, "check-identity")), (Status::Partial, Some(Outcome::Failed)));
    assert_eq!(iam.now(), without());

    let (aws, iam) = stage(Principal::user()).await;
    aws.always("iam:ListAccessKeys", error(400, "Throttling"));
    assert_eq!(contain(&aws, "one", &key(KEY)).await.expect_err("another try").kind, FaultKind::Transient);
    assert_eq!(iam.now(), without());

    let (aws, iam) = stage(Principal::user()).await;
    refuse_records(&aws);
    assert_eq!(contain(&aws, "one", &key(KEY)).await.expect("a receipt").status, Status::Partial);
    assert_eq!(iam.now(), without());
}
