//! Every call broken in every way, and the process killed at every call: the next try tells people of what the first one found.

use crate::stage::{Stage, found, reverted, user};
use firebreak::target::Target;
use firebreak_testkit::room::{Break, Point, each_break};
use serde_json::json;

async fn stage() -> Stage {
    let stage = Stage::start().await;
    let backdoor = Target { id: "backdoor".to_owned(), ..user() };
    stage.decides(&backdoor).await;
    let next = json!([{ "target": backdoor, "containment": "quarantine-iam" }]);
    stage.answers("sweep", "look", found(&stage.incident, next));
    stage.aws.forget();
    stage
}

#[tokio::test]
async fn however_a_call_breaks_people_are_told_and_the_backdoor_is_contained() {
    let calls = {
        let stage = stage().await;
        stage.look(1, 10).await.expect("a look");
        stage.aws.calls()
    };
    let tried = each_break(&calls, async |point: &Point, how: Break| {
        let stage = stage().await;
        let first = how.run(&stage.aws, point, stage.look(1, 10)).await;
        stage.aws.mend();
        let told = match first {
            Some(Ok(answer)) => answer.watch.alarm,
            _ => {
                // What the killed one had written again.
                stage.ledger().keep_verification(&stage.incident.id, &reverted("10:00:00Z")).await.expect("the ledger takes it");
                stage.aws.forget();
                let again = stage.look(1, 15).await.expect("a look");
                assert!(!stage.payloads("quarantine-iam contain").is_empty(), "{point:?} {how:?}");
                again.watch.alarm
            }
        };
        assert!(told, "{point:?} {how:?}");
    })
    .await;
    println!("watch: {tried} broken calls of a look");
}
