//! One page of a bucket's versions.

use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::{DeleteMarkerEntry, EncodingType, ObjectVersion, ObjectVersionStorageClass};
use firebreak::fault::Fault;
use firebreak_aws::classify::OrFault;
use firebreak_s3::Bucket;
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use std::collections::BTreeMap;

/// The operation, as faults name it.
const CALL: &str = "s3:ListObjectVersions";

/// One version of an object, or a delete marker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its version id; `null` for what was written without versioning.
    pub(super) id: String,
    /// When it was written. Of an upload in parts: when that began.
    pub(super) at: Timestamp,
    /// It is what the key has now.
    pub(super) is_latest: bool,
    /// The object; nothing for a delete marker.
    pub(super) object: Option<Object>,
}

/// The object of a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Object {
    /// Its size.
    pub(super) bytes: u64,
    /// Unless it is `STANDARD`.
    pub(super) storage_class: Option<String>,
    /// The same for the same content, but for objects that were encrypted with keys.
    pub(super) etag: Option<String>,
}

/// Where a page begins: after a key, or after one version of that key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Start {
    pub(super) key: Option<String>,
    pub(super) version: Option<String>,
}

/// A page. S3 lists keys in the order of their bytes, and tells versions from delete markers: of each kind, the newest comes first.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) keys: BTreeMap<String, Vec<Entry>>,
    /// Nothing: it is the last one.
    pub(super) next: Option<Start>,
}

/// Reads a page of the keys that begin with `prefix`. Keys come encoded: XML has no room for some characters (Amazon S3 API reference,
/// `ListObjectVersions`, "encoding-type").
pub(super) async fn read(bucket: &Bucket, prefix: &str, from: Start) -> Result<Page, Fault> {
    let ask = bucket
        .s3
        .list_object_versions()
        .bucket(&bucket.name)
        .expected_bucket_owner(&bucket.owner)
        .encoding_type(EncodingType::Url)
        .set_prefix(Some(prefix.to_owned()).filter(|prefix| !prefix.is_empty()))
        .set_key_marker(from.key)
        .set_version_id_marker(from.version);
    let answer = Box::pin(ask.send()).await.or_fault(CALL)?;
    let is_encoded = answer.encoding_type == Some(EncodingType::Url);
    let key = |text: Option<&str>| text.map(|text| if is_encoded { decoded(text) } else { text.to_owned() });
    let mut page = Page::default();
    for version in answer.versions() {
        let (key, entry) = (key(version.key()), of_version(version));
        page.keys.entry(key.ok_or_else(incomplete)?).or_default().push(entry.ok_or_else(incomplete)?);
    }
    for marker in answer.delete_markers() {
        let (key, entry) = (key(marker.key()), of_marker(marker));
        page.keys.entry(key.ok_or_else(incomplete)?).or_default().push(entry.ok_or_else(incomplete)?);
    }
    if answer.is_truncated == Some(true) {
        let next = key(answer.next_key_marker()).ok_or_else(incomplete)?;
        page.next = Some(Start { key: Some(next), version: answer.next_version_id_marker });
    }
    Ok(page)
}

fn of_version(version: &ObjectVersion) -> Option<Entry> {
    let class = version.storage_class().map(ObjectVersionStorageClass::as_str).filter(|class| *class != "STANDARD");
    let object = Object {
        bytes: version.size().and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or_default(),
        storage_class: class.map(str::to_owned),
        etag: version.e_tag().map(str::to_owned),
    };
    Some(Entry {
        id: version.version_id()?.to_owned(),
        at: time(version.last_modified())?,
        is_latest: version.is_latest() == Some(true),
        object: Some(object),
    })
}

fn of_marker(marker: &DeleteMarkerEntry) -> Option<Entry> {
    Some(Entry {
        id: marker.version_id()?.to_owned(),
        at: time(marker.last_modified())?,
        is_latest: marker.is_latest() == Some(true),
        object: None,
    })
}

fn time(at: Option<&DateTime>) -> Option<Timestamp> {
    Timestamp::from_second(at?.secs()).ok()
}

/// As forms encode text: a blank is a plus.
fn decoded(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

fn incomplete() -> Fault {
    Fault::bug(format!("{CALL} answered without a key, a version id or a time"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_decoded_as_s3_encodes_it() {
        for (encoded, key) in [
            ("a/b.csv", "a/b.csv"),
            ("a+b%2Bc%2520d", "a b+c%20d"),
            ("%00%0A%1B%5B2J%27%22%60%24", "\0\n\u{1b}[2J'\"`$"),
            ("%E6%97%A5", "日"),
        ] {
            assert_eq!(decoded(encoded), key, "{encoded}");
        }
    }
}
