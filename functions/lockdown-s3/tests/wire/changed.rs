//! What CloudTrail shows of a bucket, and how it is asked.

use crate::{NAME, outcome, request, run, stage, target};
use firebreak::receipt::{Outcome, Receipt, Status, Step};
use firebreak::step::{StepKind, StepName};
use firebreak::target::Scope;
use firebreak::task::{Phase, TaskInput, TaskOutput};
use firebreak_aws::clock;
use firebreak_testkit::scripted::{ScriptedAws, error};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

pub(crate) const TRAIL: &str = "cloudtrail:LookupEvents";
/// A rule of the lifecycle that deletes everything after a day.
pub(crate) const WIPE: &str = "<Rule><ID>wipe</ID><Filter><Prefix></Prefix></Filter><Status>Enabled</Status>\
                               <Expiration><Days>1</Days></Expiration></Rule>";

/// A task of an incident whose first activity was an hour ago.
pub(crate) fn asked(phase: Phase) -> TaskInput {
    let mut request = request(phase, "one", Scope::Freeze);
    request.incident.finding.first_seen = Some(ago(60));
    request
}

/// The same for the end of destruction, which a person has approved.
pub(crate) async fn end_destruction(aws: &ScriptedAws) -> Receipt {
    let request = TaskInput { target: target(Scope::Destruction), approved: true, ..asked(Phase::Contain) };
    let TaskOutput::Receipt(receipt) = Box::pin(run(aws, request)).await.expect("an answer") else {
        unreachable!("a containment answers with a receipt")
    };
    receipt
}

/// Freezes the bucket for such an incident.
pub(crate) async fn freeze(aws: &ScriptedAws) -> Receipt {
    let TaskOutput::Receipt(receipt) = Box::pin(run(aws, asked(Phase::Contain))).await.expect("an answer") else {
        unreachable!("a containment answers with a receipt")
    };
    receipt
}

/// So many minutes before now.
pub(crate) fn ago(minutes: i64) -> Timestamp {
    clock::now() - SignedDuration::from_mins(minutes)
}

/// A record of a call by the suspect, so many minutes before now.
pub(crate) fn recorded(event: &str, minutes: i64, parameters: &Value) -> Value {
    let mut request = json!({ "bucketName": NAME, "Host": format!("{NAME}.s3.eu-central-1.amazonaws.com") });
    for (name, value) in parameters.as_object().into_iter().flatten() {
        request[name.as_str()] = value.clone();
    }
    json!({
        "eventTime": ago(minutes).strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "eventSource": "s3.amazonaws.com", "eventName": event, "awsRegion": "eu-central-1",
        "userIdentity": { "type": "IAMUser", "principalId": "AIDAEXAMPLE0000MALLORY", "userName": "mallory",
                          "arn": "arn:aws:iam::111122223333:user/mallory" },
        "requestParameters": request, "responseElements": null,
    })
}

/// The suspect writes these rules of the lifecycle, so many minutes before now.
pub(crate) fn wrote_lifecycle(minutes: i64, rules: &Value) -> Value {
    let document = json!({ "xmlns": "http://s3.amazonaws.com/doc/2006-03-01/", "Rule": rules });
    recorded("PutBucketLifecycle", minutes, &json!({ "LifecycleConfiguration": document, "lifecycle": "" }))
}

/// The rule [`WIPE`] as CloudTrail shows it.
pub(crate) fn wipe() -> Value {
    json!({ "ID": "wipe", "Filter": { "Prefix": "" }, "Status": "Enabled", "Expiration": { "Days": 1 } })
}

/// A step about one part.
pub(crate) fn step_about<'a>(receipt: &'a Receipt, kind: StepKind, part: &str) -> Option<&'a Step> {
    receipt.steps.iter().find(|step| step.name == StepName::about(kind, part))
}

pub(crate) fn words(step: Option<&Step>) -> &str {
    step.and_then(|step| step.error.as_ref()).map_or("", |fault| fault.message.as_str())
}

#[tokio::test]
async fn people_read_who_wrote_the_rule_that_is_switched_off() {
    let (aws, bucket) = stage().await;
    let bucket = bucket.with_lifecycle(WIPE).with_event(wrote_lifecycle(10, &wipe()));
    let receipt = freeze(&aws).await;
    assert_eq!((receipt.status, bucket.rule_status("lifecycle", "wipe").as_deref()), (Status::Contained, Some("Disabled")));
    let told = words(step_about(&receipt, StepKind::ReadTrail, "lifecycle"));
    assert!(told.contains("arn:aws:iam::111122223333:user/mallory, whom the incident is about"), "{told}");
    assert_eq!(aws.calls_of(TRAIL).len(), 1, "one question answers everything");
}

#[tokio::test]
async fn what_aws_refused_and_what_firebreak_wrote_itself_is_no_change() {
    let (aws, bucket) = stage().await;
    let mut refused = wrote_lifecycle(10, &wipe());
    refused["errorCode"] = json!("AccessDenied");
    let mut own = wrote_lifecycle(5, &wipe());
    let role = "arn:aws:iam::111122223333:role/firebreak/FirebreakMemberRelease";
    own["userIdentity"] = json!({ "type": "AssumedRole", "principalId": "AROAIDPPEZS35WEXAMPLE:fb",
        "sessionContext": { "sessionIssuer": { "type": "Role", "arn": role, "principalId": "AROAIDPPEZS35WEXAMPLE" } } });
    let bucket = bucket.with_lifecycle(WIPE).with_event(refused).with_event(own).with_event(wrote_lifecycle(90, &wipe()));
    freeze(&aws).await;
    assert_eq!(bucket.rule_status("lifecycle", "wipe").as_deref(), Some("Enabled"), "nobody wrote it since");
}

#[tokio::test]
async fn whoever_reads_a_bucket_all_the_time_hides_no_change_behind_that() {
    let (aws, bucket) = stage().await;
    let reads = (0..60).map(|_| recorded("GetBucketAcl", 1, &Value::Null));
    let bucket = reads.fold(bucket.with_lifecycle(WIPE), |bucket, read| bucket.with_event(read));
    let bucket = bucket.with_event(wrote_lifecycle(50, &wipe()));
    let receipt = freeze(&aws).await;
    assert_eq!(bucket.rule_status("lifecycle", "wipe").as_deref(), Some("Disabled"));
    assert_eq!(aws.calls_of(TRAIL).len(), 4, "the newest calls, then three names");
    let unread = words(step_about(&receipt, StepKind::ReadTrail, "older calls"));
    assert!(unread.contains("PutBucketLifecycle"), "{:?}: it says what was not read", receipt.steps);
    assert_eq!(receipt.status, Status::Contained, "what decides was read");
}

#[tokio::test]
async fn whoever_hides_a_rule_behind_calls_about_other_buckets_gets_no_receipt_that_says_contained() {
    let (aws, bucket) = stage().await;
    let reads = (0..60).map(|_| recorded("GetBucketAcl", 1, &Value::Null));
    let elsewhere = (0..51).map(|_| {
        let mut record = wrote_lifecycle(2, &wipe());
        record["requestParameters"]["bucketName"] = json!("acme-scratch");
        record
    });
    let bucket = reads.chain(elsewhere).fold(bucket.with_lifecycle(WIPE), |bucket, record| bucket.with_event(record));
    let bucket = bucket.with_event(wrote_lifecycle(50, &wipe()));
    let receipt = freeze(&aws).await;
    assert_eq!(bucket.rule_status("lifecycle", "wipe").as_deref(), Some("Enabled"), "nobody knows who wrote it");
    assert_eq!((receipt.status, outcome(&receipt.steps, "deny-suspects")), (Status::Partial, Outcome::Applied), "{receipt:?}");
    let failed = receipt.steps.iter().find(|step| step.name == StepName::from(StepKind::DisableLifecycleRule));
    assert_eq!(failed.map(|step| step.outcome), Some(Outcome::Failed));
    assert!(words(failed).contains("wipe") && words(failed).contains("--only"), "{failed:?}");
    assert!(!receipt.steps.iter().any(|step| step.is(StepKind::DisableReplicationRule)), "there is none: {receipt:?}");
}

/// Calls that fill CloudTrail's newest pages: of the bucket, and of this name in the account.
pub(crate) fn noise(mut elsewhere: Value) -> Vec<Value> {
    elsewhere["requestParameters"]["bucketName"] = json!("acme-scratch");
    let reads = (0..60).map(|_| recorded("GetBucketAcl", 1, &Value::Null));
    reads.chain((0..51).map(|_| elsewhere.clone())).collect()
}

#[tokio::test]
async fn a_page_that_came_too_early_is_asked_for_again_in_its_turn() {
    let (aws, bucket) = stage().await;
    let bucket = bucket.with_lifecycle(WIPE).with_event(wrote_lifecycle(10, &wipe()));
    aws.next(TRAIL, error(400, "ThrottlingException"));
    freeze(&aws).await;
    assert_eq!(bucket.rule_status("lifecycle", "wipe").as_deref(), Some("Disabled"));
    assert_eq!(aws.calls_of(TRAIL).len(), 2);
    let turns = aws.calls_of("dynamodb:UpdateItem");
    let of_trail = "lookups#111122223333#eu-central-1";
    assert!(turns.iter().any(|call| call.params["Key"]["pk"]["S"] == of_trail), "other looks leave the turn free");
}

#[tokio::test]
async fn a_bucket_is_frozen_also_where_cloudtrail_says_nothing() {
    let (aws, bucket) = stage().await;
    let bucket = bucket.with_lifecycle(WIPE).with_event(wrote_lifecycle(10, &wipe()));
    aws.always(TRAIL, error(400, "AccessDeniedException"));
    let receipt = freeze(&aws).await;
    assert_eq!((receipt.status, outcome(&receipt.steps, "deny-suspects")), (Status::Partial, Outcome::Applied), "{receipt:?}");
    assert_eq!(bucket.rule_status("lifecycle", "wipe").as_deref(), Some("Enabled"), "nobody knows who wrote it");
    assert_eq!(outcome(&receipt.steps, "disable-lifecycle-rule"), Outcome::Failed, "and it may be the suspect's");
    let unread = receipt.steps.iter().find(|step| step.name == StepName::from(StepKind::ReadTrail)).expect("a note");
    assert_eq!(unread.outcome, Outcome::Skipped);
    assert!(words(Some(unread)).contains("cloudtrail:LookupEvents"), "{unread:?}");
}

#[tokio::test]
async fn cloudtrail_is_asked_in_the_buckets_own_region() {
    let (aws, bucket) = stage().await;
    let bucket = bucket.in_region("ap-southeast-7").with_lifecycle(WIPE).with_event(wrote_lifecycle(10, &wipe()));
    freeze(&aws).await;
    assert_eq!(aws.calls_of(TRAIL).last().expect("a question").region, "ap-southeast-7");
    assert_eq!(bucket.rule_status("lifecycle", "wipe").as_deref(), Some("Disabled"));
}
