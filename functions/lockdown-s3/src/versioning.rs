//! Versions of a bucket's objects: while they are on, an overwrite or a deletion can be taken back.

use crate::base::{BaseState, Versioning};
use aws_sdk_s3::operation::put_bucket_versioning::PutBucketVersioningError;
use aws_sdk_s3::types::{BucketVersioningStatus, MfaDeleteStatus, VersioningConfiguration};
use firebreak::fault::{Fault, FaultKind};
use firebreak::receipt::{Outcome, Step};
use firebreak::step::StepKind;
use firebreak_aws::classify::{OrFault, SdkResult, code, fault};
use firebreak_function::step::{step, unrecorded};
use firebreak_s3::{Bucket, settled};

/// Whether S3 keeps versions, and whether their deletion needs a code of the root user's device (MFA delete).
///
/// # Errors
/// S3 did not say.
pub(crate) async fn read(bucket: &Bucket) -> Result<(Versioning, bool), Fault> {
    let asked = bucket.s3.get_bucket_versioning().bucket(&bucket.name).expected_bucket_owner(&bucket.owner);
    let now = asked.send().await.or_fault("s3:GetBucketVersioning")?;
    let versioning = match now.status() {
        Some(BucketVersioningStatus::Enabled) => Versioning::Enabled,
        Some(_) => Versioning::Suspended,
        None => Versioning::Never,
    };
    Ok((versioning, now.mfa_delete() == Some(&MfaDeleteStatus::Enabled)))
}

/// Has S3 keep versions. `held`: the state before is recorded.
///
/// Where S3 kept none before, the first minutes can lack a version: it takes up to 15 minutes until all of S3 knows (S3 API reference,
/// `PutBucketVersioning`).
pub(crate) async fn enable(bucket: &Bucket, base: &BaseState, held: bool) -> Step {
    let outcome = async {
        if base.versioning == Versioning::Enabled {
            return Ok(Outcome::Already);
        }
        if !held {
            return Err(unrecorded());
        }
        let put = Box::pin(put(bucket, BucketVersioningStatus::Enabled)).await;
        put.map(|()| Outcome::Applied).map_err(|refusal| refusal.told(base.mfa_delete))
    };
    step(StepKind::EnableVersioning, Box::pin(outcome)).await
}

/// Suspends versioning again where it was suspended. Where it had never been on it stays on, which a step says: S3 has no way back
/// (S3 user guide, "Using versioning in S3 buckets").
pub(crate) async fn restore(bucket: &Bucket, base: &BaseState) -> Step {
    let mut why = None;
    let outcome = async {
        if !base.planned.versioning || base.versioning == Versioning::Enabled {
            return Ok(Outcome::Already);
        }
        let (now, mfa_delete) = Box::pin(read(bucket)).await?;
        // Suspended is what it was; never on is what it was, too, when the containment did not get that far.
        if now != Versioning::Enabled {
            return Ok(Outcome::Already);
        }
        if base.versioning == Versioning::Never {
            why = Some(Fault::malformed(FOR_GOOD));
            return Ok(Outcome::Skipped);
        }
        match Box::pin(put(bucket, BucketVersioningStatus::Suspended)).await {
            Ok(()) => Ok(Outcome::Applied),
            Err(Refusal { needed: true, .. }) => {
                why = Some(Fault::malformed(NEEDED));
                Ok(Outcome::Skipped)
            }
            Err(refusal) => Err(refusal.told(mfa_delete)),
        }
    };
    let done = step(StepKind::SuspendVersioning, Box::pin(outcome)).await;
    Step { error: done.error.clone().or(why), ..done }
}

const FOR_GOOD: &str =
    "versioning had never been on and stays on: S3 can only suspend it. Suspend it by hand if nobody needs versions";
const NEEDED: &str = "versioning stays on: a replication or Object Lock of the bucket, which came since, needs versions";
const MFA_DELETE: &str = "MFA delete is on: only the root user with its MFA device can change the versioning of this bucket";

/// Why S3 did not change the versioning.
struct Refusal {
    fault: Fault,
    /// Something else of the bucket needs versions.
    needed: bool,
}

impl Refusal {
    /// The fault for people. With MFA delete, S3 refuses whoever sends no code of the device (S3 API reference, `PutBucketVersioning`).
    fn told(self, mfa_delete: bool) -> Fault {
        if mfa_delete && self.fault.kind == FaultKind::Denied {
            return Fault::new(FaultKind::Denied, format!("{MFA_DELETE} ({})", self.fault.message));
        }
        self.fault
    }
}

async fn put(bucket: &Bucket, status: BucketVersioningStatus) -> Result<(), Refusal> {
    let configuration = VersioningConfiguration::builder().status(status).build();
    let mut needed = false;
    let put = async || {
        let put = bucket.s3.put_bucket_versioning().bucket(&bucket.name).expected_bucket_owner(&bucket.owner);
        let answer: SdkResult<_, PutBucketVersioningError> = put.versioning_configuration(configuration.clone()).send().await;
        answer.map(|_| ()).map_err(|error| {
            needed = code(&error) == Some("InvalidBucketState");
            fault("s3:PutBucketVersioning", &error)
        })
    };
    let done = settled(put).await;
    done.map_err(|fault| Refusal { fault, needed })
}
