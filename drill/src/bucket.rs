//! An S3 bucket, planted and looked at.

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

    /// Creates a bucket that only its own account uses: nobody innocent loses access by a freeze, so none waits.
    ///
    /// # Errors
    /// AWS refuses.
    pub async fn plant_private(config: &SdkConfig, name: &str) -> Result<Self> {
        let s3 = Client::new(config);
        bucket::plant_private(&s3, name).await?;
        Ok(Self { s3, name: name.to_owned() })
    }

    /// The client that planted it, which signs as the account's root user.
    #[must_use]
    pub fn s3(&self) -> &Client {
        &self.s3
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
