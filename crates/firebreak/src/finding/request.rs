//! A person's request: `detail-type` is `Firebreak Isolation Request`.
//!
//! ```json
//! {"requested_by": "alice@example.com", "reason": "seen in a phishing report",
//!  "target": {"kind": "iam-user", "id": "mallory", "account": "111122223333", "region": "eu-central-1"}}
//! ```
//!
//! Whoever may put events on the bus may send one, so policy decides whether it is carried out at once
//! (`isolation_requests`). Account and Region default to the envelope's.

use super::vocabulary::{Word, named, word};
use super::{Credentials, Finding, Named, Principal, Read, Resource, SeverityBand, Source, first, text, timestamp};
use crate::ids::{AccountId, IamName, Partition, Region, region_of_iam};
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
    // What the person says must have its form; only what is left out falls back.
    let said = target.get("region").and_then(Value::as_str);
    let unsaid = || {
        let of_event = resource.region.clone().or_else(|| first([text(event, "region")], Region::parse));
        of_event.or_else(|| region_of_iam(&Partition::parse("aws").ok()?))
    };
    let region = said.map_or_else(unsaid, |code| Region::parse(code).ok());
    let partition = target.get("partition").and_then(Value::as_str);
    let sender = format!("account {}, source {}", text(event, "account").unwrap_or("?"), text(event, "source").unwrap_or("?"));
    Read::Findings(vec![Finding {
        // EventBridge gives every event an id, and the same one to every delivery of it.
        id: text(event, "id").map(|id| format!("request:{id}")),
        finding_type: Some(DETAIL_TYPE.to_owned()),
        band: Some(SeverityBand::High),
        account: match (target.get("account"), &resource.account) {
            (None, Some(account)) => Some(account.clone()),
            _ => of("account").and_then(|id| AccountId::parse(id).ok()),
        },
        partition: match (partition, &region) {
            (Some(partition), _) => Partition::parse(partition).ok(),
            (None, Some(region)) => Some(Partition::of(region)),
            (None, None) => None,
        },
        region,
        updated_at: text(event, "time").and_then(timestamp),
        // What EventBridge says of the sender cannot be forged, what the sender says of itself can.
        title: Some(format!("{} asks: {} (sent by {})", inert(who, 64), inert(why, 80), inert(&sender, 64))),
        requested_by: Some(who.to_owned()),
        resources: vec![resource],
        ..Finding::empty(Source::Request)
    }])
}

fn resource(target: &Value) -> Option<Resource> {
    let (kind, id) = (word(text(target, "kind")?)?, text(target, "id")?);
    let field = "detail.target";
    // A person names a user or role by its name; its ARN will do as well.
    let plain = |principal| Named::Credentials(Credentials::of(principal));
    let read = match (kind, IamName::parse(id)) {
        (Word::User, Ok(name)) => plain(Principal::User(name)),
        (Word::Role, Ok(name)) => plain(Principal::Role { name, session: None }),
        (Word::Key | Word::User | Word::Role | Word::Instance | Word::Bucket, _) => named(kind, id),
        (Word::Is(_), _) => return None,
    };
    // A session is none of the kinds: its role would be denied as a whole.
    let read = match read {
        Named::Credentials(Credentials { principal: Principal::Role { session: Some(_), .. }, .. }) => return None,
        read => read,
    };
    let unusable = matches!(&read, Named::Credentials(Credentials { principal: Principal::Unknown(_), .. }));
    (!unusable).then(|| Resource::new(read, field).placed(Some(id), None, None))
}
