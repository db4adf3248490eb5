//! Which encryption S3 refuses in a bucket, and whether it keeps versions there.

use crate::changed::freeze;
use crate::release::release_at;
use crate::{outcome, stage};
use firebreak::receipt::{Outcome, Step};
use firebreak::target::Scope;
use firebreak_testkit::scripted::ScriptedAws;

const KMS: &str = "<ApplyServerSideEncryptionByDefault><SSEAlgorithm>aws:kms</SSEAlgorithm>\
                   <KMSMasterKeyID>arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab</KMSMasterKeyID>\
                   </ApplyServerSideEncryptionByDefault><BucketKeyEnabled>true</BucketKeyEnabled>";

async fn release(aws: &ScriptedAws) -> Vec<Step> {
    release_at(aws, "one", Scope::Freeze).await
}

fn words<'a>(steps: &'a [Step], name: &str) -> &'a str {
    let step = steps.iter().find(|step| step.name.as_str() == name).expect("a step");
    step.error.as_ref().map_or("", |fault| fault.message.as_str())
}

#[tokio::test]
async fn keys_of_customers_are_refused_and_the_default_encryption_stays() {
    let (aws, bucket) = stage().await;
    let bucket = bucket.with_encryption(KMS);
    let before = bucket.now();
    let receipt = freeze(&aws).await;
    assert_eq!(outcome(&receipt.steps, "block-customer-keys"), Outcome::Applied);
    assert_eq!(bucket.blocked_encryption(), ["SSE-C"]);
    let sent = &aws.calls_of("s3:PutBucketEncryption")[0].body;
    assert!(sent.contains("<SSEAlgorithm>aws:kms</SSEAlgorithm>") && sent.contains("<BucketKeyEnabled>true"), "{sent}");
    assert!(sent.contains("key/1234abcd-12ab-34cd-56ef-1234567890ab"), "{sent}");
    let steps = release(&aws).await;
    assert_eq!(outcome(&steps, "restore-encryption"), Outcome::Applied);
    assert_eq!(bucket.now().encryption, before.encryption);
}

#[tokio::test]
async fn a_bucket_without_a_setting_gets_s3s_own_default_and_has_none_again_afterwards() {
    let (aws, bucket) = stage().await;
    bucket.change(|state| state.encryption = None);
    freeze(&aws).await;
    assert_eq!(bucket.blocked_encryption(), ["SSE-C"]);
    assert!(aws.calls_of("s3:PutBucketEncryption")[0].body.contains("<SSEAlgorithm>AES256</SSEAlgorithm>"));
    release(&aws).await;
    assert_eq!(bucket.now().encryption, None, "absent is not the same as the default");
}

#[tokio::test]
async fn what_was_refused_before_is_not_changed_and_not_given_back() {
    let (aws, bucket) = stage().await;
    let blocked = format!("{KMS}<BlockedEncryptionTypes><EncryptionType>SSE-C</EncryptionType></BlockedEncryptionTypes>");
    let bucket = bucket.with_encryption(&blocked);
    let receipt = freeze(&aws).await;
    assert_eq!(outcome(&receipt.steps, "block-customer-keys"), Outcome::Already);
    release(&aws).await;
    assert!(aws.calls_of("s3:PutBucketEncryption").is_empty());
    assert_eq!(bucket.blocked_encryption(), ["SSE-C"]);
}

#[tokio::test]
async fn a_default_that_somebody_changed_since_stays_when_keys_are_taken_again() {
    let (aws, bucket) = stage().await;
    freeze(&aws).await;
    let theirs = format!("{KMS}<BlockedEncryptionTypes><EncryptionType>SSE-C</EncryptionType></BlockedEncryptionTypes>");
    let bucket = bucket.with_encryption(&theirs);
    release(&aws).await;
    assert_eq!(bucket.blocked_encryption(), [""; 0]);
    assert!(bucket.now().encryption.expect("a setting").text().contains("aws:kms"));
}

#[tokio::test]
async fn versioning_that_was_suspended_is_on_while_the_bucket_is_frozen_and_suspended_again() {
    let (aws, bucket) = stage().await;
    let bucket = bucket.with_versioning("Suspended");
    let receipt = freeze(&aws).await;
    assert_eq!(outcome(&receipt.steps, "enable-versioning"), Outcome::Applied);
    assert_eq!(bucket.now().versioning.as_deref(), Some("Enabled"));
    assert_eq!(outcome(&release(&aws).await, "suspend-versioning"), Outcome::Applied);
    assert_eq!(bucket.now().versioning.as_deref(), Some("Suspended"));
}

#[tokio::test]
async fn versioning_that_was_never_on_stays_on_and_the_release_says_so() {
    let (aws, bucket) = stage().await;
    freeze(&aws).await;
    assert_eq!(bucket.now().versioning.as_deref(), Some("Enabled"));
    let steps = release(&aws).await;
    assert_eq!(outcome(&steps, "suspend-versioning"), Outcome::Skipped);
    assert!(words(&steps, "suspend-versioning").contains("stays on"), "{steps:?}");
    assert_eq!(bucket.now().versioning.as_deref(), Some("Enabled"), "suspended is not what it was, either");
}

#[tokio::test]
async fn with_mfa_delete_people_read_who_can_switch_versioning_on() {
    let (aws, bucket) = stage().await;
    bucket.change(|state| (state.versioning, state.mfa_delete) = (Some("Suspended".to_owned()), true));
    let receipt = freeze(&aws).await;
    assert_eq!(outcome(&receipt.steps, "enable-versioning"), Outcome::Failed);
    assert!(words(&receipt.steps, "enable-versioning").contains("only the root user with its MFA device"));
    assert_eq!(bucket.now().versioning.as_deref(), Some("Suspended"));
    assert_eq!(bucket.blocked_encryption(), ["SSE-C"], "the other steps are done");
}

#[tokio::test]
async fn versioning_that_a_replication_needs_by_now_stays_on_and_holds_up_no_release() {
    let (aws, bucket) = stage().await;
    let bucket = bucket.with_versioning("Suspended");
    freeze(&aws).await;
    let rule = "<Rule><ID>mirror</ID><Priority>1</Priority><Filter><Prefix></Prefix></Filter><Status>Enabled</Status>\
                <DeleteMarkerReplication><Status>Disabled</Status></DeleteMarkerReplication>\
                <Destination><Bucket>arn:aws:s3:::acme-mirror</Bucket></Destination></Rule>";
    let bucket = bucket.with_replication("arn:aws:iam::111122223333:role/replication", rule);
    let steps = release(&aws).await;
    assert_eq!(outcome(&steps, "suspend-versioning"), Outcome::Skipped);
    assert!(words(&steps, "suspend-versioning").contains("needs versions"), "{steps:?}");
    assert_eq!(bucket.now().versioning.as_deref(), Some("Enabled"));
}
