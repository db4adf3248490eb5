//! AWS Health: abuse reports (`ABUSE`) and exposed credentials (`RISK`).
//!
//! Source: AWS Health user guide, "Amazon EventBridge events for AWS Health". The events carry no severity and no owner: an
//! entity is an access key id, an instance id or an ARN. AWS reserves the source `aws.health`, so AWS itself says so. Codes are an
//! open vocabulary; abuse codes occur with and without `EC2_` and mean the same.

use super::vocabulary::by_id;
use super::{
    Credentials, Finding, Named, Principal, Read, Resource, SeverityBand, Source, first, list, partition, place_of, text,
    timestamp,
};
use crate::ids::{AccessKeyId, AccountId, Arn, IamName, InstanceId, Region};
use serde_json::Value;

pub(super) fn read(event: &Value, detail: &Value) -> Read {
    if !matches!(text(detail, "service"), Some("ABUSE" | "RISK")) {
        return Read::Unreadable("an AWS Health event that is neither an abuse report nor a risk");
    }
    let arn = text(detail, "eventArn");
    // A plain id is in `affectedEntities`, the ARN of the same thing may be among the envelope's resources.
    let known = || list(detail, "affectedEntities").filter_map(|entity| text(entity, "entityValue"));
    let arns: Vec<&str> = known().chain(list(event, "resources").filter_map(Value::as_str)).collect();
    let (of_resource, in_partition) = place_of(arns.iter().copied().map(Some).chain([arn]));
    // Global events carry us-east-1 in the envelope; the affected Region is inside.
    let stated = first([text(detail, "eventRegion"), None::<&str>], Region::parse);
    let region = stated.or(of_resource).or_else(|| first([text(event, "region")], Region::parse));
    // AWS's own sample has an access key id in `affectedAccount`.
    let accounts = [text(detail, "affectedAccount"), text(event, "account")];
    let account = accounts.into_iter().flatten().find_map(|id| AccountId::parse(id).ok());
    let key_owner = detail.get("eventMetadata").and_then(|metadata| text(metadata, "userName"));
    let described = list(detail, "eventDescription").next().and_then(|described| text(described, "latestDescription"));
    Read::Findings(vec![Finding {
        // A communication is one page of one event; an event concerns several accounts, and comes again when it changes.
        id: text(detail, "communicationId")
            .or(arn)
            .map(|id| format!("{id}#{}", account.as_ref().map_or("unknown", AccountId::as_str))),
        finding_type: text(detail, "eventTypeCode")
            .map(|code| code.to_ascii_uppercase().replacen("AWS_ABUSE_EC2_", "AWS_ABUSE_", 1)),
        // Health rates nothing; AWS writes only when somebody is already hurt.
        severity: None,
        band: Some(SeverityBand::High),
        account,
        partition: in_partition.or_else(|| partition(None, region.as_ref(), None)),
        region,
        updated_at: [text(detail, "lastUpdatedTime"), text(event, "time")].into_iter().flatten().find_map(timestamp),
        vouched: true,
        title: described.map(str::to_owned),
        settled: text(detail, "statusCode").is_some_and(|status| status.eq_ignore_ascii_case("closed")),
        resources: entities(event, detail, key_owner, &arns),
        ..Finding::empty(Source::Health)
    }])
}

/// What the event is about: the affected entities, else what the envelope names.
fn entities(event: &Value, detail: &Value, key_owner: Option<&str>, arns: &[&str]) -> Vec<Resource> {
    let affected = list(detail, "affectedEntities").enumerate().filter_map(|(at, entity)| {
        let field = format!("detail.affectedEntities[{at}].entityValue");
        self::entity(text(entity, "entityValue")?, field, key_owner, arns)
    });
    let affected: Vec<Resource> = affected.collect();
    if !affected.is_empty() {
        return affected;
    }
    let named = list(event, "resources").enumerate().filter_map(|(at, named)| Some((at, named.as_str()?)));
    named.filter_map(|(at, value)| entity(value, format!("resources[{at}]"), key_owner, arns)).collect()
}

fn entity(value: &str, field: String, key_owner: Option<&str>, arns: &[&str]) -> Option<Resource> {
    if let Ok(key) = AccessKeyId::parse(value) {
        // Exposed keys are long-term keys, so the owner is a user.
        let owner = key_owner.and_then(|name| IamName::parse(name).ok());
        let principal = owner.map_or(Principal::KeyOnly, Principal::User);
        let credentials = Credentials { access_key_id: Some(key), ..Credentials::of(principal) };
        return Some(Resource::new(Named::Credentials(credentials), field));
    }
    // `i-…` alone, or in a text of another form than an ARN.
    let last = value.rsplit(['/', ':']).next().unwrap_or(value);
    let id = if Arn::parse(value).is_some() { value } else { last };
    let named = if InstanceId::parse(last).is_ok() { by_id(id) } else { by_id(value) };
    let whole = arns.iter().copied().find(|arn| arn.ends_with(&format!("/{last}"))).unwrap_or(value);
    Some(Resource::new(named, field).placed(Some(whole), None, None))
}
