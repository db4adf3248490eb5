#![doc = include_str!("../README.md")]

use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::Region;
use firebreak::fault::Fault;
use firebreak::target::{Target, TargetKind};
use firebreak_aws::classify::{code, fault};

/// One bucket and the account that must own it.
pub struct Bucket {
    /// In the bucket's Region.
    pub s3: Client,
    /// Its name.
    pub name: String,
    /// Sent with every call: a bucket that was deleted and re-created by somebody else is refused by S3.
    pub owner: String,
}

/// Finds the bucket. A finding can name another Region than the bucket's; S3 then answers 301 and tells the right one in a header.
///
/// # Errors
/// `Gone` when it does not exist, `Denied` when another account owns it.
pub async fn open(config: &SdkConfig, target: &Target) -> Result<Bucket, Fault> {
    if target.kind != TargetKind::S3Bucket {
        return Err(Fault::malformed(format!("{target} is no S3 bucket")));
    }
    let (name, owner) = (target.id.clone(), target.account.to_string());
    let s3 = Client::new(config);
    let Err(error) = s3.head_bucket().bucket(&name).expected_bucket_owner(&owner).send().await else {
        return Ok(Bucket { s3, name, owner });
    };
    let raw = error.raw_response();
    let elsewhere = raw
        .filter(|answer| matches!(answer.status().as_u16(), 301 | 307 | 400))
        .and_then(|answer| answer.headers().get("x-amz-bucket-region"));
    match elsewhere {
        Some(region) => {
            let config = aws_sdk_s3::config::Builder::from(config).region(Region::new(region.to_owned())).build();
            Ok(Bucket { s3: Client::from_conf(config), name, owner })
        }
        // HEAD has no body, so S3 cannot send an error code with it: 404 and 403 are all there is.
        None => Err(if code(&error) == Some("NotFound") {
            Fault::gone(format!("bucket {name} does not exist"))
        } else {
            fault("s3:HeadBucket", &error)
        }),
    }
}
