//! Buckets with what people keep in them and set on them, and who calls them.
//!
//! The local AWS refuses what a Deny of a bucket's policy is about, and evaluates no other policy (`local/README.md`): whatever a caller
//! here is refused, the bucket itself refuses.
#![expect(clippy::disallowed_methods, reason = "here somebody else than Firebreak acts")]

use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{Builder, Credentials};
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    BucketLifecycleConfiguration, BucketVersioningStatus, DeleteMarkerReplication, DeleteMarkerReplicationStatus, Destination,
    ExpirationStatus, LifecycleExpiration, LifecycleRule, LifecycleRuleFilter, ReplicationConfiguration, ReplicationRule,
    ReplicationRuleFilter, ReplicationRuleStatus, VersioningConfiguration,
};
use firebreak::decision::Decision;
use firebreak::receipt::{Receipt, Step};
use firebreak::target::{Scope, TargetKind};
use firebreak_aws::classify::{SdkResult, code};
use firebreak_aws::clock;
use firebreak_drill::{PlantedBucket, PlantedUser, Result, Stage, State};
use firebreak_ledger::IncidentView;
use firebreak_testkit::{REGION, SECURITY_ACCOUNT, fixture};
use jiff::SignedDuration;
use serde_json::{Value, json};

/// An object that is there before anything happens.
pub(super) const KEY: &str = "ledger/2026.csv";
/// What it says.
pub(super) const CONTENT: &[u8] = b"debit,credit";
/// An account outside of the organization that nobody names.
pub(super) const OUTSIDER: &str = "999988887777";
/// One outside of it that the bucket's policy names.
const PARTNER: &str = "555566667777";

/// A bucket that its account and a partner use.
pub(crate) async fn private(config: &SdkConfig, name: &str) -> Result<PlantedBucket> {
    Box::pin(lived_in(PlantedBucket::plant_private(config, name).await?, "")).await
}

/// The same, open to everybody by policy and ACL.
pub(super) async fn public(config: &SdkConfig, name: &str) -> Result<PlantedBucket> {
    let everyone = format!(
        ",\n    {{ \"Sid\": \"Everyone\", \"Effect\": \"Allow\", \"Principal\": \"*\", \"Action\": \"s3:GetObject\", \
         \"Resource\": \"arn:aws:s3:::{name}/*\" }}"
    );
    Box::pin(lived_in(PlantedBucket::plant(config, name).await?, &everyone)).await
}

/// With versions, rules and an object, and a policy as people write one: nothing else writes that text.
async fn lived_in(bucket: PlantedBucket, more: &str) -> Result<PlantedBucket> {
    let (s3, name) = (bucket.s3(), bucket.name.as_str());
    let policy = format!(
        "{{ \"Version\": \"2012-10-17\",\n  \"Statement\" : [\n    {{ \"Sid\": \"TlsOnly\", \"Effect\": \"Deny\", \"Principal\": \"*\", \
         \"Action\": \"s3:*\",\n      \"Resource\": [ \"arn:aws:s3:::{name}/*\", \"arn:aws:s3:::{name}\" ],\n      \"Condition\": \
         {{ \"Bool\": {{ \"aws:SecureTransport\": \"false\" }} }} }},\n    {{ \"Sid\": \"Partner\", \"Effect\": \"Allow\", \"Principal\": \
         {{ \"AWS\": \"arn:aws:iam::{PARTNER}:root\" }}, \"Action\": [ \"s3:GetObject\", \"s3:PutObject\" ],\n      \"Resource\": \
         \"arn:aws:s3:::{name}/*\" }}{more} ] }}\n"
    );
    s3.put_bucket_policy().bucket(name).policy(policy).send().await?;
    let on = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
    s3.put_bucket_versioning().bucket(name).versioning_configuration(on).send().await?;
    let rules = [lifecycle_rule("old-logs", 365)?, lifecycle_rule("wipe", 1)?];
    let rules = BucketLifecycleConfiguration::builder().set_rules(Some(rules.into())).build()?;
    s3.put_bucket_lifecycle_configuration().bucket(name).lifecycle_configuration(rules).send().await?;
    let copies = [copy("backup", 1, "acme-backup", SECURITY_ACCOUNT)?, copy("copy-out", 2, "theirs", OUTSIDER)?];
    let role = format!("arn:aws:iam::{SECURITY_ACCOUNT}:role/replication");
    let copies = ReplicationConfiguration::builder().role(role).set_rules(Some(copies.into())).build()?;
    s3.put_bucket_replication().bucket(name).replication_configuration(copies).send().await?;
    s3.put_object().bucket(name).key(KEY).body(ByteStream::from_static(CONTENT)).send().await?;
    Ok(bucket)
}

fn lifecycle_rule(id: &str, days: i32) -> Result<LifecycleRule> {
    let all = LifecycleRuleFilter::builder().prefix("ledger/").build();
    let expires = LifecycleExpiration::builder().days(days).build();
    let rule = LifecycleRule::builder().id(id).status(ExpirationStatus::Enabled).filter(all).expiration(expires);
    Ok(rule.build()?)
}

fn copy(id: &str, priority: i32, bucket: &str, account: &str) -> Result<ReplicationRule> {
    let all = ReplicationRuleFilter::builder().prefix("ledger/").build();
    let markers = DeleteMarkerReplication::builder().status(DeleteMarkerReplicationStatus::Disabled).build();
    let to = Destination::builder().bucket(format!("arn:aws:s3:::{bucket}")).account(account).build()?;
    let rule = ReplicationRule::builder().id(id).priority(priority).status(ReplicationRuleStatus::Enabled).filter(all);
    Ok(rule.delete_marker_replication(markers).destination(to).build()?)
}

/// So many minutes ago, as events and records say it.
pub(super) fn ago(minutes: i64) -> String {
    (clock::now() - SignedDuration::from_mins(minutes)).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A finding about what a user has done in a bucket for ten minutes.
pub(super) fn finding(name: &str, user: &PlantedUser, bucket: &PlantedBucket, serial: &str) -> Value {
    let mut event = fixture::load(name).expect("fixture");
    user.name_in(&mut event);
    bucket.name_in(&mut event);
    fixture::personalise(&mut event, SECURITY_ACCOUNT, serial, clock::now());
    event["detail"]["service"]["eventFirstSeen"] = json!(ago(10));
    event
}

/// What CloudTrail says of a call about a bucket, or about a key: `parameters` name it.
pub(super) fn record(user: &PlantedUser, name: &str, minutes: i64, resource: &str, parameters: &Value) -> Value {
    let source = if name.starts_with("PutBucket") { "s3.amazonaws.com" } else { "kms.amazonaws.com" };
    let event = json!({
        "eventVersion": "1.11", "eventID": format!("{name}-{minutes}"), "awsRegion": REGION, "recipientAccountId": SECURITY_ACCOUNT,
        "eventTime": ago(minutes), "eventSource": source, "eventName": name, "requestParameters": parameters,
        "userIdentity": { "type": "IAMUser", "principalId": user.principal_id, "userName": user.name, "accountId": SECURITY_ACCOUNT,
            "arn": format!("arn:aws:iam::{SECURITY_ACCOUNT}:user/{}", user.name), "accessKeyId": user.access_key_id },
    });
    let about = json!([{ "ResourceType": "AWS::S3::Bucket", "ResourceName": resource }]);
    json!({ "account": SECURITY_ACCOUNT, "region": REGION, "event": event, "resources": about })
}

/// Who calls.
pub(super) struct Callers {
    /// The suspect, with the finding's access key. The local AWS takes an inactive key, so the bucket alone can refuse.
    pub(super) mallory: Client,
    /// Another user of the account. Nobody accuses her.
    pub(super) alice: Client,
    /// Somebody of [`OUTSIDER`].
    pub(super) outsider: Client,
    /// Somebody whom the policy names.
    pub(super) partner: Client,
}

impl Callers {
    /// Plants who is missing.
    pub(super) async fn plant(stage: &Stage, mallory: &PlantedUser) -> Result<Self> {
        let alice = PlantedUser::plant(stage.config(), "alice").await?;
        let signed = |user: &PlantedUser| {
            let key = Credentials::new(&user.access_key_id, "local", None, None, "drill");
            Client::from_conf(Builder::from(stage.config()).credentials_provider(key).build())
        };
        let outsider = Client::new(&Box::pin(stage.aws.administrator(OUTSIDER)).await?);
        let partner = Client::new(&Box::pin(stage.aws.administrator(PARTNER)).await?);
        Ok(Self { mallory: signed(mallory), alice: signed(&alice), outsider, partner })
    }

    /// What each of them can do, in the order of the fields.
    pub(super) async fn can(&self, bucket: &str) -> Result<[Can; 4]> {
        Ok([
            Box::pin(can(&self.mallory, bucket)).await?,
            Box::pin(can(&self.alice, bucket)).await?,
            Box::pin(can(&self.outsider, bucket)).await?,
            Box::pin(can(&self.partner, bucket)).await?,
        ])
    }
}

/// What somebody can do with objects of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Can {
    /// Read, write and delete.
    All,
    /// Read and write.
    Write,
    /// Nothing.
    Nothing,
}

async fn can(s3: &Client, bucket: &str) -> Result<Can> {
    let read = is_let(s3.get_object().bucket(bucket).key(KEY).send().await)?;
    let written = is_let(s3.put_object().bucket(bucket).key("of-a-caller").body(ByteStream::from_static(b"1")).send().await)?;
    let deleted = is_let(s3.delete_object().bucket(bucket).key("of-a-caller").send().await)?;
    match (read, written, deleted) {
        (true, true, true) => Ok(Can::All),
        (true, true, false) => Ok(Can::Write),
        (false, false, false) => Ok(Can::Nothing),
        other => Err(format!("somebody can (read, write, delete): {other:?}").into()),
    }
}

/// Whether the bucket let a call through. Any other refusal is an error.
pub(super) fn is_let<T, E>(answer: SdkResult<T, E>) -> Result<bool>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    match answer {
        Ok(_) => Ok(true),
        Err(error) if code(&error) == Some("AccessDenied") => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The decision about a level of the incident's bucket.
pub(super) fn decision(view: &IncidentView, level: Scope) -> &Decision {
    let is_it =
        |one: &&Decision| one.target.kind == TargetKind::S3Bucket && one.target.scope == level && one.containment.is_some();
    view.record.incident.decisions.iter().find(is_it).expect("a decision about the level")
}

/// What became of it, if somebody tried.
pub(super) fn receipt(view: &IncidentView, level: Scope) -> Option<&Receipt> {
    view.receipts.iter().find(|receipt| receipt.target.kind == TargetKind::S3Bucket && receipt.target.scope == level)
}

/// The step of a level's receipt that has this name.
pub(super) fn step<'a>(view: &'a IncidentView, level: Scope, name: &str) -> Option<&'a Step> {
    receipt(view, level)?.steps.iter().find(|step| step.name.as_str() == name)
}

/// Whether people were shown everything that is decided, and their answer is waited for.
pub(super) fn is_asked(view: &IncidentView) -> bool {
    let revision = Some(view.record.incident.revision);
    view.review.as_ref().is_some_and(|review| review.decision.is_none() && review.shown_revision == revision)
}

/// The fields that are not as before.
pub(super) fn changed(before: &State, now: &State) -> Vec<String> {
    before.differences(now).into_iter().map(|difference| difference.field).collect()
}
