//! The policy of a bucket: reads it, adds statements to it, writes it back, takes it off.

mod candidates;
mod delete;
mod deleted;
mod document;
mod put;
mod raw;
mod spelling;

pub use delete::delete;
pub use deleted::denies_nobody;
pub use document::Document;
pub use put::{Refused, put};

use crate::open::Bucket;
use firebreak::fault::Fault;
use firebreak_aws::classify::{code, fault};

/// The bytes that a bucket policy can have: 20 KB (Amazon S3 user guide, "Adding a bucket policy by using the Amazon S3 console").
/// Whitespace between tokens does not count, as users have measured; AWS does not say so.
pub const LIMIT: usize = 20_480;

/// Reads it. A bucket without a policy has a document without statements.
///
/// # Errors
/// `Malformed` when this version does not understand the policy, and those of `GetBucketPolicy`.
pub async fn get(bucket: &Bucket) -> Result<Document, Fault> {
    let ask = bucket.s3.get_bucket_policy().bucket(&bucket.name).expected_bucket_owner(&bucket.owner);
    match ask.send().await {
        Ok(answer) => Document::parse(answer.policy()),
        Err(error) if code(&error) == Some("NoSuchBucketPolicy") => Document::parse(None),
        Err(error) => Err(fault("s3:GetBucketPolicy", &error)),
    }
}
