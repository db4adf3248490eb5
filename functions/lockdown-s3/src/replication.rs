//! The replication of a bucket: S3 itself copies every new object to other buckets, which can be anybody's.

mod rule;

use crate::base::Rules;
use crate::rules::{self, Configuration, Switch};
use aws_sdk_s3::types::{ReplicationConfiguration, ReplicationRule, ReplicationRuleStatus};
use firebreak::fault::Fault;
use firebreak::receipt::Step;
use firebreak::step::{StepKind, StepName};
use firebreak_aws::classify::{OrFault, code, fault};
use firebreak_s3::Bucket;
use serde_json::json;
use std::collections::BTreeSet;

/// What S3 keeps, with the role by which it copies. It is written back as it was read.
#[derive(Debug, Clone)]
pub(crate) struct Replication(ReplicationConfiguration);

impl Configuration for Replication {
    const DISABLE: StepKind = StepKind::DisableReplicationRule;
    const ENABLE: StepKind = StepKind::EnableReplicationRule;

    async fn get(bucket: &Bucket) -> Result<Option<Self>, Fault> {
        let asked = bucket.s3.get_bucket_replication().bucket(&bucket.name).expected_bucket_owner(&bucket.owner);
        match asked.send().await {
            Ok(answer) => Ok(answer.replication_configuration.map(Self)),
            Err(error) if code(&error) == Some("ReplicationConfigurationNotFoundError") => Ok(None),
            Err(error) => Err(fault("s3:GetBucketReplication", &error)),
        }
    }

    /// Without the token of this call: it lets Object Lock be enabled for a bucket (S3 API reference, `PutBucketReplication`), and a rule
    /// that is there needs none.
    async fn put(&self, bucket: &Bucket) -> Result<(), Fault> {
        let put = bucket.s3.put_bucket_replication().bucket(&bucket.name).expected_bucket_owner(&bucket.owner);
        put.replication_configuration(self.0.clone()).send().await.or_fault("s3:PutBucketReplication").map(|_| ())
    }

    fn rules(&self) -> Rules {
        rules::all(self.0.rules().iter().map(rule::recorded).collect(), &json!(self.0.role()))
    }

    fn switch(&mut self, id: &str, to: Switch) {
        for rule in self.0.rules.iter_mut().filter(|rule| is(rule, id)) {
            rule.status = match to {
                Switch::On => ReplicationRuleStatus::Enabled,
                Switch::Off => ReplicationRuleStatus::Disabled,
            };
        }
    }

    fn note(&self, id: &str, owner: &str) -> Option<Fault> {
        self.0.rules().iter().filter(|rule| is(rule, id)).find_map(|rule| rule::leaves(rule, owner))
    }
}

fn is(rule: &ReplicationRule, id: &str) -> bool {
    rule.id().unwrap_or_default() == id
}

/// The replication of a bucket. Nothing: the bucket has none.
///
/// # Errors
/// S3 did not say.
pub(crate) async fn read(bucket: &Bucket) -> Result<Option<(Rules, Replication)>, Fault> {
    Ok(Box::pin(Replication::get(bucket)).await?.map(|now| (now.rules(), now)))
}

/// Switches the rules `ids` off, and says where they copied to. `held`: the state before is recorded.
///
/// What is written meanwhile is not copied later, either: a rule takes new objects only (S3 user guide, "Replicating objects within and
/// across Regions").
pub(crate) async fn disable(bucket: &Bucket, ids: &BTreeSet<String>, held: bool) -> Vec<Step> {
    rules::disable::<Replication>(bucket, ids, held).await
}

/// Switches those of the rules `ids` on again that were on in `base`.
pub(crate) async fn enable(bucket: &Bucket, base: &Rules, ids: &BTreeSet<String>, not_ours: &[StepName]) -> Vec<Step> {
    rules::enable::<Replication>(bucket, base, ids, not_ours).await
}
