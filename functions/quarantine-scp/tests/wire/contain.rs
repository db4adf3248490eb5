use crate::policy::{denying, denying_people, denying_sessions, shipped};
use crate::release::release;
use crate::{ALICE, contain, in_management, is_locked, stage, user, verify};
use firebreak::fault::FaultKind;
use firebreak::ids::PrincipalId;
use firebreak::receipt::{Outcome, Status};
use firebreak::step::StepKind;
use firebreak::target::{Scope, Target, TargetKind};
use firebreak_testkit::room;
use firebreak_testkit::scripted::{Call, error, ok};

/// What a call is for, where it matters in which order it comes: the lock and the base by name, the policy by its operation.
fn purpose(call: &Call) -> Option<String> {
    match (call.action().as_str(), call.params["Key"]["sk"]["S"].as_str()) {
        ("dynamodb:UpdateItem", Some("lock")) => Some("lock".to_owned()),
        ("dynamodb:UpdateItem", Some("base#quarantine-scp")) => Some("base".to_owned()),
        ("organizations:DescribePolicy" | "organizations:UpdatePolicy", _) => Some(call.operation.clone()),
        _ => None,
    }
}

#[tokio::test]
async fn an_entry_is_written_under_the_lock_after_its_base_and_read_back() {
    let (aws, organizations) = stage().await;
    let receipt = contain(&aws, "one", &user("alice")).await.expect("a receipt");
    assert_eq!(receipt.status, Status::Contained);
    assert_eq!(organizations.content(), denying(&ALICE), "two values more, and everything else as it was");
    let order: Vec<String> = aws.calls().iter().filter_map(purpose).collect();
    assert_eq!(order, ["lock", "DescribePolicy", "base", "UpdatePolicy", "DescribePolicy", "lock"]);
    assert!(!is_locked(&aws), "the next one must not wait");
    assert_eq!(aws.unknown(), [""; 0]);
}

#[tokio::test]
async fn a_session_whose_name_has_a_comma_is_denied_and_let_go_like_any_other() {
    let (aws, organizations) = stage().await;
    let principal_id = PrincipalId::parse("AROAEXAMPLEEXAMPLE12").ok();
    let session = Some("doe,jane".to_owned());
    let target = Target { principal_id, session, scope: Scope::Session, ..room::target(TargetKind::IamRole, "deploy") };
    let receipt = contain(&aws, "one", &target).await.expect("a receipt");
    assert_eq!(receipt.status, Status::Contained);
    assert_eq!(organizations.content(), denying_sessions(&["AROAEXAMPLEEXAMPLE12:doe,jane"]));
    assert!(verify(&aws, "one", &target).await.expect("a look").holds);
    release(&aws, &target).await.expect("a release");
    assert_eq!(organizations.content(), shipped());
}

#[tokio::test]
async fn the_credentials_are_for_the_role_of_this_work_in_the_management_account() {
    let (aws, _) = stage().await;
    contain(&aws, "one", &user("alice")).await.expect("a receipt");
    let assumed = aws.calls_of("sts:AssumeRole");
    assert_eq!(assumed.len(), 1, "no other account is entered");
    assert_eq!(assumed[0].param("RoleArn"), "arn:aws:iam::999988887777:role/firebreak/FirebreakMemberQuarantineScp");
    assert!(!assumed[0].param("Policy").contains("iam:"), "the session may do nothing else there");
}

#[tokio::test]
async fn a_policy_that_is_attached_nowhere_fails_and_one_of_which_that_is_not_known_does_not() {
    let (aws, organizations) = stage().await;
    organizations.change(|policy| policy.targets.clear());
    let receipt = contain(&aws, "one", &user("alice")).await.expect("a receipt");
    assert_eq!((receipt.status, organizations.content()), (Status::Failed, shipped()));
    let denial = receipt.steps.iter().find(|step| step.is(StepKind::DenyByScp)).expect("the step");
    assert!(denial.error.as_ref().expect("a fault").message.contains("attached to nothing"), "{denial:?}");
    assert_eq!(aws.changes(), [""; 0]);
    aws.always("organizations:ListTargetsForPolicy", error(400, "AccessDeniedException"));
    let receipt = contain(&aws, "one", &user("alice")).await.expect("a receipt");
    assert_eq!((receipt.status, organizations.content()), (Status::Contained, denying(&ALICE)));
}

#[tokio::test]
async fn containing_twice_writes_the_policy_once() {
    let (aws, organizations) = stage().await;
    contain(&aws, "one", &user("alice")).await.expect("a receipt");
    aws.forget();
    let again = contain(&aws, "one", &user("alice")).await.expect("a receipt");
    assert_eq!((again.status, organizations.content()), (Status::Contained, denying(&ALICE)));
    assert_eq!(again.steps[1].outcome, Outcome::Already);
    assert_eq!(aws.changes(), [""; 0]);
}

#[tokio::test]
async fn a_person_seen_in_the_management_account_is_denied_everywhere_else_and_that_is_said() {
    let (aws, organizations) = stage().await;
    let person = in_management(room::target(TargetKind::IdentityCenterUser, "alice@example.com"));
    let receipt = contain(&aws, "one", &person).await.expect("a receipt");
    assert_eq!((receipt.status, organizations.content()), (Status::Contained, denying_people(&["*:alice@example.com"])));
    let said = receipt.steps.iter().find(|step| step.is(StepKind::DenyInManagementAccount)).expect("the step");
    assert!(said.outcome == Outcome::Skipped && said.error.is_some(), "{said:?}");
}

#[tokio::test]
async fn what_does_not_read_as_it_was_written_is_tried_again() {
    let (aws, organizations) = stage().await;
    // Somebody writes the policy at the same moment, by hand: theirs is the last word.
    aws.always("organizations:UpdatePolicy", ok("{}"));
    let fault = contain(&aws, "one", &user("alice")).await.expect_err("a passing fault");
    assert_eq!((fault.kind, organizations.content()), (FaultKind::Transient, shipped()));
    assert!(!is_locked(&aws));
    aws.mend();
    let receipt = contain(&aws, "one", &user("alice")).await.expect("a receipt");
    assert_eq!((receipt.status, organizations.content()), (Status::Contained, denying(&ALICE)));
}
