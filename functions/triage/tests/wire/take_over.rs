//! When an execution may take a finding over from another one, and with what.

use crate::{AUTO, ONE, Stage, TWO, USER, at, counted, deliver, key, modes, row, stored};
use firebreak::answer::{Answer, Decided};
use firebreak::decision::{Mode, ReasonCode};
use firebreak::fault::FaultKind;
use firebreak::incident::{Incident, IncidentStatus};
use firebreak::plan::Verdict;
use firebreak::review::GateMessage;
use firebreak_testkit::dynamodb::Value as Attribute;
use firebreak_testkit::room;
use firebreak_testkit::scripted::error;
use serde_json::json;

/// The execution that answers for an incident.
fn claimant(stage: &Stage, incident: &Incident) -> Attribute {
    row(&stage.aws, &incident.id, "claim")["execution_arn"].clone()
}

#[tokio::test]
async fn an_execution_that_broke_down_is_taken_over_with_what_it_decided_and_what_is_new() {
    for status in ["FAILED", "TIMED_OUT", "ABORTED"] {
        let stage = Stage::start().await;
        let event = stage.finding("f1");
        let first = deliver(&stage.aws, AUTO, &event, ONE).await.expect("an incident");
        stage.executions.set(ONE, status);
        let second = deliver(&stage.aws, AUTO, &stage.about(event, "alice"), TWO).await.expect("an incident");
        assert_eq!((&second.id, second.execution_arn.as_str(), &second.follows), (&first.id, TWO, &None), "{status}");
        assert_eq!(modes(&second), [(USER, Mode::Auto), ("alice", Mode::Auto)], "{status}: it must stay releasable");
        assert_eq!(claimant(&stage, &first), Attribute::S(TWO.to_owned()));
        assert_eq!(stored(&stage.aws, &first.id).await.expect("an incident").incident, second);
        assert_eq!(counted(&stage.aws), [key("alice"), key(USER)]);
    }
}

#[tokio::test]
async fn an_execution_that_works_or_is_done_keeps_its_finding() {
    for status in ["RUNNING", "SUCCEEDED", "PENDING_REDRIVE"] {
        let stage = Stage::start().await;
        let event = stage.finding("f1");
        let first = deliver(&stage.aws, AUTO, &event, ONE).await.expect("an incident");
        stage.executions.set(ONE, status);
        let second = deliver(&stage.aws, AUTO, &event, TWO).await.expect("an answer");
        assert_eq!((second.verdict, claimant(&stage, &first)), (Verdict::Ignore, Attribute::S(ONE.to_owned())), "{status}");
    }
}

#[tokio::test]
async fn what_may_be_contained_already_waits_when_the_finding_takes_it_back() {
    let stage = Stage::start().await;
    let event = stage.finding("f1");
    let first = deliver(&stage.aws, AUTO, &event, ONE).await.expect("an incident");
    stage.executions.set(ONE, "FAILED");
    stage.guardduty.archive("f1", true);
    let second = deliver(&stage.aws, AUTO, &event, TWO).await.expect("an incident");
    assert_eq!((&second.id, second.verdict), (&first.id, Verdict::Respond));
    assert_eq!((modes(&second), second.decisions[0].code), (vec![(USER, Mode::Gate)], ReasonCode::BrokeDown));
}

#[tokio::test]
async fn what_an_analyst_released_is_not_contained_again_although_its_execution_failed() {
    let stage = Stage::start().await;
    let event = stage.finding("f1");
    let first = deliver(&stage.aws, AUTO, &event, ONE).await.expect("an incident");
    let ledger = room::ledger(&stage.aws);
    let message = json!({ "task_token": "a token", "execution_arn": ONE, "entered_at": at(), "round": 1, "incident": first });
    let message: GateMessage = serde_json::from_value(message).expect("a message");
    ledger.open_gate(&message).await.expect("the ledger takes it");
    let released = Decided::new(Answer::Release, "ana", "a false alarm", at());
    assert!(ledger.decide(&first.id, &released).await.expect("the ledger takes it"));
    ledger.answer_delivered(&first.id, "a token").await.expect("the ledger takes it");
    stage.executions.set(ONE, "FAILED");
    let second = deliver(&stage.aws, AUTO, &event, TWO).await.expect("an answer");
    assert_eq!((second.verdict, second.decisions.len()), (Verdict::Ignore, 0));
    assert_eq!(claimant(&stage, &first), Attribute::S(ONE.to_owned()));
}

#[tokio::test]
async fn of_an_execution_that_step_functions_forgot_the_ledger_says_how_it_ended() {
    let stage = Stage::start().await;
    let event = stage.finding("f1");
    let first = deliver(&stage.aws, AUTO, &event, ONE).await.expect("an incident");
    stage.executions.forget(ONE);
    let second = deliver(&stage.aws, AUTO, &event, TWO).await.expect("an answer");
    assert_eq!((second.verdict, claimant(&stage, &first)), (Verdict::Ignore, Attribute::S(ONE.to_owned())));
    room::ledger(&stage.aws).set_status(&first.id, IncidentStatus::Failed, &[]).await.expect("the ledger takes it");
    let third = deliver(&stage.aws, AUTO, &event, TWO).await.expect("an incident");
    assert_eq!((&third.id, modes(&third)), (&first.id, vec![(USER, Mode::Auto)]));
    assert_eq!(claimant(&stage, &first), Attribute::S(TWO.to_owned()));
}

#[tokio::test]
async fn while_nobody_knows_how_the_first_execution_is_nothing_is_taken_over() {
    let stage = Stage::start().await;
    let event = stage.finding("f1");
    deliver(&stage.aws, AUTO, &event, ONE).await.expect("an incident");
    stage.aws.always("states:DescribeExecution", error(400, "ThrottlingException"));
    let before = stage.aws.table();
    let fault = deliver(&stage.aws, AUTO, &event, TWO).await.expect_err("no answer");
    assert_eq!((fault.kind, stage.aws.table()), (FaultKind::Transient, before));
}
