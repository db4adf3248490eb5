//! A bucket as S3 shows it.

use crate::NAME;
use firebreak_testkit::scripted::{Answer, Call, ScriptedAws, error, ok};
use std::sync::{Arc, Mutex, PoisonError};

/// The four switches, in the order of S3's document.
pub(crate) type Switches = [bool; 4];

/// Everything blocked.
pub(crate) const CLOSED: Switches = [true; 4];

const FIELDS: [&str; 4] = ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"];

/// A bucket that is there, with the public access block that a test gives it.
#[derive(Clone)]
pub(crate) struct Bucket(Arc<Mutex<Option<Switches>>>);

impl Bucket {
    /// A bucket without a public access block.
    pub(crate) fn public(aws: &ScriptedAws) -> Self {
        let bucket = Self(Arc::default());
        let served = bucket.clone();
        aws.on("s3:*", move |call| served.serve(call));
        bucket
    }

    /// Its public access block; nothing when it has none.
    pub(crate) fn block(&self) -> Option<Switches> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody changes it.
    pub(crate) fn set(&self, block: Option<Switches>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = block;
    }

    fn serve(&self, call: &Call) -> Option<Answer> {
        assert!(call.path.starts_with(&format!("/{NAME}")), "another bucket: {}", call.path);
        assert_eq!(call.headers["x-amz-expected-bucket-owner"], "111122223333", "a bucket of somebody else must be refused");
        Some(match call.operation.as_str() {
            "HeadBucket" => ok(""),
            "GetPublicAccessBlock" => {
                self.block().map_or_else(|| error(404, "NoSuchPublicAccessBlockConfiguration"), |b| ok(document(b)))
            }
            "PutPublicAccessBlock" => {
                self.set(Some(FIELDS.map(|field| call.body.contains(&format!("<{field}>true</{field}>")))));
                ok("")
            }
            "DeletePublicAccessBlock" => {
                self.set(None);
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
