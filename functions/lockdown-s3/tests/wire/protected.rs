//! A bucket into which AWS delivers logs is left alone. What only says so is not.

use crate::{NAME, base_at, contain_at, stage};
use firebreak::fault::FaultKind;
use firebreak::receipt::{Status, Step};
use firebreak::step::StepKind;
use firebreak::target::Scope;
use firebreak_testkit::scripted::{Answer, error, ok};
use serde_json::json;

/// How the scripted server calls `ListObjectsV2`.
const LIST: &str = "s3:GetBucketList-type";
const OLD: &str = "2026-10-31T23:59:59.000Z";
const NEW: &str = "2026-11-01T00:00:01.000Z";
const LOG: &str = "AWSLogs/111122223333/CloudTrail/eu-central-1/2026/10/31/x.json.gz";

/// What the policy of a bucket says in which a service delivers logs.
fn delivers(service: &str, below: &str) -> String {
    json!({ "Version": "2012-10-17", "Statement": [
        { "Sid": "Delivery", "Effect": "Allow", "Principal": { "Service": service }, "Action": "s3:PutObject",
          "Resource": format!("arn:aws:s3:::{NAME}/{below}*") },
    ]})
    .to_string()
}

fn object(key: &str, modified: &str) -> Answer {
    let object = format!("<Contents><Key>{key}</Key><LastModified>{modified}</LastModified><Size>1</Size></Contents>");
    ok(format!("<ListBucketResult>{object}</ListBucketResult>"))
}

#[tokio::test]
async fn a_bucket_with_logs_from_before_the_incident_is_left_alone_at_every_level() {
    let access_log = "in/2026-10-31-23-59-59-0123456789ABCDEF";
    for (service, below, key) in [
        ("cloudtrail.amazonaws.com", "", LOG),
        ("config.amazonaws.com", "audit/", "audit/AWSLogs/111122223333/Config/eu-central-1/2026/10/31/x.json.gz"),
        ("delivery.logs.amazonaws.com", "AWSLogs/", "AWSLogs/111122223333/vpcflowlogs/eu-central-1/2026/10/31/x.log.gz"),
        ("logging.s3.amazonaws.com", "in/", access_log),
    ] {
        for level in [Scope::Principal, Scope::Freeze, Scope::Destruction, Scope::Seal] {
            let (aws, bucket) = stage().await;
            let bucket = bucket.with_policy(&delivers(service, below));
            let before = bucket.now();
            aws.answer(LIST, object(key, OLD));
            let receipt = contain_at(&aws, "a", level).await.expect("a receipt");
            assert_eq!(
                (receipt.status, receipt.fault_kind()),
                (Status::Skipped, Some(FaultKind::Protected)),
                "{service} {level:?}"
            );
            assert!(bucket.now() == before && aws.changes().is_empty(), "{service} {level:?}: {:?}", aws.changes());
            assert!(base_at(&aws, level).is_none(), "nothing is to be put back");
            assert!(aws.calls_of(LIST).iter().all(|call| key.starts_with(call.param("prefix"))), "{service}");
        }
    }
}

#[tokio::test]
async fn a_statement_that_a_suspect_can_have_written_spares_no_bucket() {
    for (key, modified) in [
        // Put there with the statement.
        (LOG, NEW),
        // The folder, which anybody may have made.
        ("AWSLogs/", OLD),
    ] {
        let (aws, bucket) = stage().await;
        let _bucket = bucket.with_policy(&delivers("cloudtrail.amazonaws.com", ""));
        aws.answer(LIST, object(key, modified));
        let receipt = contain_at(&aws, "a", Scope::Freeze).await.expect("a receipt");
        assert_eq!(receipt.status, Status::Contained, "{key} {modified}: {receipt:#?}");
        let told = receipt.steps.iter().filter(|step| step.is(StepKind::NoteAccess)).filter_map(Step::says);
        assert_eq!(told.filter(|line| line.contains("deliver logs of CloudTrail")).count(), 1, "people are told");
    }
}

#[tokio::test]
async fn old_data_below_the_prefix_of_access_logs_is_no_access_log() {
    let (aws, bucket) = stage().await;
    let _bucket = bucket.with_policy(&delivers("logging.s3.amazonaws.com", ""));
    aws.answer(LIST, object("customers/2026-10-31.csv", OLD));
    let receipt = contain_at(&aws, "a", Scope::Freeze).await.expect("a receipt");
    assert_eq!(receipt.status, Status::Contained, "{receipt:#?}");
}

#[tokio::test]
async fn a_listing_that_s3_refuses_proves_nothing() {
    let (aws, bucket) = stage().await;
    let _bucket = bucket.with_policy(&delivers("cloudtrail.amazonaws.com", ""));
    aws.always(LIST, error(403, "AccessDenied"));
    let receipt = contain_at(&aws, "a", Scope::Freeze).await.expect("a receipt");
    assert_eq!(receipt.status, Status::Contained, "{receipt:#?}");
}

#[tokio::test]
async fn a_bucket_of_which_nobody_says_so_is_not_listed() {
    let (aws, _bucket) = stage().await;
    contain_at(&aws, "a", Scope::Freeze).await.expect("a receipt");
    assert_eq!(aws.calls_of(LIST).len(), 0, "no call more than it needs");
}
