use crate::principal::{NAMESAKE_ID, Principal, arn};
use crate::target::{identified, older_sessions, role, session};
use crate::{base, contain, outcome, recorded_before, refuse_records, stage};
use firebreak::fault::FaultKind;
use firebreak::receipt::{Outcome, Status};
use firebreak::target::TargetKind;
use firebreak_testkit::room;
use firebreak_testkit::scripted::error;
use quarantine_iam::DENY_ALL;

/// AWS's own, and Firebreak's.
const PROTECTED: [&str; 3] = ["/aws-service-role/ecs.amazonaws.com/", "/aws-reserved/sso.amazonaws.com/", "/firebreak/"];

fn under(path: &str) -> Principal {
    Principal::role().but(|role| path.clone_into(&mut role.path))
}

#[tokio::test]
async fn a_whole_role_is_denied_once_it_was_read_and_recorded() {
    let before = Principal::role().bounded();
    let (aws, iam) = stage(before.clone()).await;
    let receipt = contain(&aws, "one", &role()).await.expect("a receipt");
    assert_eq!((receipt.status, iam.now().untimed()), (Status::Contained, before.clone().denied_by(DENY_ALL, "one")));
    assert!(recorded_before(&aws, "AttachRolePolicy"));
    let recorded = base(&aws, &role()).await.expect("a base");
    assert_eq!((recorded.boundary, recorded.attached_policies), (before.boundary, Some(before.attached)));
    assert!(recorded.trust_policy.is_some_and(|document| document.contains("AssumeRole")), "who may come back");
    aws.forget();
    let first = iam.now().untimed();
    let again = contain(&aws, "one", &role()).await.expect("a receipt");
    assert_eq!((again.status, iam.now().untimed()), (Status::Contained, first));
    let mut changes = aws.changes();
    changes.sort();
    assert_eq!(changes, ["iam:AttachRolePolicy", "iam:TagRole"], "what is so already is said again");
}

#[tokio::test]
async fn a_role_with_a_protected_name_or_path_is_refused_with_no_change() {
    let (aws, _) = stage(Principal::role()).await;
    let own = room::target(TargetKind::IamRole, "FirebreakMemberRelease");
    assert_eq!(contain(&aws, "one", &own).await.expect_err("a refusal").kind, FaultKind::Protected);
    assert!(aws.calls().is_empty(), "before any call");
    for path in PROTECTED {
        for target in [role(), older_sessions()] {
            let (aws, iam) = stage(under(path)).await;
            let refused = contain(&aws, "one", &target).await.expect_err("a refusal");
            assert_eq!((refused.kind, aws.changes()), (FaultKind::Protected, vec![]), "{path} {target}");
            assert_eq!((iam.now(), base(&aws, &target).await), (under(path), None));
        }
    }
}

#[tokio::test]
async fn a_session_of_a_protected_role_is_reported_as_not_denied() {
    for path in PROTECTED {
        let (aws, iam) = stage(under(path)).await;
        let receipt = contain(&aws, "one", &session("suspect")).await.expect("a receipt");
        let steps = ["deny-session", "check-identity"].map(|step| outcome(&receipt.steps, step));
        assert_eq!((receipt.status, steps), (Status::Failed, [Some(Outcome::Failed); 2]), "{path}");
        assert_eq!(iam.now(), under(path), "IAM refused both writes, and no other was tried");
    }
}

#[tokio::test]
async fn a_role_that_was_created_anew_or_cannot_be_read_is_an_error_and_nothing_changes() {
    let (aws, iam) = stage(Principal::role()).await;
    let anew = contain(&aws, "one", &identified(role(), NAMESAKE_ID)).await.expect_err("a refusal");
    aws.always("iam:GetRole", error(403, "AccessDenied"));
    let unread = contain(&aws, "one", &role()).await.expect_err("nothing was tried");
    assert_eq!((anew.kind, unread.kind), (FaultKind::Malformed, FaultKind::Denied));
    assert_eq!((aws.changes(), iam.now()), (vec![], Principal::role()));
}

#[tokio::test]
async fn a_full_role_is_denied_by_its_boundary() {
    for before in [Principal::role().full(), Principal::role().full().bounded()] {
        let (aws, iam) = stage(before.clone()).await;
        assert_eq!(contain(&aws, "one", &role()).await.expect("a receipt").status, Status::Contained);
        assert_eq!((iam.now().boundary, iam.now().attached), (Some(arn(DENY_ALL)), before.attached));
        assert_eq!(base(&aws, &role()).await.expect("a base").boundary, before.boundary);
    }
}

#[tokio::test]
async fn without_a_record_a_whole_role_is_denied_and_not_labelled() {
    let (aws, iam) = stage(Principal::role()).await;
    refuse_records(&aws);
    assert_eq!(contain(&aws, "one", &role()).await.expect("a receipt").status, Status::Partial);
    assert_eq!(iam.now(), Principal::role().but(|role| role.attached.extend([arn(DENY_ALL)])));
}
