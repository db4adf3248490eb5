//! What S3 lists of a bucket's objects.

use super::state::{OWNER, State, Version};
use super::xml::{Xml, escaped};
use crate::NAME;
use firebreak_testkit::scripted::{Answer, Call, ok};

/// `ListObjectVersions`.
pub(super) fn list(state: &State, call: &Call) -> Answer {
    let (prefix, marker) = (call.param("prefix"), (call.param("key-marker"), call.param("version-id-marker")));
    let all: Vec<&Version> = state.versions.iter().filter(|version| version.key.starts_with(prefix)).collect();
    let from = after(&all, marker);
    let asked = call.param("max-keys").parse().unwrap_or(usize::MAX);
    let until = from.saturating_add(state.page.min(asked)).min(all.len());
    let is_truncated = until < all.len();
    let next = all[from..until].last().filter(|_| is_truncated).map(|last| {
        let key = encoded(&last.key, call);
        format!("<NextKeyMarker>{key}</NextKeyMarker><NextVersionIdMarker>{}</NextVersionIdMarker>", last.id)
    });
    let encoding = if call.param("encoding-type") == "url" { "<EncodingType>url</EncodingType>" } else { "" };
    let shown = encoded(prefix, call);
    let head = format!("<Name>{NAME}</Name><Prefix>{shown}</Prefix>{encoding}<IsTruncated>{is_truncated}</IsTruncated>");
    let entries: String = all[from..until].iter().map(|version| entry(version, call)).collect();
    ok(Xml::of("ListVersionsResult", &format!("{head}{}{entries}", next.unwrap_or_default())).text())
}

/// `ListObjectsV2`: what is there without a version id. One page.
pub(super) fn current(state: &State, call: &Call) -> Answer {
    let prefix = call.param("prefix");
    let is_there = |one: &&Version| one.is_latest && !one.is_marker && one.key.starts_with(prefix);
    let asked = call.param("max-keys").parse().unwrap_or(usize::MAX);
    let found: Vec<&Version> = state.versions.iter().filter(is_there).take(asked).collect();
    let contents =
        |one: &&Version| format!("<Contents><Key>{}</Key><Size>{}</Size></Contents>", encoded(&one.key, call), one.size);
    let entries: String = found.iter().map(contents).collect();
    let head = format!("<Name>{NAME}</Name><KeyCount>{}</KeyCount><IsTruncated>false</IsTruncated>", found.len());
    ok(Xml::of("ListBucketResult", &format!("{head}{entries}")).text())
}

/// Where a listing goes on after its markers. A key alone: after all versions of the key.
fn after(all: &[&Version], (key, id): (&str, &str)) -> usize {
    if key.is_empty() {
        return 0;
    }
    let of_key = all.iter().rposition(|version| version.key == key);
    let of_version = all.iter().position(|version| version.key == key && version.id == id);
    of_version.or(of_key).map_or(all.len(), |at| at + 1)
}

fn entry(version: &Version, call: &Call) -> String {
    let Version { key, id, size, modified, is_latest, is_marker, etag } = version;
    let key = encoded(key, call);
    let common = format!(
        "<Key>{key}</Key><VersionId>{id}</VersionId><IsLatest>{is_latest}</IsLatest><LastModified>{modified}</LastModified>\
         <Owner><ID>{OWNER}</ID></Owner>"
    );
    if *is_marker {
        return format!("<DeleteMarker>{common}</DeleteMarker>");
    }
    let of_object = format!("<ETag>&quot;{etag}&quot;</ETag><Size>{size}</Size><StorageClass>STANDARD</StorageClass>");
    format!("<Version>{common}{of_object}</Version>")
}

/// A key in XML, or as the caller asked for it: XML has no room for some characters (Amazon S3 API reference, `ListObjectVersions`,
/// "encoding-type").
fn encoded(key: &str, call: &Call) -> String {
    if call.param("encoding-type") != "url" {
        return escaped(key);
    }
    let one = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    key.bytes().map(one).collect()
}
