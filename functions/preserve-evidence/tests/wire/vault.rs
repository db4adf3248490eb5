//! The evidence bucket: it takes objects, checks what it takes, and shows nothing.

use aws_smithy_types::base64;
use firebreak::digest::sha256_bytes;
use firebreak_testkit::scripted::{Answer, Call, ScriptedAws, error, ok};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The objects, in the order in which they were written. No key but the manifest's is written twice.
#[derive(Clone)]
pub(crate) struct Vault(Arc<Mutex<Vec<(String, String)>>>);

impl Vault {
    pub(crate) const BUCKET: &'static str = "firebreak-evidence-123456789012";

    pub(crate) fn start(aws: &ScriptedAws) -> Self {
        let vault = Self(Arc::default());
        let served = vault.clone();
        aws.on("s3:PutObject", move |call| Some(served.put(call)));
        vault
    }

    fn objects(&self) -> MutexGuard<'_, Vec<(String, String)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest content of an object.
    pub(crate) fn object(&self, key: &str) -> Option<String> {
        self.objects().iter().rev().find(|(known, _)| known == key).map(|(_, body)| body.clone())
    }

    /// The keys of all writes, in their order.
    pub(crate) fn keys(&self) -> Vec<String> {
        self.objects().iter().map(|(key, _)| key.clone()).collect()
    }

    fn put(&self, call: &Call) -> Answer {
        let Some(key) = call.path.strip_prefix(&format!("/{}/", Self::BUCKET)) else { return error(403, "AccessDenied") };
        let checksum = call.headers.get("x-amz-checksum-sha256").and_then(|checksum| checksum.as_str());
        if checksum != Some(base64::encode(sha256_bytes(call.body.as_bytes())).as_str()) {
            return error(400, "BadDigest");
        }
        if !key.ends_with("/manifest.json") && self.object(key).is_some() {
            return error(412, "PreconditionFailed");
        }
        self.objects().push((key.to_owned(), call.body.clone()));
        ok("")
    }
}
