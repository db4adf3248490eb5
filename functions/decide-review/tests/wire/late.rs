//! Answers that meet no open gate.

use crate::execution::Execution;
use crate::stage::{TOKEN, approve, gate, release, stage, timeline};
use firebreak::review::DecideOutcome;
use firebreak_testkit::scripted::ScriptedAws;

#[tokio::test]
async fn when_the_execution_has_ended_it_is_too_late_and_nothing_is_recorded() {
    for ended in [Some("SUCCEEDED"), Some("FAILED"), Some("TIMED_OUT"), Some("ABORTED"), None] {
        let (aws, execution) = stage().await;
        execution.set_status(ended);
        assert_eq!(approve(&aws).await.expect("an outcome"), DecideOutcome::TooLate, "{ended:?}");
        assert_eq!((gate(&aws).await.decision, execution.taken().len()), (None, 0), "{ended:?}");
        assert!(aws.calls_of("states:SendTaskSuccess").is_empty(), "{ended:?}");
    }
}

#[tokio::test]
async fn an_answer_that_meets_a_gate_just_closed_is_queued_for_the_next_one() {
    let (aws, execution) = stage().await;
    execution.waits_for(None);
    let outcome = approve(&aws).await.expect("an outcome");
    let open = gate(&aws).await;
    let recorded = open.decision.expect("a recorded answer");
    assert_eq!(outcome, DecideOutcome::Queued { decision: recorded.clone() });
    assert!(!open.delivered && open.task_token == TOKEN, "nobody has taken it");
    assert!(timeline(&aws).await.is_empty(), "the timeline does not say what did not happen");
    let second = release(&aws).await.expect("an outcome");
    assert_eq!(second, DecideOutcome::AlreadyDecided { decision: recorded });
}

#[tokio::test]
async fn an_execution_that_ends_before_it_takes_the_answer_makes_it_too_late() {
    let (aws, execution) = stage().await;
    execution.waits_for(None);
    execution.ends_as("FAILED");
    assert_eq!(approve(&aws).await.expect("an outcome"), DecideOutcome::TooLate);
    assert!(execution.taken().is_empty() && !gate(&aws).await.delivered);
}

#[tokio::test]
async fn an_answer_that_was_taken_and_not_acknowledged_is_already_decided() {
    let (aws, execution) = stage().await;
    execution.takes_unheard();
    execution.ends_as("SUCCEEDED");
    let outcome = approve(&aws).await.expect("an outcome");
    let taken = execution.taken();
    assert_eq!(taken.len(), 1, "the execution has it, whatever the connection says");
    assert_eq!(outcome, DecideOutcome::AlreadyDecided { decision: taken[0].clone() });
    // The same while the execution still carries it out, for whoever asks again.
    execution.set_status(Some("RUNNING"));
    assert_eq!(release(&aws).await.expect("an outcome"), DecideOutcome::AlreadyDecided { decision: taken[0].clone() });
    assert_eq!(execution.taken(), taken);
}

#[tokio::test]
async fn an_incident_without_a_gate_has_no_review() {
    let aws = ScriptedAws::start().await.expect("a port");
    let execution = Execution::waiting(&aws, TOKEN);
    assert_eq!(approve(&aws).await.expect("an outcome"), DecideOutcome::NoReview);
    assert!(execution.taken().is_empty() && aws.table().items().next().is_none(), "an answer makes no gate");
}
