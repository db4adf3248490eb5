//! A public S3 bucket, planted and looked at.

use crate::{Result, State};
use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::types::{BucketCannedAcl, BucketLocationConstraint, CreateBucketConfiguration};
use firebreak_aws::classify::code;
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
        let place = CreateBucketConfiguration::builder().location_constraint(BucketLocationConstraint::EuCentral1).build();
        s3.create_bucket().bucket(name).create_bucket_configuration(place).send().await?;
        s3.put_bucket_acl().bucket(name).acl(BucketCannedAcl::PublicRead).send().await?;
        let open = json!({"Version": "2012-10-17", "Statement": [{"Sid": "Everyone", "Effect": "Allow", "Principal": "*",
            "Action": "s3:GetObject", "Resource": format!("arn:aws:s3:::{name}/*")}]});
        s3.put_bucket_policy().bucket(name).policy(open.to_string()).send().await?;
        Ok(Self { s3, name: name.to_owned() })
    }

    /// What AWS says now.
    ///
    /// # Errors
    /// AWS refuses.
    pub async fn observe(&self) -> Result<State> {
        let mut state = State::default();
        let block = match self.s3.get_public_access_block().bucket(&self.name).send().await {
            Ok(answer) => answer.public_access_block_configuration,
            Err(error) if code(&error) == Some("NoSuchPublicAccessBlockConfiguration") => None,
            Err(error) => return Err(error.into()),
        };
        let switch = |on: Option<bool>| if on == Some(true) { "on" } else { "off" };
        let shown = block.map_or("absent".to_owned(), |b| {
            let switches = [b.block_public_acls, b.ignore_public_acls, b.block_public_policy, b.restrict_public_buckets];
            switches.map(switch).join(" ")
        });
        state.set("public access block", shown);
        let policy = match self.s3.get_bucket_policy().bucket(&self.name).send().await {
            Ok(answer) => answer.policy.unwrap_or_default(),
            Err(error) if code(&error) == Some("NoSuchBucketPolicy") => "absent".to_owned(),
            Err(error) => return Err(error.into()),
        };
        state.set("policy", policy);
        for grant in self.s3.get_bucket_acl().bucket(&self.name).send().await?.grants() {
            let who = grant.grantee().and_then(|g| g.uri().or(g.id())).unwrap_or("unknown");
            state.set(format!("grant to {who}"), grant.permission().map_or("none", |p| p.as_str()));
        }
        Ok(state)
    }

    /// Makes a finding about a bucket name this one.
    pub fn name_in(&self, event: &mut Value) {
        event["detail"]["resource"]["s3BucketDetails"][0]["name"] = json!(self.name);
        event["detail"]["resource"]["s3BucketDetails"][0]["arn"] = json!(format!("arn:aws:s3:::{}", self.name));
    }
}
