use crate::stage::{TOKEN, approve, arn, decision, gate, release, stage, timeline};
use firebreak::answer::Answer;
use firebreak::fault::FaultKind;
use firebreak::review::DecideOutcome;
use firebreak_testkit::scripted::{Call, error};

#[tokio::test]
async fn the_first_answer_is_recorded_and_then_reaches_the_execution() {
    let (aws, execution) = stage().await;
    let outcome = approve(&aws).await.expect("an outcome");
    let taken = execution.taken();
    assert_eq!(outcome, DecideOutcome::Accepted { decision: taken[0].clone() });
    assert_eq!((taken.len(), taken[0].answer, taken[0].by.as_str()), (1, Answer::Approve, arn("ann").as_str()));
    let order: Vec<String> = aws.calls().iter().map(Call::action).collect();
    let position = |action: &str| order.iter().position(|known| known == action).expect(action);
    assert!(position("dynamodb:UpdateItem") < position("states:SendTaskSuccess"), "{order:?}");
    let gate = gate(&aws).await;
    assert_eq!(gate.decision.as_ref(), taken.first());
    assert!(gate.delivered && gate.task_token != TOKEN, "the token is spent");
    assert_eq!(timeline(&aws).await, [format!("approve by {}: it was right", arn("ann"))]);
}

#[tokio::test]
async fn whoever_comes_second_gets_the_first_answer() {
    let (aws, execution) = stage().await;
    let first = decision(&approve(&aws).await.expect("an outcome")).clone();
    aws.forget();
    let second = release(&aws).await.expect("an outcome");
    assert_eq!(second, DecideOutcome::AlreadyDecided { decision: first.clone() });
    assert_eq!(execution.taken(), std::slice::from_ref(&first));
    assert!(aws.calls_of("states:SendTaskSuccess").is_empty(), "what was delivered is not sent again");
    assert_eq!(gate(&aws).await.decision, Some(first));
}

#[tokio::test]
async fn an_answer_that_did_not_reach_the_execution_stands_and_is_handed_over_by_whoever_asks_next() {
    let (aws, execution) = stage().await;
    aws.always("states:SendTaskSuccess", error(400, "AccessDeniedException"));
    let fault = approve(&aws).await.expect_err("the execution did not get it");
    assert_eq!(fault.kind, FaultKind::Denied);
    let recorded = gate(&aws).await.decision.expect("a recorded answer");
    aws.mend();
    let second = release(&aws).await.expect("an outcome");
    assert_eq!(second, DecideOutcome::AlreadyDecided { decision: recorded.clone() });
    assert_eq!((execution.taken(), recorded.answer), (vec![recorded.clone()], Answer::Approve));
    assert!(gate(&aws).await.delivered);
}

#[tokio::test]
async fn of_two_answers_at_the_same_time_one_stands_and_both_people_hear_of_it() {
    let (aws, execution) = stage().await;
    let (ann, bob) = tokio::join!(approve(&aws), release(&aws));
    let outcomes = [ann.expect("an outcome"), bob.expect("an outcome")];
    let taken = execution.taken();
    assert_eq!(taken.len(), 1);
    assert!(outcomes.iter().all(|outcome| *decision(outcome) == taken[0]), "{outcomes:?}");
    let second = outcomes.iter().filter(|outcome| matches!(outcome, DecideOutcome::AlreadyDecided { .. }));
    assert_eq!(second.count(), 1, "{outcomes:?}");
}
