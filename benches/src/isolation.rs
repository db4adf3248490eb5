//! How many round trips `isolate-ec2` needs, one after the other, and whether a larger instance needs more.

use crate::host::{Ground, Kind};
use crate::table;
use firebreak_drill::{Result, Run, Stage, request};
use firebreak_testkit::{Call, REGION, SECURITY_ACCOUNT};
use serde_json::{Value, json};

/// Network interfaces, and as many volumes.
const SIZES: [usize; 3] = [1, 5, 15];
/// Injected before each call, in milliseconds.
const DELAY: u32 = 100;
/// Runs of each row.
const RUNS: usize = 7;
/// A number that nothing else gives to a target.
const FIRST: usize = 2_000_000;
const FUNCTION: &str = "firebreak-isolate-ec2";

/// What came of the runs of one row: the least of each.
#[derive(Debug, Clone, Copy)]
struct Measured {
    /// Calls to the member account that wait for each other, `sts:AssumeRole` among them, until every interface is cut off.
    cut_off: usize,
    /// The same until the answer.
    answer: usize,
    /// The same with the ledger's.
    all: usize,
    /// Milliseconds until every interface is cut off.
    cut_off_ms: f64,
    /// Milliseconds until the answer.
    ms: f64,
}

impl Measured {
    fn of(run: &Run) -> Option<Self> {
        let of_member = |call: &Call| call.service != "dynamodb";
        let moves =
            |call: &Call| call.operation == "ModifyNetworkInterfaceAttribute" && call.params["SecurityGroupId.1"].is_string();
        Some(Self {
            cut_off: run.deepest_among(of_member, moves)?,
            answer: run.deepest_among(of_member, |_| true)?,
            all: run.deepest(|_| true)?,
            cut_off_ms: run.ms_until_last(moves)?,
            ms: run.ms,
        })
    }

    fn least(self, other: Self) -> Self {
        Self {
            cut_off: self.cut_off.min(other.cut_off),
            answer: self.answer.min(other.answer),
            all: self.all.min(other.all),
            cut_off_ms: self.cut_off_ms.min(other.cut_off_ms),
            ms: self.ms.min(other.ms),
        }
    }
}

/// The table. Says on standard error what it does.
pub(crate) async fn report(stage: &Stage) -> Result<String> {
    let mut rows = Vec::new();
    for (at, kind) in Kind::ALL.into_iter().enumerate() {
        let ground = Box::pin(Ground::plant(stage, kind)).await?;
        let mut number = FIRST + at * SIZES.len() * (RUNS + 1);
        // The first run starts the process and makes the groups of the VPC.
        stage.aws.plan_faults(&late(0))?;
        isolate(stage, &ground, 1, number).await?;
        stage.aws.plan_faults(&late(DELAY))?;
        let mut smallest = None;
        for size in SIZES {
            eprintln!("isolate-ec2, {}: {size}", kind.words());
            let mut least: Option<Measured> = None;
            for _ in 0..RUNS {
                number += 1;
                let measured = isolate(stage, &ground, size, number).await?;
                least = Some(least.map_or(measured, |known| known.least(measured)));
            }
            let measured = least.ok_or("no run")?;
            let times = measured.ms / *smallest.get_or_insert(measured.ms);
            rows.push(row(kind, size, measured, times));
        }
        stage.aws.plan_faults(&json!([]))?;
    }
    let head = format!("isolate-ec2, warm, {DELAY} ms per call, best of {RUNS}");
    let columns =
        [head.as_str(), "interfaces, volumes", "to cut off", "to answer", "with the ledger's", "cut off", "answered", "times"];
    Ok(table::lines(&columns, &rows))
}

fn row(kind: Kind, size: usize, measured: Measured, times: f64) -> Vec<String> {
    let Measured { cut_off, answer, all, cut_off_ms, ms } = measured;
    vec![
        kind.words().to_owned(),
        size.to_string(),
        cut_off.to_string(),
        answer.to_string(),
        all.to_string(),
        format!("{cut_off_ms:.0} ms"),
        format!("{ms:.0} ms"),
        format!("{times:.2}"),
    ]
}

async fn isolate(stage: &Stage, ground: &Ground, size: usize, number: usize) -> Result<Measured> {
    let id = Box::pin(ground.host(stage, size, number)).await?;
    let target = json!({ "kind": "ec2-instance", "id": id, "account": SECURITY_ACCOUNT, "region": REGION, "partition": "aws" });
    let run = Run::of(stage, "isolate-ec2", &request(number, &target)).await?;
    if run.answer["status"] != "contained" {
        return Err(format!("isolate-ec2: {}", run.answer).into());
    }
    Measured::of(&run).ok_or_else(|| "isolate-ec2 moved no interface".into())
}

/// Delays every call of the function.
fn late(delay: u32) -> Value {
    let every = json!({ "match": ".*", "function": FUNCTION, "delay_ms": delay, "times": 0 });
    // The emulator has no instance refreshes: the SDK would ask again and again. A refusal is a note in the receipt.
    let refreshes = json!({ "match": "autoscaling:DescribeInstanceRefreshes", "function": FUNCTION, "delay_ms": delay, "times": 0,
        "status": 400, "code": "ValidationError" });
    json!([refreshes, every])
}
