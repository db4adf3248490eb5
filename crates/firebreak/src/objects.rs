//! Objects of a bucket, each by its version, as far as a finding tells which one it means.
//!
//! Whoever may write into a bucket chose the key: it can hold any character, line breaks too.

use crate::digest::sha256_hex;
use crate::ids::{BucketName, InvalidId};
use crate::text::inert;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::{Deserialize, Serialize};

/// Objects that one containment is about. Each has up to ten tags, which the ledger keeps.
pub const MAX: usize = 10;
/// What they may take as JSON, in bytes: an incident with all of its targets is small.
const ROOM: usize = 4 * 1024;
/// Objects in the name of a target.
const NAMED: usize = 3;
/// Characters of a key in a name that has only one.
const KEY: usize = 160;
/// Characters of a version id or an `ETag` in a name.
const VERSION: usize = 40;
/// Hexadecimal digits of a mark by which two names that look alike are told apart.
const MARK: usize = 8;
/// Bytes of a key in a label: a label becomes part of keys in the ledger.
const LABEL: usize = 150;
/// The same, where there are several.
const SHORT_KEY: usize = 60;

/// One version of an object. Its version id, or its `ETag` where the bucket gives none, tells it from what somebody put in its place.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct ObjectVersion {
    key: String,
    version: Option<String>,
    etag: Option<String>,
}

/// An object in JSON. People open payloads and logs in terminals: the key is percent-encoded, so nothing in it acts there.
#[derive(Serialize, Deserialize)]
struct Written {
    key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
}

/// What stands in a key as it is.
const PLAIN: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b' ').remove(b'-').remove(b'_').remove(b'.').remove(b'/').remove(b'(').remove(b')').remove(b'=');

impl TryFrom<Written> for ObjectVersion {
    type Error = InvalidId;
    fn try_from(read: Written) -> Result<Self, InvalidId> {
        let invalid = InvalidId { what: "object key", expected: "percent-encoded UTF-8" };
        let key = percent_decode_str(&read.key).decode_utf8().map_err(|_| invalid)?;
        Self::parse(&key, read.version.as_deref(), read.etag.as_deref())
    }
}

impl From<ObjectVersion> for Written {
    fn from(object: ObjectVersion) -> Self {
        let ObjectVersion { key, version, etag } = object;
        Self { key: utf8_percent_encode(&key, PLAIN).to_string(), version, etag }
    }
}

impl ObjectVersion {
    /// Accepts a key of 1 to 1,024 bytes with a version id of at most 1,024 bytes, an `ETag`, or both (Amazon S3 user guide, "Naming
    /// Amazon S3 objects", "How S3 Versioning works"). `null` is no version id: every object of a bucket without versions has it.
    ///
    /// # Errors
    /// [`InvalidId`] says which of them is malformed, or that nothing tells the version.
    pub fn parse(key: &str, version: Option<&str>, etag: Option<&str>) -> Result<Self, InvalidId> {
        let invalid = |what, expected| Err(InvalidId { what, expected });
        let version = version.filter(|version| !matches!(*version, "" | "null"));
        // S3 writes it in quotes, GuardDuty without.
        let etag = etag.map(|etag| etag.trim_matches('"')).filter(|etag| !etag.is_empty());
        if !(1..=1024).contains(&key.len()) {
            return invalid("object key", "1 to 1,024 bytes");
        }
        if version.is_some_and(|version| version.len() > 1024 || !version.bytes().all(|byte| byte.is_ascii_graphic())) {
            return invalid("version id", "at most 1,024 printable characters");
        }
        let is_etag = |etag: &str| etag.len() <= 128 && etag.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if etag.is_some_and(|etag| !is_etag(etag)) {
            return invalid("ETag", "at most 128 letters, digits and hyphens");
        }
        if version.is_none() && etag.is_none() {
            return invalid("object version", "a version id or an ETag");
        }
        Ok(Self { key: key.to_owned(), version: version.map(str::to_owned), etag: etag.map(str::to_owned) })
    }

    /// The key, as S3 knows it: not to be shown as it is.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The version id; nothing where the finding names none.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// The `ETag`, without quotes; nothing where the finding names none.
    #[must_use]
    pub fn etag(&self) -> Option<&str> {
        self.etag.as_deref()
    }

    /// As people see it, with a mark where that does not show all of it: whoever chose the keys can let two of them look alike.
    #[must_use]
    pub fn told_apart(&self) -> String {
        let version = self.version.as_ref().or(self.etag.as_ref());
        let is_whole = inert(&self.key, KEY) == self.key && version.is_none_or(|version| inert(version, VERSION) == *version);
        if is_whole {
            return self.to_string();
        }
        let mark: String = digest(std::slice::from_ref(self)).chars().take(MARK).collect();
        format!("{self} #{mark}")
    }
}

/// The key and the version, for people.
impl std::fmt::Display for ObjectVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&inert(&self.key, KEY))?;
        match (&self.version, &self.etag) {
            (Some(version), _) => write!(f, " (version {})", inert(version, VERSION)),
            (None, Some(etag)) => write!(f, " (ETag {})", inert(etag, VERSION)),
            (None, None) => Ok(()),
        }
    }
}

/// The objects of one bucket that a finding names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objects {
    /// The bucket.
    pub bucket: BucketName,
    /// As many of them as one containment is about, in order.
    pub objects: Vec<ObjectVersion>,
    /// How many more the finding names, in whatever form.
    pub more: usize,
}

impl Objects {
    /// The objects that fit among `named`; an entry without a form counts as one more. Nothing where none has a form.
    pub(crate) fn of(bucket: BucketName, named: impl IntoIterator<Item = Option<ObjectVersion>>) -> Option<Self> {
        let (mut objects, mut more, mut bytes) = (Vec::<ObjectVersion>::new(), 0_usize, 0_usize);
        for named in named {
            let Some(object) = named else {
                more += 1;
                continue;
            };
            if objects.contains(&object) {
                continue;
            }
            let size = serde_json::to_string(&object).map_or(ROOM, |json| json.len());
            if objects.len() < MAX && bytes + size <= ROOM {
                bytes += size;
                objects.push(object);
            } else {
                more += 1;
            }
        }
        objects.sort();
        (!objects.is_empty()).then_some(Self { bucket, objects, more })
    }

    /// `bucket/key` of the first one, and how many more, for people who take care of all of them.
    pub(crate) fn label(&self) -> String {
        let key = self.objects.first().map_or("unnamed", ObjectVersion::key);
        let more = (self.objects.len() + self.more).saturating_sub(1);
        let more = if more == 0 { String::new() } else { format!(" (and {more} more)") };
        let key = inert(key, LABEL);
        let end = (0..=key.len().min(LABEL)).rev().find(|at| key.is_char_boundary(*at)).unwrap_or(0);
        format!("{}/{}{more}", self.bucket, key.get(..end).unwrap_or_default())
    }

    /// Those that one containment is not about, for people; nothing where there are none.
    pub(crate) fn rest(&self) -> Option<String> {
        (self.more > 0).then(|| format!("{} ({} more of its objects)", self.bucket, self.more))
    }
}

/// Tells one set of objects from another.
pub(crate) fn digest(objects: &[ObjectVersion]) -> String {
    let listed = serde_json::to_string(objects).unwrap_or_default();
    sha256_hex(listed.as_bytes()).chars().take(16).collect()
}

/// The first ones, and how many more, for people.
pub(crate) fn told(objects: &[ObjectVersion]) -> String {
    match objects {
        [] => "no object".to_owned(),
        [one] => format!("object {one}"),
        several => {
            let first: Vec<String> = several.iter().take(NAMED).map(|object| inert(object.key(), SHORT_KEY)).collect();
            let more = several.len() - first.len();
            let more = if more == 0 { String::new() } else { format!(" and {more} more") };
            format!("{} objects ({}{more})", several.len(), first.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(key: &str) -> ObjectVersion {
        ObjectVersion::parse(key, Some("v1"), None).expect("an object")
    }

    fn bucket() -> BucketName {
        BucketName::parse("acme-uploads").expect("a bucket")
    }

    #[test]
    fn an_object_that_nothing_tells_from_its_successor_is_none() {
        for (version, etag) in [(None, None), (Some("null"), None), (Some(""), Some("\"\"")), (Some("a b"), None)] {
            assert!(ObjectVersion::parse("in/x.zip", version, etag).is_err(), "{version:?} {etag:?}");
        }
        assert!(ObjectVersion::parse("", Some("v1"), None).is_err());
        assert!(ObjectVersion::parse(&"k".repeat(1025), Some("v1"), None).is_err());
        let quoted = ObjectVersion::parse("in/x.zip", Some("null"), Some("\"0a1b-2\"")).expect("an object");
        assert_eq!((quoted.version(), quoted.etag()), (None, Some("0a1b-2")));
    }

    #[test]
    fn what_travels_is_checked_again_where_it_arrives() {
        let hostile = ObjectVersion::parse("in/\u{202e}\n\"].zip", Some("v1"), Some("0a1b")).expect("an object");
        let json = serde_json::to_value(&hostile).expect("JSON");
        assert_eq!(json["key"], "in/%E2%80%AE%0A%22%5D.zip", "nothing in it acts in a terminal");
        assert_eq!(serde_json::from_value::<ObjectVersion>(json.clone()).expect("an object"), hostile);
        assert!(!hostile.to_string().contains(['\n', '\u{202e}']), "{hostile}");
        for (field, value) in [("key", ""), ("key", "%FF"), ("version", "a b"), ("etag", "a/b")] {
            let mut forged = json.clone();
            forged[field] = value.into();
            assert!(serde_json::from_value::<ObjectVersion>(forged).is_err(), "{field}");
        }
    }

    #[test]
    fn two_objects_that_look_alike_are_told_apart() {
        let long = |end: &str| object(&format!("{}{end}", "k".repeat(KEY)));
        assert_eq!(long("a").to_string(), long("b").to_string());
        let of = |key: &str, version: &str| ObjectVersion::parse(key, Some(version), None).expect("an object");
        let versions = ["a", "b"].map(|end| of("k", &format!("{}{end}", "v".repeat(VERSION))));
        for [one, other] in [[long("a"), long("b")], [object("in/\u{202e}x"), object("in/\u{202d}x")], versions] {
            assert_ne!(one.told_apart(), other.told_apart());
            assert!(one.told_apart().starts_with(&format!("{one} #")) && !one.told_apart().contains('\u{202e}'), "{one}");
        }
        assert_eq!(object("in/x.zip").told_apart(), "in/x.zip (version v1)");
    }

    #[test]
    fn no_more_are_taken_than_fit_and_the_rest_is_counted() {
        let many = (0..25).map(|at| Some(object(&format!("in/{at:02}"))));
        let some = Objects::of(bucket(), many.chain([None, Some(object("in/00"))])).expect("objects");
        assert_eq!((some.objects.len(), some.more), (MAX, 16), "the last one is known, and one has no form");
        assert_eq!(some.label(), "acme-uploads/in/00 (and 25 more)");
        assert_eq!(some.rest().as_deref(), Some("acme-uploads (16 more of its objects)"));
        let long = (0..9).map(|at| Some(object(&format!("{at}{}", "\u{1}".repeat(600)))));
        let fits = Objects::of(bucket(), long).expect("objects");
        assert_eq!((fits.objects.len(), fits.more), (2, 7), "each of these takes three bytes");
        let wide = Objects::of(bucket(), [Some(object(&"\u{1F480}".repeat(200)))]).expect("an object");
        assert!(wide.label().len() <= 256, "{}", wide.label());
        assert!(Objects::of(bucket(), [None]).is_none() && Objects::of(bucket(), []).is_none());
    }

    #[test]
    fn a_set_has_one_digest_whatever_its_order() {
        let of = |keys: [&str; 2]| Objects::of(bucket(), keys.map(|key| Some(object(key)))).expect("objects").objects;
        assert_eq!(digest(&of(["a", "b"])), digest(&of(["b", "a"])));
        assert_ne!(digest(&of(["a", "b"])), digest(&of(["a", "c"])));
        assert_eq!(told(&of(["b", "a"])), "2 objects (a, b)");
        assert_eq!(told(&[object("in/x.zip")]), "object in/x.zip (version v1)");
    }
}
