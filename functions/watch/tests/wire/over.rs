//! When nobody looks: too early, while a release runs, and once the incident is over.

use crate::stage::{Stage, decision, found, user};
use firebreak::answer::{Answer, Decided, Targets};
use firebreak::containment::Containment;
use firebreak::decision::{Decision, Mode};
use firebreak::ids::IncidentId;
use firebreak::incident::IncidentStatus;
use firebreak::target::Target;
use firebreak::watch::{A_DAY, NextLook};
use firebreak_aws::clock;
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn a_look_that_is_not_due_asks_nobody() {
    let stage = Stage::start().await;
    let answer = stage.look(1, 3).await.expect("an answer");
    assert_eq!(stage.aws.calls().len(), 0);
    assert!((6..=7).contains(&answer.watch.seconds), "{:?}", answer.watch);
    assert_eq!(NextLook { seconds: 0, ..answer.watch }, NextLook { over: false, ..NextLook::over(1) });
}

#[tokio::test]
async fn the_watch_ends_with_the_incident_and_not_with_its_execution() {
    for (status, over) in [
        (IncidentStatus::Closed, true),
        (IncidentStatus::Released, true),
        (IncidentStatus::Failed, false),
        (IncidentStatus::AwaitingReview, false),
    ] {
        let stage = Stage::start().await;
        stage.ledger().set_status(&stage.incident.id, status, &[]).await.expect("the ledger takes it");
        let answer = stage.look(1, 10).await.expect("an answer");
        assert_eq!((answer.watch.over, stage.called().is_empty()), (over, over), "{status:?}");
    }
    let mut earlier = Stage::start().await;
    "arn:aws:states:eu-central-1:111122223333:execution:x:before".clone_into(&mut earlier.incident.execution_arn);
    assert!(earlier.look(1, 10).await.expect("an answer").watch.over, "another execution has it, and another watch");
    let mut unknown = Stage::start().await;
    unknown.incident.id = IncidentId::of("nobody knows it");
    assert!(unknown.look(1, 10).await.expect("an answer").watch.over);
}

#[tokio::test]
async fn no_look_fights_a_release() {
    for (answer, age, looks) in [
        (Answer::Release, 10, false),
        // The execution never took it: what is contained is looked after again.
        (Answer::Release, 3600, true),
        (Answer::Approve, 10, true),
    ] {
        let stage = Stage::start().await;
        stage.answered(answer, None, Duration::from_secs(age)).await;
        let next = stage.look(1, 10).await.expect("an answer").watch;
        assert_eq!(!stage.called().is_empty(), looks, "{answer:?} {age}");
        if !looks {
            assert_eq!((next.look, next.seconds, next.over), (1, 15, false), "the same look, soon");
        }
    }
}

/// A search takes up to 40 seconds, and a release is not made for what a look contains after it.
#[tokio::test]
async fn nothing_is_contained_after_the_incident_was_released() {
    let stage = Stage::start().await;
    let next = json!([{ "target": user(), "containment": "quarantine-iam" }]);
    stage.answers("sweep", "look", found(&stage.incident, next).after(Duration::from_millis(100)));
    let releases = async {
        while stage.payloads("sweep look").is_empty() {
            tokio::task::yield_now().await;
        }
        stage.ledger().set_status(&stage.incident.id, IncidentStatus::Released, &[]).await.expect("the ledger takes it");
    };
    let (answer, ()) = tokio::join!(stage.look(1, 10), releases);
    assert!(answer.expect("an answer").watch.alarm);
    assert_eq!(stage.payloads("quarantine-iam contain").len(), 0);
}

/// What the look contained under an answer would be contained under an incident that is over.
#[tokio::test]
async fn nothing_is_contained_that_was_answered_about_meanwhile() {
    for answer in [Answer::Keep, Answer::Approve, Answer::Release] {
        let stage = Stage::start().await;
        let backdoor = Target { id: "backdoor".to_owned(), ..user() };
        stage.decides(&backdoor).await;
        let next = json!([{ "target": backdoor, "containment": "quarantine-iam" }]);
        stage.answers("sweep", "look", found(&stage.incident, next).after(Duration::from_millis(100)));
        let answers = async {
            while stage.payloads("sweep look").is_empty() {
                tokio::task::yield_now().await;
            }
            stage.answered(answer, None, Duration::ZERO).await;
        };
        let (looked, ()) = tokio::join!(stage.look(1, 10), answers);
        assert!(looked.expect("an answer").watch.alarm, "{answer:?}");
        assert_eq!(stage.payloads("quarantine-iam contain").len(), 0, "{answer:?}");
    }
}

/// A look was killed between its decision and the containment, and the approval of the ticket that showed it came to nothing.
#[tokio::test]
async fn what_an_approval_could_not_carry_out_the_next_look_contains() {
    for (answer, has_failed, contained) in [
        (Answer::Approve, false, 1),
        (Answer::Approve, true, 1),
        // Whoever said so did not want it contained.
        (Answer::Keep, false, 0),
        (Answer::Release, false, 0),
        (Answer::Keep, true, 0),
    ] {
        let stage = Stage::start().await;
        let backdoor = Target { id: "backdoor".to_owned(), ..user() };
        stage.decides(&backdoor).await;
        let next = json!([{ "target": backdoor, "containment": "quarantine-iam" }]);
        stage.answers("sweep", "look", found(&stage.incident, next));
        stage.answered(answer, None, Duration::from_secs(3600)).await;
        if has_failed {
            stage.ledger().set_status(&stage.incident.id, IncidentStatus::Failed, &[]).await.expect("the ledger takes it");
        } else {
            stage.asks_again().await;
        }
        stage.look(1, 10).await.expect("an answer");
        assert_eq!(stage.payloads("quarantine-iam contain").len(), contained, "{answer:?}, failed: {has_failed}");
    }
}

#[tokio::test]
async fn after_a_day_another_execution_goes_on() {
    let stage = Stage::start().await;
    assert!(!stage.look(1, 10).await.expect("an answer").watch.successor);
    let next = stage.look(2, A_DAY).await.expect("an answer").watch;
    assert!(next.successor && next.look > 1000, "what was missed is not made up for: {next:?}");
}

#[tokio::test]
async fn what_an_approval_left_out_by_name_no_look_contains_although_the_approval_came_to_nothing() {
    for (answer, name, contained) in [
        (Answer::Approve, "backdoor", 0),
        (Answer::Approve, "alice", 1),
        // Whoever undoes all but this one wants it contained.
        (Answer::Release, "backdoor", 1),
        (Answer::Keep, "backdoor", 1),
        (Answer::Keep, "alice", 0),
    ] {
        let stage = Stage::start().await;
        let backdoor = Target { id: "backdoor".to_owned(), ..user() };
        stage.decides(&backdoor).await;
        let next = json!([{ "target": backdoor, "containment": "quarantine-iam" }]);
        stage.answers("sweep", "look", found(&stage.incident, next));
        let (targets, at) = (Targets { only: vec![], except: vec![name.to_owned()] }, clock::now() - Duration::from_secs(3600));
        stage.says(&Decided { targets, ..Decided::new(answer, "ann", "because", at) }).await;
        stage.asks_again().await;
        stage.look(1, 10).await.expect("an answer");
        assert_eq!(stage.payloads("quarantine-iam contain").len(), contained, "{answer:?}, all but {name}");
    }
}

/// The answer was recorded after the look had read the answers.
#[tokio::test]
async fn whoever_keeps_what_waits_is_obeyed_although_a_look_has_raised_it() {
    for (answer, waited, contained) in [(Answer::Keep, Some(0), 0), (Answer::Release, Some(0), 0), (Answer::Keep, None, 1)] {
        let stage = Stage::start().await;
        let backdoor = Target { id: "backdoor".to_owned(), ..user() };
        let raised = Decision { waited, ..decision(&backdoor, Containment::QuarantineIam, Mode::Auto) };
        let amended = stage.ledger().amend(&stage.incident.id, |known| known.decisions.push(raised.clone())).await;
        amended.expect("the ledger takes it").expect("an incident");
        let next = json!([{ "target": backdoor, "containment": "quarantine-iam" }]);
        stage.answers("sweep", "look", found(&stage.incident, next));
        stage.answered(answer, Some(0), Duration::from_secs(3600)).await;
        stage.look(1, 10).await.expect("an answer");
        assert_eq!(stage.payloads("quarantine-iam contain").len(), contained, "{answer:?} {waited:?}");
    }
}
