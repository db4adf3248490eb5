//! How deep `triage` asks before it decides.

use firebreak_aws::clock;
use firebreak_drill::{PlantedSubject, Result, Run, Stage, Subject};
use firebreak_testkit::{REGION, SECURITY_ACCOUNT, fixture};
use serde_json::{Value, json};

/// Injected before each call: with the same delay at every call shows which waits for which.
const DELAY: u32 = 100;
/// A number that no series of containments gives to a target.
const FIRST: usize = 1_000_000;

/// One line about a finding that names an access key and nobody: `triage` asks IAM whose the key is, and GuardDuty whether the finding
/// stands.
pub(crate) async fn depths(stage: &Stage) -> Result<String> {
    // The first run starts the process, and remembers GuardDuty's detector.
    Run::of(stage, "triage", &delivered(stage, FIRST).await?).await?;
    let request = delivered(stage, FIRST + 1).await?;
    stage.aws.plan_faults(&json!([{ "match": ".*", "function": "firebreak-triage", "delay_ms": DELAY, "times": 0 }]))?;
    let run = Run::of(stage, "triage", &request).await?;
    stage.aws.plan_faults(&json!([]))?;
    let depth =
        |service: &str| run.first(|call| call.service == service).map_or_else(|| "none".to_owned(), |depth| depth.to_string());
    Ok(format!(
        "Triage of a finding that names only a key, warm: IAM is asked at depth {}, GuardDuty at {}; the answer is {} deep, {:.0} ms.",
        depth("iam"),
        depth("guardduty"),
        run.deepest(|_| true).unwrap_or_default(),
        run.ms
    ))
}

/// What the state machine sends about a finding of a new user's key, which the local GuardDuty knows.
async fn delivered(stage: &Stage, number: usize) -> Result<Value> {
    let user = PlantedSubject::plant(stage, Subject::UserWithOneKey, number).await?;
    let mut event = fixture::load("guardduty/exfiltration-iam-user")?;
    fixture::personalise(&mut event, SECURITY_ACCOUNT, &format!("bench-{number}"), clock::now());
    event["detail"]["resource"]["accessKeyDetails"] = json!({ "accessKeyId": user.key });
    stage.aws.plant_findings(&json!([event["detail"]]))?;
    let execution = format!("arn:aws:states:{REGION}:{SECURITY_ACCOUNT}:execution:firebreak-incident-response:bench-{number}");
    Ok(json!({ "event": event, "execution_arn": execution, "started_at": clock::now().to_string() }))
}
