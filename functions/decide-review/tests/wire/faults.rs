//! Every call broken in every way, and the process killed at every call: one answer stands, and the execution gets it once.

use crate::stage::{approve, decision, gate, release, stage};
use firebreak::review::DecideOutcome;
use firebreak_testkit::room::each_break;
use firebreak_testkit::scripted::error;

#[tokio::test]
async fn a_ledger_that_fails_after_the_hand_over_does_not_take_the_answer_back() {
    let (aws, execution) = stage().await;
    let answered = execution.clone();
    aws.on("dynamodb:*", move |_| (!answered.taken().is_empty()).then(|| error(400, "AccessDeniedException")));
    let outcome = approve(&aws).await.expect("the execution has the answer");
    assert_eq!(outcome, DecideOutcome::Accepted { decision: execution.taken()[0].clone() });
    assert_eq!(execution.taken().len(), 1);
}

#[tokio::test]
async fn however_a_call_breaks_one_answer_stands_and_is_taken_once() {
    let calls = {
        let (aws, _) = stage().await;
        approve(&aws).await.expect("an outcome");
        aws.calls()
    };
    let tried = each_break(&calls, async |point, how| {
        let (aws, execution) = stage().await;
        let broken = how.run(&aws, point, approve(&aws)).await;
        if let Some(Ok(DecideOutcome::Accepted { decision })) = &broken {
            assert_eq!(execution.taken(), std::slice::from_ref(decision), "{point:?} {how:?}: it says more than it did");
        }
        aws.mend();
        let outcome = release(&aws).await.expect("an outcome");
        let recorded = gate(&aws).await.decision.expect("a recorded answer");
        assert_eq!(decision(&outcome), &recorded, "{point:?} {how:?}: people hear of another answer");
        assert_eq!(execution.taken(), [recorded], "{point:?} {how:?}");
        assert_eq!(aws.unknown(), [""; 0]);
    })
    .await;
    println!("decide-review: {tried} broken calls");
}
