//! Whom a freeze believes where a suspect wrote the bucket policy.

use crate::bucket::{Bucket, CLOSED};
use crate::changed::{TRAIL, asked, freeze, noise, recorded, step_about, words};
use crate::{base_at, outcome, run, stage};
use firebreak::receipt::{Outcome, Receipt, Status};
use firebreak::step::StepKind;
use firebreak::target::Scope;
use firebreak::task::{Phase, TaskInput, TaskOutput};
use firebreak_testkit::scripted::ScriptedAws;
use serde_json::{Value, json};

/// An account that works with the bucket.
pub(crate) const PARTNER: &str = "555566667777";
/// An account of the suspect's.
pub(crate) const FOREIGN: &str = "999988887777";

/// A policy that lets accounts read.
pub(crate) fn reads(accounts: &[&str]) -> Value {
    let allow = |account: &&str| {
        json!({ "Sid": format!("Reads{account}"), "Effect": "Allow", "Principal": { "AWS": account }, "Action": "s3:GetObject",
                "Resource": "arn:aws:s3:::acme-exports/*" })
    };
    json!({ "Version": "2012-10-17", "Statement": accounts.iter().map(allow).collect::<Vec<Value>>() })
}

/// The suspect writes a policy, so many minutes before now.
pub(crate) fn wrote_policy(minutes: i64, policy: &Value) -> Value {
    recorded("PutBucketPolicy", minutes, &json!({ "bucketPolicy": policy, "policy": "" }))
}

/// Somebody whom nobody accuses makes the call.
pub(crate) fn by_alice(mut record: Value) -> Value {
    record["userIdentity"] = json!({ "type": "IAMUser", "principalId": "AIDAEXAMPLE00000ALICE", "userName": "alice",
                                     "arn": "arn:aws:iam::111122223333:user/alice" });
    record
}

/// The accounts that the outsiders' deny leaves alone, beside the bucket's own.
pub(crate) fn excepted(bucket: &Bucket) -> Option<Vec<String>> {
    let statement = bucket.statement("FirebreakDenyOutsiders")?;
    let accounts = statement["Condition"]["StringNotEquals"]["aws:PrincipalAccount"].as_array().cloned().expect("accounts");
    let accounts = accounts.iter().filter_map(Value::as_str).filter(|id| *id != "111122223333");
    Some(accounts.map(str::to_owned).collect())
}

/// A bucket with a policy.
async fn stage_with(policy: &Value) -> (ScriptedAws, Bucket) {
    let (aws, bucket) = stage().await;
    (aws, bucket.with_policy(&policy.to_string()))
}

async fn approved(aws: &ScriptedAws) -> Receipt {
    let request = TaskInput { approved: true, ..asked(Phase::Contain) };
    let TaskOutput::Receipt(receipt) = Box::pin(run(aws, request)).await.expect("an answer") else {
        unreachable!("a containment answers with a receipt")
    };
    receipt
}

#[tokio::test]
async fn a_suspect_who_writes_the_policy_back_unchanged_takes_nobody_s_access() {
    let (aws, bucket) = stage_with(&reads(&[PARTNER])).await;
    let bucket = bucket.with_event(by_alice(wrote_policy(24 * 60, &reads(&[PARTNER]))));
    let bucket = bucket.with_event(wrote_policy(10, &reads(&[PARTNER])));
    let receipt = freeze(&aws).await;
    assert_eq!(receipt.status, Status::Contained, "{:?}", receipt.steps);
    assert_eq!(excepted(&bucket), Some(vec![PARTNER.to_owned()]));
    let planned = base_at(&aws, Scope::Freeze).expect("a base").planned;
    assert!(planned.distrusts && planned.before.is_some_and(|before| before.contains(PARTNER)), "looks know it, too");
}

#[tokio::test]
async fn whom_a_suspect_named_is_denied_whoever_wrote_the_policy_after_him() {
    for carried_on in [false, true] {
        let (aws, bucket) = stage_with(&reads(&[PARTNER, FOREIGN])).await;
        let bucket = bucket.with_event(by_alice(wrote_policy(24 * 60, &reads(&[PARTNER]))));
        let bucket = bucket.with_event(wrote_policy(10, &reads(&[PARTNER, FOREIGN])));
        let later = carried_on.then(|| by_alice(wrote_policy(5, &reads(&[PARTNER, FOREIGN]))));
        let bucket = later.into_iter().fold(bucket, Bucket::with_event);
        let receipt = freeze(&aws).await;
        assert_eq!(receipt.status, Status::Contained, "{carried_on}: {:?}", receipt.steps);
        assert_eq!(excepted(&bucket), Some(vec![PARTNER.to_owned()]), "{carried_on}");
    }
}

#[tokio::test]
async fn a_policy_of_before_is_found_behind_a_page_of_reads() {
    let (aws, bucket) = stage_with(&reads(&[PARTNER, FOREIGN])).await;
    let reads_of_before = (0..60).map(|_| recorded("GetBucketAcl", 90, &Value::Null));
    let bucket = reads_of_before.fold(bucket, Bucket::with_event);
    let bucket = bucket.with_event(by_alice(wrote_policy(24 * 60, &reads(&[PARTNER]))));
    let bucket = bucket.with_event(wrote_policy(10, &reads(&[PARTNER, FOREIGN])));
    let receipt = freeze(&aws).await;
    assert_eq!((receipt.status, excepted(&bucket)), (Status::Contained, Some(vec![PARTNER.to_owned()])), "{receipt:?}");
    assert_eq!(aws.calls_of(TRAIL).len(), 2, "the newest calls, then the writes of policies");
}

#[tokio::test]
async fn where_nobody_knows_what_the_policy_said_before_only_the_deny_of_outsiders_waits_for_a_person() {
    let (aws, bucket) = stage_with(&reads(&[PARTNER, FOREIGN])).await;
    let bucket = bucket.with_event(wrote_policy(10, &reads(&[PARTNER, FOREIGN])));
    let receipt = freeze(&aws).await;
    assert_eq!((receipt.status, excepted(&bucket)), (Status::Partial, None), "{:?}", receipt.steps);
    let failed = receipt.steps.iter().find(|step| step.is(StepKind::DenyOutsiders));
    assert_eq!(failed.map(|step| step.outcome), Some(Outcome::Failed));
    for says in [PARTNER, "--only \"freeze of S3 bucket acme-exports\"", "--only \"every access to S3 bucket acme-exports\""] {
        assert!(words(failed).contains(says), "{failed:?}");
    }
    for done in ["deny-suspects", "deny-customer-keys", "block-public-access", "block-customer-keys", "enable-versioning"] {
        assert_eq!(outcome(&receipt.steps, done), Outcome::Applied, "{done}");
    }
    assert_eq!(bucket.block(), Some(CLOSED));

    let receipt = approved(&aws).await;
    assert_eq!((receipt.status, excepted(&bucket)), (Status::Contained, Some(vec![])), "{:?}", receipt.steps);
    let again = freeze(&aws).await;
    assert_eq!((again.status, excepted(&bucket)), (Status::Contained, Some(vec![])), "what a person said stays said");
}

#[tokio::test]
async fn a_policy_that_names_nobody_outside_needs_no_person_whoever_wrote_it() {
    let (aws, bucket) = stage_with(&reads(&["111122223333"])).await;
    let bucket = bucket.with_event(wrote_policy(10, &reads(&["111122223333"])));
    let receipt = freeze(&aws).await;
    assert_eq!((receipt.status, excepted(&bucket)), (Status::Contained, Some(vec![])), "{:?}", receipt.steps);
}

#[tokio::test]
async fn whoever_hides_an_accomplice_behind_calls_about_other_buckets_gets_no_receipt_that_says_contained() {
    let both = reads(&[PARTNER, FOREIGN]);
    let (aws, bucket) = stage_with(&both).await;
    let bucket = noise(wrote_policy(2, &both)).into_iter().fold(bucket, Bucket::with_event);
    let _bucket = bucket.with_event(wrote_policy(50, &both));
    let receipt = freeze(&aws).await;
    assert_eq!((receipt.status, outcome(&receipt.steps, "deny-outsiders")), (Status::Partial, Outcome::Applied), "{receipt:?}");
    let failed = step_about(&receipt, StepKind::DenyOutsiders, "policy");
    assert_eq!(failed.map(|step| step.outcome), Some(Outcome::Failed), "{receipt:?}");
    assert!(words(failed).contains(FOREIGN) && words(failed).contains("--only"), "{failed:?}");
}
