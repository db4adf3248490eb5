//! One rule of a lifecycle, as a base keeps it.

use crate::base::Rule;
use crate::rules::{self, Switch};
use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::{
    ExpirationStatus, LifecycleRule, LifecycleRuleAndOperator, LifecycleRuleFilter, NoncurrentVersionTransition, Tag, Transition,
    TransitionStorageClass,
};
use serde_json::{Value, json};

pub(super) fn recorded(rule: &LifecycleRule) -> Rule {
    let status = if rule.status == ExpirationStatus::Enabled { Switch::On } else { Switch::Off };
    rules::rule(rule.id(), status, &body(rule), expires(rule))
}

/// Whether data is deleted by the rule: a version that is current or that was. Parts of an upload that nobody completed are no data, and
/// an expired delete marker has no version below it (S3 user guide, "Lifecycle configuration elements").
fn expires(rule: &LifecycleRule) -> bool {
    // A date that is over does not end a rule: S3 goes on as long as the rule is on (the same page, "Lifecycle rules: Based on a specific
    // date").
    let of_current = rule.expiration().is_some_and(|expiration| expiration.days().is_some() || expiration.date().is_some());
    of_current || rule.noncurrent_version_expiration().is_some()
}

/// Everything but the id and the status. A later version must say the same of the same rule: new elements only appear where a rule has
/// them.
fn body(rule: &LifecycleRule) -> Value {
    let expiration = rule.expiration().map(|expiration| {
        json!([expiration.date().map(DateTime::secs), expiration.days(), expiration.expired_object_delete_marker()])
    });
    let noncurrent = rule
        .noncurrent_version_expiration()
        .map(|expiration| json!([expiration.noncurrent_days(), expiration.newer_noncurrent_versions()]));
    let aborts = rule.abort_incomplete_multipart_upload().map(|abort| json!(abort.days_after_initiation()));
    json!({
        "prefix": prefix(rule),
        "filter": rule.filter().map(filter),
        "expiration": expiration,
        "transitions": rule.transitions().iter().map(transition).collect::<Vec<_>>(),
        "noncurrent-expiration": noncurrent,
        "noncurrent-transitions": rule.noncurrent_version_transitions().iter().map(noncurrent_transition).collect::<Vec<_>>(),
        "aborts": aborts,
    })
}

#[expect(deprecated, reason = "rules that were written before filters came have it, and S3 keeps them")]
fn prefix(rule: &LifecycleRule) -> Option<&str> {
    rule.prefix()
}

fn filter(filter: &LifecycleRuleFilter) -> Value {
    let (more, less) = (filter.object_size_greater_than(), filter.object_size_less_than());
    json!([filter.prefix(), filter.tag().map(tag), more, less, filter.and().map(and)])
}

fn and(and: &LifecycleRuleAndOperator) -> Value {
    let tags: Vec<Value> = and.tags().iter().map(tag).collect();
    json!([and.prefix(), tags, and.object_size_greater_than(), and.object_size_less_than()])
}

fn tag(tag: &Tag) -> Value {
    json!([tag.key(), tag.value()])
}

fn transition(transition: &Transition) -> Value {
    let class = transition.storage_class().map(TransitionStorageClass::as_str);
    json!([transition.date().map(DateTime::secs), transition.days(), class])
}

fn noncurrent_transition(transition: &NoncurrentVersionTransition) -> Value {
    let class = transition.storage_class().map(TransitionStorageClass::as_str);
    json!([transition.noncurrent_days(), transition.newer_noncurrent_versions(), class])
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_s3::types::{AbortIncompleteMultipartUpload, LifecycleExpiration, NoncurrentVersionExpiration};

    fn rule(change: impl FnOnce(&mut LifecycleRule)) -> LifecycleRule {
        let mut rule = LifecycleRule::builder().id("a").status(ExpirationStatus::Enabled).build().expect("a rule");
        change(&mut rule);
        rule
    }

    fn after(days: i32) -> LifecycleRule {
        rule(|rule| rule.expiration = Some(LifecycleExpiration::builder().days(days).build()))
    }

    #[test]
    fn what_deletes_a_version_expires_and_what_tidies_up_does_not() {
        let past = LifecycleExpiration::builder().date(DateTime::from_secs(1_577_836_800)).build();
        let markers = LifecycleExpiration::builder().expired_object_delete_marker(true).build();
        let noncurrent = NoncurrentVersionExpiration::builder().noncurrent_days(1).build();
        let abort = AbortIncompleteMultipartUpload::builder().days_after_initiation(7).build();
        assert!(recorded(&after(1)).expires);
        assert!(recorded(&rule(|rule| rule.expiration = Some(past))).expires, "a date that is over deletes all the same");
        assert!(recorded(&rule(|rule| rule.noncurrent_version_expiration = Some(noncurrent))).expires);
        assert!(!recorded(&rule(|rule| rule.expiration = Some(markers))).expires);
        assert!(!recorded(&rule(|rule| rule.abort_incomplete_multipart_upload = Some(abort))).expires);
    }

    #[test]
    fn a_rule_is_another_one_when_it_is_about_other_objects_or_another_time() {
        let filtered = |prefix: &str| {
            let mut rule = after(1);
            rule.filter = Some(LifecycleRuleFilter::builder().prefix(prefix).build());
            rule
        };
        let rules = [after(1), after(2), filtered(""), filtered("logs/")];
        let digests: std::collections::BTreeSet<String> = rules.iter().map(|rule| recorded(rule).digest).collect();
        assert_eq!(digests.len(), rules.len());
        let mut off = after(1);
        off.status = ExpirationStatus::Disabled;
        assert_eq!(recorded(&off).digest, recorded(&after(1)).digest);
        assert!(!recorded(&off).enabled && recorded(&after(1)).enabled);
    }
}
