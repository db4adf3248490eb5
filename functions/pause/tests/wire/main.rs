//! Pausing over the wire: the real SDK, against a ledger in memory and a topic that the test plays.
#![expect(clippy::expect_used, reason = "a test may fail where it stands")]

mod faults;

use firebreak::fault::{Fault, FaultKind};
use firebreak::ids::AccountId;
use firebreak::pause::{ConsoleRequest, PauseOutcome, PauseRequest, Pauses, UNSIGNED};
use firebreak_aws::clock;
use firebreak_testkit::dynamodb::Value as Attribute;
use firebreak_testkit::room::{self, ACCOUNT, PAUSER};
use firebreak_testkit::scripted::{Call, ScriptedAws, ok};
use jiff::SignedDuration;
use pause::Function;
use std::sync::{Arc, Mutex, PoisonError};

const TOPIC: &str = "arn:aws:sns:eu-central-1:123456789012:firebreak-notices";
const OTHER: &str = "444455556666";

/// What people got.
#[derive(Debug, Clone)]
struct Message {
    topic: String,
    subject: String,
    body: String,
}

/// The topic.
#[derive(Clone, Default)]
struct Topic(Arc<Mutex<Vec<Message>>>);

impl Topic {
    fn messages(&self) -> Vec<Message> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn publish(&self, call: &Call) {
        let [topic, subject, body] = ["TopicArn", "Subject", "Message"].map(|name| call.param(name).to_owned());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Message { topic, subject, body });
    }
}

async fn stage() -> (ScriptedAws, Topic) {
    let aws = ScriptedAws::start().await.expect("a port");
    let topic = Topic::default();
    let served = topic.clone();
    aws.on("sns:Publish", move |call| {
        served.publish(call);
        Some(ok("<MessageId>sns</MessageId>"))
    });
    (aws, topic)
}

/// What the body of a signed request says.
async fn ask(aws: &ScriptedAws, by: &str, request: &str) -> Result<PauseOutcome, Fault> {
    let request: PauseRequest = serde_json::from_str(request).expect("a request");
    Box::pin(Function::new(&aws.aws(), room::ledger(aws), TOPIC.to_owned()).handle(by, request)).await
}

async fn in_force(aws: &ScriptedAws) -> Pauses {
    room::ledger(aws).pauses_everywhere(clock::now()).await.expect("the ledger answers")
}

fn account(number: &str) -> AccountId {
    AccountId::parse(number).expect("an account")
}

#[tokio::test]
async fn a_pause_is_written_under_the_signed_identity_and_told_with_who_until_when_and_why() {
    let (aws, topic) = stage().await;
    let before = clock::now();
    let request = r#"{"pause": {"for_seconds": 7200, "reason": "a rollout misfires"}}"#;
    let PauseOutcome::Paused { pause, in_force: all } = ask(&aws, PAUSER, request).await.expect("an answer") else {
        panic!("it pauses")
    };
    assert_eq!((pause.by.as_str(), pause.reason.as_str(), &pause.account), (PAUSER, "a rollout misfires", &None));
    assert!(pause.since >= before && pause.until == pause.since + SignedDuration::from_hours(2), "{pause:?}");
    let known = in_force(&aws).await;
    assert_eq!(
        (all.all().count(), known.of(&account(OTHER)).map(|known| known.until.as_second())),
        (1, Some(pause.until.as_second()))
    );
    let row = aws.table().item("pause#all", "pause").cloned().expect("a row");
    assert_eq!(row["by"], Attribute::S(PAUSER.to_owned()));
    let told = topic.messages();
    assert_eq!((told.len(), told[0].topic.as_str()), (1, TOPIC));
    assert!(told[0].subject.starts_with("[Firebreak] PAUSED until ") && told[0].subject.ends_with("all accounts"), "{told:?}");
    for words in [PAUSER, "a rollout misfires", "firebreak resume"] {
        assert!(told[0].body.contains(words), "{words}: {}", told[0].body);
    }
    assert_eq!(aws.unknown(), [""; 0]);
}

#[tokio::test]
async fn a_pause_of_one_account_leaves_the_others_and_is_ended_alone() {
    let (aws, topic) = stage().await;
    let of_one = format!(r#"{{"pause": {{"account": "{ACCOUNT}", "for_seconds": 60, "reason": "a drill"}}}}"#);
    ask(&aws, PAUSER, &of_one).await.expect("an answer");
    let known = in_force(&aws).await;
    assert!(known.of(&account(ACCOUNT)).is_some() && known.of(&account(OTHER)).is_none());

    ask(&aws, PAUSER, r#"{"pause": {"for_seconds": 60, "reason": "a storm"}}"#).await.expect("an answer");
    let answer = ask(&aws, "bob", &format!(r#"{{"resume": {{"account": "{ACCOUNT}"}}}}"#)).await.expect("an answer");
    let PauseOutcome::Resumed { resumed, in_force: left } = answer else { panic!("it resumes") };
    assert_eq!((resumed.by.as_str(), resumed.pause.by.as_str()), ("bob", PAUSER));
    assert!(left.all().count() == 1 && left.of(&account(ACCOUNT)).is_some(), "the other pause holds it all the same: {left:?}");
    let told = topic.messages();
    assert_eq!((told.len(), told[2].subject.as_str()), (3, &*format!("[Firebreak] Resumed: account {ACCOUNT}")));
    assert!(told[2].body.contains("By: bob") && told[2].body.contains("STILL paused"), "{}", told[2].body);
    let nothing = ask(&aws, "bob", &format!(r#"{{"resume": {{"account": "{ACCOUNT}"}}}}"#)).await.expect("an answer");
    assert!(matches!(nothing, PauseOutcome::NotPaused { in_force } if !in_force.is_empty()));
    assert_eq!(topic.messages().len(), 3, "nobody is told of nothing");
}

#[tokio::test]
async fn what_lasts_too_long_or_has_no_reason_is_refused_and_nobody_is_told() {
    let (aws, topic) = stage().await;
    for (request, why) in [
        (r#"{"pause": {"for_seconds": 86401, "reason": "x"}}"#, "at most 24 hours"),
        (r#"{"pause": {"for_seconds": 0, "reason": "x"}}"#, "at least one second"),
        (r#"{"pause": {"for_seconds": 60, "reason": "  "}}"#, "needs a reason"),
    ] {
        let fault = ask(&aws, PAUSER, request).await.expect_err(why);
        assert!(fault.kind == FaultKind::Malformed && fault.message.contains(why), "{fault}");
    }
    assert_eq!((aws.table().items().count(), topic.messages().len()), (0, 0));
}

#[tokio::test]
async fn a_second_pause_sets_a_new_end_and_is_told_too() {
    let (aws, topic) = stage().await;
    ask(&aws, PAUSER, r#"{"pause": {"for_seconds": 60, "reason": "x"}}"#).await.expect("an answer");
    ask(&aws, "bob", r#"{"pause": {"for_seconds": 86400, "reason": "longer"}}"#).await.expect("an answer");
    let known = in_force(&aws).await;
    let pause = known.of(&account(OTHER)).expect("a pause");
    assert_eq!((pause.by.as_str(), pause.reason.as_str(), topic.messages().len()), ("bob", "longer", 2));
    let shown = ask(&aws, PAUSER, r#"{"show": {}}"#).await.expect("an answer");
    assert!(matches!(shown, PauseOutcome::Shown { in_force } if in_force == known));
    assert_eq!(topic.messages().len(), 2, "who only looks tells nobody");
}

#[tokio::test]
async fn a_test_event_of_the_console_is_recorded_and_told_as_unsigned() {
    let (aws, topic) = stage().await;
    let event = r#"{"pause": {"for_seconds": 60, "reason": "by=ann: trust me"}, "from": "console"}"#;
    let request: ConsoleRequest = serde_json::from_str(event).expect("a test event");
    let function = Function::new(&aws.aws(), room::ledger(&aws), TOPIC.to_owned());
    Box::pin(function.handle_console(request)).await.expect("an answer");
    let row = aws.table().item("pause#all", "pause").cloned().expect("a row");
    assert_eq!(row["by"], Attribute::S(UNSIGNED.to_owned()));
    let body = topic.messages()[0].body.clone();
    assert!(body.contains("By: unsigned: CloudTrail") && body.contains("Why: by=ann"), "{body}");
}
