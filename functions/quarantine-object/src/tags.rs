//! The tags of one version of an object.
//!
//! S3 takes them whole: whoever adds one writes the others again.

use crate::find::Found;
use aws_sdk_s3::types::{Tag, Tagging};
use firebreak::fault::Fault;
use firebreak::ids::IncidentId;
use firebreak_aws::classify::OrFault as _;
use firebreak_s3::{Bucket, settled};
use std::collections::BTreeMap;

/// Values by their keys.
pub(crate) type Tags = BTreeMap<String, String>;

/// The key of Firebreak's tag; the value is the incident. The bucket policy goes by the key alone: its statement is there before any
/// incident, and whoever wrote another value into the tag has not freed the object.
pub(crate) const KEY: &str = "firebreak-quarantined";

/// The tags that an object can have (Amazon S3 user guide, "Categorizing your objects using tags").
pub(crate) const LIMIT: usize = 10;

/// Whether Firebreak wrote its tag: the value is an incident's id.
pub(crate) fn is_by_firebreak(tags: &Tags) -> bool {
    tags.get(KEY).is_some_and(|value| IncidentId::parse(value).is_ok())
}

/// Reads them.
///
/// # Errors
/// `Gone` when this version does not exist, and other read errors.
pub(crate) async fn get(bucket: &Bucket, found: &Found) -> Result<Tags, Fault> {
    let ask = bucket.s3.get_object_tagging().bucket(&bucket.name).expected_bucket_owner(&bucket.owner);
    let answer = ask.key(&found.key).set_version_id(found.version.clone()).send().await.or_fault("s3:GetObjectTagging")?;
    Ok(answer.tag_set().iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())).collect())
}

/// Writes them in place of those that are there.
///
/// # Errors
/// S3's answer.
pub(crate) async fn put(bucket: &Bucket, found: &Found, tags: &Tags) -> Result<(), Fault> {
    let unbuilt = |error| Fault::bug(format!("tags of an object: {error}"));
    let each = tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build());
    let each = each.collect::<Result<Vec<Tag>, _>>().map_err(unbuilt)?;
    let tagging = Tagging::builder().set_tag_set(Some(each)).build().map_err(unbuilt)?;
    settled(async || {
        let put = bucket.s3.put_object_tagging().bucket(&bucket.name).expected_bucket_owner(&bucket.owner);
        let put = put.key(&found.key).set_version_id(found.version.clone()).tagging(tagging.clone());
        Box::pin(put.send()).await.or_fault("s3:PutObjectTagging").map(drop)
    })
    .await
}
