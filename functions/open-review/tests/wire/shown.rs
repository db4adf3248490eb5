//! What a ticket showed is kept, so that an answer is about that.

use crate::stage::{EXECUTION, decision, deliver, deliver_again, exports, gate, incident, message, stage, view};
use firebreak::containment::Containment;
use firebreak::decision::Mode;
use firebreak::incident::{Incident, IncidentStatus};
use firebreak::revision::{Shown, code};
use firebreak_ledger::Ticket;
use firebreak_testkit::room;
use firebreak_testkit::scripted::{Call, ScriptedAws, error};
use serde_json::json;

/// A look, or a person, decides about a bucket.
pub(crate) async fn append(aws: &ScriptedAws) -> Incident {
    let found = decision(&exports(), Containment::LockdownS3, Mode::Gate);
    let (ledger, id) = (room::ledger(aws), incident().id);
    let amended = Box::pin(ledger.amend(&id, |incident| incident.decisions.push(found.clone()))).await;
    amended.expect("the ledger takes it").expect("an incident")
}

#[tokio::test]
async fn what_the_ticket_showed_is_kept_after_it_is_out_and_before_the_incident_waits() {
    let (aws, world) = stage().await;
    let known = append(&aws).await;
    aws.forget();
    assert_eq!(deliver(&aws, &[message(1)]).await, [""; 0]);
    assert_eq!(gate(&aws).await.ticket, Ticket::Out(Shown { digest: Some(known.shown()), revision: 1 }));
    let body = &world.tickets()[0].body;
    for answer in ["approve", "release"] {
        let command = format!("firebreak review {answer} {} --shown {} --comment \"WHY\"", incident().id, code(&known.shown()));
        assert!(body.contains(&command), "{body}");
    }
    let calls = aws.calls();
    let saying = |words: &str| calls.iter().position(|call: &Call| call.body.contains(words)).expect("a call");
    let published = calls.iter().position(|call| call.action() == "sns:Publish").expect("a call");
    let (kept, waits) = (saying("shown_revision = :revision"), saying(IncidentStatus::AwaitingReview.word()));
    assert!(published < kept && kept < waits, "{published} {kept} {waits}");
}

#[tokio::test]
async fn what_is_decided_after_the_ticket_is_in_the_next_one_and_not_in_this_one() {
    let (aws, _) = stage().await;
    assert_eq!(deliver(&aws, &[message(1)]).await, [""; 0]);
    let first = gate(&aws).await.ticket;
    assert_eq!(first, Ticket::Out(Shown { digest: Some(incident().shown()), revision: 0 }));
    let known = append(&aws).await;
    assert_eq!(gate(&aws).await.ticket, first);
    assert_eq!(deliver(&aws, &[message(2)]).await, [""; 0]);
    assert_eq!(gate(&aws).await.ticket, Ticket::Out(Shown::of(&known)));
    let review = view(&aws).await.review.expect("a gate");
    assert_eq!((review.shown_revision, review.shown), (Some(1), Some(known.shown())));
}

#[tokio::test]
async fn a_ticket_without_the_ledger_shows_what_triage_decided_and_has_no_code() {
    let (aws, world) = stage().await;
    append(&aws).await;
    aws.always("dynamodb:Query", error(400, "ThrottlingException"));
    assert_eq!(deliver_again(&aws, &[message(1).to_string()], "3").await, [""; 0]);
    assert_eq!(gate(&aws).await.ticket, Ticket::Out(Shown::WITHOUT_LEDGER));
    assert!(!world.tickets()[0].body.contains("--shown"), "{}", world.tickets()[0].body);
}

#[tokio::test]
async fn a_ticket_whose_record_is_lost_comes_again() {
    let (aws, world) = stage().await;
    // The gate is opened by the first update; the second one says what the ticket showed.
    aws.break_call("dynamodb:UpdateItem", 2, error(400, "AccessDeniedException"), None);
    assert_eq!(deliver(&aws, &[message(1)]).await, ["m-0"]);
    assert_eq!(gate(&aws).await.ticket, Ticket::NotOut);
    aws.mend();
    assert_eq!(deliver(&aws, &[message(1)]).await, [""; 0]);
    assert_eq!((world.tickets().len(), gate(&aws).await.ticket), (2, Ticket::Out(Shown::of(&incident()))));
}

#[tokio::test]
async fn another_execution_has_no_ticket_until_it_writes_one() {
    let (aws, _) = stage().await;
    assert_eq!(deliver(&aws, &[message(1)]).await, [""; 0]);
    aws.always("sns:Publish", error(403, "AuthorizationError"));
    let mut anew = message(2);
    anew["execution_arn"] = json!(format!("{EXECUTION}-2"));
    assert_eq!(deliver(&aws, &[anew]).await, ["m-0"]);
    assert_eq!(gate(&aws).await.ticket, Ticket::NotOut, "nobody was shown what it decided");
}
