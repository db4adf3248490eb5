//! What the ledger knows is laid over what the state machine carries, and unsays nothing that the state machine has seen since.

use super::{at, incident, user};
use firebreak::containment::Containment;
use firebreak::decision::{Decision, Mode};
use firebreak::incident::{Incident, IncidentStatus};
use firebreak::receipt::{Receipt, Status, Verification};
use firebreak::report::{Branch, Report, SweepBranch};
use firebreak_ledger::{Ledger, RawEvent};
use firebreak_testkit::room;
use firebreak_testkit::scripted::ScriptedAws;

fn opened() -> Incident {
    let decision = Decision::new(user("alice"), Some(Containment::QuarantineIam), Mode::Auto, "a finding");
    Incident { decisions: vec![decision], opened_at: at(100), ..room::opened("one") }
}

fn receipt(status: Status, finished: Option<i64>) -> Receipt {
    let of = Receipt::of(user("alice"), Containment::QuarantineIam, status);
    Receipt { finished_at: finished.map(at), ..of }
}

fn check(holds: bool, reverted: &[&str]) -> Verification {
    let (target, containment) = (user("alice"), Some(Containment::QuarantineIam));
    let problems = if holds { vec![] } else { vec!["could not be verified: Firebreak.Denied".to_owned()] };
    let reverted = reverted.iter().map(|line| (*line).to_owned()).collect();
    Verification { target, containment, holds, problems, reverted, notes: vec![] }
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

/// The same as an execution carries it whose finding joined at 200.
fn joined() -> Incident {
    Incident { joining: Some(incident("two")), opened_at: at(200), ..opened() }
}

#[tokio::test]
async fn a_failure_that_the_state_machine_wrote_reaches_other_executions_by_its_date() {
    for (finished, shown) in [(None, 0), (Some(50), 0), (Some(150), 1)] {
        let report = gathered(&receipt(Status::Failed, finished), carrying(None)).await;
        assert_eq!(report.containment.receipts.len(), shown, "{finished:?}");
    }
}

#[tokio::test]
async fn that_nothing_was_done_is_unsaid_by_what_was_done_since() {
    let waits = receipt(Status::Skipped, None);
    let report = gathered(&receipt(Status::Contained, Some(150)), carrying(Some(waits.clone()))).await;
    assert_eq!(report.containment.receipts, [receipt(Status::Contained, Some(150))]);
    let report = gathered(&receipt(Status::Contained, Some(50)), carrying(Some(waits.clone()))).await;
    assert_eq!(report.containment.receipts, [waits], "an execution before did that");
}

#[tokio::test]
async fn who_joined_takes_what_was_done_since_the_incident_was_opened_for_done() {
    let (_aws, ledger) = stage().await;
    for (finished, done) in [(50, 0), (150, 1)] {
        ledger.keep_receipt(&incident("one"), &receipt(Status::Contained, Some(finished))).await.expect("written");
        let (mut carried, mut report) = (joined(), Report::default());
        assert!(ledger.gather(&mut carried, &mut report).await.expect("read"));
        assert_eq!(report.containment.receipts.len(), done, "finished at {finished}");
        assert_eq!((carried.opened_at, carried.joining), (at(200), Some(incident("two"))), "its own time stays");
    }
}

fn found(line: &str) -> SweepBranch {
    SweepBranch { status: "ok".to_owned(), found: vec![line.to_owned()], ..SweepBranch::default() }
}

#[tokio::test]
async fn each_execution_keeps_what_its_looks_found_and_everybody_reads_all_of_it() {
    let (_aws, ledger) = stage().await;
    let (one, two, three) = (incident("one"), incident("two"), incident("three"));
    for (joining, line) in [(None, "1 CreateUser"), (Some(&two), "2 CreateRole"), (Some(&three), "3 CreateKey")] {
        ledger.keep_sweep(&one, joining, &found(line)).await.expect("written");
    }
    let all = ["1 CreateUser", "2 CreateRole", "3 CreateKey"];
    let view = ledger.incident(&one).await.expect("read").expect("an incident");
    assert_eq!(view.sweep.expect("looks").found, all);
    for (mut carried, own) in [(opened(), "1 CreateUser"), (joined(), "2 CreateRole")] {
        let mut report = Report { sweep: found(own), ..Report::default() };
        assert!(ledger.gather(&mut carried, &mut report).await.expect("read"));
        assert_eq!(report.sweep.found, all);
        let mut killed = Report::default();
        assert!(ledger.gather(&mut carried, &mut killed).await.expect("read"));
        assert!(!killed.sweep.found.contains(&own.to_owned()), "a look that was killed has told nobody: {:?}", killed.sweep);
    }
}

#[tokio::test]
async fn a_ticket_that_who_joined_asks_for_says_what_answers_led_to() {
    let (_aws, ledger) = stage().await;
    let id = incident("one");
    let gate = |incident: &mut Incident| incident.decisions[0].mode = Mode::Gate;
    ledger.amend(&id, gate).await.expect("written").expect("an incident");
    let contained = receipt(Status::Contained, Some(150));
    ledger.keep_receipt(&id, &contained).await.expect("written");
    ledger.keep_verification(&id, &check(true, &[])).await.expect("written");
    let released = receipt(Status::Partial, Some(160));
    ledger.keep_release(&id, &released).await.expect("written");
    let (mut carried, mut report) = (joined(), Report::default());
    assert!(ledger.gather(&mut carried, &mut report).await.expect("read"));
    assert_eq!((report.gated.len(), report.release.receipts.len()), (0, 0), "its own looks have nothing to do with it");
    assert!(ledger.gather_answered(&mut carried, &mut report).await.expect("read"));
    assert_eq!((report.gated, report.gated_verification), (vec![contained], vec![check(true, &[])]));
    assert_eq!(report.release.receipts, [released]);
}

#[tokio::test]
async fn a_receipt_of_who_joined_never_replaces_a_better_one() {
    let (_aws, ledger) = stage().await;
    let id = incident("one");
    let order = [(Status::Failed, Status::Failed), (Status::Contained, Status::Contained), (Status::Partial, Status::Contained)];
    for (now, kept) in order {
        ledger.keep_better_receipt(&id, &receipt(now, Some(150))).await.expect("written");
        let known = ledger.receipt(&id, Containment::QuarantineIam, &user("alice")).await.expect("read").expect("a receipt");
        assert_eq!(known.status, kept, "after {now:?}");
    }
    ledger.keep_machine_receipt(&id, &receipt(Status::Failed, Some(170))).await.expect("written");
    let known = ledger.receipt(&id, Containment::QuarantineIam, &user("alice")).await.expect("read");
    assert_eq!(known, Some(receipt(Status::Contained, Some(150))), "nor does the state machine's");
}

#[tokio::test]
async fn that_a_decision_waits_does_not_unsay_that_it_failed() {
    let (_aws, ledger) = stage().await;
    let id = incident("one");
    let failed = receipt(Status::Failed, Some(150));
    for written in [receipt(Status::Skipped, None), failed.clone(), receipt(Status::Skipped, None)] {
        ledger.keep_machine_receipt(&id, &written).await.expect("written");
    }
    let known = ledger.receipt(&id, Containment::QuarantineIam, &user("alice")).await.expect("read");
    assert_eq!(known, Some(failed));
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

/// The collection is an execution of its own: what the state machine carries is that it was started.
#[tokio::test]
async fn how_far_the_evidence_is_the_ledger_says() {
    let (_aws, ledger) = stage().await;
    let branch = |status: &str| Branch { status: status.to_owned(), ..Branch::default() };
    let gathered = async |carried: &str| {
        let (mut incident, mut report) = (opened(), Report { evidence: branch(carried), ..Report::default() });
        assert!(ledger.gather(&mut incident, &mut report).await.expect("read"));
        report.evidence
    };
    assert_eq!(gathered("started").await, branch("started"), "nobody has said anything yet");
    ledger.keep_collection(&incident("one"), "first", &branch("started")).await.expect("written");
    assert_eq!(gathered("started").await, Branch { count: Some(0), ..branch("started") });
    let missing = vec!["a line".to_owned()];
    let ended = Branch { missing: missing.clone(), ..branch("ok") };
    ledger.keep_collection(&incident("one"), "first", &ended).await.expect("written");
    assert_eq!(gathered("started").await, Branch { count: Some(0), missing, ..branch("ok") });
    ledger.keep_collection(&incident("one"), "joined", &branch("started")).await.expect("written");
    assert_eq!(gathered("started").await.status, "started", "a finding that joined has a collection of its own");
    assert_eq!(gathered("failed").await.status, "failed", "one that could not be started is in no row");
}
