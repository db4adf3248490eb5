//! EventBridge and Lambda deliver at least once.

use crate::executions::arn;
use crate::stage::{ONE, deliver, several, stage};

#[tokio::test]
async fn the_same_event_again_starts_nothing_more() {
    for event in [ONE.to_owned(), several(&["a", "b"])] {
        let (aws, executions) = stage().await;
        let first = deliver(&aws, &event).await.expect("it is started");
        let names = executions.names();
        assert_eq!(deliver(&aws, &event).await.expect("it runs"), first);
        executions.end("SUCCEEDED");
        assert_eq!(deliver(&aws, &event).await.expect("it was answered"), first, "an execution that exists is no error");
        assert_eq!(executions.names(), names);
        // The same finding in another event: whether that is news is the question of triage.
        deliver(&aws, &event.replace("\"e-", "\"other-")).await.expect("it is started");
        assert_eq!(executions.names().len(), 2 * names.len());
    }
}

#[tokio::test]
async fn an_execution_that_broke_down_is_started_again_under_another_name() {
    let (aws, executions) = stage().await;
    deliver(&aws, ONE).await.expect("it is started");
    let name = executions.names().remove(0);
    for (attempt, broke_down) in [(2, "FAILED"), (3, "TIMED_OUT"), (4, "ABORTED"), (5, "FAILED")] {
        executions.end(broke_down);
        let again = [arn(&format!("{name}-{attempt}"))];
        assert_eq!(deliver(&aws, ONE).await.expect("it is started again"), again, "{broke_down}");
        assert_eq!(deliver(&aws, ONE).await.expect("it runs"), again, "{broke_down}: one is enough");
    }
    assert_eq!(executions.names().len(), 5);
    assert!(executions.inputs().iter().all(|input| input == ONE));
    executions.end("FAILED");
    let fault = deliver(&aws, ONE).await.expect_err("somebody must look: the dead-letter queue keeps the event");
    assert!(fault.message.contains("ExecutionAlreadyExists"), "{fault}");
    assert_eq!(executions.names().len(), 5, "it does not go on for ever");
}
