//! How many round trips `lockdown-s3` needs, one after the other, until the control of a level that matters is written.

use crate::table;
use aws_sdk_s3::Client;
use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};
use firebreak_drill::{Result, Run, Stage, request};
use firebreak_testkit::{Call, REGION, SECURITY_ACCOUNT};
use serde_json::json;

/// Injected before each call, in milliseconds.
const DELAY: u32 = 100;
/// Runs of each row.
const RUNS: usize = 7;
/// A number that nothing else gives to a target.
const FIRST: usize = 3_000_000;
const FUNCTION: &str = "firebreak-lockdown-s3";
/// Whom the bucket lets in. Nobody of them loses access by a freeze, which would wait.
const READER: &str = "arn:aws:iam::111122223333:root";

/// A level, its scope where it has one, and the control that matters.
const LEVELS: [(&str, Option<&str>, &str); 4] = [
    ("public access", None, "PutPublicAccessBlock"),
    ("freeze", Some("freeze"), "PutBucketPolicy"),
    ("destruction", Some("destruction"), "PutBucketPolicy"),
    ("seal", Some("seal"), "PutBucketPolicy"),
];

/// What came of the runs of one row: the least of each.
#[derive(Debug, Clone, Copy)]
struct Measured {
    /// Calls to the member account that wait for each other, `sts:AssumeRole` among them, until the control is written.
    control: usize,
    /// The same until the answer.
    answer: usize,
    /// The same with the ledger's.
    all: usize,
    /// Milliseconds until the control is written.
    control_ms: f64,
    /// Milliseconds until the answer.
    ms: f64,
}

impl Measured {
    fn of(run: &Run, control: &str) -> Option<Self> {
        let of_member = |call: &Call| call.service != "dynamodb";
        let is_control = |call: &Call| call.operation == control;
        Some(Self {
            control: run.deepest_among(of_member, is_control)?,
            answer: run.deepest_among(of_member, |_| true)?,
            all: run.deepest(|_| true)?,
            control_ms: run.ms_until_last(is_control)?,
            ms: run.ms,
        })
    }

    fn least(self, other: Self) -> Self {
        Self {
            control: self.control.min(other.control),
            answer: self.answer.min(other.answer),
            all: self.all.min(other.all),
            control_ms: self.control_ms.min(other.control_ms),
            ms: self.ms.min(other.ms),
        }
    }
}

/// The table. Says on standard error what it does.
pub(crate) async fn report(stage: &Stage) -> Result<String> {
    let (mut rows, mut number) = (Vec::new(), FIRST);
    for (words, scope, control) in LEVELS {
        eprintln!("lockdown-s3, {words}");
        // The first run starts the process.
        let mut least: Option<Measured> = None;
        for run in 0..=RUNS {
            let delay = if run == 0 { 0 } else { DELAY };
            stage.aws.plan_faults(&json!([{ "match": ".*", "function": FUNCTION, "delay_ms": delay, "times": 0 }]))?;
            let measured = lock_down(stage, number, scope, control).await?;
            number += 1;
            if run > 0 {
                least = Some(least.map_or(measured, |known| known.least(measured)));
            }
        }
        rows.push(row(words, least.ok_or("no run")?));
    }
    stage.aws.plan_faults(&json!([]))?;
    let head = format!("lockdown-s3, warm, {DELAY} ms per call, best of {RUNS}");
    let columns = [head.as_str(), "to the control", "to answer", "with the ledger's", "control", "answered"];
    Ok(table::lines(&columns, &rows))
}

fn row(words: &str, Measured { control, answer, all, control_ms, ms }: Measured) -> Vec<String> {
    let depths = [control, answer, all].map(|depth| depth.to_string());
    [words.to_owned()].into_iter().chain(depths).chain([control_ms, ms].map(|ms| format!("{ms:.0} ms"))).collect()
}

/// Plants a bucket and contains it at one level.
async fn lock_down(stage: &Stage, number: usize, scope: Option<&str>, control: &str) -> Result<Measured> {
    let name = format!("bench-{number}");
    let s3 = Client::new(stage.config());
    let place = CreateBucketConfiguration::builder().location_constraint(BucketLocationConstraint::from(REGION)).build();
    s3.create_bucket().bucket(&name).create_bucket_configuration(place).send().await?;
    let read = json!({ "Effect": "Allow", "Principal": { "AWS": READER }, "Action": "s3:GetObject",
        "Resource": format!("arn:aws:s3:::{name}/*") });
    let policy = json!({ "Version": "2012-10-17", "Statement": [read] }).to_string();
    s3.put_bucket_policy().bucket(&name).policy(policy).send().await?;
    let mut target =
        json!({ "kind": "s3-bucket", "id": name, "account": SECURITY_ACCOUNT, "region": REGION, "partition": "aws" });
    if let Some(scope) = scope {
        target["scope"] = json!(scope);
    }
    let mut task = request(number, &target);
    let suspect =
        json!({ "kind": "iam-user", "id": "mallory", "account": SECURITY_ACCOUNT, "region": REGION, "partition": "aws" });
    let accused = json!({ "target": suspect, "containment": "quarantine-iam", "mode": "auto", "reason": "a bench" });
    task["incident"]["decisions"] = json!([accused]);
    // Nobody asks in a bench whether a level may be carried out.
    task["approved"] = json!(true);
    let run = Run::of(stage, "lockdown-s3", &task).await?;
    if run.answer["status"] != "contained" {
        return Err(format!("lockdown-s3: {}", run.answer).into());
    }
    Measured::of(&run, control).ok_or_else(|| format!("lockdown-s3 made no {control}").into())
}
