//! A person's request: `detail-type` is `Firebreak Isolation Request`.
//!
//! ```json
//! {"requested_by": "alice@example.com", "reason": "seen in a phishing report",
//!  "target": {"kind": "iam-user", "id": "mallory", "account": "111122223333", "region": "eu-central-1"}}
//! ```
//!
//! Whoever may put events on the bus may send one, so policy decides whether it is carried out at once
//! (`isolation_requests`). Account and Region default to the envelope's.

use super::{Credentials, Finding, Named, Principal, Read, Resource, SeverityBand, Source, text, timestamp};
use crate::ids::{AccountId, IamName, Partition, Region};
use crate::text::inert;
use serde_json::Value;

/// The `detail-type` of a request, and the name of its row in the playbook.
pub const DETAIL_TYPE: &str = "Firebreak Isolation Request";

/// What a target may say.
const FIELDS: [&str; 5] = ["kind", "id", "account", "region", "partition"];

pub(super) fn read(event: &Value, detail: &Value) -> Read {
    let Some(who) = text(detail, "requested_by") else {
        return Read::Unreadable("an isolation request must say who asks (detail.requested_by)");
    };
    let Some(why) = text(detail, "reason") else {
        return Read::Unreadable("an isolation request must give a reason (detail.reason)");
    };
    let Some(target) = detail.get("target").and_then(Value::as_object) else {
        return Read::Unreadable("an isolation request must name a target (detail.target: kind, id, account, region)");
    };
    // A misspelt field must not fall back to something: the same name exists in other accounts.
    if target.iter().any(|(field, value)| !FIELDS.contains(&field.as_str()) || !value.is_string()) {
        return Read::Unreadable("an isolation request's target takes kind, id, account, region and partition, each a text");
    }
    let Some(resource) = detail.get("target").and_then(resource) else {
        return Read::Unreadable(
            "an isolation request's target must be an iam-user, iam-role, ec2-instance or s3-bucket with its id",
        );
    };
    let of = |field: &str| target.get(field).or_else(|| event.get(field)).and_then(Value::as_str);
    let region = of("region").and_then(|code| Region::parse(code).ok());
    let partition = target.get("partition").and_then(Value::as_str);
    let sender = format!("account {}, source {}", text(event, "account").unwrap_or("?"), text(event, "source").unwrap_or("?"));
    Read::Findings(vec![Finding {
        // EventBridge gives every event an id, and the same one to every delivery of it.
        id: text(event, "id").map(|id| format!("request:{id}")),
        finding_type: Some(DETAIL_TYPE.to_owned()),
        band: Some(SeverityBand::High),
        account: of("account").and_then(|id| AccountId::parse(id).ok()),
        partition: match (partition, &region) {
            (Some(partition), _) => Partition::parse(partition).ok(),
            (None, Some(region)) => Some(Partition::of(region)),
            (None, None) => None,
        },
        region,
        updated_at: text(event, "time").and_then(timestamp),
        // What EventBridge says of the sender cannot be forged, what the sender says of itself can.
        title: Some(format!("{} asks: {} (sent by {})", inert(who, 64), inert(why, 80), inert(&sender, 64))),
        resources: vec![resource],
        ..Finding::empty(Source::Request)
    }])
}

fn resource(target: &Value) -> Option<Resource> {
    let (kind, id) = (text(target, "kind")?, text(target, "id")?);
    let principal = |principal| {
        let credentials = Credentials { principal, principal_id: None, access_key_id: None };
        Resource::new(Named::Credentials(credentials), "detail.target")
    };
    Some(match kind {
        "iam-user" => principal(Principal::User(IamName::parse(id).ok()?)),
        "iam-role" => principal(Principal::Role { name: IamName::parse(id).ok()?, session: None }),
        "ec2-instance" => Resource::instance(Some(id), "detail.target"),
        "s3-bucket" => Resource::bucket(Some(id), true, "detail.target"),
        _ => return None,
    })
}
