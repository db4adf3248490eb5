//! A release is about what its ticket showed. What was decided later stays contained, and is asked about again.

use crate::buckets::CLOSED;
use crate::{MANAGEMENT, POLICY, bucket, contained, decision, holders, kept, lock_down, outcomes, responder, stage};
use firebreak::containment::Containment;
use firebreak::facts::Carry;
use firebreak::fault::Fault;
use firebreak::incident::{Incident, IncidentStatus};
use firebreak::joining::{Adds, Joiner};
use firebreak::receipt::Status;
use firebreak::task::{Phase, TaskInput, TaskOutput};
use firebreak_aws::clock;
use firebreak_ledger::JoinEnd;
use firebreak_testkit::room;
use firebreak_testkit::scripted::ScriptedAws;
use quarantine_scp::Organization;
use release::{Function, ReleaseInput, Released};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const LOCKDOWN: Containment = Containment::LockdownS3;

/// What the state machine sends after the answer `release`.
fn asked(incident: &Incident, covers: Option<u32>) -> Value {
    let mut answer = json!({ "answer": "release", "by": "ann", "comment": "no", "at": "2026-11-21T03:00:00Z" });
    if let Some(covers) = covers {
        answer["covers"] = json!(covers);
    }
    json!({ "incident": Carry::Facts.incident(incident.clone()), "answer": answer, "carry": "facts" })
}

async fn undo(aws: &ScriptedAws, incident: &Incident, covers: Option<u32>) -> Result<Released, Fault> {
    let request: ReleaseInput = serde_json::from_value(asked(incident, covers)).expect("a request");
    Box::pin(Function::new(responder(aws), Organization::new(POLICY, MANAGEMENT)).handle(request)).await
}

/// Somebody decides about another bucket while the gate waits, and it is locked down.
async fn append(aws: &ScriptedAws, incident: &Incident, name: &str) {
    let appended = decision(LOCKDOWN, &bucket(name));
    let amended = room::ledger(aws).amend(&incident.id, |known| known.decisions.push(appended.clone())).await;
    amended.expect("the ledger takes it").expect("an incident");
    lock_down(aws, "one", name).await;
}

async fn status(aws: &ScriptedAws, incident: &Incident) -> IncidentStatus {
    room::ledger(aws).record(&incident.id).await.expect("the ledger answers").expect("an incident").status
}

#[tokio::test]
async fn what_the_ticket_showed_is_put_back_and_the_rest_stays_held_until_it_is_answered() {
    let (aws, buckets) = stage(&["acme-a", "acme-b"]).await;
    let incident = contained(&aws, "one", &["acme-a"]).await;
    append(&aws, &incident, "acme-b").await;
    let (closed, before) = (buckets.block("acme-b"), status(&aws, &incident).await);
    let first = undo(&aws, &incident, Some(0)).await.expect("an answer");
    assert_eq!((first.status, outcomes(&first)), ("not-covered", vec![("acme-a", Status::Contained), ("acme-b", Status::Waits)]));
    assert_eq!((buckets.block("acme-a"), buckets.block("acme-b")), (None, closed));
    assert_eq!(holders(&aws, LOCKDOWN, &bucket("acme-b")), [incident.id.to_string()]);
    assert_eq!(status(&aws, &incident).await, before, "it is not released: the gate opens again");
    assert_eq!(kept(&aws, &incident).await.len(), 1, "nothing was done about the other one");

    let second = undo(&aws, &incident, Some(1)).await.expect("an answer");
    assert_eq!((second.status, outcomes(&second)), ("ok", vec![("acme-a", Status::Contained), ("acme-b", Status::Contained)]));
    assert_eq!((buckets.block("acme-b"), status(&aws, &incident).await), (None, IncidentStatus::Released));
}

#[tokio::test]
async fn what_cannot_be_put_back_is_the_worse_news() {
    let (aws, buckets) = stage(&["acme-a", "acme-b"]).await;
    let incident = contained(&aws, "one", &["acme-a"]).await;
    append(&aws, &incident, "acme-b").await;
    buckets.put("acme-a", Some([true, true, false, false]));
    assert_eq!(undo(&aws, &incident, Some(0)).await.expect("an answer").status, "failed", "somebody changed it");
}

#[tokio::test]
async fn a_decision_for_people_that_no_ticket_showed_keeps_the_incident_open() {
    let (aws, buckets) = stage(&["acme-a"]).await;
    let incident = contained(&aws, "one", &["acme-a"]).await;
    let mut by_hand = decision(LOCKDOWN, &bucket("acme-b"));
    by_hand.containment = None;
    let amended = room::ledger(&aws).amend(&incident.id, |known| known.decisions.push(by_hand.clone())).await;
    amended.expect("the ledger takes it").expect("an incident");
    let released = undo(&aws, &incident, Some(0)).await.expect("an answer");
    assert_eq!((released.status, buckets.block("acme-a")), ("not-covered", None));
    assert_eq!(undo(&aws, &incident, Some(1)).await.expect("an answer").status, "ok");
}

#[tokio::test]
async fn an_answer_of_an_earlier_version_puts_everything_back() {
    let (aws, buckets) = stage(&["acme-a", "acme-b"]).await;
    let incident = contained(&aws, "one", &["acme-a"]).await;
    append(&aws, &incident, "acme-b").await;
    let released = undo(&aws, &incident, None).await.expect("an answer");
    assert_eq!((released.status, buckets.block("acme-a"), buckets.block("acme-b")), ("ok", None, None));
    assert_eq!(status(&aws, &incident).await, IncidentStatus::Released);
}

/// A finding joins the incident and locks the same bucket down, under its own name.
async fn joins(aws: &ScriptedAws, incident: &Incident, finding: &str, name: &str) {
    let id = room::incident(finding);
    let (decisions, at) = (&incident.decisions, clock::now());
    let joiner = Joiner { id: &id, finding: &incident.finding, decisions, receipts: &[], releases: &[], checks: &[], at };
    let joined = room::ledger(aws).join(&incident.id, |open| joiner.merge(open)).await.expect("the ledger takes it");
    assert!(matches!(joined, JoinEnd::Joined(merged) if merged.adds == Adds::Finding && merged.incident.revision == 1));
    let carried = Incident { joining: Some(id), ..room::opened("one") };
    let request = TaskInput { incident: carried, ..room::request(Phase::Contain, "one", bucket(name)) };
    let done = Box::pin(lockdown_s3::Function::new(responder(aws), None).handle(request)).await.expect("a receipt");
    assert!(matches!(done, TaskOutput::Receipt(receipt) if receipt.status == Status::Contained));
}

#[tokio::test]
async fn what_a_finding_holds_that_joined_later_is_asked_again_and_one_release_then_releases_all() {
    let (aws, buckets) = stage(&["acme-a"]).await;
    let incident = contained(&aws, "one", &["acme-a"]).await;
    joins(&aws, &incident, "two", "acme-a").await;
    let released = undo(&aws, &incident, Some(0)).await.expect("an answer");
    assert_eq!((released.status, outcomes(&released)), ("not-covered", vec![("acme-a", Status::Waits)]));
    let held = holders(&aws, Containment::LockdownS3, &bucket("acme-a"));
    let both = BTreeSet::from([room::incident("one").to_string(), room::incident("two").to_string()]);
    assert_eq!((buckets.block("acme-a"), held.into_iter().collect()), (CLOSED, both), "it is accused anew");
    assert_eq!(kept(&aws, &incident).await, [], "nobody is told of another incident");
    let released = undo(&aws, &incident, Some(1)).await.expect("an answer");
    assert_eq!((released.status, outcomes(&released)), ("ok", vec![("acme-a", Status::Contained)]));
    assert_eq!(buckets.block("acme-a"), None);
}

#[tokio::test]
async fn one_release_of_what_a_ticket_listed_ends_the_hold_of_each_finding() {
    let (aws, buckets) = stage(&["acme-a"]).await;
    let incident = contained(&aws, "one", &["acme-a"]).await;
    joins(&aws, &incident, "two", "acme-a").await;
    let released = undo(&aws, &incident, Some(1)).await.expect("an answer");
    assert_eq!((released.status, outcomes(&released)), ("ok", vec![("acme-a", Status::Contained)]));
    assert_eq!((buckets.block("acme-a"), holders(&aws, Containment::LockdownS3, &bucket("acme-a"))), (None, vec![]));
}
