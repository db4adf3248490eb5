//! A look beside a release, and a look at what the incident holds in the name of a finding that joined.

use crate::principal::{Principal, arn};
use crate::release::release;
use crate::renamed::unidentified;
use crate::rows::put_back;
use crate::same_name::{FINDING, contain_joined};
use crate::target::user;
use crate::{contained, held, responder, stage, verify};
use firebreak::fault::FaultKind;
use firebreak::holders::Holders;
use firebreak::incident::Incident;
use firebreak::plan::{FindingSummary, JoinedAs};
use firebreak::receipt::Status;
use firebreak::task::{Phase, TaskInput, TaskOutput};
use firebreak_aws::clock;
use firebreak_testkit::room;
use firebreak_testkit::scripted::Call;
use quarantine_iam::{BaseState, DENY_ALL, Function};
use std::time::Duration;

fn detach(principal: &mut Principal) {
    principal.attached.remove(&arn(DENY_ALL));
}

/// The incident as the watch has it: with the finding that joined.
fn with_joined() -> Incident {
    let incident = room::opened("one");
    let joined = Some(JoinedAs { id: room::incident(FINDING), at: clock::now(), revision: Some(1) });
    Incident { findings: vec![FindingSummary { joined, ..incident.finding.clone() }], ..incident }
}

#[tokio::test]
async fn what_a_finding_that_joined_holds_is_written_again_by_a_look_of_the_incident() {
    for target in [user(), unidentified(user())] {
        let (aws, iam) = stage(Principal::user()).await;
        assert_eq!(contain_joined(&aws, "one", &target).await, Status::Contained);
        let quarantined = iam.now();
        iam.change(detach);
        let request = TaskInput { incident: with_joined(), ..room::request(Phase::Verify, "one", target.clone()) };
        let answer = Box::pin(Function::new(responder(&aws)).handle(request)).await.expect("a look");
        let TaskOutput::Verification(check) = answer else { unreachable!("a look answers with a verification") };
        assert!(check.holds && check.reverted.len() == 1, "{target}: {check:?}");
        assert_eq!(iam.now(), quarantined, "{target}");
    }
}

fn reads_a_row(call: &Call) -> bool {
    call.action() == "dynamodb:GetItem" && call.params["Key"]["pk"]["S"].as_str().is_some_and(|pk| pk.starts_with("target#"))
}

#[tokio::test]
async fn a_release_between_the_reads_of_a_look_and_its_writes_is_not_undone() {
    let before = Principal::user();
    let (aws, iam) = contained(before.clone(), &user()).await;
    iam.change(detach);
    // Longer than the release takes.
    let slow = Function::new(responder(&aws).settling_in(Duration::from_secs(1)));
    let look = Box::pin(slow.handle(room::request(Phase::Verify, "one", user())));
    let releases = async {
        // The look has read that the incident holds the user.
        while aws.calls().iter().filter(|call| reads_a_row(call)).count() < 2 {
            tokio::task::yield_now().await;
        }
        put_back(&aws, "one", &user()).await;
    };
    let (answer, ()) = tokio::join!(look, releases);
    let TaskOutput::Verification(check) = answer.expect("a look") else { unreachable!("a look answers with a verification") };
    assert!(check.reverted.is_empty(), "{check:?}");
    assert_eq!(iam.now(), before, "nobody is denied under a released incident");
}

#[tokio::test]
async fn no_release_begins_while_a_look_writes_and_one_begins_right_after() {
    let before = Principal::user();
    let (aws, iam) = contained(before.clone(), &user()).await;
    iam.change(detach);
    aws.delay_call("iam:AttachUserPolicy", 1, Duration::from_millis(150));
    let (target, one) = (user(), room::incident("one"));
    let releases = async {
        while aws.calls_of("iam:AttachUserPolicy").is_empty() {
            tokio::task::yield_now().await;
        }
        room::ledger(&aws).begin_release::<BaseState>(held(&target), &Holders::of(&one), clock::now()).await
    };
    let (check, claim) = tokio::join!(Box::pin(verify(&aws, "one", &target)), releases);
    assert_eq!(claim.expect_err("the look writes").kind, FaultKind::Transient);
    assert!(check.expect("a look").holds);
    release(&aws, "one", &target).await.expect("a release");
    assert_eq!(iam.now(), before);
}
