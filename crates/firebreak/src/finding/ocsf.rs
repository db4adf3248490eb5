//! Security Hub's `Findings Imported V2`: `detail.findings[]` in OCSF, class 2004 (Detection Finding).
//!
//! Sources: Security Hub user guide, "EventBridge event types for Security Hub" and "AWS extension: basic attributes"; OCSF
//! schema 1.6, "Detection Finding". `finding_info.uid` keeps GuardDuty's ARN and `finding_info.types[]` the original type.
//! Two generations are in the field: until autumn 2025 details are in `resources[].data`, since then in typed objects such as
//! `resources[].user` and `resources[].device`.

use super::principal::name_among;
use super::resource::could_be_bucket;
use super::vocabulary::{Word, named, word, word_or_of};
use super::{
    Credentials, Finding, Named, Principal, Read, Resource, ResourceRole, SeverityBand, Source, first, list, partition, place_of,
    text, timestamp,
};
use crate::ids::{AccessKeyId, AccountId, Arn, Region};
use crate::target::TargetKind;
use crate::text::letters;
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
    let resources = || list(ocsf, "resources");
    let ids = resources().map(|resource| text(resource, "uid"));
    let (of_arn, in_partition) = place_of(ids.chain([text(info, "uid"), product_uid]));
    let stated = [text(cloud, "region"), resources().next().and_then(|resource| text(resource, "region"))];
    let region = first(stated, Region::parse).or(of_arn);
    let account = cloud.get("account").and_then(|account| text(account, "uid"));
    let owner = resources().next().and_then(|resource| resource.pointer("/owner/account/uid")?.as_str());
    let mut finding = Finding {
        id: id(info, product_uid, vouched),
        finding_type: finding_type(ocsf, info),
        spellings: list(info, "types").filter_map(Value::as_str).map(str::to_owned).take(20).collect(),
        // OCSF has bands only.
        severity: None,
        band: band(ocsf),
        account: first([account, owner], AccountId::parse),
        partition: partition(text(cloud, "cloud_partition"), region.as_ref(), in_partition),
        region,
        updated_at: time(info, "modified_time").or_else(|| time(info, "created_time")),
        first_seen: time(info, "first_seen_time"),
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
    // Beside an access key, a user or a role is what was changed, as in ASFF.
    let tells = |resource: &Value| {
        let uid = id_of(resource).unwrap_or_else(|| label(resource));
        !matches!(key_owner(resource, uid).principal, Principal::Unknown(_))
    };
    let of_keys = resources().any(|resource| kind(resource) == Some(Word::Key) && tells(resource));
    let acted = |of: &(usize, &Value)| !(of_keys && matches!(kind(of.1), Some(Word::User | Word::Role)));
    finding.resources.extend(resources().enumerate().filter(acted).map(resource));
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
        _ => text(ocsf, "severity").and_then(SeverityBand::of_label),
    }
}

/// OCSF writes times twice: as text in `…_dt`, and as milliseconds since 1970.
fn time(info: &Value, field: &str) -> Option<Timestamp> {
    let milliseconds = || Timestamp::from_millisecond(info.get(field)?.as_i64()?).ok();
    text(info, &format!("{field}_dt")).and_then(timestamp).or_else(milliseconds)
}

/// `status_id`: 1 New; 2 to 6 In Progress, Suppressed, Resolved, Archived, Deleted. Unknown (0) and Other (99) say nothing. A closed finding may still say
/// New; its `activity_id` is 3 (seen in a real event).
fn is_settled(ocsf: &Value) -> bool {
    if ocsf.get("activity_id").and_then(Value::as_u64) == Some(3) {
        return true;
    }
    match ocsf.get("status_id").and_then(Value::as_u64) {
        Some(id @ 1..=6) => id > 1,
        _ => {
            let status = text(ocsf, "status").and_then(letters);
            matches!(status.as_deref(), Some("suppressed" | "resolved" | "archived" | "deleted"))
        }
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

/// What a resource is: by the sender's word, else by its id.
fn kind(resource: &Value) -> Option<Word> {
    word_or_of(text(resource, "type").unwrap_or(""), label(resource))
}

/// The id by which people find it.
fn label(resource: &Value) -> &str {
    text(resource, "uid_alt").or_else(|| text(resource, "uid")).unwrap_or("(unnamed)")
}

/// Of the ids of a resource the first that names a resource of its kind. A word that nobody knows has none: its label tells.
fn id_of(resource: &Value) -> Option<&str> {
    let word = word(text(resource, "type").unwrap_or(""))?;
    let device = resource.get("device").and_then(|device| text(device, "uid"));
    let ids = || [text(resource, "uid"), text(resource, "uid_alt"), text(resource, "name"), device].into_iter().flatten();
    let names = |id: &&str| match named(word, id) {
        Named::Credentials(credentials) => !matches!(credentials.principal, Principal::Unknown(_)),
        Named::Bucket { .. } | Named::Other(TargetKind::S3Bucket, _) => could_be_bucket(id) || Arn::parse(id).is_some(),
        Named::Unusable(..) => false,
        Named::Instance(_) | Named::Objects(_) | Named::Other(..) => true,
    };
    ids().find(names).or_else(|| ids().next())
}

fn resource((at, resource): (usize, &Value)) -> Resource {
    let field = format!("detail.findings[].resources[{at}]");
    let label = label(resource);
    let uid = id_of(resource).unwrap_or(label);
    let tag = |tag: &Value| Some((text(tag, "name")?.to_owned(), tag.get("value")?.as_str()?.to_owned()));
    let tags = list(resource, "tags").filter_map(tag).collect();
    let in_data = || resource.pointer("/data/instance_id").and_then(Value::as_str);
    let read = match kind(resource) {
        Some(Word::Key) => Resource::new(Named::Credentials(key_owner(resource, uid)), field.clone()),
        Some(Word::Instance) => match named(Word::Instance, uid) {
            Named::Unusable(..) => Resource::instance(in_data().or(Some(uid)), format!("{field}.data.instance_id")),
            named => Resource::new(named, format!("{field}.uid")),
        },
        Some(Word::Is(kind)) => Resource::other(kind, label, field.clone()),
        Some(word) => Resource::new(named(word, uid), format!("{field}.uid")),
        None => Resource::other(TargetKind::Other, label, format!("{field}.uid")),
    };
    let told = |path: &str| resource.pointer(path).and_then(Value::as_str);
    let of_user = || told("/user/account/uid").filter(|_| kind(resource) == Some(Word::Key));
    let owner = of_user().or_else(|| told("/owner/account/uid"));
    let profile = told("/data/iam_instance_profile/arn").or_else(|| told("/data/iam_instance_profile_arn"));
    read.placed(Some(uid), owner, text(resource, "region")).tagged(tags).with_profile(profile)
}

/// Whose key it is: `data` in the first generation, `user` in the second, which may lack the type.
///
/// `evidences[].actor.user` is not read: in Runtime findings it is a user of the operating system.
fn key_owner(resource: &Value, uid: &str) -> Credentials {
    let null = Value::Null;
    let (data, user) = (resource.get("data").unwrap_or(&null), resource.get("user").unwrap_or(&null));
    let of_user = text(user, "credential_uid");
    let key = first([text(data, "access_key_id"), uid.rsplit([':', '/']).next(), of_user], AccessKeyId::parse);
    let name = name_among(&[text(data, "user_name"), text(user, "name")]);
    let id = text(data, "principal_id").or_else(|| text(user, "uid"));
    let kind = text(data, "user_type").or_else(|| text(user, "type")).unwrap_or("");
    Credentials::resolve(kind, name, id, key.as_ref().map(AccessKeyId::as_str))
}
