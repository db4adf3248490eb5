use crate::executions::arn;
use crate::stage::{ONE, deliver, several, stage};
use firebreak::fault::FaultKind;
use firebreak_testkit::room::each_break;
use firebreak_testkit::scripted::error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[tokio::test]
async fn one_finding_that_cannot_be_started_does_not_hold_back_the_others() {
    let (aws, executions) = stage().await;
    let broken = Arc::new(AtomicBool::new(true));
    let refuses = broken.clone();
    aws.on("states:StartExecution", move |call| {
        let refused = refuses.load(Ordering::SeqCst) && call.param("name").ends_with("-1");
        refused.then(|| error(400, "AccessDeniedException"))
    });
    let event = several(&["a", "b", "c"]);
    let fault = deliver(&aws, &event).await.expect_err("one of them was not started");
    assert_eq!(fault.kind, FaultKind::Denied);
    let names = executions.names();
    assert!(names.len() == 2 && names[0].ends_with("-0") && names[1].ends_with("-2"), "{names:?}");
    broken.store(false, Ordering::SeqCst);
    let started = deliver(&aws, &event).await.expect("the missing one is started");
    let all = executions.names();
    assert_eq!(started, [arn(&all[0]), arn(&all[1]), arn(&all[2])]);
    assert_eq!((all.len(), &all[0], &all[2]), (3, &names[0], &names[1]), "only what was missing");
}

#[tokio::test]
async fn however_a_call_breaks_the_same_event_again_starts_each_finding_once() {
    let named_twice = ONE.replace("\"severity\"", "\"id\"");
    for (event, findings) in [(several(&["a", "b"]), 2), (named_twice, 1)] {
        let calls = {
            let (aws, _) = stage().await;
            deliver(&aws, &event).await.expect("it is started");
            aws.calls()
        };
        let tried = each_break(&calls, async |point, how| {
            let (aws, executions) = stage().await;
            let broken = how.run(&aws, point, deliver(&aws, &event)).await;
            if let Some(Ok(started)) = &broken {
                assert_eq!((started.len(), executions.names().len()), (findings, findings), "{point:?} {how:?}");
            }
            aws.mend();
            let started = deliver(&aws, &event).await.expect("it is started");
            let expected: Vec<String> = executions.names().iter().map(|name| arn(name)).collect();
            assert_eq!((&started, started.len()), (&expected, findings), "{point:?} {how:?}");
            assert_eq!(aws.unknown(), [""; 0]);
        })
        .await;
        println!("ingest, {findings} findings: {tried} broken calls");
    }
}
