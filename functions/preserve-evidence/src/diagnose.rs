//! For `firebreak doctor`: whether the member role lets this function in, and whether evidence, once written, stays.

use aws_sdk_s3::Client;
use aws_sdk_s3::types::{BucketVersioningStatus, ObjectLockRetentionMode};
use firebreak::diagnosis::{Observation, Places};
use firebreak::fault::Fault;
use firebreak_aws::Aws;
use firebreak_aws::classify::{OrFault, code, fault};
use firebreak_aws::clients::MemberRole;
use firebreak_function::diagnosis::member_role;

/// The name of the check.
const EVIDENCE_BUCKET: &str = "evidence-bucket";
/// Object Lock itself cannot be added by this, only its default retention.
const FIX: &str = "make deploy ENV=<env> STACK=forensics-account DRIFT=revert";

pub(crate) async fn diagnose(aws: &Aws, places: &Places, bucket: &str) -> Result<Vec<Observation>, Fault> {
    let s3 = &Client::new(aws.own());
    let (roles, lock, versions) =
        futures::join!(member_role(aws, places, MemberRole::PreserveEvidence), retention(s3, bucket), versioning(s3, bucket));
    let mut seen = roles?;
    seen.extend([lock, versions]);
    Ok(seen)
}

/// Object Lock is evidence's only protection from whoever administers its account: COMPLIANCE holds for root, too (S3 user guide,
/// "Locking objects with Object Lock").
async fn retention(s3: &Client, bucket: &str) -> Observation {
    let subject = format!("{bucket} retention");
    let answer = match s3.get_object_lock_configuration().bucket(bucket).send().await {
        Ok(answer) => answer,
        Err(error) => {
            let message = fault("s3:GetObjectLockConfiguration", &error).message;
            return match code(&error) {
                Some("ObjectLockConfigurationNotFoundError") => {
                    let fix = "evidence needs a new bucket: Object Lock comes with the stack forensics-account";
                    Observation::broken(EVIDENCE_BUCKET, subject, "no Object Lock: evidence can be deleted", fix)
                }
                Some("NoSuchBucket") => Observation::broken(EVIDENCE_BUCKET, subject, "there is no such bucket", FIX),
                _ => Observation::unknown(EVIDENCE_BUCKET, subject, message, FIX),
            };
        }
    };
    let rule = answer.object_lock_configuration.and_then(|lock| lock.rule).and_then(|rule| rule.default_retention);
    let Some(rule) = rule else {
        return Observation::broken(EVIDENCE_BUCKET, subject, "no default retention: evidence can be deleted", FIX);
    };
    let time = rule.days.map(|days| format!("{days} days")).or_else(|| rule.years.map(|years| format!("{years} years")));
    let time = time.unwrap_or_default();
    match rule.mode {
        Some(ObjectLockRetentionMode::Compliance) => Observation::sound(EVIDENCE_BUCKET, subject, format!("COMPLIANCE, {time}")),
        mode => {
            let mode = mode.map_or_else(|| "no mode".to_owned(), |mode| mode.as_str().to_owned());
            Observation::broken(EVIDENCE_BUCKET, subject, format!("{mode}, {time}: an administrator can delete evidence"), FIX)
        }
    }
}

async fn versioning(s3: &Client, bucket: &str) -> Observation {
    let subject = format!("{bucket} versioning");
    match s3.get_bucket_versioning().bucket(bucket).send().await.or_fault("s3:GetBucketVersioning") {
        Ok(answer) if answer.status == Some(BucketVersioningStatus::Enabled) => {
            Observation::sound(EVIDENCE_BUCKET, subject, "enabled")
        }
        Ok(_) => Observation::broken(EVIDENCE_BUCKET, subject, "not enabled: an object can be written over", FIX),
        Err(fault) => Observation::unknown(EVIDENCE_BUCKET, subject, fault.message, FIX),
    }
}
