use crate::stage::{closing, receipt, request, send, stage, view};
use firebreak::fault::FaultKind;
use firebreak::receipt::{Receipt, Status};
use firebreak_testkit::room;
use firebreak_testkit::scripted::error;
use serde_json::json;

#[tokio::test]
async fn a_ledger_that_takes_nothing_is_no_reason_to_send_again() {
    let (aws, topic) = stage().await;
    aws.always("dynamodb:PutItem", error(400, "AccessDeniedException"));
    let report = json!({ "gated": [receipt("alice", Status::Failed)] });
    let sent = send(&aws, &closing("approve", &report)).await.expect("the message is out");
    assert_eq!((sent.message_id.as_str(), sent.unfinished, topic.messages().len()), ("sns-1", 1, 1));
    assert_eq!(aws.calls_of("dynamodb:PutItem").len(), 2, "the timeline and the receipt were tried");
}

#[tokio::test]
async fn a_topic_that_refuses_is_a_fault_and_nobody_is_said_to_know() {
    let refusals = [
        (error(403, "AuthorizationError"), FaultKind::Denied),
        (error(404, "NotFound"), FaultKind::Gone),
        (error(400, "Throttling"), FaultKind::Transient),
        (error(500, "InternalError"), FaultKind::Transient),
    ];
    for (refusal, kind) in refusals {
        let (aws, topic) = stage().await;
        aws.always("sns:Publish", refusal);
        let fault = send(&aws, &request("opened")).await.expect_err("nobody was told");
        assert_eq!((fault.kind, topic.messages().len()), (kind, 0), "{fault}");
        assert!(view(&aws).await.timeline.is_empty(), "{kind:?}");
        // The state machine tries again.
        aws.mend();
        assert_eq!(send(&aws, &request("opened")).await.expect("it is sent").message_id, "sns-1");
    }
}

#[tokio::test]
async fn receipts_that_exist_nowhere_else_are_kept_and_those_of_functions_stay() {
    let (aws, _) = stage().await;
    let at = Some(room::opened("one").opened_at);
    let own = Receipt { finished_at: at, ..receipt("own", Status::Partial) };
    room::ledger(&aws).keep_receipt(&room::incident("one"), &own).await.expect("the ledger takes it");
    let (known, lost) = (receipt("own", Status::Failed), receipt("lost", Status::Failed));
    let told = Receipt { finished_at: at, ..receipt("told", Status::Failed) };
    send(&aws, &closing("approve", &json!({ "gated": [known, lost, told] }))).await.expect("it is sent");
    // By their keys: `lost` comes before `own`. What a function finished, it has written itself.
    let kept = view(&aws).await.receipts;
    assert!(kept[0].finished_at.is_some(), "by its time other executions of the incident show it");
    assert_eq!(kept, [Receipt { finished_at: kept[0].finished_at, ..lost }, own]);
}
