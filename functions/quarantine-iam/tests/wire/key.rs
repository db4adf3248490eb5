use crate::principal::{KEY, NAMESAKE_ID, Principal};
use crate::target::{identified, key, user};
use crate::{base, contain, recorded_before, refuse_records, stage};
use firebreak::fault::FaultKind;
use firebreak::receipt::Status;
use firebreak_testkit::scripted::error;
use std::collections::BTreeSet;

#[tokio::test]
async fn one_access_key_is_made_inactive_and_the_rest_of_the_user_keeps_working() {
    let before = Principal::user();
    let (aws, iam) = stage(before.clone()).await;
    let receipt = contain(&aws, "one", &key(KEY)).await.expect("a receipt");
    assert_eq!((receipt.status, iam.now()), (Status::Contained, before.but(|alice| alice.set_active(KEY, false))));
    assert_eq!(aws.changes(), ["iam:UpdateAccessKey"]);
    assert!(recorded_before(&aws, "UpdateAccessKey"));
    let recorded = base(&aws, &key(KEY)).await.expect("a base");
    let alone = BTreeSet::from([KEY.to_owned()]);
    assert_eq!((&recorded.deactivated, &recorded.exposed), (&alone, &alone));
    assert_eq!(base(&aws, &user()).await, None, "the user as a whole is not held");
    aws.forget();
    assert_eq!(contain(&aws, "one", &key(KEY)).await.expect("a receipt").status, Status::Contained);
    assert_eq!(aws.changes(), [""; 0], "a second time changes nothing");
}

#[tokio::test]
async fn a_key_that_is_gone_or_unread_or_unrecorded_or_a_namesakes_is_left_alone() {
    let (aws, iam) = stage(Principal::user()).await;
    let refused = [(key("AKIAEXAMPLEEXAMPLE77"), FaultKind::Gone), (identified(key(KEY), NAMESAKE_ID), FaultKind::Malformed)];
    for (target, kind) in refused {
        assert_eq!(contain(&aws, "one", &target).await.expect_err("a refusal").kind, kind, "{target}");
    }
    aws.always("iam:ListAccessKeys", error(400, "Throttling"));
    assert_eq!(contain(&aws, "one", &key(KEY)).await.expect_err("another try").kind, FaultKind::Transient);
    aws.mend();
    refuse_records(&aws);
    assert_eq!(contain(&aws, "one", &key(KEY)).await.expect("a receipt").status, Status::Failed);
    assert_eq!((aws.changes(), iam.now()), (vec![], Principal::user()));
}
