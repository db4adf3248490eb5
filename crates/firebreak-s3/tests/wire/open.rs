use crate::{NAME, open, stage, target};
use firebreak::fault::FaultKind;
use firebreak::ids::{Partition, Region};
use firebreak::target::{Target, TargetKind};
use firebreak_s3::policy;
use firebreak_testkit::room;
use firebreak_testkit::scripted::{Answer, ScriptedAws, error, ok};

const HEAD: &str = "s3:HeadBucket";
const LOCATION: &str = "s3:GetBucketLocation";
const HEADER: &str = "x-amz-bucket-region";

fn located(region: &str) -> Answer {
    let namespace = "http://s3.amazonaws.com/doc/2006-03-01/";
    ok(format!(r#"<?xml version="1.0" encoding="UTF-8"?><LocationConstraint xmlns="{namespace}">{region}</LocationConstraint>"#))
}

/// In which Region the bucket is asked for its policy once it is open.
async fn asked_in(aws: &ScriptedAws) -> String {
    let bucket = open(aws).await.expect("a bucket");
    aws.answer("s3:GetBucketPolicy", error(404, "NoSuchBucketPolicy"));
    policy::get(&bucket).await.expect("no policy");
    let asked = aws.calls_of("s3:GetBucketPolicy").pop().expect("a call").region;
    assert_eq!(bucket.region, asked, "the client and the name of the Region");
    asked
}

#[tokio::test]
async fn a_bucket_in_the_right_region_costs_one_call() {
    let aws = stage().await;
    let bucket = open(&aws).await.expect("a bucket");
    assert_eq!((bucket.region.as_str(), bucket.arn().as_str()), (room::REGION, "arn:aws:s3:::acme-exports"));
    let calls = aws.calls();
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].headers["x-amz-expected-bucket-owner"], room::ACCOUNT);
}

#[tokio::test]
async fn the_region_of_the_header_is_taken_whatever_refused_the_call() {
    for status in [301, 307, 400, 403] {
        let aws = stage().await;
        aws.always(HEAD, error(status, "").with_header(HEADER, "ap-southeast-7"));
        assert_eq!(asked_in(&aws).await, "ap-southeast-7", "{status}");
        assert!(aws.calls_of(LOCATION).is_empty(), "{status}: the header said it");
    }
}

#[tokio::test]
async fn behind_a_refusal_without_the_header_the_bucket_is_asked_for_its_location() {
    for (constraint, region) in [("ap-southeast-7", "ap-southeast-7"), ("", "us-east-1"), ("EU", "eu-west-1")] {
        let aws = stage().await;
        aws.always(HEAD, error(403, ""));
        aws.answer(LOCATION, located(constraint));
        assert_eq!(asked_in(&aws).await, region, "{constraint}");
        assert_eq!(aws.calls_of(LOCATION)[0].headers["x-amz-expected-bucket-owner"], room::ACCOUNT);
    }
}

#[tokio::test]
async fn a_refused_question_for_the_location_can_name_the_region_too() {
    let aws = stage().await;
    aws.always(HEAD, error(403, ""));
    aws.always(LOCATION, error(400, "AuthorizationHeaderMalformed").with_header(HEADER, "eu-north-1"));
    assert_eq!(asked_in(&aws).await, "eu-north-1");
}

#[tokio::test]
async fn where_nothing_tells_the_region_the_targets_own_is_taken() {
    for answer in [error(403, "AccessDenied"), error(503, "SlowDown"), located("no Region/"), located("cn-north-1")] {
        let aws = stage().await;
        aws.always(HEAD, error(403, "").with_header(HEADER, "evil.example/"));
        aws.always(LOCATION, answer.clone());
        assert_eq!(asked_in(&aws).await, room::REGION, "{answer:?}");
    }
}

#[tokio::test]
async fn a_location_of_another_partition_is_none() {
    let aws = stage().await;
    aws.always(HEAD, error(403, ""));
    // No constraint means us-east-1, where no bucket of this partition is.
    aws.answer(LOCATION, located(""));
    let (region, partition) = (Region::parse("cn-north-1").expect("a Region"), Partition::parse("aws-cn").expect("a partition"));
    let target = Target { region, partition, ..target() };
    let bucket = Box::pin(firebreak_s3::open(&aws.config(), &target)).await.expect("a bucket");
    assert_eq!((bucket.region.as_str(), bucket.arn().as_str()), ("cn-north-1", "arn:aws-cn:s3:::acme-exports"));
}

#[tokio::test]
async fn whether_it_is_somebody_elses_is_decided_by_the_calls_that_follow() {
    let aws = stage().await;
    aws.always(HEAD, error(403, "").with_header(HEADER, room::REGION));
    let bucket = open(&aws).await.expect("a refusal alone says nothing");
    assert_eq!(aws.calls().len(), 1);
    aws.always("s3:GetBucketPolicy", error(403, "AccessDenied"));
    assert_eq!(policy::get(&bucket).await.expect_err("another owner").kind, FaultKind::Denied);
    assert_eq!(aws.calls_of("s3:GetBucketPolicy")[0].headers["x-amz-expected-bucket-owner"], room::ACCOUNT);
}

#[tokio::test]
async fn a_bucket_that_does_not_exist_is_gone_whichever_call_says_so() {
    let aws = stage().await;
    aws.always(HEAD, error(404, ""));
    assert_eq!(open(&aws).await.err().expect("no bucket").kind, FaultKind::Gone);
    aws.mend();
    aws.always(HEAD, error(403, ""));
    aws.always(LOCATION, error(404, "NoSuchBucket"));
    assert_eq!(open(&aws).await.err().expect("no bucket").kind, FaultKind::Gone);
}

#[tokio::test]
async fn an_s3_that_does_not_answer_is_a_passing_fault_and_no_region() {
    let aws = stage().await;
    for answer in [error(500, "InternalError"), Answer::reset()] {
        aws.always(HEAD, answer);
        assert_eq!(open(&aws).await.err().expect("no answer").kind, FaultKind::Transient);
        aws.mend();
    }
    assert!(aws.calls_of(LOCATION).is_empty());
}

#[tokio::test]
async fn what_is_no_general_purpose_bucket_is_refused_before_any_call() {
    let aws = stage().await;
    for name in ["logs--euc1-az1--x-s3", "sales--table-s3", "reports-abc-s3alias", "resize--ol-s3", "Acme_Exports", "../other"] {
        let target = Target { id: name.to_owned(), ..target() };
        let fault = Box::pin(firebreak_s3::open(&aws.config(), &target)).await.err().expect(name);
        assert_eq!(fault.kind, FaultKind::Malformed, "{fault}");
        assert!(fault.message.starts_with(name), "{fault}");
    }
    let instance = room::target(TargetKind::Ec2Instance, NAME);
    let fault = Box::pin(firebreak_s3::open(&aws.config(), &instance)).await.err().expect("no bucket");
    assert_eq!(fault.kind, FaultKind::Malformed);
    assert!(aws.calls().is_empty());
}
