use crate::stage::{EXECUTION, deliver, ended, finding, opened, stage, status};
use firebreak::incident::IncidentStatus;
use firebreak_testkit::room::each_break;

#[tokio::test]
async fn however_a_call_breaks_the_same_event_again_tells_and_records() {
    let event = ended("ABORTED", Some(&finding()));
    let calls = {
        let (aws, _) = stage().await;
        opened(&aws, EXECUTION, IncidentStatus::AwaitingReview).await;
        deliver(&aws, &event).await.expect("told");
        aws.calls()
    };
    let tried = each_break(&calls, async |point, how| {
        let (aws, topic) = stage().await;
        let id = opened(&aws, EXECUTION, IncidentStatus::AwaitingReview).await;
        let _ = how.run(&aws, point, deliver(&aws, &event)).await;
        aws.mend();
        deliver(&aws, &event).await.expect("told");
        assert!(!topic.messages().is_empty(), "{point:?} {how:?}: nobody was told");
        assert_eq!(status(&aws, &id).await, IncidentStatus::Failed, "{point:?} {how:?}");
        assert_eq!(aws.unknown(), [""; 0]);
    })
    .await;
    println!("execution-ended: {tried} broken calls");
}
