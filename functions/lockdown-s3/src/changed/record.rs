//! One record of CloudTrail about a setting of a bucket.
//!
//! Event names: S3 user guide, "Amazon S3 CloudTrail events". Of several calls they are shorter than those of the API: what the API calls
//! `PutBucketLifecycleConfiguration` is recorded as `PutBucketLifecycle`. Parameters are the request's XML as JSON, where one rule is an
//! object and several are a list; the form of `PutBucketLifecycle` is from public records of the technique
//! `aws.defense-evasion.cloudtrail-lifecycle-rule` of Stratus Red Team (`fixtures/techniques/calls.json`), that of `PutBucketReplication` is
//! concluded from it. A bucket policy stands whole in `bucketPolicy` of a record of `PutBucketPolicy` (public examples of such records).

use super::who::{Caller, Who};
use firebreak::finding::{self, BadJson};
use firebreak_aws::clock;
use firebreak_s3::policy::LIMIT;
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeMap;

/// A policy without a statement: it lets in as many as none.
pub(super) const NO_POLICY: &str = r#"{"Version":"2012-10-17","Statement":[]}"#;
/// The status of a rule that S3 carries out.
const ENABLED: &str = "Enabled";
/// The status of a rule that S3 keeps without carrying it out.
const DISABLED: &str = "Disabled";

/// Which setting a call changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Policy,
    Acl,
    Lifecycle,
    Replication,
    Versioning,
    Encryption,
    Block,
}

impl Kind {
    /// Every kind.
    pub(super) const ALL: [Self; 7] =
        [Self::Policy, Self::Acl, Self::Lifecycle, Self::Replication, Self::Versioning, Self::Encryption, Self::Block];

    /// The setting that a call of this name changes.
    pub(super) fn of(event: &str) -> Option<Self> {
        match event {
            "PutBucketPolicy" | "DeleteBucketPolicy" => Some(Self::Policy),
            "PutBucketAcl" => Some(Self::Acl),
            "PutBucketLifecycle"
            | "PutBucketLifecycleConfiguration"
            | "DeleteBucketLifecycle"
            | "DeleteBucketLifecycleConfiguration" => Some(Self::Lifecycle),
            "PutBucketReplication" | "DeleteBucketReplication" => Some(Self::Replication),
            "PutBucketVersioning" => Some(Self::Versioning),
            "PutBucketEncryption" | "DeleteBucketEncryption" => Some(Self::Encryption),
            "PutBucketPublicAccessBlock"
            | "PutPublicAccessBlock"
            | "DeleteBucketPublicAccessBlock"
            | "DeletePublicAccessBlock" => Some(Self::Block),
            _ => None,
        }
    }

    /// Where the rules stand, for settings that are made of rules.
    fn rules(self) -> Option<&'static str> {
        match self {
            Self::Lifecycle => Some("/requestParameters/LifecycleConfiguration/Rule"),
            Self::Replication => Some("/requestParameters/ReplicationConfiguration/Rule"),
            Self::Policy | Self::Acl | Self::Versioning | Self::Encryption | Self::Block => None,
        }
    }
}

/// A call that changed a setting.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Record {
    pub(super) kind: Kind,
    pub(super) at: Timestamp,
    pub(super) who: Who,
    /// Every rule that the call wrote, by its id. Nothing: the record does not show them all.
    pub(super) rules: Option<BTreeMap<String, Rule>>,
    /// The text of the bucket policy that the call wrote, without a statement where the call deleted the policy. Nothing: the record does
    /// not show the policy.
    pub(super) policy: Option<String>,
}

/// A rule as a call wrote it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Rule {
    /// Everything but the status.
    pub(super) body: Value,
    /// `Enabled` or `Disabled`; empty where the record has none.
    pub(super) status: String,
}

impl Rule {
    /// Whether the rule does nothing that it did not do as `then`. A rule that was only switched off does less.
    pub(super) fn is_as(&self, then: &Self) -> bool {
        self.body == then.body && (self.status == DISABLED || then.status == ENABLED)
    }
}

/// What a text of `CloudTrailEvent` says.
pub(super) struct Read {
    /// When. Nothing: the record does not say so.
    pub(super) at: Option<Timestamp>,
    /// The change of `bucket`, unless the record is about something else, or AWS refused the call.
    pub(super) record: Option<Record>,
}

/// Reads the text of `CloudTrailEvent`. A change that does not say when it was counts as new.
///
/// # Errors
/// [`BadJson`] when the text is not JSON, or ambiguous.
pub(super) fn read(text: &str, bucket: &str, caller: &Caller<'_>) -> Result<Read, BadJson> {
    let event = finding::parse(text.as_bytes())?;
    let string = |path: &str| event.pointer(path).and_then(Value::as_str);
    let at = string("/eventTime").and_then(|time| time.parse().ok());
    let is_refused = event.get("errorCode").is_some_and(|code| !code.is_null() && code.as_str() != Some(""));
    let is_about = string("/eventSource") == Some("s3.amazonaws.com") && string("/requestParameters/bucketName") == Some(bucket);
    let kind = string("/eventName").and_then(Kind::of).filter(|_| is_about && !is_refused);
    let record = kind.map(|kind| Record {
        kind,
        at: at.unwrap_or_else(clock::now),
        who: Who::of(&event, caller),
        rules: rules(kind, &event),
        policy: policy(kind, &event),
    });
    Ok(Read { at, record })
}

fn is_deletion(event: &Value) -> bool {
    event.get("eventName").and_then(Value::as_str).is_some_and(|name| name.starts_with("Delete"))
}

/// A text that is longer than S3 takes is no policy of a bucket.
fn policy(kind: Kind, event: &Value) -> Option<String> {
    if kind != Kind::Policy {
        return None;
    }
    if is_deletion(event) {
        return Some(NO_POLICY.to_owned());
    }
    let text = match event.pointer("/requestParameters/bucketPolicy")? {
        Value::String(text) => text.clone(),
        written => written.to_string(),
    };
    Some(text).filter(|text| text.len() <= LIMIT)
}

fn rules(kind: Kind, event: &Value) -> Option<BTreeMap<String, Rule>> {
    let written = kind.rules()?;
    if is_deletion(event) {
        return Some(BTreeMap::new());
    }
    let each: Vec<&Value> = match event.pointer(written)? {
        Value::Array(several) => several.iter().collect(),
        one => vec![one],
    };
    each.into_iter().map(rule).collect()
}

fn rule(rule: &Value) -> Option<(String, Rule)> {
    let mut body = rule.as_object()?.clone();
    let status = body.remove("Status").and_then(|status| Some(status.as_str()?.to_owned())).unwrap_or_default();
    Some((body.get("ID")?.as_str()?.to_owned(), Rule { body: Value::Object(body), status }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suspects::Suspects;
    use serde_json::json;

    fn read(event: &Value) -> Option<Record> {
        let caller = Caller { suspects: &Suspects::default(), own: vec![] };
        super::read(&event.to_string(), "acme-exports", &caller).expect("JSON").record
    }

    /// As Stratus Red Team's lifecycle technique is recorded.
    fn lifecycle(rule: &Value) -> Value {
        json!({
            "eventTime": "2026-11-20T06:29:33Z", "eventSource": "s3.amazonaws.com", "eventName": "PutBucketLifecycle",
            "userIdentity": { "type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/mallory" },
            "requestParameters": {
                "Host": "acme-exports.s3.eu-central-1.amazonaws.com", "bucketName": "acme-exports", "lifecycle": "",
                "LifecycleConfiguration": { "xmlns": "http://s3.amazonaws.com/doc/2006-03-01/", "Rule": rule },
            },
            "responseElements": null,
        })
    }

    fn expiring(id: &str) -> Value {
        json!({ "Expiration": { "Days": 1 }, "Filter": { "Prefix": "*" }, "ID": id, "Status": "Enabled" })
    }

    #[test]
    fn one_rule_is_an_object_and_several_are_a_list() {
        let ids = |rule: &Value| {
            let rules = read(&lifecycle(rule)).expect("a change").rules;
            rules.map(|rules| rules.into_keys().collect::<Vec<_>>())
        };
        assert_eq!(ids(&expiring("nuke")), Some(vec!["nuke".to_owned()]));
        assert_eq!(ids(&json!([expiring("a"), expiring("b")])), Some(vec!["a".to_owned(), "b".to_owned()]));
        for unknown in [json!(null), json!("nuke"), json!([expiring("a"), { "Status": "Enabled" }]), json!([7])] {
            assert_eq!(ids(&unknown), None, "{unknown}: not every rule is known");
        }
    }

    #[test]
    fn a_rule_that_was_switched_off_does_no_more_than_before_and_one_that_was_switched_on_does() {
        let with = |status: &Value| {
            let mut rule = expiring("a");
            rule["Status"] = status.clone();
            let rules = read(&lifecycle(&rule)).expect("a change").rules.expect("rules");
            rules.into_values().next().expect("a rule")
        };
        let (on, off, unknown) = (with(&json!("Enabled")), with(&json!("Disabled")), with(&Value::Null));
        assert!(on.is_as(&on) && off.is_as(&on) && off.is_as(&off));
        assert!(!on.is_as(&off), "it sleeps, and somebody wakes it");
        assert!(!on.is_as(&unknown) && !unknown.is_as(&off), "in doubt it was off, and is on");
        let mut shorter = expiring("a");
        shorter["Expiration"]["Days"] = json!(2);
        let rules = read(&lifecycle(&shorter)).expect("a change").rules.expect("rules");
        assert!(!rules["a"].is_as(&on), "another rule of the same name");
    }

    #[test]
    fn a_record_of_a_policy_has_its_text() {
        let policy =
            json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Principal": { "AWS": "555566667777" } }] });
        let written = |name: &str, policy: &Value| {
            let mut event = lifecycle(&expiring("a"));
            event["eventName"] = json!(name);
            event["requestParameters"] = json!({ "bucketName": "acme-exports", "policy": "", "bucketPolicy": policy });
            read(&event).expect("a change").policy
        };
        assert_eq!(written("PutBucketPolicy", &policy), Some(policy.to_string()));
        assert_eq!(written("PutBucketPolicy", &json!(policy.to_string())), Some(policy.to_string()));
        assert_eq!(written("DeleteBucketPolicy", &Value::Null).as_deref(), Some(NO_POLICY));
        assert_eq!(written("PutBucketPolicy", &json!("x".repeat(LIMIT + 1))), None, "no bucket has such a policy");
        assert_eq!(written("PutBucketAcl", &policy), None);
        let without = read(&lifecycle(&expiring("a"))).expect("a change");
        assert_eq!(without.policy, None);
    }

    #[test]
    fn each_call_is_about_its_setting() {
        let named = |name: &str| {
            let mut event = lifecycle(&expiring("a"));
            event["eventName"] = json!(name);
            read(&event).map(|record| record.kind)
        };
        for (kind, names) in [
            (Kind::Policy, ["PutBucketPolicy", "DeleteBucketPolicy"]),
            (Kind::Lifecycle, ["PutBucketLifecycleConfiguration", "DeleteBucketLifecycle"]),
            (Kind::Replication, ["PutBucketReplication", "DeleteBucketReplication"]),
            (Kind::Encryption, ["PutBucketEncryption", "DeleteBucketEncryption"]),
            (Kind::Block, ["PutBucketPublicAccessBlock", "DeleteBucketPublicAccessBlock"]),
        ] {
            names.iter().for_each(|name| assert_eq!(named(name), Some(kind), "{name}"));
        }
        assert_eq!((named("PutBucketAcl"), named("PutBucketVersioning")), (Some(Kind::Acl), Some(Kind::Versioning)));
        assert_eq!(named("GetBucketLifecycle"), None);
        let mut deleted = lifecycle(&expiring("a"));
        deleted["eventName"] = json!("DeleteBucketLifecycle");
        assert_eq!(read(&deleted).expect("a change").rules, Some(BTreeMap::new()), "no rule is left");
    }

    #[test]
    fn what_aws_refused_or_is_about_another_bucket_is_no_change() {
        let with = |field: &str, value: Value| {
            let mut event = lifecycle(&expiring("a"));
            event[field] = value;
            read(&event)
        };
        assert_eq!(with("errorCode", json!("AccessDenied")), None);
        assert!(with("errorCode", Value::Null).is_some());
        assert_eq!(with("eventSource", json!("s3express.amazonaws.com")), None);
        assert_eq!(with("requestParameters", json!({ "bucketName": "acme-exports-2" })), None);
        for hostile in [json!(null), json!([]), json!("acme-exports"), json!({ "bucketName": ["acme-exports"] })] {
            assert_eq!(with("requestParameters", hostile), None);
        }
    }

    #[test]
    fn a_record_without_its_time_counts_as_new() {
        let mut event = lifecycle(&expiring("a"));
        event["eventTime"] = json!("yesterday");
        assert!(read(&event).expect("a change").at > Timestamp::UNIX_EPOCH);
    }
}
