//! A bucket and its objects as S3 shows them.

use crate::NAME;
use firebreak_testkit::scripted::{Answer, Call, ScriptedAws, error, ok};
use quarantine_object::Known;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The key of Firebreak's tag.
pub(crate) const TAG: &str = "firebreak-quarantined";
/// The name of Firebreak's statement.
pub(crate) const SID: &str = "FirebreakDenyQuarantined";

/// Everything that the bucket shows.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct State {
    pub(crate) policy: Option<String>,
    /// The newest of a key first.
    pub(crate) objects: Vec<Object>,
}

/// One version of an object.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Object {
    pub(crate) key: String,
    /// `null` where the bucket has no versions.
    pub(crate) version: String,
    pub(crate) etag: String,
    pub(crate) tags: BTreeMap<String, String>,
}

impl Object {
    pub(crate) fn new(key: &str, version: &str, etag: &str, tags: &[&str]) -> Self {
        let tags = tags.iter().map(|tag| ((*tag).to_owned(), "of theirs".to_owned())).collect();
        Self { key: key.to_owned(), version: version.to_owned(), etag: etag.to_owned(), tags }
    }
}

/// The bucket, played for the SDK.
#[derive(Clone)]
pub(crate) struct Bucket(Arc<Mutex<State>>);

impl Bucket {
    pub(crate) fn new(aws: &ScriptedAws, objects: Vec<Object>) -> Self {
        let bucket = Self(Arc::new(Mutex::new(State { policy: None, objects })));
        let served = bucket.clone();
        aws.on("s3:*", move |call| served.serve(call));
        bucket
    }

    pub(crate) fn now(&self) -> State {
        self.state().clone()
    }

    /// Somebody changes something.
    pub(crate) fn change(&self, how: impl FnOnce(&mut State)) {
        how(&mut self.state());
    }

    /// The statement of this name.
    pub(crate) fn statement(&self, sid: &str) -> Option<Value> {
        let policy: Value = serde_json::from_str(self.state().policy.as_deref()?).expect("a policy");
        policy["Statement"].as_array()?.iter().find(|statement| statement["Sid"] == sid).cloned()
    }

    /// The tags of the newest version of a key.
    pub(crate) fn tags(&self, key: &str) -> BTreeMap<String, String> {
        self.state().objects.iter().find(|object| object.key == key).expect("an object").tags.clone()
    }

    /// Whether S3 denies the newest version of a key to everybody but responders.
    pub(crate) fn denies(&self, key: &str) -> bool {
        self.tags(key).contains_key(TAG) && self.statement(SID).is_some()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, call: &Call) -> Option<Answer> {
        let rest = call.path.strip_prefix(&format!("/{NAME}")).expect("another bucket").trim_start_matches('/');
        assert_eq!(call.headers["x-amz-expected-bucket-owner"], "111122223333", "a bucket of somebody else must be refused");
        let mut state = self.state();
        Some(match call.operation.as_str() {
            "HeadBucket" => ok(""),
            "GetBucketLocation" => ok("<LocationConstraint>eu-central-1</LocationConstraint>"),
            "GetBucketPolicy" => state.policy.as_ref().map_or_else(|| error(404, "NoSuchBucketPolicy"), ok),
            // A principal that was deleted shows as an id, and S3 does not take that back.
            "PutBucketPolicy" if call.body.contains("AIDA") => error(400, "MalformedPolicy"),
            "PutBucketPolicy" => {
                state.policy = Some(call.body.clone());
                ok("")
            }
            "DeleteBucketPolicy" => {
                state.policy = None;
                ok("")
            }
            "GetBucketVersions" => ok(listed(&state, call)),
            "GetObjectTagging" => found(&mut state, rest, call).map_or_else(gone, |object| ok(tagging(&object.tags))),
            // No page of AWS says what becomes of an empty set.
            "PutObjectTagging" if !call.body.contains("<Tag>") => error(400, "MalformedXML"),
            "PutObjectTagging" => found(&mut state, rest, call).map_or_else(gone, |object| {
                object.tags = tags_of(&call.body);
                ok("")
            }),
            "DeleteObjectTagging" => found(&mut state, rest, call).map_or_else(gone, |object| {
                object.tags.clear();
                ok("")
            }),
            _ => return None,
        })
    }
}

fn gone() -> Answer {
    error(404, "NoSuchKey")
}

/// The version that a call names, or the newest one.
fn found<'a>(state: &'a mut State, path: &str, call: &Call) -> Option<&'a mut Object> {
    let (key, version) = (decoded(path), call.param("versionId"));
    state.objects.iter_mut().find(|object| object.key == key && (version.is_empty() || object.version == version))
}

/// `ListObjectVersions`, in the encoding that the caller asked for. The first page.
fn listed(state: &State, call: &Call) -> String {
    assert_eq!(call.param("encoding-type"), "url", "a key can hold what XML cannot");
    let most: usize = call.param("max-keys").parse().expect("a number");
    let meant = || state.objects.iter().enumerate().filter(|(_, object)| object.key.starts_with(call.param("prefix")));
    let mut entries = String::new();
    for (at, object) in meant().take(most) {
        let Object { key, version, etag, .. } = object;
        let is_latest = !state.objects[..at].iter().any(|newer| newer.key == *key);
        let key = encoded(key);
        entries += &format!(
            "<Version><Key>{key}</Key><VersionId>{version}</VersionId><IsLatest>{is_latest}</IsLatest><ETag>&quot;{etag}&quot;</ETag></Version>"
        );
    }
    let next = if meant().count() > most { meant().take(most).last() } else { None };
    let next =
        next.map(|(_, last)| format!("<IsTruncated>true</IsTruncated><NextKeyMarker>{}</NextKeyMarker>", encoded(&last.key)));
    let next = next.unwrap_or_default();
    format!("<ListVersionsResult><EncodingType>url</EncodingType>{next}{entries}</ListVersionsResult>")
}

fn tagging(tags: &BTreeMap<String, String>) -> String {
    let each: String = tags.iter().map(|(key, value)| format!("<Tag><Key>{key}</Key><Value>{value}</Value></Tag>")).collect();
    format!("<Tagging><TagSet>{each}</TagSet></Tagging>")
}

fn tags_of(body: &str) -> BTreeMap<String, String> {
    let between = |text: &str, name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        rest.split_once(&format!("</{name}>")).map(|(inner, _)| inner.to_owned())
    };
    body.split("<Tag>").skip(1).filter_map(|tag| Some((between(tag, "Key")?, between(tag, "Value")?))).collect()
}

/// As S3 writes keys into a list: a blank is a plus sign.
fn encoded(key: &str) -> String {
    let one = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'/' => char::from(byte).to_string(),
        b' ' => "+".to_owned(),
        _ => format!("%{byte:02X}"),
    };
    key.bytes().map(one).collect()
}

/// A key in the path of a call.
fn decoded(path: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        let hex = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        bytes.push(match byte {
            b'%' => {
                let (high, low) = (hex(rest.next()).expect("hex"), hex(rest.next()).expect("hex"));
                u8::try_from(high * 16 + low).expect("a byte")
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).expect("UTF-8")
}

/// What is recorded of an object.
pub(crate) fn recorded(objects: &[Known], key: &str) -> Option<BTreeMap<String, String>> {
    objects.iter().find(|known| known.object.key() == key).map(|known| known.tags.clone())
}
