//! How many round trips `quarantine-iam` needs, one after the other, and how long it takes until the deny is written.

use firebreak_drill::{Depths, PlantedSubject, Result, Run, Stage, Subject};
use firebreak_testkit::{Options, fixture};
use serde_json::json;

/// Injected before each call of the function, in milliseconds.
const DELAY: u32 = 100;
/// The best of so many runs: a busy machine makes a run slower, and nothing makes it faster than its round trips.
const RUNS: usize = 7;
/// Where the best run is slower than the limit, so many more runs show whether the machine was busy or the function is slow.
const MORE_RUNS: usize = 14;
/// A deny within so many delays: its two round trips, and the work of the function and of the local AWS.
const LIMIT: f64 = 3.5;

/// At most so many calls, one after the other. Nothing: the subject has none of it.
const LIMITS: [(Subject, Depths); 3] = [
    (Subject::UserWithOneKey, Depths { deny: Some(2), key: Some(2), others: None, answer: Some(4) }),
    (Subject::User, Depths { deny: Some(2), key: Some(2), others: Some(4), answer: Some(5) }),
    (Subject::Session, Depths { deny: Some(2), key: None, others: None, answer: Some(4) }),
];

/// Milliseconds until the deny is written, at best, and the depths of the shallowest run. Ends early where more runs cannot change a verdict.
async fn best(stage: &Stage, subject: Subject, first: usize, limit: f64) -> Result<(f64, Depths)> {
    let mut best: Option<(f64, Depths)> = None;
    for run in 0..=RUNS + MORE_RUNS {
        if run > RUNS && best.is_some_and(|(ms, _)| ms <= limit) {
            break;
        }
        let planted = PlantedSubject::plant(stage, subject, first + run).await?;
        let ran = Run::of(stage, "quarantine-iam", &planted.request()).await?;
        assert_eq!(ran.answer["status"], "contained", "{}", ran.answer);
        if run == 0 {
            // The first run starts the process: it is not a warm one, and it is not delayed.
            let delay = json!([{ "match": ".*", "function": "firebreak-quarantine-iam", "delay_ms": DELAY, "times": 0 }]);
            stage.aws.plan_faults(&delay)?;
            continue;
        }
        let ms = ran.ms_until(subject.denies()).ok_or("the deny was not written")?;
        let depths = planted.depths(&ran);
        best = Some(best.map_or((ms, depths), |(least, known)| (least.min(ms), known.least(depths))));
    }
    stage.aws.plan_faults(&json!([]))?;
    Ok(best.ok_or("no run")?)
}

/// What is deeper than its limit, or is done although no limit speaks of it, or is not done.
fn exceeded(depths: Depths, limits: Depths) -> Vec<&'static str> {
    let each = [
        ("deny", depths.deny, limits.deny),
        ("exposed key", depths.key, limits.key),
        ("other credentials", depths.others, limits.others),
        ("answer", depths.answer, limits.answer),
    ];
    each.into_iter()
        .filter(|(_, depth, limit)| depth.is_some() != limit.is_some() || depth > limit)
        .map(|(what, ..)| what)
        .collect()
}

#[tokio::test]
async fn few_round_trips_precede_the_deny_the_inactive_keys_and_the_answer() -> Result<()> {
    let logs = fixture::repository().join(format!(".local/logs/latency-{}", std::process::id()));
    let stage = Stage::set(&Options { policy: None, logs: Some(logs) }).await?;
    let limit = LIMIT * f64::from(DELAY);
    for (number, (subject, limits)) in LIMITS.into_iter().enumerate() {
        let (ms, depths) = best(&stage, subject, number * (RUNS + MORE_RUNS + 1), limit).await?;
        let what = subject.words();
        println!("{what}: {depths:?}, denied after {ms:.0} ms with {DELAY} ms per call (limit {limit:.0} ms)");
        assert_eq!(exceeded(depths, limits), [""; 0], "{what}: {depths:?} of at most {limits:?}");
        assert!(ms <= limit, "{what}: {ms:.0} ms, more than {limit:.0} ms");
    }
    Ok(())
}
