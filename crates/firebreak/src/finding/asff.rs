//! Security Hub's ASFF: `detail.findings[]`, PascalCase.
//!
//! The principal comes from `Details.AwsIamAccessKey`, never from splitting a resource id at `/`: on real findings that id is
//! `AWS::IAM::AccessKey:ASIA…` or even `AWS::IAM::AccessKey:null`.

use super::{Bucket, Credentials, Finding, Read, SeverityBand, Source, credentials, text};
use crate::ids::{AccountId, BucketName, InstanceId, Partition, Region};
use serde_json::Value;

pub(super) fn read(detail: &Value) -> Read {
    match detail.get("findings").and_then(Value::as_array) {
        Some(findings) if !findings.is_empty() => Read::Findings(findings.iter().map(finding).collect()),
        _ => Read::Unreadable("the Security Hub event carries no findings"),
    }
}

fn finding(asff: &Value) -> Finding {
    let resources: Vec<&Value> = asff.get("Resources").and_then(Value::as_array).into_iter().flatten().collect();
    let of_type = |kind: &'static str| resources.iter().copied().filter(move |r| text(r, "Type") == Some(kind));
    let (severity, band) = severity(asff.get("Severity").unwrap_or(&Value::Null));
    Finding {
        source: Source::SecurityHub,
        id: id(asff),
        finding_type: asff
            .get("Types")
            .and_then(Value::as_array)
            .and_then(|t| t.first())
            .and_then(Value::as_str)
            .map(original_type),
        severity,
        band,
        account: text(asff, "AwsAccountId").and_then(|s| AccountId::parse(s).ok()),
        region: text(asff, "Region")
            .or_else(|| resources.first().and_then(|r| text(r, "Region")))
            .or_else(|| text(asff, "ProductArn").and_then(|arn| arn.split(':').nth(3)))
            .and_then(|s| Region::parse(s).ok()),
        partition: Partition::parse(text(asff, "ProductArn").and_then(|arn| arn.split(':').nth(1)).unwrap_or("aws")).ok(),
        vouched: is_guardduty(asff),
        title: text(asff, "Title").map(str::to_owned),
        settled: is_settled(asff),
        sample: asff.get("ProductFields").and_then(|fields| text(fields, "aws/guardduty/service/additionalInfo/sample"))
            == Some("true"),
        resource_role: None,
        credentials: of_type("AwsIamAccessKey").next().map(access_key),
        instance: of_type("AwsEc2Instance").next().and_then(instance),
        buckets: of_type("AwsS3Bucket").map(bucket).collect(),
    }
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
    let band = match text(severity, "Label") {
        Some("CRITICAL") => Some(SeverityBand::Critical),
        Some("HIGH") => Some(SeverityBand::High),
        Some("MEDIUM") => Some(SeverityBand::Medium),
        Some("LOW" | "INFORMATIONAL") => Some(SeverityBand::Low),
        _ => normalized.and_then(|n| SeverityBand::of(n / 10.0)),
    };
    (number, band)
}

/// Only NEW and ACTIVE findings call for action. Our own workflow updates come back as events, too.
fn is_settled(asff: &Value) -> bool {
    let status = asff.get("Workflow").and_then(|w| text(w, "Status"));
    matches!(status, Some("SUPPRESSED" | "RESOLVED" | "NOTIFIED")) || text(asff, "RecordState") == Some("ARCHIVED")
}

/// Restores GuardDuty's type from ASFF's taxonomy form.
///
/// `TTPs/Credential Access/IAMUser-AnomalousBehavior` was `CredentialAccess:IAMUser/AnomalousBehavior`;
/// `Effects/Data Exfiltration/UnauthorizedAccess:IAMUser-X` was `UnauthorizedAccess:IAMUser/X`.
fn original_type(asff_type: &str) -> String {
    let segments: Vec<&str> = asff_type.split('/').collect();
    let last = segments.last().copied().unwrap_or_default();
    let tactic = segments.len().checked_sub(2).and_then(|i| segments.get(i)).map(|s| s.replace(' ', ""));
    let full = match (last.contains(':'), tactic) {
        (false, Some(tactic)) => format!("{tactic}:{last}"),
        _ => last.to_owned(),
    };
    let full = full.replacen('-', "/", 1);
    full.strip_suffix("-DNS").map_or_else(|| full.clone(), |stem| format!("{stem}!DNS"))
}

fn access_key(resource: &Value) -> Credentials {
    let null = Value::Null;
    let details = resource.get("Details").and_then(|d| d.get("AwsIamAccessKey")).unwrap_or(&null);
    let name = text(details, "PrincipalName").or_else(|| text(details, "UserName"));
    // Older findings give UserName alone; that field is documented as an IAM user's name.
    let kind = text(details, "PrincipalType").unwrap_or(if text(details, "UserName").is_some() { "IAMUser" } else { "" });
    let key = text(details, "AccessKeyId").or_else(|| text(resource, "Id").and_then(|id| id.rsplit(':').next()));
    credentials(kind, name, text(details, "PrincipalId"), key)
}

fn instance(resource: &Value) -> Option<InstanceId> {
    let arn = text(resource, "Id")?;
    let mut parts = arn.splitn(6, ':');
    let (service, name) = (parts.nth(2)?, parts.nth(2)?);
    (service == "ec2").then(|| name.strip_prefix("instance/")).flatten().and_then(|id| InstanceId::parse(id).ok())
}

fn bucket(resource: &Value) -> Bucket {
    let name = text(resource, "Id").and_then(|arn| arn.split_once(":s3:::")).map(|(_, name)| name);
    Bucket { name: name.and_then(|name| BucketName::parse(name).ok()), at_risk: true }
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
        ] {
            assert_eq!(original_type(asff), guardduty);
        }
    }
}
