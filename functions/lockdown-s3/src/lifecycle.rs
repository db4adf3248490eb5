//! The lifecycle of a bucket: S3 itself deletes by its rules.

mod rule;

use crate::base::Rules;
use crate::rules::{self, Configuration, Switch};
use aws_sdk_s3::types::{BucketLifecycleConfiguration, ExpirationStatus, LifecycleRule, TransitionDefaultMinimumObjectSize};
use firebreak::fault::Fault;
use firebreak::receipt::Step;
use firebreak::step::{StepKind, StepName};
use firebreak_aws::classify::{OrFault, code, fault};
use firebreak_s3::Bucket;
use serde_json::json;
use std::collections::BTreeSet;

/// What S3 keeps. It is written back as it was read.
#[derive(Debug, Clone)]
pub(crate) struct Lifecycle {
    rules: Vec<LifecycleRule>,
    /// Which small objects are moved to other storage classes. It is a header of the call, and S3 takes the default of new buckets where
    /// a write leaves it out (S3 API reference, `PutBucketLifecycleConfiguration`).
    smallest: Option<TransitionDefaultMinimumObjectSize>,
}

impl Configuration for Lifecycle {
    const DISABLE: StepKind = StepKind::DisableLifecycleRule;
    const ENABLE: StepKind = StepKind::EnableLifecycleRule;

    async fn get(bucket: &Bucket) -> Result<Option<Self>, Fault> {
        let asked = bucket.s3.get_bucket_lifecycle_configuration().bucket(&bucket.name).expected_bucket_owner(&bucket.owner);
        match asked.send().await {
            Ok(answer) => Ok(Some(Self {
                rules: answer.rules.unwrap_or_default(),
                smallest: answer.transition_default_minimum_object_size,
            })),
            Err(error) if code(&error) == Some("NoSuchLifecycleConfiguration") => Ok(None),
            Err(error) => Err(fault("s3:GetBucketLifecycleConfiguration", &error)),
        }
    }

    async fn put(&self, bucket: &Bucket) -> Result<(), Fault> {
        let rules = BucketLifecycleConfiguration::builder().set_rules(Some(self.rules.clone())).build();
        let put = bucket
            .s3
            .put_bucket_lifecycle_configuration()
            .bucket(&bucket.name)
            .expected_bucket_owner(&bucket.owner)
            .set_transition_default_minimum_object_size(self.smallest.clone())
            .lifecycle_configuration(rules.map_err(|_| Fault::bug("a lifecycle without rules"))?);
        put.send().await.or_fault("s3:PutBucketLifecycleConfiguration").map(|_| ())
    }

    fn rules(&self) -> Rules {
        let rest = json!(self.smallest.as_ref().map(TransitionDefaultMinimumObjectSize::as_str));
        rules::all(self.rules.iter().map(rule::recorded).collect(), &rest)
    }

    fn switch(&mut self, id: &str, to: Switch) {
        for rule in self.rules.iter_mut().filter(|rule| rule.id().unwrap_or_default() == id) {
            rule.status = match to {
                Switch::On => ExpirationStatus::Enabled,
                Switch::Off => ExpirationStatus::Disabled,
            };
        }
    }

    fn note(&self, _id: &str, _owner: &str) -> Option<Fault> {
        None
    }
}

/// The lifecycle of a bucket. Nothing: the bucket has none.
///
/// # Errors
/// S3 did not say.
pub(crate) async fn read(bucket: &Bucket) -> Result<Option<(Rules, Lifecycle)>, Fault> {
    Ok(Box::pin(Lifecycle::get(bucket)).await?.map(|now| (now.rules(), now)))
}

/// Switches the rules `ids` off. `held`: the state before is recorded.
pub(crate) async fn disable(bucket: &Bucket, ids: &BTreeSet<String>, held: bool) -> Vec<Step> {
    rules::disable::<Lifecycle>(bucket, ids, held).await
}

/// Switches those of the rules `ids` on again that were on in `base`.
pub(crate) async fn enable(bucket: &Bucket, base: &Rules, ids: &BTreeSet<String>, not_ours: &[StepName]) -> Vec<Step> {
    rules::enable::<Lifecycle>(bucket, base, ids, not_ours).await
}
