//! The ledger counts what is decided after triage, and an end that covers less is refused.

use super::{at, incident, user};
use firebreak::containment::Containment;
use firebreak::decision::{Decision, Mode, ReasonCode, Waits};
use firebreak::fault::FaultKind;
use firebreak::incident::{Incident, IncidentStatus};
use firebreak::report::Report;
use firebreak::review::GateMessage;
use firebreak::revision::Shown;
use firebreak_ledger::{Ledger, RawEvent, Ticket};
use firebreak_testkit::dynamodb::Value;
use firebreak_testkit::room;
use firebreak_testkit::scripted::ScriptedAws;

fn decision(name: &str) -> Decision {
    Decision::new(user(name), Some(Containment::QuarantineIam), Mode::Auto, "a finding")
}

fn opened() -> Incident {
    Incident { decisions: vec![decision("alice")], ..room::opened("one") }
}

async fn stage() -> (ScriptedAws, Ledger) {
    let aws = ScriptedAws::start().await.expect("a port");
    let ledger = room::ledger(&aws);
    ledger.open_incident(&opened(), IncidentStatus::Triaged, &RawEvent::Inline("{}")).await.expect("written");
    (aws, ledger)
}

async fn append(ledger: &Ledger, name: &str) -> Incident {
    let amended = ledger.amend(&incident("one"), |incident| incident.decisions.push(decision(name))).await;
    amended.expect("written").expect("an incident")
}

async fn status(ledger: &Ledger) -> IncidentStatus {
    ledger.record(&incident("one")).await.expect("read").expect("an incident").status
}

fn message(execution: &str, round: u32) -> GateMessage {
    GateMessage {
        task_token: format!("token of {execution} {round}"),
        execution_arn: execution.to_owned(),
        entered_at: at(i64::from(round)),
        retry: 0,
        round,
        after_answer: false,
        takes: firebreak::review::Takes::default(),
        incident: opened(),
        report: Report::default(),
    }
}

async fn ticket(ledger: &Ledger) -> Ticket {
    ledger.gate(&incident("one")).await.expect("read").expect("a gate").ticket
}

#[tokio::test]
async fn whoever_changes_a_decision_raises_the_revision_in_the_document_and_beside_it() {
    let (aws, ledger) = stage().await;
    let id = incident("one");
    assert_eq!(append(&ledger, "bob").await.revision, 1);
    let waits = Waits { code: ReasonCode::Impact, impact: "it would stop two others".to_owned() };
    ledger.wait_for_approval(&id, Containment::QuarantineIam, &user("alice"), &waits).await.expect("amended");
    ledger.amend(&id, |incident| incident.over_budget = 1).await.expect("written");
    let now = ledger.record(&id).await.expect("read").expect("an incident").incident;
    let since: Vec<u32> = now.decisions.iter().map(|decision| decision.since).collect();
    assert_eq!((since, now.revision, now.over_budget), (vec![2, 1], 2, 1), "a number that nobody is asked about is no change");
    let row = aws.table().item(&format!("incident#{id}"), "incident").cloned().expect("a row");
    assert_eq!(row.get("revision"), Some(&Value::N("2".to_owned())));
    // What the state machine carries is older, or has only facts.
    let (mut carried, mut report) = (opened(), Report::default());
    assert!(ledger.gather(&mut carried, &mut report).await.expect("read"));
    assert_eq!((carried.shown(), carried.revision), (now.shown(), 2));
}

#[tokio::test]
async fn changes_at_the_same_time_are_counted_one_by_one() {
    let (_aws, ledger) = stage().await;
    futures::future::join_all(["bob", "carol", "dave"].map(|name| append(&ledger, name))).await;
    let now = ledger.record(&incident("one")).await.expect("read").expect("an incident").incident;
    let mut since: Vec<u32> = now.decisions.iter().map(|decision| decision.since).collect();
    since.sort_unstable();
    assert_eq!((since, now.revision), (vec![0, 1, 2, 3], 3));
}

#[tokio::test]
async fn an_end_that_does_not_cover_everything_is_refused_and_notes_nothing() {
    let (aws, ledger) = stage().await;
    let (id, closed) = (incident("one"), IncidentStatus::Closed);
    append(&ledger, "bob").await;
    assert!(!ledger.finish(&id, closed, at(1), Some(0)).await.expect("asked"));
    assert_eq!(status(&ledger).await, IncidentStatus::Triaged);
    let row = aws.table().item(&format!("incident#{id}"), "incident").cloned().expect("a row");
    assert!(!row.contains_key("finished_at"));
    assert!(ledger.finish(&id, closed, at(2), Some(1)).await.expect("written"));
    assert_eq!(status(&ledger).await, closed);
    let lost = ledger.finish(&incident("nobody wrote it"), closed, at(3), Some(9)).await.expect_err("there is none");
    assert_eq!(lost.kind, FaultKind::Gone);
}

#[tokio::test]
async fn an_answer_of_an_earlier_version_and_an_incident_that_nobody_amended_end_as_before() {
    let (_aws, ledger) = stage().await;
    let id = incident("one");
    assert!(ledger.finish(&id, IncidentStatus::Closed, at(1), Some(0)).await.expect("written"), "triage decided it all");
    append(&ledger, "bob").await;
    assert!(ledger.finish(&id, IncidentStatus::Released, at(2), None).await.expect("written"));
    assert_eq!(status(&ledger).await, IncidentStatus::Released);
}

#[tokio::test]
async fn what_the_newest_ticket_showed_stays_until_another_ticket_or_another_execution() {
    let (_aws, ledger) = stage().await;
    let (first, second, other) = (message("execution", 1), message("execution", 2), message("another", 3));
    ledger.open_gate(&first).await.expect("written");
    assert_eq!(ticket(&ledger).await, Ticket::NotOut);
    let shown = Shown::of(&opened());
    ledger.ticket_is_out(&first, &shown, at(5)).await.expect("written");
    ledger.gate_announced(&first).await.expect("written");
    assert_eq!(ticket(&ledger).await, Ticket::Out(shown.clone()));
    let review = ledger.incident(&incident("one")).await.expect("read").expect("an incident").review.expect("a gate");
    assert_eq!((review.shown, review.shown_revision), (shown.digest.clone(), Some(0)));
    assert!(review.announced_at.is_some_and(|at| at.starts_with("1970-01-12T")), "people see it");

    ledger.open_gate(&second).await.expect("written");
    assert_eq!(ticket(&ledger).await, Ticket::Out(shown), "the next round has no ticket yet");
    ledger.ticket_is_out(&first, &Shown { digest: None, revision: 9 }, at(6)).await.expect("nothing is written");
    ledger.ticket_is_out(&second, &Shown::WITHOUT_LEDGER, at(7)).await.expect("written");
    assert_eq!(ticket(&ledger).await, Ticket::Out(Shown::WITHOUT_LEDGER), "it shows nothing that could be named");

    ledger.open_gate(&other).await.expect("written");
    assert_eq!(ticket(&ledger).await, Ticket::NotOut, "another execution counts anew");
}

#[tokio::test]
async fn a_gate_that_an_earlier_version_announced_says_so() {
    let (_aws, ledger) = stage().await;
    let message = message("execution", 1);
    ledger.open_gate(&message).await.expect("written");
    ledger.gate_announced(&message).await.expect("written");
    assert_eq!(ticket(&ledger).await, Ticket::OfEarlierVersion);
}
