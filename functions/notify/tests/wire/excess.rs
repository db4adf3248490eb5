//! One message for findings that were only counted.

use crate::stage::{request, send, stage, view};
use firebreak::fault::FaultKind;
use firebreak::flood::{Announced, Excess};
use firebreak::policy::Flood;
use firebreak_ledger::Announcement;
use firebreak_testkit::room;
use firebreak_testkit::scripted::{ScriptedAws, error};
use serde_json::{Value, json};

/// The message that the state machine asks for, about a window with so many findings.
async fn of(aws: &ScriptedAws, findings: u32) -> Value {
    let ledger = room::ledger(aws);
    let (account, title) = (room::ACCOUNT.to_owned(), "Odd https://evil.example thing".to_owned());
    let mut excess = Excess { account: account.clone(), window: "0".to_owned(), by_aws: false };
    let mut finding = Announced { account, title, by_aws: false, critical: false };
    let none_told = Flood { announced_per_minute: 0, ..Flood::default() };
    for n in 0..findings {
        finding.critical = n.is_multiple_of(2);
        let at = "2026-11-20T02:10:05Z".parse().expect("a time");
        let Announcement::Counted { excess: of, .. } = ledger.announce(&finding, &none_told, at).await.expect("counted") else {
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
    assert!(body.contains("1234 more deliveries of findings (617 of them CRITICAL) of account"), "{body}");
    assert!(body.contains("since 2026-11-20 02:10:05 UTC"), "{body}");
    assert!(!body.contains("https://evil.example"), "an imported title is no link: {body}");
    assert_eq!(*body, messages[1].body);
    assert!(view(&aws).await.timeline.iter().any(|line| line.what.starts_with("1234 more deliveries")));
}

/// Told and not closed, the window would count what comes later, and nobody would hear of that.
#[tokio::test]
async fn nobody_is_told_as_long_as_the_window_cannot_be_closed() {
    let (aws, topic) = stage().await;
    let request = of(&aws, 2).await;
    aws.always("dynamodb:UpdateItem", error(400, "AccessDeniedException"));
    let fault = send(&aws, &request).await.expect_err("the window is open");
    assert_eq!((fault.kind, topic.messages().len()), (FaultKind::Denied, 0));
    aws.mend();
    send(&aws, &request).await.expect("it is sent");
    assert!(topic.messages()[0].body.contains("2 more deliveries of findings"), "{}", topic.messages()[0].body);
}

#[tokio::test]
async fn of_a_window_that_the_ledger_has_no_more_people_are_told_without_a_number() {
    let (aws, topic) = stage().await;
    let request = of(&aws, 0).await;
    send(&aws, &request).await.expect("it is sent");
    assert!(topic.messages()[0].body.contains("how many, the ledger does not know any more"), "{}", topic.messages()[0].body);
}
