//! Finds a bucket: in the Region where it is, and only if the right account owns it.

use crate::name;
use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::config::{Builder, Region as SdkRegion};
use aws_sdk_s3::types::BucketLocationConstraint;
use firebreak::fault::{Fault, FaultKind};
use firebreak::ids::{Partition, Region};
use firebreak::target::{Target, TargetKind};
use firebreak::text::inert;
use firebreak_aws::classify::fault;

/// One bucket and the account that must own it.
pub struct Bucket {
    /// In the bucket's Region.
    pub s3: Client,
    /// Its name.
    pub name: String,
    /// Sent with every call: a bucket that was deleted and re-created by somebody else is refused by S3.
    pub owner: String,
    /// The code of its Region, for example `eu-central-1`. Where nothing tells it, the target's.
    pub region: String,
    /// The partition of its account.
    pub partition: Partition,
}

impl Bucket {
    /// Its ARN, `arn:aws:s3:::acme-exports`. The objects are `{arn}/*`.
    #[must_use]
    pub fn arn(&self) -> String {
        format!("arn:{}:s3:::{}", self.partition, self.name)
    }

    fn of(target: &Target, region: &Region, config: &SdkConfig) -> Self {
        Self {
            s3: Client::from_conf(in_region(config, region).build()),
            name: target.id.clone(),
            owner: target.account.to_string(),
            region: region.to_string(),
            partition: target.partition.clone(),
        }
    }
}

/// Finds the bucket. A finding can name another Region than the bucket's.
///
/// `HeadBucket` names the right one in a header, "regardless of the permissions on the bucket" (Amazon S3 API reference, `HeadBucket`).
/// So a refusal says nothing but the Region: a bucket policy can forbid this call and no other, and an attacker can write that policy.
/// Where the header is missing, `GetBucketLocation` is asked, and at the end the target's own Region is taken. Whether the bucket is
/// somebody else's is then decided by the calls that follow: each has the owner with it. One round trip where the Region is right.
///
/// # Errors
/// `Gone` when it does not exist; `Malformed` when the target is no general purpose bucket, with what a person does instead; `Transient`
/// when S3 does not answer.
pub async fn open(config: &SdkConfig, target: &Target) -> Result<Bucket, Fault> {
    if target.kind != TargetKind::S3Bucket {
        return Err(Fault::malformed(format!("{target} is no S3 bucket")));
    }
    if let Some(what) = name::other_than_a_bucket(&target.id) {
        return Err(Fault::malformed(format!("{} {what}", inert(&target.id, 80))));
    }
    let bucket = Bucket::of(target, &target.region, config);
    let ask = bucket.s3.head_bucket().bucket(&bucket.name).expected_bucket_owner(&bucket.owner);
    let Err(error) = Box::pin(ask.send()).await else { return Ok(bucket) };
    // HEAD has no body, so S3 cannot send an error code with it: the status and the header are all there is.
    let answer = error.raw_response();
    match answer.map(|answer| answer.status().as_u16()) {
        Some(301 | 307 | 400 | 403) => {}
        Some(404) => return Err(missing(target)),
        _ => return Err(fault("s3:HeadBucket", &error)),
    }
    let region = match answer.and_then(|answer| told(answer, target)) {
        Some(region) => region,
        None => Box::pin(located(config, target)).await?.unwrap_or_else(|| target.region.clone()),
    };
    Ok(if region == target.region { bucket } else { Bucket::of(target, &region, config) })
}

/// The Region that S3 names without a header, if it names one.
///
/// In the host name, S3 leads the request to the bucket's own Region, where the signature is for another one. In the path it answers
/// from any Region.
async fn located(config: &SdkConfig, target: &Target) -> Result<Option<Region>, Fault> {
    let s3 = Client::from_conf(in_region(config, &target.region).force_path_style(true).build());
    let ask = s3.get_bucket_location().bucket(&target.id).expected_bucket_owner(target.account.as_str());
    match ask.send().await {
        Ok(answer) => Ok(known(region_of(answer.location_constraint().map(BucketLocationConstraint::as_str)), target)),
        Err(error) if fault("s3:GetBucketLocation", &error).kind == FaultKind::Gone => Err(missing(target)),
        Err(error) => Ok(error.raw_response().and_then(|answer| told(answer, target))),
    }
}

/// "Buckets in Region us-east-1 have a `LocationConstraint` of null. Buckets with a `LocationConstraint` of EU reside in eu-west-1" (Amazon
/// S3 API reference, `GetBucketLocation`).
fn region_of(constraint: Option<&str>) -> &str {
    match constraint.unwrap_or_default() {
        "" => "us-east-1",
        "EU" => "eu-west-1",
        region => region,
    }
}

/// The Region in the header of an answer.
fn told(answer: &HttpResponse, target: &Target) -> Option<Region> {
    known(answer.headers().get("x-amz-bucket-region")?, target)
}

/// A Region of the target's partition: credentials and signatures of another one are worth nothing there.
fn known(region: &str, target: &Target) -> Option<Region> {
    Region::parse(region).ok().filter(|region| Partition::of(region) == target.partition)
}

fn in_region(config: &SdkConfig, region: &Region) -> Builder {
    Builder::from(config).region(SdkRegion::new(region.to_string()))
}

fn missing(target: &Target) -> Fault {
    Fault::gone(format!("bucket {} does not exist", target.id))
}
