//! How many calls to the member account wait for each other, `sts:AssumeRole` among them, until the control that matters is written. The
//! ledger's calls are left out: they are the security account's.

use crate::bucket::CLOSED;
use crate::{contain_at, stage};
use firebreak::receipt::Status;
use firebreak::target::Scope;
use firebreak_testkit::scripted::Call;
use std::time::Duration;

/// Of every call. Longer than calls that go out together are apart, and shorter than a client waits.
const PACE: Duration = Duration::from_millis(100);
/// A busy machine makes calls that go out together look like one after the other. Nothing hides a real wait.
const RUNS: usize = 4;
/// A rule of the suspect's, and a policy of the customer's: what a level has to change.
const RULES: &str = "<Rule><ID>wipe</ID><Filter><Prefix>exports/</Prefix></Filter><Status>Enabled</Status>\
                     <Expiration><Days>1</Days></Expiration></Rule>";
const POLICY: &str = r#"{"Version":"2012-10-17","Statement":[{"Sid":"App","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/app"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::acme-exports/*"}]}"#;

/// Reads for notes.
const NOTES: [&str; 5] = ["DescribeJob", "GetAccessPointPolicy", "ListAccessPoints", "ListJobs", "ListMultiRegionAccessPoints"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Depths {
    /// Until the control that matters is written.
    control: usize,
    /// Until nothing more is to be done.
    answer: usize,
}

impl Depths {
    fn of(calls: Vec<Call>, control: &str) -> Self {
        // Notes are taken beside the record in the ledger, which lasts as long here: the control waits for the record alone.
        let is_note = |call: &Call| NOTES.contains(&call.operation.as_str());
        let calls: Vec<Call> = calls.into_iter().filter(|call| call.service != "dynamodb" && !is_note(call)).collect();
        let mut placed: Vec<(&Call, usize)> = Vec::new();
        for call in &calls {
            let before = placed.iter().filter(|(other, _)| other.answered_at.is_some_and(|at| at <= call.arrived_at));
            let depth = 1 + before.map(|(_, depth)| *depth).max().unwrap_or(0);
            placed.push((call, depth));
        }
        let deepest = |is: &dyn Fn(&Call) -> bool| placed.iter().filter(|(call, _)| is(call)).map(|(_, depth)| *depth).max();
        let control = deepest(&|call| call.action() == control).expect("the control is written");
        Self { control, answer: deepest(&|_| true).expect("a call") }
    }

    /// The lesser of each.
    fn least(self, other: Self) -> Self {
        Self { control: self.control.min(other.control), answer: self.answer.min(other.answer) }
    }
}

async fn run(level: Scope, control: &str) -> Depths {
    let (aws, bucket) = stage().await;
    let bucket = bucket.with_policy(POLICY).with_versioning("Suspended").with_lifecycle(RULES);
    aws.pace(PACE);
    let receipt = contain_at(&aws, "one", level).await.expect("a receipt");
    assert_eq!(receipt.status, Status::Contained, "{:?}", receipt.steps);
    let closes = matches!(level, Scope::Principal | Scope::Freeze);
    assert_eq!(bucket.block(), closes.then_some(CLOSED));
    Depths::of(aws.calls(), control)
}

/// As deep as expected until the control, at its best.
async fn holds(level: Scope, control: &str, expected: usize) {
    let mut best: Option<Depths> = None;
    for _ in 0..RUNS {
        let depths = Box::pin(run(level, control)).await;
        let least = best.map_or(depths, |known| known.least(depths));
        best = Some(least);
        if least.control == expected {
            println!("lockdown-s3, {}: {least:?}", level.name());
            return;
        }
    }
    panic!("{level:?}: {control} at depth {expected} expected: {best:?}");
}

#[tokio::test]
async fn public_access_is_blocked_after_three_calls_the_role_the_reads_and_the_block() {
    holds(Scope::Principal, "s3:PutPublicAccessBlock", 3).await;
}

/// One less than it may be: a page of CloudTrail beside the reads.
#[tokio::test]
async fn the_policy_of_a_freeze_goes_in_after_three_and_everything_else_behind_it() {
    holds(Scope::Freeze, "s3:PutBucketPolicy", 3).await;
}

#[tokio::test]
async fn the_policies_of_the_other_levels_go_in_after_three() {
    for level in [Scope::Destruction, Scope::Seal] {
        holds(level, "s3:PutBucketPolicy", 3).await;
    }
}
