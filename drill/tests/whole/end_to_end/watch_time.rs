//! The watch by the schedule that is shipped: what takes hours and days passes on a clock that the test sets.
#![expect(clippy::disallowed_methods, reason = "here somebody else than Firebreak acts")]

use super::triage::stage_with_policy;
use super::watch::{policy_arn, until_denied, watch_of};
use super::{TestResult, send, user_finding};
use aws_sdk_sfn::types::{HistoryEvent, HistoryEventType};
use firebreak::answer::Answer;
use firebreak::incident::IncidentStatus;
use firebreak::restore::{RestoreOutcome, RestoreRequest};
use firebreak_cli::signed::call_with;
use firebreak_drill::{PlantedUser, Stage};
use firebreak_ledger::IncidentView;
use firebreak_testkit::{Call, SECURITY_ACCOUNT, eventually};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::time::Duration;

/// The looks are those of a policy that says nothing about them.
const SHIPPED: &str = "default_mode = \"auto\"\n";
const PATIENCE: Duration = Duration::from_secs(60);
/// What `state-machine/tests/machines/watch.rs` computes for an execution of a quiet incident.
const COMPUTED: usize = 460;
/// Calls of one look: it reads the incident, begins, gathers, has it verified, reads again, has it searched, reads the decisions.
const CALLS: usize = 8;

/// A wait of the watch: the number of its event, and seconds.
type Wait = (i64, u64);

/// The wait that the watch is in, if it began after an event.
async fn waiting(stage: &Stage, watch: &str, after: i64) -> Option<Wait> {
    let newest = stage.sfn.get_execution_history().execution_arn(watch).reverse_order(true).max_results(1);
    let event = newest.send().await.ok()?.events.pop().filter(|event| event.id > after)?;
    let entered = event.state_entered_event_details().filter(|_| event.r#type == HistoryEventType::WaitStateEntered)?;
    let input: Value = serde_json::from_str(entered.input()?).ok()?;
    let after_failure = (entered.name() == "WaitAfterFailure").then_some(300);
    Some((event.id, after_failure.or_else(|| input.pointer("/looked/watch/seconds")?.as_u64())?))
}

/// Waits until the watch waits, if that begins after an event.
pub(super) async fn waits(stage: &Stage, watch: &str, after: i64) -> firebreak_drill::Result<Wait> {
    Ok(eventually("the watch to wait", PATIENCE, async || waiting(stage, watch, after).await).await?)
}

/// The clock goes forward by a wait; the look that is due then is made.
pub(super) async fn next_look(stage: &Stage, watch: &str, (event, seconds): Wait) -> firebreak_drill::Result<Wait> {
    stage.aws.set_clock(&json!({ "forward": seconds }))?;
    waits(stage, watch, event).await
}

/// Goes from look to look until an execution of the watch has ended.
async fn until_over(stage: &Stage, watch: &str) -> TestResult {
    let mut last = 0;
    loop {
        let next = async || {
            if let Some(wait) = waiting(stage, watch, last).await {
                return Some(Some(wait));
            }
            let status = stage.sfn.describe_execution().execution_arn(watch).send().await.ok()?.status;
            (status.as_str() == "SUCCEEDED").then_some(None)
        };
        let Some((event, seconds)) = eventually("the next look, or the end", PATIENCE, next).await? else { return Ok(()) };
        stage.aws.set_clock(&json!({ "forward": seconds }))?;
        last = event;
    }
}

async fn history(stage: &Stage, watch: &str) -> firebreak_drill::Result<Vec<HistoryEvent>> {
    let pages = stage.sfn.get_execution_history().execution_arn(watch).max_results(1000).into_paginator();
    Ok(pages.items().send().collect::<Result<Vec<_>, _>>().await?)
}

/// What must stay as it is, whatever the watch does: which gate is open, since when, and that nobody answered.
fn gate(view: &IncidentView) -> Option<(u32, String, bool)> {
    view.review.as_ref().map(|review| (review.round, review.opened_at.clone(), review.decision.is_some()))
}

async fn revert(user: &PlantedUser) -> TestResult {
    user.iam().detach_user_policy().user_name(&user.name).policy_arn(policy_arn()).send().await?;
    assert_eq!(user.observe().await?.get("attached policies"), Some("none"));
    Ok(())
}

#[tokio::test]
async fn a_revert_half_an_hour_after_the_gate_opened_is_written_again_by_the_look_of_the_hour_and_raised() -> TestResult {
    let stage = stage_with_policy(SHIPPED).await;
    let user = PlantedUser::plant(stage.config(), "alice").await?;
    let (_, id) = send(&stage, &user_finding(&user, SECURITY_ACCOUNT, "half-an-hour")).await?;
    let view = stage.incident_when(&id, "the gate", |view| view.review.is_some()).await?;
    let before = gate(&view);
    let opened: Timestamp = view.review.ok_or("no gate")?.opened_at.parse()?;
    let watch = watch_of(&id);
    // The first looks come by themselves.
    stage.aws.set_clock(&json!({ "speed": 30 }))?;
    let mut wait = (0, 0);
    for _ in 0..3 {
        wait = waits(&stage, &watch, wait.0).await?;
    }
    stage.aws.set_clock(&json!({ "speed": 1, "forward": 1800 }))?;
    wait = waits(&stage, &watch, wait.0).await?;
    revert(&user).await?;

    next_look(&stage, &watch, wait).await?;
    let told = stage.told("CRITICAL, somebody reverted it").await?;
    assert!(told.body.contains("the quarantine policy is not attached"), "{}", told.body);
    until_denied(&user).await?;
    let view = stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    let line = view.timeline.iter().find(|event| event.what.starts_with("REVERTED")).ok_or("no line")?;
    let seconds = line.at.parse::<Timestamp>()?.duration_since(opened).as_secs();
    assert!((3_500..3_900).contains(&seconds), "{seconds} seconds after the gate opened: {:?}", view.timeline);
    assert_eq!(gate(&view), before);
    Ok(())
}

#[tokio::test]
async fn after_a_day_a_successor_goes_on_and_the_history_of_the_first_one_is_short() -> TestResult {
    let stage = stage_with_policy(SHIPPED).await;
    let user = PlantedUser::plant(stage.config(), "alice").await?;
    let (_, id) = send(&stage, &user_finding(&user, SECURITY_ACCOUNT, "a-day")).await?;
    stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    let first = watch_of(&id);
    until_over(&stage, &first).await?;
    let events = history(&stage, &first).await?.len();
    assert!(events <= 5_000 && events.abs_diff(COMPUTED) * 10 <= COMPUTED, "{events} events");

    let successor = format!("{first}-2");
    let wait = waits(&stage, &successor, 0).await?;
    assert!(wait.1 > 20_000, "every six hours: {wait:?}");
    revert(&user).await?;
    next_look(&stage, &successor, wait).await?;
    until_denied(&user).await?;
    stage.told("CRITICAL, somebody reverted it").await?;
    // The gate has asked again and again meanwhile.
    let view = stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    assert!(view.review.is_some_and(|review| review.round > 1 && review.decision.is_none()));
    Ok(())
}

#[tokio::test]
async fn a_watch_that_is_killed_at_any_of_its_calls_leaves_the_gate_alone_and_looks_again() -> TestResult {
    // No gate of this test is overdue.
    let stage = stage_with_policy(&format!("{SHIPPED}[review]\ntimeout_seconds = 86400\n")).await;
    let user = PlantedUser::plant(stage.config(), "alice").await?;
    let before = user.observe().await?;
    let (execution, id) = send(&stage, &user_finding(&user, SECURITY_ACCOUNT, "killed")).await?;
    let opened = gate(&stage.incident_when(&id, "the gate", |view| view.review.is_some()).await?);
    let watch = watch_of(&id);
    let mut wait = waits(&stage, &watch, 0).await?;
    for nth in 1..=CALLS {
        stage.aws.plan_faults(&json!([{ "match": ".*", "function": "firebreak-watch", "kill": true, "nth": nth }]))?;
        wait = next_look(&stage, &watch, wait).await?;
    }
    let events = history(&stage, &watch).await?;
    let failed = events.iter().filter(|event| event.r#type == HistoryEventType::TaskFailed).count();
    assert_eq!(failed, CALLS, "each kill hits one try");

    // The second try is killed as well.
    stage.aws.plan_faults(&json!([{ "match": ".*", "function": "firebreak-watch", "kill": true, "times": 2 }]))?;
    wait = next_look(&stage, &watch, wait).await?;
    stage.alarmed("could not look after an incident").await?;
    assert_eq!(wait.1, 300, "the next try is in five minutes");
    revert(&user).await?;
    wait = next_look(&stage, &watch, wait).await?;
    until_denied(&user).await?;
    let view = stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    assert_eq!(gate(&view), opened);

    stage.answer(&id, Answer::Release).await?;
    assert_eq!(stage.ended(&execution).await?, "SUCCEEDED");
    stage.aws.set_clock(&json!({ "forward": wait.1 }))?;
    assert_eq!(stage.ended(&watch).await?, "SUCCEEDED", "the watch ends with the incident");
    assert_eq!(user.released(&before).differences(&user.observe().await?), []);
    Ok(())
}

#[tokio::test]
async fn a_restore_while_a_look_writes_ends_with_the_exact_state() -> TestResult {
    let stage = stage_with_policy(SHIPPED).await;
    let user = PlantedUser::plant(stage.config(), "alice").await?;
    let before = user.observe().await?;
    let (execution, id) = send(&stage, &user_finding(&user, SECURITY_ACCOUNT, "restored")).await?;
    stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    let watch = watch_of(&id);
    let wait = waits(&stage, &watch, 0).await?;
    let bob = stage.aws.person("FirebreakAnalyst", "bob").await?;
    let carol = stage.aws.person("FirebreakApprover", "carol").await?;
    let hangs = json!([{ "match": "iam:AttachUserPolicy", "function": "firebreak-quarantine-iam", "delay_ms": 3_500 }]);
    stage.aws.plan_faults(&hangs)?;
    stage.aws.forget_calls()?;
    revert(&user).await?;
    stage.aws.set_clock(&json!({ "forward": wait.1 }))?;
    let hanging = async || {
        let calls = stage.aws.calls().ok()?;
        let is_write = |call: &Call| call.action() == "iam:AttachUserPolicy" && call.ended_at.is_none();
        calls.iter().any(is_write).then_some(())
    };
    eventually("a write that hangs", PATIENCE, hanging).await?;
    stage.answer(&id, Answer::Keep).await?;
    assert_eq!(stage.ended(&execution).await?, "SUCCEEDED");
    stage.reaches(&id, IncidentStatus::Closed).await?;

    let asked = RestoreRequest::new(id.clone(), "the user was rotated");
    let first: RestoreOutcome = call_with(&bob, "decide-review", &asked).await?;
    assert!(matches!(first, RestoreOutcome::NeedsSecond { .. }), "{first:?}");
    let second: RestoreOutcome = call_with(&carol, "decide-review", &asked).await?;
    assert!(matches!(second, RestoreOutcome::Started { .. }), "{second:?}");
    stage.reaches(&id, IncidentStatus::Released).await?;

    // Nor does the end of the look, or another one, bring the deny back.
    let wait = waits(&stage, &watch, wait.0).await?;
    stage.aws.set_clock(&json!({ "forward": wait.1 }))?;
    assert_eq!(stage.ended(&watch).await?, "SUCCEEDED");
    assert_eq!(user.released(&before).differences(&user.observe().await?), []);
    Ok(())
}
