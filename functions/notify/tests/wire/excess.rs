//! One message for findings that were only counted.

use crate::stage::{request, send, stage, view};
use firebreak::flood::{Announced, Excess};
use firebreak_ledger::Announcement;
use firebreak_testkit::room;
use firebreak_testkit::scripted::{ScriptedAws, error};
use serde_json::{Value, json};

/// The message that the state machine asks for, about a window with so many findings.
async fn of(aws: &ScriptedAws, findings: u32) -> Value {
    let ledger = room::ledger(aws);
    let finding = Announced { account: room::ACCOUNT.to_owned(), title: "Odd https://evil.example thing".to_owned() };
    let mut excess = Excess { account: room::ACCOUNT.to_owned(), window: "0".to_owned() };
    for _ in 0..findings {
        let at = "2026-11-20T02:10:05Z".parse().expect("a time");
        let Announcement::Counted { excess: of, .. } = ledger.announce(&finding, 0, at).await.expect("counted") else {
            unreachable!("none is told")
        };
        excess = of;
    }
    let mut request = request("noticed");
    request["incident"]["decisions"] = json!([]);
    request["incident"]["verdict"] = json!("notify");
    request["incident"]["reason"] = json!("more than 3 findings a minute can only be announced");
    request["incident"]["excess"] = json!({ "account": excess.account, "window": excess.window, "wait_seconds": 1 });
    request
}

#[tokio::test]
async fn the_message_says_how_many_there_were_and_says_the_same_when_it_is_tried_again() {
    let (aws, topic) = stage().await;
    let request = of(&aws, 1234).await;
    send(&aws, &request).await.expect("it is sent");
    send(&aws, &request).await.expect("it is sent");
    let messages = topic.messages();
    assert!(messages[0].subject.starts_with("[Firebreak] Many findings at once, only counted"), "{}", messages[0].subject);
    let body = &messages[0].body;
    assert!(body.contains("1234 more findings of account") && body.contains("since 2026-11-20 02:10:05 UTC"), "{body}");
    assert!(!body.contains("https://evil.example"), "an imported title is no link: {body}");
    assert_eq!(*body, messages[1].body);
    assert!(view(&aws).await.timeline.iter().any(|line| line.what.starts_with("1234 more findings")));
}

#[tokio::test]
async fn people_are_told_even_when_the_number_cannot_be_read() {
    let (aws, topic) = stage().await;
    let request = of(&aws, 2).await;
    aws.on("dynamodb:UpdateItem", |_| Some(error(400, "AccessDeniedException")));
    send(&aws, &request).await.expect("it is sent");
    assert!(topic.messages()[0].body.contains("how many, the ledger did not say"), "{}", topic.messages()[0].body);
}
