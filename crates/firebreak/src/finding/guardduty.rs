//! GuardDuty's native event: `detail` is one finding in camelCase.
//!
//! Source: GuardDuty user guide, "Processing GuardDuty findings with Amazon EventBridge".

use super::{Bucket, Finding, Read, ResourceRole, SeverityBand, Source, credentials, text};
use crate::ids::{AccountId, BucketName, InstanceId, Partition, Region};
use serde_json::Value;

pub(super) fn read(detail: &Value) -> Read {
    // A GetFindings dump in an event's envelope is PascalCase: reading half of it would lose the resource.
    if detail.get("Type").is_some() || detail.get("Resource").is_some() {
        return Read::Unreadable("the finding is in GetFindings form (PascalCase), not in EventBridge form");
    }
    let null = Value::Null;
    let resource = detail.get("resource").unwrap_or(&null);
    let service = detail.get("service").unwrap_or(&null);
    let severity = detail.get("severity").and_then(severity_number);
    Read::Findings(vec![Finding {
        source: Source::GuardDuty,
        id: text(detail, "arn").map(str::to_owned),
        finding_type: text(detail, "type").map(str::to_owned),
        severity,
        band: severity.and_then(SeverityBand::of),
        account: text(detail, "accountId").and_then(|s| AccountId::parse(s).ok()),
        region: text(detail, "region").and_then(|s| Region::parse(s).ok()),
        partition: Partition::parse(text(detail, "partition").unwrap_or("aws")).ok(),
        vouched: true,
        title: text(detail, "title").map(str::to_owned),
        settled: service.get("archived").and_then(Value::as_bool).unwrap_or(false),
        sample: is_sample(service.get("additionalInfo").unwrap_or(&null)),
        resource_role: match text(service, "resourceRole") {
            Some("ACTOR") => Some(ResourceRole::Actor),
            Some("TARGET") => Some(ResourceRole::Target),
            _ => None,
        },
        credentials: resource.get("accessKeyDetails").filter(|d| d.is_object()).map(|details| {
            credentials(
                text(details, "userType").unwrap_or(""),
                text(details, "userName"),
                text(details, "principalId"),
                text(details, "accessKeyId"),
            )
        }),
        instance: resource
            .get("instanceDetails")
            .and_then(|details| text(details, "instanceId"))
            .and_then(|id| InstanceId::parse(id).ok()),
        buckets: resource.get("s3BucketDetails").and_then(Value::as_array).into_iter().flatten().map(bucket).collect(),
    }])
}

fn bucket(details: &Value) -> Bucket {
    Bucket {
        name: text(details, "name").and_then(|name| BucketName::parse(name).ok()),
        at_risk: text(details, "type") != Some("Source"),
    }
}

/// A number; a numeric string is accepted too, as some forwarders quote it.
fn severity_number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str().and_then(|s| s.trim().parse().ok())).filter(|n: &f64| n.is_finite())
}

/// `additionalInfo.sample` is a bool in events and sits inside a JSON string in the API's form.
fn is_sample(additional_info: &Value) -> bool {
    let flag = |info: &Value| info.get("sample").and_then(Value::as_bool).unwrap_or(false);
    flag(additional_info)
        || text(additional_info, "value")
            .and_then(|json| serde_json::from_str::<Value>(json).ok())
            .is_some_and(|info| flag(&info))
}
