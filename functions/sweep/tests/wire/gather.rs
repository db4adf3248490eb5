//! The ledger is the incident: what somebody wrote there since counts.

use crate::{AUTO, ONE_PAGE, SUSPECT, Stage, modes, names, receipt};
use firebreak::containment::Containment;
use firebreak::decision::{Decision, Mode, ReasonCode, Waits};
use firebreak::receipt::Status;
use sweep::Phase;

#[tokio::test]
async fn what_was_decided_in_the_ledger_is_in_the_answer_and_what_waits_is_carried_out_after_an_approval() {
    let stage = Stage::start().await;
    let by_hand = Decision { containment: None, ..stage.decision("bob", Mode::Gate) };
    stage.append(&[stage.decision("mallory", Mode::Auto), stage.decision("alice", Mode::Gate), by_hand]).await;
    let answer = stage.run(Phase::Gather, AUTO).await.expect("an answer");
    assert_eq!(answer.incident.decisions, stage.view().await.record.incident.decisions);
    assert_eq!(answer.incident.decisions.len(), 4);
    assert_eq!(names(&answer.watch.contain), ["alice", "mallory"], "nobody contains what is by hand");
    assert_eq!(answer.watch.round, 1);
    assert!(stage.aws.calls().iter().all(|call| call.service == "dynamodb"), "gathering asks nobody else");
}

#[tokio::test]
async fn a_decision_that_a_killed_try_appended_comes_out_of_the_next_look() {
    let stage = Stage::start().await;
    stage.append(&[stage.decision("mallory", Mode::Auto), stage.decision("alice", Mode::Gate)]).await;
    let answer = stage.run(Phase::Look, ONE_PAGE).await.expect("an answer");
    assert_eq!(names(&answer.watch.contain), ["mallory"]);
    let all = [(SUSPECT, Mode::Auto), ("mallory", Mode::Auto), ("alice", Mode::Gate)];
    assert_eq!(modes(&answer.incident.decisions), all);
    assert!(answer.watch.alarm, "people have not been told");
}

#[tokio::test]
async fn a_receipt_that_was_corrected_replaces_the_one_that_the_state_machine_carries() {
    let mut stage = Stage::start().await;
    let target = stage.incident.decisions[0].target.clone();
    let before = receipt(&target, Status::Failed);
    stage.report.containment.receipts = vec![before.clone()];
    let failed = stage.run(Phase::Gather, AUTO).await.expect("an answer");
    assert_eq!(failed.report.containment.receipts, [before]);
    let corrected = receipt(&target, Status::Contained);
    stage.ledger().keep_receipt(&stage.incident.id, &corrected).await.expect("the ledger takes it");
    for phase in [Phase::Gather, Phase::Look] {
        let answer = stage.run(phase, ONE_PAGE).await.expect("an answer");
        assert_eq!(answer.report.containment.receipts, std::slice::from_ref(&corrected), "{phase:?}");
        assert!(!answer.watch.idle, "{phase:?}: there is something to look after");
    }
    assert_eq!(stage.aws.calls_of("cloudtrail:LookupEvents").len(), 1, "what is contained is a suspect");
}

#[tokio::test]
async fn a_decision_that_the_ledger_made_wait_is_not_contained_at_once() {
    let mut stage = Stage::start().await;
    let alice = stage.decision("alice", Mode::Auto);
    stage.append(std::slice::from_ref(&alice)).await;
    stage.incident.decisions.push(alice.clone());
    let before = stage.run(Phase::Look, ONE_PAGE).await.expect("an answer");
    assert_eq!(names(&before.watch.contain), ["alice"], "nothing became of it yet");
    let waits = Waits { code: ReasonCode::Impact, impact: "it would stop a pipeline".to_owned() };
    let waiting = stage.ledger().wait_for_approval(&stage.incident.id, Containment::QuarantineIam, &alice.target, &waits).await;
    waiting.expect("the ledger takes it");
    let after = stage.run(Phase::Look, ONE_PAGE).await.expect("an answer");
    assert!(after.watch.contain.is_empty(), "{:?}", after.watch.contain);
    assert_eq!(modes(&after.incident.decisions), [(SUSPECT, Mode::Auto), ("alice", Mode::Gate)]);
    assert_eq!(after.incident.decisions[1].code, ReasonCode::Impact);
    let gathered = stage.run(Phase::Gather, AUTO).await.expect("an answer");
    assert_eq!(names(&gathered.watch.contain), ["alice"], "an approval carries it out");
}
