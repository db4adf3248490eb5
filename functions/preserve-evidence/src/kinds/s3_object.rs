//! Objects of an S3 bucket: which versions there are, when they came and how large they are. Nothing reads what is in them.

use crate::ask::{RawAnswer, ask};
use aws_config::SdkConfig;
use aws_sdk_s3::types::EncodingType;
use firebreak::digest::sha256_hex;
use firebreak::target::{Target, TargetKind};
use firebreak_s3::Bucket;
use futures::future::join_all;

/// The versions of each key, and the policy that denies them. A list is not read to its end: the versions of the key come first, the newest
/// of them before the others.
pub(super) async fn ask(config: &SdkConfig, target: &Target) -> Vec<RawAnswer> {
    let in_bucket = Target::new(TargetKind::S3Bucket, target.id.clone(), target.place());
    let Bucket { s3, name, owner, .. } = &match firebreak_s3::open(config, &in_bucket).await {
        Ok(bucket) => bucket,
        // Stands for all answers about objects that could not be asked about.
        Err(fault) => return vec![RawAnswer { operation: "s3:HeadBucket", part: None, content: Err(fault.message) }],
    };
    let versions = target.objects.iter().map(|object| async move {
        let list = s3.list_object_versions().bucket(name).expected_bucket_owner(owner);
        // A key can hold what XML cannot.
        let list = list.prefix(object.key()).encoding_type(EncodingType::Url).max_keys(100);
        let part = sha256_hex(object.key().as_bytes()).chars().take(16).collect();
        RawAnswer { part: Some(part), ..ask!("s3:ListObjectVersions", list).await }
    });
    let (policy, versions) = futures::join!(
        ask!("s3:GetBucketPolicy", s3.get_bucket_policy().bucket(name).expected_bucket_owner(owner)),
        join_all(versions),
    );
    std::iter::once(policy).chain(versions).collect()
}
