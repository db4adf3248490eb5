//! Whoever has a task token can answer the gate.

use crate::stage::{SECRET, decide, deliver, deliver_bodies, message, stage, token};
use firebreak_testkit::log::Log;
use firebreak_testkit::scripted::error;
use lambda_runtime::tracing::subscriber;
use serde_json::json;
use tracing::Level;
use tracing::subscriber::DefaultGuard;

/// Takes what this test logs from now on, in the form and at the level of production, until the guard is dropped.
fn logged() -> (Log, DefaultGuard) {
    let log = Log::default();
    let writer = log.clone();
    let lines = subscriber::fmt().with_max_level(Level::INFO).with_writer(move || writer.clone()).finish();
    (log, tracing::subscriber::set_default(lines))
}

#[tokio::test]
async fn the_token_is_in_no_notice_in_no_log_and_in_one_row_of_the_ledger() {
    let (aws, world) = stage().await;
    let (log, _guard) = logged();
    aws.next("sns:Publish", error(400, "InvalidParameter"));
    assert_eq!(deliver(&aws, &[message(1)]).await, ["m-0"]);
    assert_eq!(deliver(&aws, &[message(1)]).await, [""; 0]);
    decide(&aws).await;
    let quoting = format!("not authorized to answer '{}'", token(2));
    aws.always("states:SendTaskSuccess", error(400, "AccessDeniedException").saying(&quoting));
    assert_eq!(deliver(&aws, &[message(2)]).await, ["m-0"]);
    assert_eq!(world.tickets().len(), 1);
    for notice in aws.calls_of("sns:Publish") {
        assert!(!format!("{notice:?}").contains(SECRET), "{notice:?}");
    }
    let text = log.text();
    assert_eq!(text.matches("gate message not taken").count(), 2, "{text}");
    assert!(text.contains("AccessDeniedException") && !text.contains(SECRET), "{text}");
    let table = aws.table();
    let rows: Vec<&str> =
        table.items().filter(|(_, item)| format!("{item:?}").contains(SECRET)).map(|((_, sk), _)| sk.as_str()).collect();
    assert_eq!(rows, ["review"]);
}

#[tokio::test]
async fn a_malformed_message_fails_alone_and_is_not_quoted() {
    let (aws, world) = stage().await;
    let (log, _guard) = logged();
    let mut wrong_number = message(3);
    wrong_number["round"] = json!(token(3));
    let mut wrong_word = message(4);
    wrong_word["incident"]["verdict"] = json!(token(4));
    let whole = message(2).to_string();
    let cut = whole[..whole.len() - 1].to_owned();
    let bodies = [cut, message(1).to_string(), wrong_number.to_string(), wrong_word.to_string(), token(5)];
    assert_eq!(deliver_bodies(&aws, &bodies).await, ["m-0", "m-2", "m-3", "m-4"]);
    assert_eq!(world.tickets().len(), 1, "the message in between is taken");
    let text = log.text();
    assert_eq!(text.matches("gate message not taken").count(), 4, "{text}");
    assert!(text.contains("m-3") && !text.contains(SECRET), "{text}");
}
