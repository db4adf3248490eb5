//! One rule of a replication, as a base keeps it, and where it takes data.

use crate::base::Rule;
use crate::rules::{self, Switch};
use aws_sdk_s3::types::{
    DeleteMarkerReplicationStatus, Destination, ReplicationRule, ReplicationRuleAndOperator, ReplicationRuleFilter,
    ReplicationRuleStatus, ReplicationTimeValue, StorageClass, Tag,
};
use firebreak::fault::Fault;
use serde_json::{Value, json};

/// Every rule takes data out of the bucket, so every one counts as destructive.
pub(super) fn recorded(rule: &ReplicationRule) -> Rule {
    let status = if rule.status == ReplicationRuleStatus::Enabled { Switch::On } else { Switch::Off };
    rules::rule(rule.id(), status, &body(rule), true)
}

/// Where a rule copies to, unless it says that this is a bucket of `owner`. A rule names the account only where that account owns the
/// copies (S3 API reference, `Destination`).
pub(super) fn leaves(rule: &ReplicationRule, owner: &str) -> Option<Fault> {
    let to = rule.destination()?;
    let whose = match to.account() {
        Some(account) if account == owner => return None,
        Some(account) => format!("of account {account}, not of the bucket's"),
        None => "and does not say whose that is".to_owned(),
    };
    let bucket = to.bucket();
    Some(Fault::malformed(format!("the rule copies to {bucket}, {whose}; what it has copied before is still there")))
}

/// Everything but the id and the status. A later version must say the same of the same rule: new elements only appear where a rule has
/// them.
fn body(rule: &ReplicationRule) -> Value {
    let existing = rule.existing_object_replication().map(|existing| existing.status().as_str());
    let markers = rule.delete_marker_replication().map(|markers| markers.status().map(DeleteMarkerReplicationStatus::as_str));
    let source = rule.source_selection_criteria().map(|source| {
        let encrypted = source.sse_kms_encrypted_objects().map(|objects| objects.status().as_str());
        json!([encrypted, source.replica_modifications().map(|replicas| replicas.status().as_str())])
    });
    json!({
        "prefix": prefix(rule),
        "priority": rule.priority(),
        "filter": rule.filter().map(filter),
        "source": source,
        "existing": existing,
        "delete-markers": markers,
        "destination": rule.destination().map(destination),
    })
}

#[expect(deprecated, reason = "rules that were written before filters came have it, and S3 keeps them")]
fn prefix(rule: &ReplicationRule) -> Option<&str> {
    rule.prefix()
}

fn destination(to: &Destination) -> Value {
    let time = to.replication_time().map(|time| json!([time.status().as_str(), minutes(time.time())]));
    let metrics = to.metrics().map(|metrics| json!([metrics.status().as_str(), minutes(metrics.event_threshold())]));
    json!({
        "bucket": to.bucket(),
        "account": to.account(),
        "class": to.storage_class().map(StorageClass::as_str),
        "owner": to.access_control_translation().map(|translation| translation.owner().as_str()),
        "key": to.encryption_configuration().map(|encryption| encryption.replica_kms_key_id()),
        "time": time,
        "metrics": metrics,
    })
}

fn minutes(value: Option<&ReplicationTimeValue>) -> Option<i32> {
    value.and_then(ReplicationTimeValue::minutes)
}

fn filter(filter: &ReplicationRuleFilter) -> Value {
    json!([filter.prefix(), filter.tag().map(tag), filter.and().map(and)])
}

fn and(and: &ReplicationRuleAndOperator) -> Value {
    let tags: Vec<Value> = and.tags().iter().map(tag).collect();
    json!([and.prefix(), tags])
}

fn tag(tag: &Tag) -> Value {
    json!([tag.key(), tag.value()])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(to: &str, account: Option<&str>) -> ReplicationRule {
        let to = Destination::builder().bucket(to).set_account(account.map(str::to_owned)).build().expect("a destination");
        let rule = ReplicationRule::builder().id("a").status(ReplicationRuleStatus::Enabled).destination(to);
        rule.build().expect("a rule")
    }

    #[test]
    fn a_copy_into_another_account_is_told_and_one_into_the_own_is_not() {
        let told = |account| leaves(&rule("arn:aws:s3:::evil", account), "111122223333").map(|fault| fault.message);
        let foreign = told(Some("999988887777")).expect("another account's");
        assert!(foreign.contains("arn:aws:s3:::evil") && foreign.contains("999988887777"), "{foreign}");
        assert!(told(None).expect("nobody says whose").contains("does not say whose"));
        assert_eq!(told(Some("111122223333")), None);
    }

    #[test]
    fn a_rule_to_another_bucket_or_account_is_another_rule() {
        let digest = |to, account| recorded(&rule(to, account)).digest;
        assert_ne!(digest("arn:aws:s3:::a", None), digest("arn:aws:s3:::b", None));
        assert_ne!(digest("arn:aws:s3:::a", None), digest("arn:aws:s3:::a", Some("999988887777")));
        let mut off = rule("arn:aws:s3:::a", None);
        off.status = ReplicationRuleStatus::Disabled;
        assert_eq!(recorded(&off).digest, digest("arn:aws:s3:::a", None));
        assert!(!recorded(&off).enabled);
    }
}
