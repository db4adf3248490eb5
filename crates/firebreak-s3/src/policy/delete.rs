//! Takes a policy off a bucket.
#![expect(clippy::disallowed_methods, reason = "only a release calls it, for a bucket that had no policy")]

use crate::open::Bucket;
use crate::settled::settled;
use firebreak::fault::Fault;
use firebreak_aws::classify::OrFault as _;

/// Takes the policy off, for a release of a bucket that had none. A bucket without a policy is no error.
///
/// # Errors
/// Those of `DeleteBucketPolicy`.
pub async fn delete(bucket: &Bucket) -> Result<(), Fault> {
    settled(async || {
        let delete = bucket.s3.delete_bucket_policy().bucket(&bucket.name).expected_bucket_owner(&bucket.owner);
        delete.send().await.or_fault("s3:DeleteBucketPolicy").map(drop)
    })
    .await
}
