//! A public S3 bucket, planted and looked at.

use crate::{Result, State};
use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use firebreak_rehearsal::bucket;
use serde_json::{Value, json};

/// The bucket.
pub struct PlantedBucket {
    s3: Client,
    /// Its name.
    pub name: String,
}

impl PlantedBucket {
    /// Creates a bucket with a public policy and a public ACL, and no public access block.
    ///
    /// # Errors
    /// AWS refuses.
    pub async fn plant(config: &SdkConfig, name: &str) -> Result<Self> {
        let s3 = Client::new(config);
        bucket::plant(&s3, name).await?;
        Ok(Self { s3, name: name.to_owned() })
    }

    /// What AWS says now.
    ///
    /// # Errors
    /// AWS refuses.
    pub async fn observe(&self) -> Result<State> {
        Ok(bucket::observe(&self.s3, &self.name).await?)
    }

    /// Makes a finding about a bucket name this one.
    pub fn name_in(&self, event: &mut Value) {
        event["detail"]["resource"]["s3BucketDetails"][0]["name"] = json!(self.name);
        event["detail"]["resource"]["s3BucketDetails"][0]["arn"] = json!(format!("arn:aws:s3:::{}", self.name));
    }
}
