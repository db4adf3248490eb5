//! Writes evidence: create-only, with a digest that S3 checks, remembered in the ledger.
//!
//! The function may write to the evidence bucket and may not read it. What was written is therefore remembered in the ledger, right
//! after S3 has confirmed it. An entry never stands for an object that does not exist.

use aws_config::SdkConfig;
use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ChecksumAlgorithm;
use aws_smithy_types::base64;
use firebreak::digest::{sha256_bytes, sha256_hex};
use firebreak::evidence::{Entry, manifest_key, prefix};
use firebreak::fault::{Fault, FaultKind};
use firebreak::ids::IncidentId;
use firebreak_aws::classify::{OrFault, code, fault};
use firebreak_aws::clock;
use firebreak_ledger::Ledger;
use jiff::Timestamp;
use serde_json::Value;

/// The evidence bucket and the ledger beside it.
pub(crate) struct Store {
    s3: aws_sdk_s3::Client,
    pub(crate) ledger: Ledger,
    bucket: String,
}

/// What became of an object.
#[derive(Debug, PartialEq, Eq)]
enum Put {
    Written,
    /// An object of this key was there before; it was not touched.
    Exists,
}

impl Store {
    pub(crate) fn new(config: &SdkConfig, ledger: Ledger, bucket: String) -> Self {
        Self { s3: aws_sdk_s3::Client::new(config), ledger, bucket }
    }

    /// Keeps a JSON document as `incidents/<id>/<name>.json`.
    pub(crate) async fn keep(&self, incident: &IncidentId, name: &str, source: &str, content: &Value) -> Result<(), Fault> {
        self.keep_bytes(incident, name, source, &pretty(content)?).await
    }

    /// Keeps `bytes` as `incidents/<id>/<name>.json`.
    ///
    /// A run that was killed between the write and the ledger leaves an object nobody vouches for, and a second run finds the first
    /// one's objects. Either way a copy is written beside it, under a name with the time, and that one is vouched for.
    pub(crate) async fn keep_bytes(&self, incident: &IncidentId, name: &str, source: &str, bytes: &[u8]) -> Result<(), Fault> {
        let collected_at = clock::now();
        let mut key = format!("{}{name}.json", prefix(incident));
        if self.create(&key, bytes).await? == Put::Exists {
            key = format!("{}{name}.{}.json", prefix(incident), collected_at.strftime("%Y%m%dT%H%M%S%6fZ"));
            if self.create(&key, bytes).await? == Put::Exists {
                return Err(Fault::new(FaultKind::Transient, format!("s3:PutObject: {key} exists, too")));
            }
        }
        self.ledger.keep_evidence(incident, &entry(key, bytes, source, collected_at)).await
    }

    /// Writes one object unless its key exists.
    async fn create(&self, key: &str, bytes: &[u8]) -> Result<Put, Fault> {
        match self.put_object(key, bytes).if_none_match("*").send().await {
            Ok(_) => Ok(Put::Written),
            Err(error) if code(&error) == Some("PreconditionFailed") => Ok(Put::Exists),
            Err(error) => Err(fault("s3:PutObject", &error)),
        }
    }

    /// Writes the manifest. A later execution of the same finding adds evidence and writes it anew; the bucket keeps every version.
    pub(crate) async fn put_manifest(&self, incident: &IncidentId, bytes: &[u8]) -> Result<(), Fault> {
        self.put_object(&manifest_key(incident), bytes).send().await.or_fault("s3:PutObject of the manifest")?;
        Ok(())
    }

    fn put_object(&self, key: &str, bytes: &[u8]) -> PutObjectFluentBuilder {
        self.s3
            .put_object()
            .bucket(&self.bucket)
            .key(key)
            .content_type("application/json")
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .checksum_sha256(base64::encode(sha256_bytes(bytes)))
            .body(ByteStream::from(bytes.to_vec()))
    }
}

fn entry(key: String, bytes: &[u8], source: &str, collected_at: Timestamp) -> Entry {
    Entry { key, sha256: Some(sha256_hex(bytes)), bytes: Some(bytes.len() as u64), source: source.to_owned(), collected_at }
}

/// JSON that a person can read without a tool.
pub(crate) fn pretty(content: &impl serde::Serialize) -> Result<Vec<u8>, Fault> {
    serde_json::to_vec_pretty(content).map_err(|error| Fault::bug(format!("evidence cannot be serialised: {error}")))
}
