use crate::bucket::CLOSED;
use crate::{NAME, contain, stage};
use firebreak::fault::FaultKind;
use firebreak::receipt::{Outcome, Status};
use firebreak_testkit::room;
use firebreak_testkit::scripted::error;

#[tokio::test]
async fn a_public_bucket_is_closed_and_its_state_is_recorded_first() {
    let (aws, bucket) = stage().await;
    let receipt = contain(&aws, "one").await.expect("a receipt");
    assert_eq!((receipt.status, bucket.block()), (Status::Contained, Some(CLOSED)));
    assert_eq!(aws.changes(), ["s3:PutPublicAccessBlock"]);
    let calls = aws.calls();
    let base = calls.iter().position(|call| call.params["Key"]["sk"]["S"] == "base").expect("a base is recorded");
    let change = calls.iter().position(|call| call.operation == "PutPublicAccessBlock").expect("it is closed");
    assert!(base < change, "what was there is known before it is changed");
    assert!(room::base(&aws, "s3-bucket", NAME).expect("a base").contains("\"public_access_block\":null"));
}

#[tokio::test]
async fn containing_twice_changes_nothing_more() {
    let (aws, bucket) = stage().await;
    contain(&aws, "one").await.expect("a receipt");
    aws.forget();
    let again = contain(&aws, "one").await.expect("a receipt");
    assert_eq!((again.status, bucket.block()), (Status::Contained, Some(CLOSED)));
    assert_eq!(aws.changes(), [""; 0]);
    assert_eq!(again.steps[1].outcome, Outcome::Already);
}

#[tokio::test]
async fn a_bucket_that_is_gone_or_somebody_elses_is_an_error_that_says_so() {
    let (aws, bucket) = stage().await;
    bucket.change(|state| state.exists = false);
    assert_eq!(contain(&aws, "one").await.expect_err("no bucket").kind, FaultKind::Gone);
    bucket.change(|state| (state.exists, state.owner) = (true, "999988887777".to_owned()));
    assert_eq!(contain(&aws, "one").await.expect_err("another owner").kind, FaultKind::Denied);
    assert_eq!(aws.changes(), [""; 0]);
}

#[tokio::test]
async fn a_bucket_in_another_region_is_closed_there() {
    let (aws, bucket) = stage().await;
    let bucket = bucket.in_region("ap-southeast-7");
    assert_eq!(contain(&aws, "one").await.expect("a receipt").status, Status::Contained);
    assert_eq!(bucket.block(), Some(CLOSED));
    assert_eq!(aws.calls_of("s3:PutPublicAccessBlock")[0].region, "ap-southeast-7");
}

#[tokio::test]
async fn what_cannot_be_read_for_evidence_does_not_leave_a_bucket_open() {
    let (aws, bucket) = stage().await;
    aws.always("s3:GetBucketAcl", error(403, "AccessDenied"));
    aws.always("s3:GetBucketPolicy", error(403, "AccessDenied"));
    assert_eq!(contain(&aws, "one").await.expect("a receipt").status, Status::Contained);
    assert_eq!(bucket.block(), Some(CLOSED));
    assert!(room::base(&aws, "s3-bucket", NAME).expect("a base").contains("s3:GetBucketAcl"), "what is missing is recorded");
}

#[tokio::test]
async fn without_a_record_nothing_is_changed() {
    let (aws, bucket) = stage().await;
    aws.always("dynamodb:UpdateItem", error(403, "AccessDeniedException"));
    // Whether another level writes at this moment is not known either.
    let refused = contain(&aws, "one").await.expect_err("no turn");
    assert_eq!((refused.kind, bucket.block()), (FaultKind::Denied, None));
    assert_eq!(aws.changes(), [""; 0]);
}
