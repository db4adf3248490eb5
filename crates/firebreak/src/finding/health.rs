//! AWS Health: abuse reports (`ABUSE`) and exposed credentials (`RISK`).
//!
//! Source: AWS Health user guide, "Amazon EventBridge events for AWS Health". The events carry no severity and no owner: an
//! entity is an access key id, an instance id or an ARN. AWS reserves the source `aws.health`, so AWS itself says so. Codes are an
//! open vocabulary; abuse codes occur with and without `EC2_` and mean the same.

use super::{Credentials, Finding, Named, Principal, Read, Resource, SeverityBand, Source, list, text, timestamp};
use crate::ids::{AccessKeyId, AccountId, IamName, InstanceId, Partition, Region};
use crate::target::TargetKind;
use serde_json::Value;

pub(super) fn read(event: &Value, detail: &Value) -> Read {
    if !matches!(text(detail, "service"), Some("ABUSE" | "RISK")) {
        return Read::Unreadable("an AWS Health event that is neither an abuse report nor a risk");
    }
    let arn = text(detail, "eventArn");
    let partition = arn.and_then(|arn| arn.split(':').nth(1)).unwrap_or("aws");
    // Global events carry us-east-1 in the envelope; the affected Region is inside.
    let region = text(detail, "eventRegion").filter(|region| *region != "global").or_else(|| text(event, "region"));
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
        finding_type: text(detail, "eventTypeCode").map(|code| code.replacen("AWS_ABUSE_EC2_", "AWS_ABUSE_", 1)),
        // Health rates nothing; AWS writes only when somebody is already hurt.
        severity: None,
        band: Some(SeverityBand::High),
        account,
        region: region.and_then(|code| Region::parse(code).ok()),
        partition: Partition::parse(partition).ok(),
        updated_at: text(detail, "lastUpdatedTime").or_else(|| text(event, "time")).and_then(timestamp),
        vouched: true,
        title: described.map(str::to_owned),
        settled: text(detail, "statusCode") == Some("closed"),
        resources: list(detail, "affectedEntities").enumerate().filter_map(|found| entity(found, key_owner)).collect(),
        ..Finding::empty(Source::Health)
    }])
}

fn entity((at, entity): (usize, &Value), key_owner: Option<&str>) -> Option<Resource> {
    let value = text(entity, "entityValue")?;
    let field = format!("detail.affectedEntities[{at}].entityValue");
    if let Ok(key) = AccessKeyId::parse(value) {
        // Exposed keys are long-term keys, so the owner is a user.
        let owner = key_owner.and_then(|name| IamName::parse(name).ok());
        let principal = owner.map_or(Principal::KeyOnly, Principal::User);
        let credentials = Credentials { principal, principal_id: None, access_key_id: Some(key) };
        return Some(Resource::new(Named::Credentials(credentials), field));
    }
    let last = value.rsplit(['/', ':']).next().unwrap_or(value);
    Some(match InstanceId::parse(last) {
        Ok(_) => Resource::instance(Some(last), field),
        Err(_) => Resource::other(TargetKind::Other, value, field),
    })
}
