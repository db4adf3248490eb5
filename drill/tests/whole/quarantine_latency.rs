//! How long it takes from the invocation of `quarantine-iam` until the deny is written: two round trips, one after the other.

use firebreak_drill::{PlantedRole, PlantedUser, Result, Stage};
use firebreak_testkit::fault_sweep::depth;
use firebreak_testkit::{Options, REGION, SECURITY_ACCOUNT, fixture};
use serde_json::{Value, json};
use std::time::Instant;

const FUNCTION: &str = "firebreak-quarantine-iam";
/// Injected before each call of the function, in milliseconds.
const DELAY: u32 = 100;
/// The best of so many runs: a busy machine makes a run slower, and nothing makes it faster than its round trips.
const RUNS: usize = 7;

fn request(run: usize, target: &Value) -> Value {
    let place = json!({ "account": SECURITY_ACCOUNT, "region": REGION, "partition": "aws" });
    let fields = [&place, target].into_iter().filter_map(Value::as_object).flatten().map(|(k, v)| (k.clone(), v.clone()));
    json!({ "phase": "contain", "target": Value::Object(fields.collect()), "incident": {
        "id": format!("fb-{run:016x}"), "verdict": "respond", "reason": null, "dedupe_key": "latency", "decisions": [],
        "finding": { "id": null, "type": null, "severity": null, "severity_band": null, "source": "guardduty", "account": null,
            "region": null, "title": null },
        "execution_arn": "x", "opened_at": "2026-11-20T02:00:00Z",
        "timing": { "review_timeout_seconds": 60, "review_max_rounds": 1 } } })
}

/// Milliseconds from the invocation until the first call of each of `actions` is answered, and how deep they are in the graph of calls.
async fn measure(stage: &Stage, run: usize, target: &Value, actions: &[&str]) -> Result<(f64, usize)> {
    stage.aws.forget_calls()?;
    let began = Instant::now();
    let invoked = stage.invoke("quarantine-iam", &request(run, target)).await?;
    let whole = began.elapsed().as_secs_f64();
    assert_eq!(invoked.answer["status"], "contained", "{}", invoked.answer);
    let calls = stage.aws.calls()?;
    let own = || calls.iter().filter(|call| call.function.as_deref() == Some(FUNCTION));
    // The clock of the record starts elsewhere: the end of the last call is the end of the invocation, or a little before it.
    let last = own().filter_map(|call| call.ended_at).fold(0.0, f64::max);
    let first = |action: &&str| own().find(|call| call.action() == *action).and_then(|call| call.ended_at);
    let written = actions.iter().filter_map(first).fold(0.0, f64::max);
    let deepest = actions.iter().filter_map(|action| depth(&calls, FUNCTION, action)).max().ok_or("the deny was not written")?;
    Ok(((whole - (last - written)) * 1000.0, deepest))
}

async fn best(stage: &Stage, targets: &[Value], actions: &[&str]) -> Result<(f64, usize)> {
    // The first run starts the process: it is not a warm one.
    measure(stage, 0, &targets[0], actions).await?;
    stage.aws.plan_faults(&json!([{ "match": ".*", "function": FUNCTION, "delay_ms": DELAY, "times": 0 }]))?;
    let mut best = (f64::MAX, 0);
    for (run, target) in targets.iter().enumerate().skip(1) {
        let (ms, depth) = measure(stage, run, target, actions).await?;
        best = (best.0.min(ms), best.1.max(depth));
    }
    stage.aws.plan_faults(&json!([]))?;
    Ok(best)
}

#[tokio::test]
async fn deny_is_two_round_trips_after_the_invocation() -> Result<()> {
    let logs = fixture::repository().join(format!(".local/logs/latency-{}", std::process::id()));
    let stage = Stage::set(&Options { policy: None, logs: Some(logs) }).await?;
    let (mut users, mut sessions) = (Vec::new(), Vec::new());
    for run in 0..=RUNS {
        let user = PlantedUser::plant(stage.config(), &format!("user-{run}")).await?;
        users.push(json!({ "kind": "iam-user", "id": user.name, "principal_id": user.principal_id }));
        let role = PlantedRole::plant(stage.config(), &format!("role-{run}")).await?;
        sessions.push(json!({ "kind": "iam-role", "id": role.name, "principal_id": role.principal_id, "scope": "session",
            "session": "i-0123456789abcdef0" }));
    }
    let limit = 2.5 * f64::from(DELAY) + 60.0;
    // The policy and the tag that names the session: either alone denies nothing.
    let of_a_session = &["iam:AttachRolePolicy", "iam:TagRole"][..];
    for (what, targets, actions) in [("a user", &users, &["iam:AttachUserPolicy"][..]), ("a session", &sessions, of_a_session)] {
        let (ms, depth) = best(&stage, targets, actions).await?;
        println!("deny of {what}: {depth} dependent round trips, {ms:.0} ms with {DELAY} ms per call (limit {limit:.0} ms)");
        assert_eq!(depth, 2, "{what}: AssumeRole, then the deny, and nothing between them");
        assert!(ms <= limit, "{what}: {ms:.0} ms, more than {limit:.0} ms");
    }
    Ok(())
}
