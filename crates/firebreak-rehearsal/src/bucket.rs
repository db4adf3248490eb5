//! An S3 bucket: planted and looked at.

mod settings;

use crate::State;
use aws_sdk_s3::Client;
use aws_sdk_s3::types::{BucketCannedAcl, BucketLocationConstraint, CreateBucketConfiguration};
use firebreak::fault::Fault;
use firebreak_aws::classify::{OrFault, code, fault};
use serde_json::{Value, json};

/// Creates a bucket with a public policy and a public ACL, and no public access block.
///
/// # Errors
/// AWS refuses.
pub async fn plant(s3: &Client, name: &str) -> Result<(), Fault> {
    create(s3, name).await?;
    s3.put_bucket_acl().bucket(name).acl(BucketCannedAcl::PublicRead).send().await.or_fault("s3:PutBucketAcl")?;
    let open = json!({"Sid": "Everyone", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
        "Resource": format!("arn:aws:s3:::{name}/*")});
    put_policy(s3, name, &open).await
}

/// Creates a bucket that nobody but its account uses, by a policy that wants TLS. A freeze of it takes nothing from anybody innocent.
///
/// # Errors
/// AWS refuses.
pub async fn plant_private(s3: &Client, name: &str) -> Result<(), Fault> {
    create(s3, name).await?;
    let arn = format!("arn:aws:s3:::{name}");
    let tls = json!({"Sid": "TlsOnly", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": [arn, format!("{arn}/*")],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}}});
    put_policy(s3, name, &tls).await
}

async fn create(s3: &Client, name: &str) -> Result<(), Fault> {
    let place = CreateBucketConfiguration::builder().location_constraint(BucketLocationConstraint::EuCentral1).build();
    let made = s3.create_bucket().bucket(name).create_bucket_configuration(place).send().await;
    made.or_fault("s3:CreateBucket")?;
    Ok(())
}

async fn put_policy(s3: &Client, name: &str, statement: &Value) -> Result<(), Fault> {
    let policy = json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
    s3.put_bucket_policy().bucket(name).policy(policy).send().await.or_fault("s3:PutBucketPolicy")?;
    Ok(())
}

/// The tags of a bucket.
///
/// # Errors
/// AWS refuses, or there is none.
pub async fn tags(s3: &Client, name: &str) -> Result<Vec<(String, String)>, Fault> {
    s3.head_bucket().bucket(name).send().await.or_fault("s3:HeadBucket")?;
    match s3.get_bucket_tagging().bucket(name).send().await {
        Ok(answer) => Ok(answer.tag_set.into_iter().map(|tag| (tag.key, tag.value)).collect()),
        Err(error) if code(&error) == Some("NoSuchTagSet") => Ok(vec![]),
        Err(error) => Err(fault("s3:GetBucketTagging", &error)),
    }
}

/// What AWS says now.
///
/// # Errors
/// AWS refuses.
pub async fn observe(s3: &Client, name: &str) -> Result<State, Fault> {
    let mut state = State::default();
    let block = match s3.get_public_access_block().bucket(name).send().await {
        Ok(answer) => answer.public_access_block_configuration,
        Err(error) if code(&error) == Some("NoSuchPublicAccessBlockConfiguration") => None,
        Err(error) => return Err(fault("s3:GetPublicAccessBlock", &error)),
    };
    let switch = |on: Option<bool>| if on == Some(true) { "on" } else { "off" };
    let shown = block.map_or("absent".to_owned(), |b| {
        let switches = [b.block_public_acls, b.ignore_public_acls, b.block_public_policy, b.restrict_public_buckets];
        switches.map(switch).join(" ")
    });
    state.set("public access block", shown);
    let policy = match s3.get_bucket_policy().bucket(name).send().await {
        Ok(answer) => answer.policy.unwrap_or_default(),
        Err(error) if code(&error) == Some("NoSuchBucketPolicy") => "absent".to_owned(),
        Err(error) => return Err(fault("s3:GetBucketPolicy", &error)),
    };
    state.set("policy", policy);
    for grant in s3.get_bucket_acl().bucket(name).send().await.or_fault("s3:GetBucketAcl")?.grants() {
        let who = grant.grantee().and_then(|g| g.uri().or(g.id())).unwrap_or("unknown");
        state.set(format!("grant to {who}"), grant.permission().map_or("none", |p| p.as_str()));
    }
    Box::pin(settings::observe(s3, name, &mut state)).await?;
    for (key, value) in Box::pin(tags(s3, name)).await? {
        state.set(format!("tag {key}"), value);
    }
    Ok(state)
}
