//! A bucket into which AWS delivers logs is left alone. What only says so is not.

use crate::bucket::{Bucket, CLOSED};
use crate::changed::{ago, recorded};
use crate::levels::open;
use crate::{NAME, base_at, receipt, request, run, stage};
use firebreak::fault::FaultKind;
use firebreak::receipt::{Receipt, Status, Step};
use firebreak::step::StepKind;
use firebreak::target::Scope;
use firebreak::task::{Phase, TaskInput};
use firebreak_testkit::scripted::{Answer, ScriptedAws, error, ok};
use serde_json::{Value, json};

/// How the scripted server calls `ListObjectsV2`.
const LIST: &str = "s3:GetBucketList-type";
const TRAIL: &str = "cloudtrail:LookupEvents";
const LOG: &str = "AWSLogs/111122223333/CloudTrail/eu-central-1/2026/10/31/x.json.gz";

/// The incident began so many minutes ago.
const BEGAN: i64 = 60;
const DAY: i64 = 24 * 60;
/// How many minutes ago something came that is old enough, and something that is not.
pub(crate) const OLD: i64 = BEGAN + 7 * DAY + 1;
const YOUNG: i64 = BEGAN + 7 * DAY - 1;
const NEW: i64 = BEGAN - 1;

/// What the policy of a bucket says in which a service delivers logs.
fn delivers(service: &str, below: &str) -> String {
    json!({ "Version": "2012-10-17", "Statement": [
        { "Sid": "Delivery", "Effect": "Allow", "Principal": { "Service": service }, "Action": "s3:PutObject",
          "Resource": format!("arn:aws:s3:::{NAME}/{below}*") },
    ]})
    .to_string()
}

/// A listing with one object that came so many minutes ago.
fn object(key: &str, minutes: i64) -> Answer {
    let modified = ago(minutes).strftime("%Y-%m-%dT%H:%M:%S.000Z");
    let object = format!("<Contents><Key>{key}</Key><LastModified>{modified}</LastModified><Size>1</Size></Contents>");
    ok(format!("<ListBucketResult>{object}</ListBucketResult>"))
}

/// A bucket into which CloudTrail may deliver, and which has such an object.
pub(crate) async fn with_log(minutes: i64) -> (ScriptedAws, Bucket) {
    let (aws, bucket) = stage().await;
    let bucket = bucket.with_policy(&delivers("cloudtrail.amazonaws.com", ""));
    aws.answer(LIST, object(LOG, minutes));
    (aws, bucket)
}

/// Contains a level for an incident that began an hour ago: CloudTrail remembers all of it.
pub(crate) async fn contain_now(aws: &ScriptedAws, level: Scope, approved: bool) -> Receipt {
    let mut request = request(Phase::Contain, "one", level);
    request.incident.finding.first_seen = Some(ago(BEGAN));
    receipt(run(aws, TaskInput { approved, ..request }).await.expect("an answer")).expect("a receipt")
}

fn waits_for(receipt: &Receipt) -> &str {
    receipt.waits.as_ref().map_or("", |waits| waits.impact.as_str())
}

#[tokio::test]
async fn a_bucket_with_logs_from_long_before_the_incident_is_left_alone_also_after_an_approval() {
    let access_log = "in/2026-10-31-23-59-59-0123456789ABCDEF";
    for (service, below, key) in [
        ("cloudtrail.amazonaws.com", "", LOG),
        ("config.amazonaws.com", "audit/", "audit/AWSLogs/111122223333/Config/eu-central-1/2026/10/31/x.json.gz"),
        ("delivery.logs.amazonaws.com", "AWSLogs/", "AWSLogs/111122223333/vpcflowlogs/eu-central-1/2026/10/31/x.log.gz"),
        ("logging.s3.amazonaws.com", "in/", access_log),
    ] {
        for level in [Scope::Freeze, Scope::Destruction, Scope::Seal] {
            let (aws, bucket) = stage().await;
            let bucket = bucket.with_policy(&delivers(service, below));
            let before = bucket.now();
            aws.answer(LIST, object(key, OLD));
            let receipt = contain_now(&aws, level, true).await;
            assert_eq!(
                (receipt.status, receipt.fault_kind()),
                (Status::Skipped, Some(FaultKind::Protected)),
                "{service} {level:?}: {receipt:?}"
            );
            assert!(bucket.now() == before && aws.changes().is_empty(), "{service} {level:?}: {:?}", aws.changes());
            assert!(base_at(&aws, level).is_none(), "nothing is to be put back");
            assert!(aws.calls_of(LIST).iter().all(|call| key.starts_with(call.param("prefix"))), "{service}");
        }
    }
}

#[tokio::test]
async fn public_access_to_such_a_bucket_waits_because_cloudtrail_is_not_asked() {
    let (aws, bucket) = with_log(OLD).await;
    open(&aws, Scope::Principal).await;
    let waiting = contain_now(&aws, Scope::Principal, false).await;
    assert!(waiting.status == Status::Waits && waits_for(&waiting).contains("seem to be delivered"), "{waiting:?}");
    assert_eq!((aws.changes(), aws.calls_of(TRAIL).len()), (vec![], 0));
    let done = contain_now(&aws, Scope::Principal, true).await;
    assert_eq!((done.status, bucket.block()), (Status::Contained, Some(CLOSED)), "{done:?}");
}

/// What makes a delivery doubtful, how many minutes ago its object came, and what people read.
type Doubt<'a> = (&'a dyn Fn(&ScriptedAws, &Bucket), i64, &'a str);

#[tokio::test]
async fn what_a_suspect_can_have_made_up_waits_for_a_person_and_an_approval_closes_the_bucket() {
    let changed = |bucket: &Bucket, event: &str| bucket.change(|state| state.events.push(recorded(event, 10, &Value::Null)));
    let by_somebody = |bucket: &Bucket| {
        let mut event = recorded("PutBucketPolicy", 10, &Value::Null);
        event["userIdentity"] = json!({ "type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/alice" });
        bucket.change(|state| state.events.push(event));
    };
    let doubts: [Doubt<'_>; 5] = [
        (&|_, _| (), YOUNG, "a week older"),
        (&|_, bucket| changed(bucket, "PutBucketPolicy"), OLD, "mallory changed its policy"),
        (&|_, bucket| changed(bucket, "PutBucketAcl"), OLD, "mallory changed its ACL"),
        (&|_, bucket| by_somebody(bucket), OLD, "alice changed its policy"),
        (&|aws, _| aws.always(TRAIL, error(400, "AccessDeniedException")), OLD, "does not show"),
    ];
    for (doubt, age, words) in doubts {
        for level in [Scope::Freeze, Scope::Destruction] {
            let (aws, bucket) = with_log(age).await;
            doubt(&aws, &bucket);
            open(&aws, level).await;
            let waiting = contain_now(&aws, level, false).await;
            assert!(waiting.status == Status::Waits && waits_for(&waiting).contains(words), "{words}: {waiting:?}");
            assert!(aws.changes().is_empty() && base_at(&aws, level).is_none(), "{words}: {:?}", aws.changes());
            let sealed = contain_now(&aws, Scope::Seal, true).await;
            assert_eq!(sealed.status, Status::Contained, "{words}: {sealed:?}");
            let done = contain_now(&aws, level, true).await;
            assert_eq!(done.status, Status::Contained, "{words}: {done:?}");
        }
    }
}

/// Otherwise one call of the suspect's would make every freeze wait.
#[tokio::test]
async fn a_statement_without_an_object_from_before_spares_no_bucket() {
    for (key, modified) in [
        // Put there with the statement.
        (LOG, NEW),
        // The folder, which anybody may have made.
        ("AWSLogs/", OLD),
    ] {
        let (aws, bucket) = stage().await;
        let _bucket = bucket.with_policy(&delivers("cloudtrail.amazonaws.com", ""));
        aws.answer(LIST, object(key, modified));
        let receipt = contain_now(&aws, Scope::Freeze, false).await;
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
    let receipt = contain_now(&aws, Scope::Freeze, false).await;
    assert_eq!(receipt.status, Status::Contained, "{receipt:#?}");
}

#[tokio::test]
async fn a_listing_that_s3_refuses_proves_nothing() {
    let (aws, bucket) = stage().await;
    let _bucket = bucket.with_policy(&delivers("cloudtrail.amazonaws.com", ""));
    aws.always(LIST, error(403, "AccessDenied"));
    let receipt = contain_now(&aws, Scope::Freeze, false).await;
    assert_eq!(receipt.status, Status::Contained, "{receipt:#?}");
}

#[tokio::test]
async fn a_bucket_of_which_nobody_says_so_is_not_listed() {
    let (aws, _bucket) = stage().await;
    contain_now(&aws, Scope::Freeze, false).await;
    assert_eq!(aws.calls_of(LIST).len(), 0, "no call more than it needs");
}
