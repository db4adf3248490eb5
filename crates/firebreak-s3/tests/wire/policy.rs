//! A bucket policy as S3 keeps it.

use crate::open;
use firebreak_s3::Bucket;
use firebreak_testkit::scripted::{Answer, Call, ScriptedAws, error, ok};
use serde_json::Value;
use std::sync::{Arc, Mutex, PoisonError};

/// Which answer S3 refuses a policy with because of one of its statements; nothing: it takes it.
pub(crate) type Rule = fn(&Value) -> Option<Answer>;

/// The policy that a bucket has.
#[derive(Clone)]
pub(crate) struct Kept {
    text: Arc<Mutex<Option<String>>>,
    rules: &'static [Rule],
}

impl Kept {
    /// A bucket with this policy. S3 did not ask `rules` when it was written.
    pub(crate) async fn with(aws: &ScriptedAws, text: Option<&str>, rules: &'static [Rule]) -> (Self, Bucket) {
        let kept = Self { text: Arc::new(Mutex::new(text.map(str::to_owned))), rules };
        let served = kept.clone();
        aws.on("s3:*", move |call| served.serve(call));
        (kept, open(aws).await.expect("a bucket"))
    }

    /// The text; nothing: the bucket has no policy.
    pub(crate) fn text(&self) -> Option<String> {
        self.text.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, text: Option<String>) -> Answer {
        *self.text.lock().unwrap_or_else(PoisonError::into_inner) = text;
        ok("")
    }

    fn serve(&self, call: &Call) -> Option<Answer> {
        Some(match call.operation.as_str() {
            "HeadBucket" => ok(""),
            "GetBucketPolicy" => self.text().map_or_else(|| error(404, "NoSuchBucketPolicy"), ok),
            "PutBucketPolicy" => self.refusal(&call.body).unwrap_or_else(|| self.set(Some(call.body.clone()))),
            "DeleteBucketPolicy" => self.set(None),
            _ => return None,
        })
    }

    fn refusal(&self, text: &str) -> Option<Answer> {
        let policy: Value = serde_json::from_str(text).expect("S3 gets JSON");
        let statements = policy["Statement"].as_array().expect("a list").clone();
        assert!(!statements.is_empty(), "S3 takes no policy without a statement");
        self.rules.iter().find_map(|rule| statements.iter().find_map(rule))
    }
}
