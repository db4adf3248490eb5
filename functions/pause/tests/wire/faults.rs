//! Every call broken in every way, and the process killed at every call: to ask again leads to the same end, and people are told.

use crate::{ACCOUNT, PAUSER, account, ask, in_force, stage};
use firebreak::fault::FaultKind;
use firebreak::pause::PauseOutcome;
use firebreak_testkit::room::{self, each_break};
use firebreak_testkit::scripted::error;

fn pause() -> String {
    format!(r#"{{"pause": {{"account": "{ACCOUNT}", "for_seconds": 7200, "reason": "a drill"}}}}"#)
}

fn resume() -> String {
    format!(r#"{{"resume": {{"account": "{ACCOUNT}"}}}}"#)
}

#[tokio::test]
async fn however_a_call_breaks_who_pauses_again_has_a_pause_that_people_know_of() {
    let calls = {
        let (aws, _) = stage().await;
        ask(&aws, PAUSER, &pause()).await.expect("an answer");
        aws.calls()
    };
    let tried = each_break(&calls, async |point, how| {
        let (aws, topic) = stage().await;
        let broken = how.run(&aws, point, ask(&aws, PAUSER, &pause())).await;
        if let Some(Ok(_)) = &broken {
            assert!(!topic.messages().is_empty(), "{point:?} {how:?}: it says that people were told");
        }
        aws.mend();
        ask(&aws, PAUSER, &pause()).await.expect("an answer");
        assert!(in_force(&aws).await.of(&account(ACCOUNT)).is_some(), "{point:?} {how:?}");
        // Killed after the notice, and a lost answer of the topic: better twice than not at all.
        assert!((1..=3).contains(&topic.messages().len()), "{point:?} {how:?}: {:?}", topic.messages());
        assert_eq!(aws.unknown(), [""; 0]);
    })
    .await;
    println!("pause: {tried} broken calls");
}

#[tokio::test]
async fn however_a_call_breaks_who_resumes_again_has_ended_the_pause_and_people_know_of_it() {
    let calls = {
        let (aws, _) = stage().await;
        ask(&aws, PAUSER, &pause()).await.expect("an answer");
        aws.forget();
        ask(&aws, PAUSER, &resume()).await.expect("an answer");
        aws.calls()
    };
    let tried = each_break(&calls, async |point, how| {
        let (aws, topic) = stage().await;
        ask(&aws, PAUSER, &pause()).await.expect("an answer");
        let _ = how.run(&aws, point, ask(&aws, PAUSER, &resume())).await;
        aws.mend();
        let again = ask(&aws, PAUSER, &resume()).await.expect("an answer");
        let is_over = matches!(again, PauseOutcome::Resumed { .. } | PauseOutcome::NotPaused { .. });
        assert!(is_over && in_force(&aws).await.is_empty(), "{point:?} {how:?}: {again:?}");
        let told = topic.messages().iter().filter(|message| message.subject.contains("Resumed")).count();
        assert!((1..=3).contains(&told), "{point:?} {how:?}: told {told} times");
    })
    .await;
    println!("resume: {tried} broken calls");
}

#[tokio::test]
async fn a_topic_that_refuses_is_a_fault_that_says_what_is_in_force_all_the_same() {
    let (aws, topic) = stage().await;
    aws.always("sns:Publish", error(403, "AuthorizationError"));
    let fault = ask(&aws, PAUSER, &pause()).await.expect_err("nobody was told");
    assert!(fault.kind == FaultKind::Denied && fault.message.contains("it is PAUSED"), "{fault}");
    let known = room::ledger(&aws).pauses_everywhere(firebreak_aws::clock::now()).await.expect("the ledger answers");
    assert!(!known.is_empty() && topic.messages().is_empty());
}
