use crate::policy::{denying, shipped};
use crate::{ALICE, contain, function, lock_for_another, lock_key, stage, user, verify};
use firebreak::containment::Containment;
use firebreak::plan::{FindingSummary, JoinedAs};
use firebreak::task::{Phase, TaskInput, TaskOutput};
use firebreak_aws::clock;
use firebreak_ledger::Held;
use firebreak_testkit::room;

#[tokio::test]
async fn an_entry_that_somebody_took_out_is_written_again_for_who_holds_it_and_for_nobody_else() {
    let (aws, organizations) = stage().await;
    contain(&aws, "one", &user("alice")).await.expect("a receipt");
    organizations.write(shipped());
    aws.forget();
    let other = verify(&aws, "two", &user("alice")).await.expect("a look");
    assert!(!other.holds && other.problems.len() == 1 && other.reverted.is_empty(), "{other:?}");
    assert_eq!((aws.changes(), organizations.content()), (vec![], shipped()), "what was released must stay so");
    let own = verify(&aws, "one", &user("alice")).await.expect("a look");
    assert!(own.holds && own.reverted.len() == 1, "{own:?}");
    assert_eq!(organizations.content(), denying(&ALICE));
}

#[tokio::test]
async fn a_look_at_an_entry_that_holds_writes_nothing_and_an_unattached_policy_does_not_hold() {
    let (aws, organizations) = stage().await;
    contain(&aws, "one", &user("alice")).await.expect("a receipt");
    aws.forget();
    let check = verify(&aws, "one", &user("alice")).await.expect("a look");
    assert!(check.holds && check.reverted.is_empty(), "{check:?}");
    organizations.change(|policy| policy.targets.clear());
    let check = verify(&aws, "one", &user("alice")).await.expect("a look");
    assert!(!check.holds && check.problems[0].contains("attached to nothing"), "{check:?}");
    assert_eq!((aws.changes(), organizations.content()), (vec![], denying(&ALICE)));
}

#[tokio::test]
async fn during_a_pause_an_entry_that_somebody_took_out_is_told_and_not_written_again() {
    let (aws, organizations) = stage().await;
    contain(&aws, "one", &user("alice")).await.expect("a receipt");
    organizations.write(shipped());
    aws.forget();
    room::pause(&aws, Some(room::ACCOUNT), clock::now()).await;
    let check = verify(&aws, "one", &user("alice")).await.expect("a look");
    assert!(!check.holds && check.reverted.len() == 1 && check.reverted[0].contains("NOT written again"), "{check:?}");
    assert_eq!((aws.changes(), organizations.content()), (vec![], shipped()));
}

#[tokio::test]
async fn an_entry_that_a_finding_that_joined_holds_is_written_again_by_a_look_of_the_incident() {
    let (aws, organizations) = stage().await;
    let finding = room::incident("a finding");
    let mut request = TaskInput { approved: true, ..room::request(Phase::Contain, "one", user("alice")) };
    request.incident.joining = Some(finding.clone());
    Box::pin(function(&aws).handle(request)).await.expect("a receipt");
    organizations.write(shipped());
    let mut request = room::request(Phase::Verify, "one", user("alice"));
    let joined = Some(JoinedAs { id: finding, at: clock::now(), revision: Some(1) });
    request.incident.findings = vec![FindingSummary { joined, ..request.incident.finding.clone() }];
    let answer = Box::pin(function(&aws).handle(request)).await.expect("a look");
    let TaskOutput::Verification(check) = answer else { unreachable!("a look answers with a verification") };
    assert!(check.holds && check.reverted.len() == 1, "{check:?}");
    assert_eq!(organizations.content(), denying(&ALICE));
}

/// Ten looks of one watch queue for the policy, and a release is tried for seconds only.
#[tokio::test]
async fn a_look_that_waits_for_its_turn_keeps_no_release_waiting() {
    let (aws, organizations) = stage().await;
    let alice = user("alice");
    contain(&aws, "one", &alice).await.expect("a receipt");
    organizations.write(shipped());
    lock_for_another(&aws, "2099-01-01T00:00:00.000000Z");
    aws.forget();
    let containing = async || {
        let held = Held { target: &alice, containment: Containment::QuarantineScp };
        room::ledger(&aws).row(held, clock::now()).await.expect("the ledger answers").containing
    };
    let another = async {
        while !aws.calls().iter().any(|call| call.body.contains(&lock_key())) {
            tokio::task::yield_now().await;
        }
        let waiting = containing().await;
        lock_for_another(&aws, "2000-01-01T00:00:00.000000Z");
        waiting
    };
    let (look, waiting) = tokio::join!(verify(&aws, "one", &alice), another);
    assert_eq!(waiting, [""; 0], "a release could not begin");
    assert!(look.as_ref().is_ok_and(|check| check.holds && check.reverted.len() == 1), "{look:?}");
    assert_eq!((organizations.content(), containing().await), (denying(&ALICE), vec![]));
}
