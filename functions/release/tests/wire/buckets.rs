//! Buckets as S3 shows them.

use firebreak_testkit::room;
use firebreak_testkit::scripted::{Answer, Call, ScriptedAws, error, ok};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The four switches, in the order of S3's document.
pub(crate) type Switches = [bool; 4];

/// Everything blocked.
pub(crate) const CLOSED: Option<Switches> = Some([true; 4]);

const FIELDS: [&str; 4] = ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"];

/// The buckets of an account, by name, with their public access blocks.
#[derive(Clone)]
pub(crate) struct Buckets(Arc<Mutex<BTreeMap<String, Option<Switches>>>>);

impl Buckets {
    pub(crate) fn start(aws: &ScriptedAws) -> Self {
        let buckets = Self(Arc::default());
        let served = buckets.clone();
        aws.on("s3:*", move |call| served.serve(call));
        buckets
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Option<Switches>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The public access block of a bucket; nothing when it has none.
    pub(crate) fn block(&self, name: &str) -> Option<Switches> {
        *self.all().get(name).expect(name)
    }

    /// Somebody makes or changes a bucket.
    pub(crate) fn put(&self, name: &str, block: Option<Switches>) {
        self.all().insert(name.to_owned(), block);
    }

    /// Somebody deletes a bucket.
    pub(crate) fn remove(&self, name: &str) {
        self.all().remove(name);
    }

    fn serve(&self, call: &Call) -> Option<Answer> {
        let name = call.path.trim_matches('/');
        let owner = call.headers.get("x-amz-expected-bucket-owner").and_then(|owner| owner.as_str());
        if owner != Some(room::ACCOUNT) {
            return Some(error(403, "AccessDenied"));
        }
        let known = self.all().get(name).copied();
        let Some(block) = known else { return Some(error(404, "NoSuchBucket")) };
        Some(match call.operation.as_str() {
            "HeadBucket" => ok(""),
            "GetBucketLocation" => ok("<LocationConstraint>eu-central-1</LocationConstraint>"),
            "GetPublicAccessBlock" => {
                block.map_or_else(|| error(404, "NoSuchPublicAccessBlockConfiguration"), |block| ok(document(block)))
            }
            "PutPublicAccessBlock" => {
                self.put(name, Some(FIELDS.map(|field| call.body.contains(&format!("<{field}>true</{field}>")))));
                ok("")
            }
            "DeletePublicAccessBlock" => {
                self.put(name, None);
                ok("")
            }
            "GetBucketPolicy" => error(404, "NoSuchBucketPolicy"),
            "GetBucketAcl" => ok("<AccessControlPolicy><AccessControlList/></AccessControlPolicy>"),
            _ => return None,
        })
    }
}

fn document(switches: Switches) -> String {
    let fields: String = FIELDS.iter().zip(switches).map(|(field, on)| format!("<{field}>{on}</{field}>")).collect();
    format!("<PublicAccessBlockConfiguration>{fields}</PublicAccessBlockConfiguration>")
}
