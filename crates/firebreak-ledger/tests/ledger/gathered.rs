//! What the ledger knows is laid over what the state machine carries, and unsays nothing that the state machine has seen since.

use super::{at, incident, user};
use firebreak::containment::Containment;
use firebreak::decision::{Decision, Mode, ReasonCode};
use firebreak::incident::{Incident, IncidentStatus};
use firebreak::receipt::{Receipt, Status, Verification};
use firebreak::report::Report;
use firebreak_ledger::{Ledger, RawEvent};
use firebreak_testkit::room;
use firebreak_testkit::scripted::ScriptedAws;

fn opened() -> Incident {
    let (target, containment) = (user("alice"), Some(Containment::QuarantineIam));
    let (reason, code) = ("a finding".to_owned(), ReasonCode::Row);
    let decision =
        Decision { target, containment, mode: Mode::Auto, reason, code, by_hand: None, suppressed: false, would: None, since: 0 };
    Incident { decisions: vec![decision], opened_at: at(100), ..room::opened("one") }
}

fn receipt(status: Status, finished: Option<i64>) -> Receipt {
    let of = Receipt::of(user("alice"), Containment::QuarantineIam, status);
    Receipt { finished_at: finished.map(at), ..of }
}

fn check(holds: bool, reverted: &[&str]) -> Verification {
    let (target, containment) = (user("alice"), Some(Containment::QuarantineIam));
    let problems = if holds { vec![] } else { vec!["could not be verified: Firebreak.Denied".to_owned()] };
    Verification { target, containment, holds, problems, reverted: reverted.iter().map(|line| (*line).to_owned()).collect() }
}

async fn stage() -> (ScriptedAws, Ledger) {
    let aws = ScriptedAws::start().await.expect("a port");
    let ledger = room::ledger(&aws);
    ledger.open_incident(&opened(), IncidentStatus::Triaged, &RawEvent::Inline("{}")).await.expect("written");
    (aws, ledger)
}

/// What is carried, with what `known` says laid over it.
async fn gathered(known: &Receipt, carried: Report) -> Report {
    let (_aws, ledger) = stage().await;
    ledger.keep_receipt(&incident("one"), known).await.expect("written");
    let (mut incident, mut report) = (opened(), carried);
    assert!(ledger.gather(&mut incident, &mut report).await.expect("read"));
    report
}

fn carrying(receipt: Option<Receipt>) -> Report {
    let mut report = Report::default();
    report.containment.receipts = receipt.into_iter().collect();
    report
}

#[tokio::test]
async fn what_a_look_corrected_replaces_what_the_same_function_answered() {
    let report = gathered(&receipt(Status::Contained, Some(110)), carrying(Some(receipt(Status::Partial, Some(110))))).await;
    assert_eq!(report.containment.receipts[0].status, Status::Contained);
}

#[tokio::test]
async fn what_an_earlier_attempt_or_execution_left_does_not_unsay_a_failure() {
    for finished in [110, 50] {
        let failed = receipt(Status::Failed, None);
        let report = gathered(&receipt(Status::Contained, Some(finished)), carrying(Some(failed.clone()))).await;
        assert_eq!(report.containment.receipts, [failed], "finished at {finished}");
    }
    let newer = receipt(Status::Failed, Some(120));
    let report = gathered(&receipt(Status::Contained, Some(50)), carrying(Some(newer.clone()))).await;
    assert_eq!(report.containment.receipts, [newer]);
}

#[tokio::test]
async fn what_an_execution_before_did_is_no_receipt_of_this_one() {
    assert_eq!(gathered(&receipt(Status::Contained, Some(50)), carrying(None)).await.containment.receipts, []);
    assert_eq!(gathered(&receipt(Status::Contained, Some(150)), carrying(None)).await.containment.receipts.len(), 1);
}

#[tokio::test]
async fn an_approved_containment_is_laid_over_once() {
    let mut carried = carrying(Some(receipt(Status::Waits, Some(105))));
    carried.gated = vec![receipt(Status::Partial, Some(130))];
    let report = gathered(&receipt(Status::Contained, Some(130)), carried).await;
    assert_eq!((report.gated[0].status, report.containment.receipts[0].status), (Status::Contained, Status::Waits));
}

#[tokio::test]
async fn a_look_that_failed_is_not_erased_by_an_earlier_one_that_held() {
    let (_aws, ledger) = stage().await;
    ledger.keep_verification(&incident("one"), &check(true, &["the policy was detached"])).await.expect("written");
    let (mut incident, mut report) = (opened(), Report { verification: vec![check(false, &[])], ..Report::default() });
    assert!(ledger.gather(&mut incident, &mut report).await.expect("read"));
    assert!(!report.verification[0].holds, "{:?}", report.verification);
    assert_eq!(report.verification[0].problems.len(), 1);
    assert_eq!(report.verification[0].reverted, ["the policy was detached"], "what was reverted is not forgotten");
}
