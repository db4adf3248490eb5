//! Security Hub's `Findings Imported V2`: `detail.findings[]` in OCSF, class 2004 (Detection Finding).
//!
//! Sources: Security Hub user guide, "EventBridge event types for Security Hub" and "AWS extension: basic attributes"; OCSF
//! schema 1.6, "Detection Finding". `finding_info.uid` keeps GuardDuty's ARN and `finding_info.types[]` the original type.
//! Two generations are in the field: until autumn 2025 details are in `resources[].data`, since then in typed objects such as
//! `resources[].user` and `resources[].device`.

use super::{Credentials, Finding, Named, Read, Resource, ResourceRole, SeverityBand, Source, list, text, timestamp};
use crate::ids::{AccountId, Partition, Region};
use crate::target::TargetKind;
use jiff::Timestamp;
use serde_json::Value;
use std::net::IpAddr;

/// OCSF's class of findings by a detector. Others are posture, vulnerability and data findings.
const DETECTION_FINDING: u64 = 2004;

pub(super) fn read(detail: &Value) -> Read {
    match detail.get("findings") {
        Some(Value::Array(findings)) if !findings.is_empty() => Read::Findings(findings.iter().map(finding).collect()),
        // Seen in the field although the documentation shows an array.
        Some(one @ Value::Object(_)) => Read::Findings(vec![finding(one)]),
        _ => Read::Unreadable("the Security Hub event carries no findings"),
    }
}

fn finding(ocsf: &Value) -> Finding {
    let null = Value::Null;
    let info = ocsf.get("finding_info").unwrap_or(&null);
    let cloud = ocsf.get("cloud").unwrap_or(&null);
    let product = ocsf.pointer("/metadata/product").unwrap_or(&null);
    let product_uid = text(product, "uid");
    let vouched = product_uid.is_some_and(|uid| uid.ends_with("::productv2/aws/guardduty"));
    let partition = text(cloud, "cloud_partition").or_else(|| product_uid.and_then(|uid| uid.split(':').nth(1)));
    let mut finding = Finding {
        id: id(info, product_uid, vouched),
        finding_type: finding_type(ocsf, info),
        // OCSF has bands only.
        severity: None,
        band: band(ocsf),
        account: cloud.get("account").and_then(|account| text(account, "uid")).and_then(|s| AccountId::parse(s).ok()),
        region: text(cloud, "region").and_then(|s| Region::parse(s).ok()),
        partition: Partition::parse(partition.filter(|partition| partition.starts_with("aws")).unwrap_or("aws")).ok(),
        updated_at: text(info, "modified_time_dt").or_else(|| text(info, "created_time_dt")).and_then(timestamp),
        first_seen: first_seen(info),
        product: product_uid.and_then(|uid| uid.split_once(":productv2/")).map(|(_, name)| crate::text::inert(name, 128)),
        vouched,
        title: text(info, "title").map(str::to_owned),
        settled: is_settled(ocsf),
        sample: is_sample(ocsf),
        resource_role: ResourceRole::parse(
            list(ocsf, "evidences").find_map(|evidence| text(evidence.get("data")?, "resource_role")),
        ),
        remote_addresses: remote_addresses(ocsf),
        sequence: product.get("feature").and_then(|feature| text(feature, "name")) == Some("Correlation"),
        ..Finding::empty(Source::SecurityHub)
    };
    finding.resources.extend(list(ocsf, "resources").enumerate().map(resource));
    finding
}

/// GuardDuty's ARN for GuardDuty's findings; any other product's id is only unique together with the product.
fn id(info: &Value, product_uid: Option<&str>, vouched: bool) -> Option<String> {
    let uid = text(info, "uid")?;
    if vouched { Some(uid.to_owned()) } else { Some(format!("{}/{uid}", product_uid?)) }
}

/// `types` holds a category such as `Threats` and the original type, which alone has a colon.
fn finding_type(ocsf: &Value, info: &Value) -> Option<String> {
    if ocsf.get("class_uid").and_then(Value::as_u64) != Some(DETECTION_FINDING) {
        return list(info, "types").next().and_then(Value::as_str).map(str::to_owned);
    }
    let types: Vec<&str> = list(info, "types").filter_map(Value::as_str).collect();
    types.iter().find(|name| name.contains(':')).or(types.last()).map(|name| (*name).to_owned())
}

/// `severity_id`: 1 Informational, 2 Low, 3 Medium, 4 High, 5 Critical, 6 Fatal.
fn band(ocsf: &Value) -> Option<SeverityBand> {
    match ocsf.get("severity_id").and_then(Value::as_u64) {
        Some(5 | 6) => Some(SeverityBand::Critical),
        Some(4) => Some(SeverityBand::High),
        Some(3) => Some(SeverityBand::Medium),
        Some(1 | 2) => Some(SeverityBand::Low),
        _ => None,
    }
}

/// OCSF writes times twice: as text in `…_dt`, and as milliseconds since 1970.
fn first_seen(info: &Value) -> Option<Timestamp> {
    let milliseconds = || info.get("first_seen_time")?.as_i64().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    text(info, "first_seen_time_dt").and_then(timestamp).or_else(milliseconds)
}

/// `status_id`: 1 New; 2 to 6 In Progress, Suppressed, Resolved, Archived, Deleted. Unknown (0) and Other (99) say nothing. A closed finding may still say
/// New; its `activity_id` is 3 (seen in a real event).
fn is_settled(ocsf: &Value) -> bool {
    if ocsf.get("activity_id").and_then(Value::as_u64) == Some(3) {
        return true;
    }
    match ocsf.get("status_id").and_then(Value::as_u64) {
        Some(id) => matches!(id, 2..=6),
        None => matches!(text(ocsf, "status"), Some("Suppressed" | "Resolved" | "Archived" | "Deleted")),
    }
}

/// No flag is documented. Converters keep GuardDuty's in `unmapped`; without it a sample names resources that do not exist.
fn is_sample(ocsf: &Value) -> bool {
    let Some(unmapped) = ocsf.get("unmapped") else { return false };
    ["/service/additionalInfo/sample", "/additionalInfo/sample", "/sample"]
        .iter()
        .filter_map(|path| unmapped.pointer(path))
        .any(|flag| flag.as_bool() == Some(true) || flag.as_str() == Some("true"))
}

fn remote_addresses(ocsf: &Value) -> Vec<IpAddr> {
    let address = |evidence: &Value| evidence.pointer("/src_endpoint/ip")?.as_str()?.parse().ok();
    list(ocsf, "evidences").filter_map(address).collect()
}

fn resource((at, resource): (usize, &Value)) -> Resource {
    let field = format!("detail.findings[].resources[{at}]");
    let uid = text(resource, "uid").unwrap_or("unnamed");
    let label = text(resource, "uid_alt").unwrap_or(uid);
    let other = |kind| Resource::other(kind, label, field.clone());
    let tag = |tag: &Value| Some((text(tag, "name")?.to_owned(), tag.get("value")?.as_str()?.to_owned()));
    let tags = list(resource, "tags").filter_map(tag).collect();
    // Both spellings occur: `AWS::EC2::Instance` from the service, `AwsEc2Instance` from converters.
    let kind = text(resource, "type").unwrap_or("").replace("::", "").to_ascii_lowercase();
    let read = match kind.as_str() {
        "awsiamaccesskey" => Resource::new(Named::Credentials(key_owner(resource, uid)), field.clone()),
        "awsec2instance" => Resource::instance(Some(uid.rsplit('/').next().unwrap_or(uid)), format!("{field}.uid")),
        "awss3bucket" => Resource::bucket(Some(uid.rsplit(":::").next().unwrap_or(uid)), true, format!("{field}.uid")),
        "awss3object" => other(TargetKind::S3Object),
        "awslambdafunction" => other(TargetKind::LambdaFunction),
        "awsekscluster" | "awskubernetesworkload" => other(TargetKind::EksWorkload),
        "awsecscluster" | "awsecstask" => other(TargetKind::EcsTask),
        "awscontainercontainer" | "container" => other(TargetKind::Container),
        "awsrdsdbinstance" | "awsrdsdbcluster" => other(TargetKind::RdsDatabase),
        "awsec2snapshot" => other(TargetKind::Snapshot),
        "awsec2image" => other(TargetKind::Ec2Image),
        "awsbackuprecoverypoint" => other(TargetKind::RecoveryPoint),
        "awsaccount" => other(TargetKind::Account),
        _ => other(TargetKind::Other),
    };
    let owner = resource.pointer("/owner/account/uid").and_then(Value::as_str);
    read.placed(owner, text(resource, "region")).tagged(tags)
}

/// Whose key it is: `data` in the first generation, `user` in the second, which may lack the type.
///
/// `evidences[].actor.user` is not read: in Runtime findings it is a user of the operating system.
fn key_owner(resource: &Value, uid: &str) -> Credentials {
    let null = Value::Null;
    let (data, user) = (resource.get("data").unwrap_or(&null), resource.get("user").unwrap_or(&null));
    let key = text(data, "access_key_id").unwrap_or_else(|| uid.rsplit(':').next().unwrap_or(uid));
    let name = text(data, "user_name").or_else(|| text(user, "name"));
    let id = text(data, "principal_id").or_else(|| text(user, "uid"));
    // A long-term key belongs to a user, or to root, whose id is the account's. Behind a temporary one only the type can tell.
    let of_key = match id {
        Some(id) if AccountId::parse(id).is_ok() => "Root",
        Some(id) if !id.starts_with("AIDA") => "",
        _ if key.starts_with("AKIA") => "IAMUser",
        _ => "",
    };
    let kind = text(data, "user_type").or_else(|| text(user, "type")).unwrap_or(of_key);
    Credentials::resolve(kind, name, id, Some(key))
}
