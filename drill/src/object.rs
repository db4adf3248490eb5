//! An object of an S3 bucket with versions, planted and looked at.

use crate::{PlantedBucket, Result, State};
use aws_config::SdkConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
use firebreak_testkit::{REGION, SECURITY_ACCOUNT};
use serde_json::{Value, json};

/// An object, and the bucket that has it.
pub struct PlantedObject {
    /// The bucket.
    pub bucket: PlantedBucket,
    /// The id of its version.
    pub version: String,
    etag: String,
}

impl PlantedObject {
    /// Its key.
    pub const KEY: &str = "in/invoice 1.zip";
    /// Another object of the bucket.
    pub const OTHER: &str = "in/logo.png";

    /// Creates a bucket with both objects. The first one has a tag.
    ///
    /// # Errors
    /// AWS refuses.
    pub async fn plant(config: &SdkConfig, bucket: &str) -> Result<Self> {
        let bucket = Box::pin(PlantedBucket::plant_private(config, bucket)).await?;
        let (s3, name) = (bucket.s3(), bucket.name.as_str());
        let on = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
        s3.put_bucket_versioning().bucket(name).versioning_configuration(on).send().await?;
        let put = |key: &str| s3.put_object().bucket(name).key(key).body(ByteStream::from_static(b"EICAR"));
        Box::pin(put(Self::OTHER).send()).await?;
        let made = Box::pin(put(Self::KEY).tagging("team=data").send()).await?;
        let version = made.version_id().ok_or("no version id")?.to_owned();
        let etag = made.e_tag().ok_or("no ETag")?.trim_matches('"').to_owned();
        Ok(Self { bucket, version, etag })
    }

    /// What AWS says now: of the bucket, and of the tags of both objects.
    ///
    /// # Errors
    /// AWS refuses.
    pub async fn observe(&self) -> Result<State> {
        let mut state = Box::pin(self.bucket.observe()).await?;
        for key in [Self::KEY, Self::OTHER] {
            let ask = self.bucket.s3().get_object_tagging().bucket(&self.bucket.name).key(key);
            let tags = Box::pin(ask.send()).await?;
            for tag in tags.tag_set() {
                state.set(format!("tag {} of {key}", tag.key()), tag.value());
            }
        }
        Ok(state)
    }

    /// A scan result about the object, as GuardDuty sends it.
    #[must_use]
    pub fn scanned(&self, status: &str) -> Value {
        json!({
            "version": "0", "id": "72c7d362-737a-6dce-fc78-9e27a0171419", "source": "aws.guardduty",
            "detail-type": "GuardDuty Malware Protection Object Scan Result", "account": SECURITY_ACCOUNT, "region": REGION,
            "time": firebreak_aws::clock::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "resources": [format!("arn:aws:guardduty:{REGION}:{SECURITY_ACCOUNT}:malware-protection-plan/b4c7f464ab3a4EXAMPLE")],
            "detail": {
                "schemaVersion": "1.0", "scanStatus": "COMPLETED", "resourceType": "S3_OBJECT",
                "s3ObjectDetails": { "bucketName": self.bucket.name, "objectKey": Self::KEY, "eTag": self.etag,
                    "versionId": self.version, "s3Throttled": false },
                "scanResultDetails": { "scanResultStatus": status, "threats": [{ "name": "EICAR-Test-File (not a virus)" }] }
            }
        })
    }
}
