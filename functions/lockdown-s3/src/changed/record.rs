//! One record of CloudTrail about a setting of a bucket.
//!
//! Event names: S3 user guide, "Amazon S3 CloudTrail events". Of several calls they are shorter than those of the API: what the API calls
//! `PutBucketLifecycleConfiguration` is recorded as `PutBucketLifecycle`. Parameters are the request's XML as JSON, where one rule is an
//! object and several are a list; the form of `PutBucketLifecycle` is from public records of the technique
//! `aws.defense-evasion.cloudtrail-lifecycle-rule` of Stratus Red Team (`fixtures/techniques/calls.json`), that of `PutBucketReplication` is
//! concluded from it.

use super::who::{Caller, Who};
use firebreak::finding::{self, BadJson};
use firebreak_aws::clock;
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeMap;

/// Which setting a call changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Policy,
    Acl,
    Lifecycle,
    Replication,
    Versioning,
    Encryption,
    Block,
}

impl Kind {
    fn of(event: &str) -> Option<Self> {
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
    /// Every rule that the call wrote, by its id and without its status. Nothing: the record does not show them all.
    pub(super) rules: Option<BTreeMap<String, Value>>,
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
    });
    Ok(Read { at, record })
}

fn rules(kind: Kind, event: &Value) -> Option<BTreeMap<String, Value>> {
    let written = kind.rules()?;
    let is_deletion = event.get("eventName").and_then(Value::as_str).is_some_and(|name| name.starts_with("Delete"));
    if is_deletion {
        return Some(BTreeMap::new());
    }
    let each: Vec<&Value> = match event.pointer(written)? {
        Value::Array(several) => several.iter().collect(),
        one => vec![one],
    };
    each.into_iter().map(rule).collect()
}

fn rule(rule: &Value) -> Option<(String, Value)> {
    let mut body = rule.as_object()?.clone();
    body.remove("Status");
    Some((body.get("ID")?.as_str()?.to_owned(), Value::Object(body)))
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
    fn a_rule_that_was_only_switched_is_written_in_the_same_form() {
        let mut off = expiring("a");
        off["Status"] = json!("Disabled");
        let rules = |rule: &Value| read(&lifecycle(rule)).expect("a change").rules;
        assert_eq!(rules(&off), rules(&expiring("a")));
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
