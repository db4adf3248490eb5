//! Which answers a ticket offers, and what it asks after an answer about some targets.

use crate::stage::{alice, decision, deliver, exports, gate, incident, message, receipt, stage};
use firebreak::answer::{Answer, Decided, Targets};
use firebreak::containment::Containment;
use firebreak::decision::Mode;
use firebreak::receipt::Status;
use firebreak::review::Takes;
use firebreak_testkit::room;
use firebreak_testkit::scripted::ScriptedAws;
use serde_json::{Value, json};

/// The message of a definition that knows every answer.
fn knowing(n: u32) -> Value {
    let mut message = message(n);
    (message["answers"], message["parts"]) = (json!(["keep", "approve", "release"]), json!(true));
    message
}

/// A bucket waits beside alice, who is contained.
async fn two(aws: &ScriptedAws) {
    let ledger = room::ledger(aws);
    let waits = decision(&exports(), Containment::LockdownS3, Mode::Gate);
    let amended = Box::pin(ledger.amend(&incident().id, |known| known.decisions.push(waits.clone()))).await;
    amended.expect("the ledger takes it").expect("an incident");
    Box::pin(ledger.keep_receipt(&incident().id, &receipt(Status::Contained))).await.expect("the ledger takes it");
}

#[tokio::test]
async fn a_gate_offers_the_answers_that_its_execution_knows() {
    let (aws, world) = stage().await;
    two(&aws).await;
    assert_eq!(deliver(&aws, &[knowing(1)]).await, [""; 0]);
    let body = world.tickets()[0].body.clone();
    assert!(body.contains("firebreak review keep ") && body.contains("--only=\"S3 bucket acme-exports\""), "{body}");
    assert_eq!(gate(&aws).await.takes, Takes { answers: vec![Answer::Keep, Answer::Approve, Answer::Release], parts: true });

    let (aws, world) = stage().await;
    two(&aws).await;
    assert_eq!(deliver(&aws, &[message(1)]).await, [""; 0]);
    let body = world.tickets()[0].body.clone();
    assert!(!body.contains("review keep") && !body.contains("--only"), "an earlier definition: {body}");
    assert_eq!(gate(&aws).await.takes, Takes::default());
}

#[tokio::test]
async fn after_a_part_answer_the_gate_asks_about_the_rest_and_says_who_answered_what() {
    let (aws, world) = stage().await;
    two(&aws).await;
    assert_eq!(deliver(&aws, &[knowing(1)]).await, [""; 0]);
    let targets = Targets { only: vec![alice().id], except: vec![] };
    let keep = Decided { targets, ..Decided::new(Answer::Keep, "ann", "it was right", incident().opened_at) };
    let (ledger, id) = (room::ledger(&aws), incident().id);
    assert!(Box::pin(ledger.decide(&id, &keep)).await.expect("the ledger takes it"));
    let settled = Box::pin(ledger.amend(&id, |known| known.settle(&keep, |_| true))).await;
    settled.expect("the ledger takes it").expect("an incident");
    let mut again = knowing(2);
    again["after_answer"] = json!(true);
    assert_eq!(deliver(&aws, &[again]).await, [""; 0]);
    let tickets = world.tickets();
    let body = &tickets[1].body;
    assert!(body.contains("Answered before, and closed:\n  - IAM user alice: keep by ann"), "{body}");
    assert!(body.contains("S3 bucket acme-exports: block public access, only if you approve"), "{body}");
    assert!(!body.contains("IAM user alice: contained"), "{body}");
    assert_eq!(gate(&aws).await.decision, None, "the answer is spent");
}
