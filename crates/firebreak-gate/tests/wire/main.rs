//! Handing an answer over: the real SDK, against a Step Functions that the test plays.
#![expect(clippy::expect_used, reason = "a test may fail where it stands")]

use aws_sdk_sfn::Client;
use firebreak::answer::{Answer as Word, Decided};
use firebreak::fault::{Fault, FaultKind};
use firebreak_gate::{HandOver, hand_over};
use firebreak_testkit::room;
use firebreak_testkit::scripted::{Answer, ScriptedAws, error, ok};
use serde_json::Value;

const HAND_OVER: &str = "states:SendTaskSuccess";
const TOKEN: &str = "AQCgAAAAKgAAAAIAAAAAAAAAAX9tVPQ+secret/token==";
/// A piece of the token: part of it is as bad as all of it.
const PIECE: &str = "9tVPQ+secret";

fn decided() -> Decided {
    Decided::new(Word::Approve, "ann", "it was \"right\";\n日本", room::opened("one").opened_at)
}

async fn scripted() -> ScriptedAws {
    ScriptedAws::start().await.expect("a port")
}

async fn hand(aws: &ScriptedAws) -> Result<HandOver, Fault> {
    let (client, decided) = (Client::new(&aws.config()), decided());
    Box::pin(hand_over(&client, TOKEN, &decided)).await
}

/// An error whose message quotes the token.
fn quoting(status: u16, code: &str) -> Answer {
    error(status, code).saying(&format!("Invalid Token: '{TOKEN}' (piece {PIECE})"))
}

fn quotes_nothing(fault: &Fault) {
    let shown = [fault.to_string(), format!("{fault:?}"), serde_json::to_string(fault).expect("JSON")];
    assert!(shown.iter().all(|text| !text.contains(TOKEN) && !text.contains(PIECE)), "{shown:?}");
}

#[tokio::test]
async fn the_execution_gets_the_answer_word_for_word() {
    let aws = scripted().await;
    aws.answer(HAND_OVER, ok("{}"));
    assert_eq!(hand(&aws).await.expect("no fault"), HandOver::Taken);
    let calls = aws.calls();
    assert_eq!(calls.len(), 1);
    assert_eq!((calls[0].action().as_str(), calls[0].param("taskToken")), (HAND_OVER, TOKEN));
    let output: Value = serde_json::from_str(calls[0].param("output")).expect("JSON, or Step Functions refuses it");
    assert_eq!(output["answer"], "approve", "the state machine chooses by this word");
    assert_eq!(serde_json::from_value::<Decided>(output).expect("an answer"), decided());
}

#[tokio::test]
async fn a_token_that_is_finished_or_unknown_means_that_the_gate_has_closed() {
    for code in ["TaskTimedOut", "TaskDoesNotExist", "InvalidToken"] {
        let aws = scripted().await;
        aws.answer(HAND_OVER, quoting(400, code));
        assert_eq!(hand(&aws).await.expect(code), HandOver::Closed, "{code}");
        assert_eq!(aws.calls().len(), 1, "{code}: a closed gate does not open by asking again");
    }
}

#[tokio::test]
async fn a_fault_has_the_code_and_never_the_message_that_quotes_the_token() {
    let refusals = [
        (400, "AccessDeniedException", FaultKind::Denied),
        (403, "SomethingNew", FaultKind::Denied),
        (400, "SomethingNew", FaultKind::Bug),
        (400, "ValidationException", FaultKind::Bug),
        (400, "InvalidOutput", FaultKind::Bug),
        (400, "ThrottlingException", FaultKind::Transient),
        (500, "InternalFailure", FaultKind::Transient),
    ];
    for (status, code, kind) in refusals {
        let aws = scripted().await;
        aws.always(HAND_OVER, quoting(status, code));
        let fault = hand(&aws).await.expect_err(code);
        assert_eq!(fault.kind, kind, "{status} {code}");
        assert!(fault.message.contains(code), "{fault}");
        quotes_nothing(&fault);
    }
}

#[tokio::test]
async fn an_answer_that_nobody_can_read_does_not_quote_the_token_either() {
    for body in [TOKEN.to_owned(), format!("{{\"message\": \"{TOKEN}\"}}"), format!("<html>{TOKEN}</html>")] {
        let aws = scripted().await;
        aws.always(HAND_OVER, Answer::raw(400, body));
        quotes_nothing(&hand(&aws).await.expect_err("the execution did not take it"));
    }
}

#[tokio::test]
async fn what_passes_is_tried_again_and_what_lasts_is_transient() {
    for broken in [quoting(400, "ThrottlingException"), quoting(503, "ServiceUnavailable"), Answer::reset()] {
        let aws = scripted().await;
        aws.answer(HAND_OVER, ok("{}"));
        aws.next(HAND_OVER, broken.clone());
        assert_eq!(hand(&aws).await.expect("the second attempt is taken"), HandOver::Taken, "{broken:?}");
        aws.always(HAND_OVER, broken.clone());
        let fault = hand(&aws).await.expect_err("it lasts");
        assert_eq!(fault.kind, FaultKind::Transient, "{broken:?}");
        quotes_nothing(&fault);
    }
}
