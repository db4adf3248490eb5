//! Finds the version of an object that a finding means.
//!
//! Where the finding names no version id, the `ETag` tells the object from what somebody put in its place: in a bucket without versions
//! there is one object of each key, and a scan says nothing of the next one.

use aws_sdk_s3::types::{EncodingType, ObjectVersion as Listed};
use firebreak::fault::Fault;
use firebreak::objects::ObjectVersion;
use firebreak_aws::classify::OrFault as _;
use firebreak_s3::Bucket;
use percent_encoding::percent_decode_str;

/// So many versions and delete markers of a key are looked at: one page.
const PAGE: i32 = 1000;

/// One version of an object, as calls name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) key: String,
    /// `null`: the one without an id of its own, beside others. Nothing: the only one.
    pub(crate) version: Option<String>,
}

/// Finds it. Without a call where the finding names the version id.
///
/// # Errors
/// `Gone` when no version of this key has the `ETag`, `Malformed` when it has too many to know that, and read errors.
pub(crate) async fn find(bucket: &Bucket, object: &ObjectVersion) -> Result<Found, Fault> {
    let key = object.key().to_owned();
    if let Some(version) = object.version() {
        return Ok(Found { key, version: Some(version.to_owned()) });
    }
    // Keys come in order, and this one is the first that begins with itself; its newest version is the first of them.
    let list = bucket.s3.list_object_versions().bucket(&bucket.name).expected_bucket_owner(&bucket.owner);
    // A key can hold what XML cannot.
    let list = list.prefix(&key).encoding_type(EncodingType::Url).max_keys(PAGE);
    let answer = list.send().await.or_fault("s3:ListObjectVersions")?;
    let is_encoded = answer.encoding_type() == Some(&EncodingType::Url);
    let is_key =
        |listed: Option<&str>| listed.is_some_and(|listed| if is_encoded { decoded(listed) == key } else { listed == key });
    let is_meant = |one: &&Listed| is_key(one.key()) && one.e_tag().map(|etag| etag.trim_matches('"')) == object.etag();
    let Some(found) = answer.versions().iter().find(is_meant) else {
        // Whoever writes there can hide it behind newer ones. It is read by its id all the same.
        if answer.is_truncated() == Some(true) && is_key(answer.next_key_marker()) {
            let why = format!("{object} is not among the newest {PAGE} versions of its key, and no more of them are looked at");
            return Err(Fault::malformed(why));
        }
        return Err(Fault::gone(format!("{object} is gone, or somebody put another object in its place")));
    };
    let versions = answer.versions().iter().filter(|one| is_key(one.key())).count();
    let is_only = versions + answer.delete_markers().iter().filter(|one| is_key(one.key())).count() == 1;
    // By that id, S3 takes the call also where somebody writes a newer version at the same time.
    let version = found.version_id().filter(|version| !(is_only && *version == "null"));
    let version = version.map(str::to_owned);
    Ok(Found { key, version })
}

/// A key as S3 writes it into a list that was asked for in this encoding: a blank is a plus sign.
fn decoded(listed: &str) -> String {
    percent_decode_str(&listed.replace('+', " ")).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_a_list_is_the_key_of_the_object() {
        for (listed, key) in [("in/x.zip", "in/x.zip"), ("a+b%2Bc", "a b+c"), ("%E2%80%AE%0A", "\u{202e}\n")] {
            assert_eq!(decoded(listed), key);
        }
    }
}
