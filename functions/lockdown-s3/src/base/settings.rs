//! The settings of a bucket that decide what becomes of its objects. What cannot be read vetoes nothing but the step that needs it.

use super::read::{Seen, or_absent};
use super::{Encryption, Logging, Part, Rule, Rules, Versioning};
use crate::{encryption, lifecycle, replication, versioning};
use aws_sdk_s3::operation::get_bucket_notification_configuration::GetBucketNotificationConfigurationOutput;
use aws_sdk_s3::types::{Event, NotificationConfigurationFilter, ObjectLockEnabled};
use firebreak::digest::sha256_hex;
use firebreak::fault::Fault;
use firebreak_aws::classify::OrFault as _;
use firebreak_s3::Bucket;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Bytes of the rules of one configuration that a base keeps: a row of the ledger takes 400 KB, and a configuration can have 1,000 rules
/// with ids of 255 characters.
const MOST_BYTES: usize = 70_000;
/// The same of rules and planned ids together, which grow with every incident that joins. A first read with its ids has fewer, and both
/// kinds leave room for the policy and for what is left out of it.
const MOST_OF_KIND: usize = 120_000;

/// What was read of each part.
pub(super) struct Settings {
    ownership: Result<Option<String>, Fault>,
    versioning: Result<(Versioning, bool), Fault>,
    lifecycle: Result<Option<Rules>, Fault>,
    replication: Result<Option<Rules>, Fault>,
    encryption: Result<Option<Encryption>, Fault>,
    notification: Result<Option<String>, Fault>,
    logging: Result<Option<Logging>, Fault>,
    object_lock: Result<Option<bool>, Fault>,
    tags: Result<BTreeMap<String, String>, Fault>,
}

impl Settings {
    /// Puts everything where it belongs.
    pub(super) fn into_seen(self, seen: &mut Seen) {
        seen.base.ownership = seen.keep(Part::Ownership, self.ownership);
        (seen.base.versioning, seen.base.mfa_delete) = seen.keep(Part::Versioning, self.versioning);
        seen.base.lifecycle = keep_rules(seen, Part::Lifecycle, self.lifecycle);
        seen.base.replication = keep_rules(seen, Part::Replication, self.replication);
        seen.base.encryption = seen.keep(Part::Encryption, self.encryption);
        seen.base.notification = seen.keep(Part::Notification, self.notification);
        seen.base.logging = seen.keep(Part::Logging, self.logging);
        seen.base.object_lock = seen.keep(Part::ObjectLock, self.object_lock);
        seen.base.tags = seen.keep(Part::Tags, self.tags);
    }
}

/// Reads them, beside each other.
pub(super) async fn read(bucket: &Bucket) -> Settings {
    let rules = async { Ok::<_, Fault>(Box::pin(lifecycle::read(bucket)).await?.map(|(rules, _)| rules)) };
    let copies = async { Ok::<_, Fault>(Box::pin(replication::read(bucket)).await?.map(|(rules, _)| rules)) };
    let (ownership, versioning, lifecycle, replication, encryption, notification, logging, object_lock, tags) = futures::join!(
        Box::pin(ownership(bucket)),
        Box::pin(versioning::read(bucket)),
        Box::pin(rules),
        Box::pin(copies),
        Box::pin(encryption::read(bucket)),
        Box::pin(notification(bucket)),
        Box::pin(logging(bucket)),
        Box::pin(object_lock(bucket)),
        Box::pin(tags(bucket)),
    );
    Settings { ownership, versioning, lifecycle, replication, encryption, notification, logging, object_lock, tags }
}

/// Rules that a base can keep. Of too many ones the digest is kept, and none of them is changed: nobody could put them back.
fn keep_rules(seen: &mut Seen, part: Part, read: Result<Option<Rules>, Fault>) -> Option<Rules> {
    let rules = seen.keep(part, read)?;
    let bytes = serde_json::to_string(&rules.rules).map_or(usize::MAX, |text| text.len());
    if bytes <= MOST_BYTES {
        return Some(rules);
    }
    let why = format!("{} rules: too many to be recorded, so none of them is switched off: do that by hand", rules.rules.len());
    seen.keep::<Option<Rules>>(part, Err(Fault::malformed(why)));
    Some(Rules { digest: rules.digest, rules: vec![] })
}

/// The rules and the planned ids of one kind, with those that `later` plans besides. Where the record has no room for all of these, it stays
/// as it is: nothing is changed that nobody could put back.
pub(super) fn grown(
    (known, planned): (Option<&Rules>, &BTreeSet<String>),
    (later, more): (Option<&Rules>, &BTreeSet<String>),
) -> (Option<Rules>, BTreeSet<String>) {
    let (rules, all): (_, BTreeSet<String>) = (with_rules(known, later, more), planned.union(more).cloned().collect());
    let bytes = serde_json::to_string(&(&rules, &all)).map_or(usize::MAX, |text| text.len());
    if bytes <= MOST_OF_KIND { (rules, all) } else { (known.cloned(), planned.clone()) }
}

/// The rules of `known`, and those of `later` that are new and planned.
fn with_rules(known: Option<&Rules>, later: Option<&Rules>, planned: &BTreeSet<String>) -> Option<Rules> {
    let Some(known) = known else { return later.filter(|_| !planned.is_empty()).cloned() };
    let is_new = |rule: &&Rule| planned.contains(&rule.id) && known.rule(&rule.id).is_none();
    let new = later.into_iter().flat_map(|later| &later.rules).filter(is_new);
    Some(Rules { digest: known.digest.clone(), rules: known.rules.iter().chain(new).cloned().collect() })
}

async fn ownership(bucket: &Bucket) -> Result<Option<String>, Fault> {
    let asked = bucket.s3.get_bucket_ownership_controls().bucket(&bucket.name).expected_bucket_owner(&bucket.owner);
    let answer = or_absent("s3:GetBucketOwnershipControls", "OwnershipControlsNotFoundError", asked.send().await)?;
    let controls = answer.and_then(|answer| answer.ownership_controls);
    let first = controls.and_then(|controls| controls.rules.into_iter().next());
    Ok(first.map(|rule| rule.object_ownership.as_str().to_owned()))
}

/// Who is told of what. Only whether it is still the same matters.
async fn notification(bucket: &Bucket) -> Result<Option<String>, Fault> {
    let asked = bucket.s3.get_bucket_notification_configuration().bucket(&bucket.name).expected_bucket_owner(&bucket.owner);
    Ok(digest(&asked.send().await.or_fault("s3:GetBucketNotificationConfiguration")?))
}

fn digest(answer: &GetBucketNotificationConfigurationOutput) -> Option<String> {
    let one = |to: &str, id: Option<&str>, events: &[Event], filter: Option<&NotificationConfigurationFilter>| {
        let mut events: Vec<&str> = events.iter().map(Event::as_str).collect();
        events.sort_unstable();
        let rules = filter.and_then(|filter| filter.key()).map(|key| key.filter_rules()).unwrap_or_default();
        let rule = |rule: &aws_sdk_s3::types::FilterRule| json!([rule.name().map(|name| name.as_str()), rule.value()]);
        json!([to, id, events, rules.iter().map(rule).collect::<Vec<Value>>()]).to_string()
    };
    let topics = answer.topic_configurations().iter().map(|it| one(it.topic_arn(), it.id(), it.events(), it.filter()));
    let queues = answer.queue_configurations().iter().map(|it| one(it.queue_arn(), it.id(), it.events(), it.filter()));
    let functions = answer.lambda_function_configurations().iter();
    let functions = functions.map(|it| one(it.lambda_function_arn(), it.id(), it.events(), it.filter()));
    let bus = answer.event_bridge_configuration().map(|_| json!("event-bridge").to_string());
    let mut all: Vec<String> = topics.chain(queues).chain(functions).chain(bus).collect();
    all.sort_unstable();
    (!all.is_empty()).then(|| sha256_hex(all.join("\n").as_bytes()))
}

async fn logging(bucket: &Bucket) -> Result<Option<Logging>, Fault> {
    let asked = bucket.s3.get_bucket_logging().bucket(&bucket.name).expected_bucket_owner(&bucket.owner);
    let logs = asked.send().await.or_fault("s3:GetBucketLogging")?.logging_enabled;
    Ok(logs.map(|logs| Logging { bucket: logs.target_bucket, prefix: logs.target_prefix }))
}

async fn object_lock(bucket: &Bucket) -> Result<Option<bool>, Fault> {
    let asked = bucket.s3.get_object_lock_configuration().bucket(&bucket.name).expected_bucket_owner(&bucket.owner);
    let answer = or_absent("s3:GetObjectLockConfiguration", "ObjectLockConfigurationNotFoundError", asked.send().await)?;
    let lock = answer.and_then(|answer| answer.object_lock_configuration);
    Ok(Some(lock.is_some_and(|lock| lock.object_lock_enabled == Some(ObjectLockEnabled::Enabled))))
}

async fn tags(bucket: &Bucket) -> Result<BTreeMap<String, String>, Fault> {
    let asked = bucket.s3.get_bucket_tagging().bucket(&bucket.name).expected_bucket_owner(&bucket.owner);
    let answer = or_absent("s3:GetBucketTagging", "NoSuchTagSet", asked.send().await)?;
    let tags = answer.map(|answer| answer.tag_set).unwrap_or_default();
    Ok(tags.into_iter().map(|tag| (tag.key, tag.value)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{BaseState, Planned};

    /// A bucket with 180 rules of each kind, all of them planned, with ids as long as S3 takes them.
    fn with_long_ids(front: &str) -> BaseState {
        let id = |n: usize| format!("{front}{n:0>width$}", width = 255 - front.len());
        let rule = |n: usize| Rule { id: id(n), enabled: true, digest: sha256_hex(id(n).as_bytes()), expires: true };
        let rules = Some(Rules { digest: front.to_owned(), rules: (0..180).map(rule).collect() });
        let ids: BTreeSet<String> = (0..180).map(id).collect();
        let planned = Planned { lifecycle: ids.clone(), replication: ids, ..Planned::default() };
        BaseState { lifecycle: rules.clone(), replication: rules, planned, ..BaseState::default() }
    }

    #[test]
    fn rules_that_a_suspect_goes_on_writing_never_outgrow_a_row_of_the_ledger() {
        let first = with_long_ids("a");
        let text = |rules: Option<&Rules>| serde_json::to_string(&rules.expect("rules").rules).expect("JSON");
        assert!(text(first.lifecycle.as_ref()).len() <= MOST_BYTES, "a read gives as many");
        assert_eq!(BaseState::default().joined(&first).planned, first.planned, "the first ones have room");
        let all = first.joined(&with_long_ids("b")).joined(&with_long_ids("c"));
        assert!(serde_json::to_string(&all).expect("JSON").len() < 380_000);
        assert_eq!(all, first, "what is known stays, and nothing else is planned");
        let one = Planned { lifecycle: ["z".to_owned()].into(), ..Planned::default() };
        let both = first.joined(&BaseState { planned: one, ..BaseState::default() });
        assert!(both.planned.lifecycle.contains("z"), "a few more have room");
    }
}
