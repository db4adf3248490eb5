//! Security Hub's ASFF: `detail.findings[]`, PascalCase.
//!
//! The principal comes from `Details.AwsIamAccessKey`, never from splitting a resource id at `/`: on real findings that id is
//! `AWS::IAM::AccessKey:ASIA…` or even `AWS::IAM::AccessKey:null`.

use super::principal::name_among;
use super::vocabulary::{Word, named, word_or_of};
use super::{
    Credentials, Finding, Named, Principal, Read, Resource, ResourceRole, SeverityBand, Source, first, list, partition, place_of,
    text, timestamp,
};
use crate::ids::{AccessKeyId, AccountId, Region};
use crate::target::TargetKind;
use crate::text::letters;
use serde_json::Value;
use std::net::IpAddr;

pub(super) fn read(detail: &Value) -> Read {
    match detail.get("findings").and_then(Value::as_array) {
        Some(findings) if !findings.is_empty() => Read::Findings(findings.iter().map(finding).collect()),
        _ => Read::Unreadable("the Security Hub event carries no findings"),
    }
}

fn finding(asff: &Value) -> Finding {
    let (severity, band) = severity(asff.get("Severity").unwrap_or(&Value::Null));
    let product_arn = text(asff, "ProductArn");
    let null = Value::Null;
    let product_fields = asff.get("ProductFields").unwrap_or(&null);
    let resources = || list(asff, "Resources");
    let ids = resources().map(|resource| text(resource, "Id"));
    let (of_arn, in_partition) = place_of(ids.chain([text(asff, "Id"), product_arn]));
    let stated = [text(asff, "Region"), resources().next().and_then(|resource| text(resource, "Region"))];
    let region = first(stated, Region::parse).or(of_arn);
    let types = || list(asff, "Types").filter_map(Value::as_str);
    let mut finding = Finding {
        id: id(asff),
        finding_type: types().next().map(original_type),
        spellings: types().map(original_type).chain(types().map(str::to_owned)).take(MAX_SPELLINGS).collect(),
        severity,
        band,
        account: text(asff, "AwsAccountId").and_then(|s| AccountId::parse(s).ok()),
        partition: partition(product_arn.and_then(|arn| arn.split(':').nth(1)), region.as_ref(), in_partition),
        region,
        updated_at: text(asff, "UpdatedAt").and_then(timestamp),
        first_seen: text(asff, "FirstObservedAt").and_then(timestamp),
        product: product_arn.and_then(product),
        vouched: is_guardduty(asff),
        title: text(asff, "Title").map(str::to_owned),
        settled: is_settled(asff),
        sample: is_sample(asff, product_fields),
        resource_role: ResourceRole::parse(text(product_fields, "aws/guardduty/service/resourceRole")),
        dns_request: asff.pointer("/Action/ActionType").and_then(Value::as_str) == Some("DNS_REQUEST"),
        remote_addresses: remote_addresses(asff, product_fields),
        ..Finding::empty(Source::SecurityHub)
    };
    let tells = |resource: &Value| !matches!(access_key(resource).principal, Principal::Unknown(_));
    let users_of_keys = list(asff, "Resources").any(|resource| kind(resource) == Some(Word::Key) && tells(resource));
    // Beside an access key, a user or a role is what was changed; the key's owner changed it.
    let acted = |of: &(usize, &Value)| !(users_of_keys && matches!(kind(of.1), Some(Word::User | Word::Role)));
    finding.resources.extend(list(asff, "Resources").enumerate().filter(acted).map(resource));
    if let Some(sequence) = asff.pointer("/Detection/Sequence") {
        finding.sequence = true;
        finding.resources.extend(list(sequence, "Actors").enumerate().filter_map(actor));
    }
    finding
}

/// `aws/guardduty` of `arn:aws:securityhub:eu-central-1::product/aws/guardduty`.
fn product(arn: &str) -> Option<String> {
    arn.split_once(":product/").map(|(_, product)| crate::text::inert(product, 128))
}

/// GuardDuty's findings keep their ARN as `Id`; any other product's id is only unique together with the product. Anybody who may
/// import findings can write any `Id`, but not GuardDuty's `ProductArn`: a forged copy must not claim the real finding's key.
fn id(asff: &Value) -> Option<String> {
    let id = text(asff, "Id")?;
    if is_guardduty(asff) {
        return Some(id.to_owned());
    }
    Some(format!("{}/{id}", text(asff, "ProductArn")?))
}

fn is_guardduty(asff: &Value) -> bool {
    text(asff, "ProductArn").is_some_and(|arn| arn.ends_with("::product/aws/guardduty"))
}

/// The label wins; old findings have none, then `Normalized` (0–100) decides (ASFF syntax, "Severity").
fn severity(severity: &Value) -> (Option<f64>, Option<SeverityBand>) {
    let normalized = severity.get("Normalized").and_then(Value::as_f64);
    let number =
        severity.get("Product").and_then(Value::as_f64).filter(|n| (0.0..=10.0).contains(n)).or(normalized.map(|n| n / 10.0));
    let band = text(severity, "Label").and_then(SeverityBand::of_label);
    let band = band.or_else(|| SeverityBand::of(normalized? / 10.0)).or_else(|| SeverityBand::of(number?));
    (number, band)
}

/// Only NEW and ACTIVE findings call for action. Our own workflow updates come back as events, too.
fn is_settled(asff: &Value) -> bool {
    let status = asff.get("Workflow").and_then(|w| text(w, "Status")).and_then(letters);
    let record = text(asff, "RecordState").and_then(letters);
    matches!(status.as_deref(), Some("suppressed" | "resolved" | "notified")) || record.as_deref() == Some("archived")
}

/// Restores GuardDuty's type from ASFF's taxonomy form (GuardDuty user guide, "Integration with AWS Security Hub").
///
/// `TTPs/Credential Access/IAMUser-AnomalousBehavior` was `CredentialAccess:IAMUser/AnomalousBehavior`;
/// `Effects/Data Exfiltration/UnauthorizedAccess:IAMUser-X` was `UnauthorizedAccess:IAMUser/X`. A few are irregular.
fn original_type(asff_type: &str) -> String {
    let segments: Vec<&str> = asff_type.split('/').collect();
    let full = match segments.iter().position(|segment| segment.contains(':')) {
        // The original is in the taxonomy as it is: `TTPs/PenTest:IAMUser/KaliLinux`.
        Some(at) if at + 1 < segments.len() => segments.get(at..).unwrap_or_default().join("/"),
        Some(_) => segments.last().copied().unwrap_or_default().to_owned(),
        None => match segments.as_slice() {
            [.., tactic, last] => format!("{}:{last}", tactic.replace(' ', "")),
            _ => asff_type.to_owned(),
        },
    };
    let full = if full.contains('/') { full } else { full.replacen('-', "/", 1) };
    let full = match segments.as_slice() {
        // `TTPs/AnomalousBehavior/CredentialAccess:Kubernetes-SecretsAccessed`: the behaviour moved in front.
        [.., moved, last] if moved.eq_ignore_ascii_case("AnomalousBehavior") && last.contains(':') => {
            full.replacen('/', "/AnomalousBehavior.", 1)
        }
        _ => full,
    };
    if letters(&full).as_deref() == Some("trojanec2dnsdataexfiltrationdns") {
        return "Trojan:EC2/DNSDataExfiltration".to_owned();
    }
    full.strip_suffix("-DNS").map_or_else(|| full.clone(), |stem| format!("{stem}!DNS"))
}

/// `Sample` at the top, or GuardDuty's own flag among `ProductFields`, whose values are all text.
fn is_sample(asff: &Value, product_fields: &Value) -> bool {
    let info = |name: &str| text(product_fields, &format!("aws/guardduty/service/additionalInfo/{name}"));
    let in_value = info("value").and_then(|json| serde_json::from_str::<Value>(json).ok());
    asff.get("Sample").and_then(Value::as_bool) == Some(true)
        || info("sample") == Some("true")
        || in_value.is_some_and(|value| value.get("sample").and_then(Value::as_bool) == Some(true))
}

/// In `Action`, and among `ProductFields`, whose names are paths of GuardDuty's finding.
fn remote_addresses(asff: &Value, product_fields: &Value) -> Vec<IpAddr> {
    let fields = product_fields.as_object().into_iter().flatten();
    let flat = fields
        .filter(|(name, _)| name.starts_with("aws/guardduty/service/action/"))
        .filter(|(name, _)| name.ends_with("/remoteIpDetails/ipAddressV4") || name.ends_with("/remoteIpDetails/ipAddressV6"))
        .filter_map(|(_, address)| address.as_str()?.parse().ok());
    let null = Value::Null;
    let action = asff.get("Action").unwrap_or(&null);
    let address = |of: &Value| of.pointer("/RemoteIpDetails/IpAddressV4")?.as_str()?.parse().ok();
    let kinds = ["NetworkConnectionAction", "AwsApiCallAction"];
    let direct = kinds.iter().filter_map(|kind| action.get(kind)).filter_map(address);
    let probes = list(action.get("PortProbeAction").unwrap_or(&null), "PortProbeDetails").filter_map(address);
    let mut found: Vec<IpAddr> = flat.chain(direct).chain(probes).collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// `Detection.Sequence.Actors[]` of an attack sequence.
fn actor((at, actor): (usize, &Value)) -> Option<Resource> {
    let user = actor.get("User").filter(|user| user.is_object())?;
    let kind = text(user, "Type").unwrap_or("");
    let credentials = Credentials::resolve(kind, text(user, "Name"), text(user, "Uid"), text(user, "CredentialUid"));
    let account = user.get("Account").and_then(|account| text(account, "Uid"));
    let field = format!("Detection.Sequence.Actors[{at}].User");
    Some(Resource::new(Named::Credentials(credentials), field).placed(None, account, None))
}

/// `AwsIamAccessKey` today, `AWSIAMAccessKey` and `AWS::IAM::AccessKey` in older and newer events; what the id tells of other words.
fn kind(resource: &Value) -> Option<Word> {
    word_or_of(text(resource, "Type").unwrap_or(""), text(resource, "Id").unwrap_or(""))
}

fn resource((at, resource): (usize, &Value)) -> Resource {
    let field = format!("Resources[{at}]");
    let of_bucket = || resource.pointer("/Details/AwsS3Bucket/Name").and_then(Value::as_str);
    // The placeholder has no form of anything.
    let id = text(resource, "Id").or_else(of_bucket).unwrap_or("(unnamed)");
    let tags = resource.get("Tags").and_then(Value::as_object).into_iter().flatten();
    let tags = tags.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect();
    let read = match kind(resource) {
        Some(Word::Key) => Resource::new(Named::Credentials(access_key(resource)), format!("{field}.Details.AwsIamAccessKey")),
        Some(word) => Resource::new(named(word, id), format!("{field}.Id")),
        None => Resource::other(TargetKind::Other, id, format!("{field}.Id")),
    };
    // A key tells its account among its details.
    let told = |path: &str| resource.pointer(path).and_then(Value::as_str);
    let of_key = told("/Details/AwsIamAccessKey/AccountId")
        .or_else(|| told("/Details/AwsIamAccessKey/SessionContext/SessionIssuer/AccountId"));
    let profile = told("/Details/AwsEc2Instance/IamInstanceProfileArn");
    read.placed(Some(id), of_key, text(resource, "Region")).tagged(tags).with_profile(profile)
}

/// More types than this name nothing.
const MAX_SPELLINGS: usize = 20;

fn access_key(resource: &Value) -> Credentials {
    let null = Value::Null;
    let details = resource.get("Details").and_then(|d| d.get("AwsIamAccessKey")).unwrap_or(&null);
    // Whose the session is: a role, for all that UserName may say.
    let issuer = details.pointer("/SessionContext/SessionIssuer").unwrap_or(&null);
    let typed = text(issuer, "Type").and(text(issuer, "UserName"));
    let name = name_among(&[text(details, "PrincipalName"), typed, text(details, "UserName"), text(issuer, "UserName")]);
    let of_id = text(resource, "Id").and_then(|id| id.rsplit([':', '/']).next());
    let is_key = |key: &&str| AccessKeyId::parse(key).is_ok();
    let key = [text(details, "AccessKeyId"), of_id].into_iter().flatten().find(is_key);
    let id = text(details, "PrincipalId").or_else(|| text(issuer, "PrincipalId"));
    // Older findings give UserName alone; that field is documented as an IAM user's name. A temporary key is a session's.
    let is_users = name == text(details, "UserName") && id.is_none() && !key.is_some_and(|key| key.starts_with("ASIA"));
    let kind = text(details, "PrincipalType").or_else(|| text(issuer, "Type"));
    Credentials::resolve(kind.unwrap_or(if is_users && name.is_some() { "IAMUser" } else { "" }), name, id, key)
}

#[cfg(test)]
mod tests {
    use super::original_type;

    #[test]
    fn guardduty_types_come_back_from_the_taxonomy() {
        for (asff, guardduty) in [
            ("TTPs/Credential Access/IAMUser-AnomalousBehavior", "CredentialAccess:IAMUser/AnomalousBehavior"),
            ("TTPs/Discovery/Recon:IAMUser-MaliciousIPCaller", "Recon:IAMUser/MaliciousIPCaller"),
            ("TTPs/UnauthorizedAccess:IAMUser-MaliciousIPCaller", "UnauthorizedAccess:IAMUser/MaliciousIPCaller"),
            (
                "Effects/Data Exfiltration/UnauthorizedAccess:IAMUser-InstanceCredentialExfiltration.OutsideAWS",
                "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS",
            ),
            ("TTPs/Command and Control/Backdoor:EC2-C&CActivity.B-DNS", "Backdoor:EC2/C&CActivity.B!DNS"),
            ("TTPs/Command and Control/Backdoor:EC2-C&CActivity.B!DNS", "Backdoor:EC2/C&CActivity.B!DNS"),
            ("TTPs/PenTest:IAMUser/KaliLinux", "PenTest:IAMUser/KaliLinux"),
            ("TTPs/AttackSequence:S3/CompromisedData", "AttackSequence:S3/CompromisedData"),
            (
                "TTPs/AnomalousBehavior/CredentialAccess:Kubernetes-SecretsAccessed",
                "CredentialAccess:Kubernetes/AnomalousBehavior.SecretsAccessed",
            ),
            ("TTPs/Command and Control/Trojan:EC2-DNSDataExfiltration!DNS", "Trojan:EC2/DNSDataExfiltration"),
            ("Software and Configuration Checks/Vulnerabilities/CVE", "Vulnerabilities:CVE"),
        ] {
            assert_eq!(original_type(asff), guardduty);
        }
    }
}
