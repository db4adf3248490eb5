//! The event rules, asked over the wire which events they take.

use super::{TestResult, stage};
use firebreak_testkit::fixture;
use serde_json::{Value, json};
use std::path::Path;

fn guardduty(severity: &Value, archived: Option<bool>) -> Value {
    let mut event = fixture::load("guardduty/exfiltration-iam-user").expect("fixture");
    event["detail"]["severity"] = severity.clone();
    match archived {
        Some(archived) => event["detail"]["service"]["archived"] = json!(archived),
        None => {
            event["detail"]["service"].as_object_mut().expect("an object").remove("archived");
        }
    }
    event
}

fn of_type(kind: &str, severity: f64) -> Value {
    let mut event = guardduty(&json!(severity), Some(false));
    event["detail"]["type"] = json!(kind);
    event
}

fn security_hub(findings: &[(&str, &str, &str, &str)]) -> Value {
    let finding = |(product, label, workflow, record): &(&str, &str, &str, &str)| {
        json!({"ProductArn": format!("arn:aws:securityhub:eu-central-1::product/aws/{product}"), "Severity": {"Label": label},
               "Workflow": {"Status": workflow}, "RecordState": record})
    };
    json!({"source": "aws.securityhub", "detail-type": "Security Hub Findings - Imported",
           "detail": {"findings": findings.iter().map(finding).collect::<Vec<_>>()}})
}

fn v2(severity: u8, status: u8) -> Value {
    json!({"source": "aws.securityhub", "detail-type": "Findings Imported V2",
           "detail": {"findings": [{"severity_id": severity, "status_id": status}]}})
}

fn other(source: &str, detail_type: &str, detail: &Value) -> Value {
    json!({"source": source, "detail-type": detail_type, "detail": detail})
}

#[tokio::test]
async fn each_rule_takes_what_it_is_for_and_nothing_else() -> TestResult {
    let stage = stage().await;
    let new = |product, label| (product, label, "NEW", "ACTIVE");
    let cases: Vec<(&str, Value, &[&str])> = vec![
        ("severity 7", guardduty(&json!(7), Some(false)), &["firebreak-guardduty"]),
        ("severity 8.0", guardduty(&json!(8.0), Some(false)), &["firebreak-guardduty"]),
        ("severity 9.5", guardduty(&json!(9.5), None), &["firebreak-guardduty"]),
        ("severity 6.9", guardduty(&json!(6.9), Some(false)), &[]),
        ("severity as text", guardduty(&json!("8"), Some(false)), &[]),
        ("archived", guardduty(&json!(8), Some(true)), &[]),
        ("trail off", of_type("Stealth:IAMUser/CloudTrailLoggingDisabled", 2.0), &["firebreak-guardduty-tampering"]),
        ("root used", of_type("Policy:IAMUser/RootCredentialUsage", 2.0), &["firebreak-guardduty-tampering"]),
        ("block off", of_type("Policy:S3/BucketBlockPublicAccessDisabled", 2.0), &["firebreak-guardduty-tampering"]),
        ("trail off, HIGH", of_type("Stealth:IAMUser/CloudTrailLoggingDisabled", 8.0), &["firebreak-guardduty"]),
        ("another LOW type", of_type("Recon:EC2/PortProbeUnprotectedPort", 2.0), &[]),
        ("Macie HIGH", security_hub(&[new("macie", "HIGH")]), &["firebreak-security-hub"]),
        ("Macie LOW", security_hub(&[new("macie", "LOW")]), &[]),
        ("GuardDuty's copy", security_hub(&[new("guardduty", "HIGH")]), &[]),
        ("suppressed", security_hub(&[("macie", "HIGH", "SUPPRESSED", "ACTIVE")]), &[]),
        ("our own workflow update", security_hub(&[("macie", "HIGH", "NOTIFIED", "ACTIVE")]), &[]),
        ("archived", security_hub(&[("macie", "HIGH", "NEW", "ARCHIVED")]), &[]),
        (
            "LOW and NEW beside HIGH and suppressed",
            security_hub(&[new("macie", "LOW"), ("macie", "HIGH", "SUPPRESSED", "ACTIVE")]),
            &[],
        ),
        ("LOW beside HIGH", security_hub(&[new("macie", "LOW"), new("inspector", "CRITICAL")]), &["firebreak-security-hub"]),
        ("V2 high", v2(4, 1), &["firebreak-security-hub-v2"]),
        ("V2 fatal", v2(6, 1), &["firebreak-security-hub-v2"]),
        ("V2 medium", v2(3, 1), &[]),
        ("V2 suppressed", v2(5, 3), &[]),
        ("exposed key", other("aws.health", "AWS Health Event", &json!({"service": "RISK"})), &["firebreak-health"]),
        ("abuse", other("aws.health", "AWS Health Abuse Event", &json!({"service": "ABUSE"})), &["firebreak-health"]),
        ("maintenance", other("aws.health", "AWS Health Event", &json!({"service": "EC2"})), &[]),
        ("scan result", other("aws.guardduty", "GuardDuty Malware Protection Object Scan Result", &json!({})), &[]),
        ("request", other("acme", "Firebreak Isolation Request", &json!({})), &["firebreak-isolation-request"]),
        ("request in AWS's name", other("aws.guardduty", "Firebreak Isolation Request", &json!({})), &[]),
    ];
    for (name, event, expected) in cases {
        assert_eq!(stage.matching_rules(&event).await?, expected, "{name}");
    }
    Ok(())
}

/// `FIREBREAK_PATTERNS` names a folder with recorded answers of AWS's own rule engine: patterns `p/*.json`, events `e/*.json` and
/// `results.csv` (pattern, event, answer). Where one of its patterns is one of ours, the answers must be ours.
#[tokio::test]
async fn the_rules_agree_with_the_recorded_answers_of_awss_engine() -> TestResult {
    let Ok(folder) = std::env::var("FIREBREAK_PATTERNS") else {
        println!("skipped: FIREBREAK_PATTERNS is not set");
        return Ok(());
    };
    let stage = stage().await;
    let pairs = [
        ("1b_guardduty_not_archived", "firebreak-guardduty"),
        ("2b_securityhub_without_guardduty", "firebreak-security-hub"),
        ("4b_securityhub_v2_id", "firebreak-security-hub-v2"),
    ];
    let mut compared = 0;
    for line in std::fs::read_to_string(Path::new(&folder).join("results.csv"))?.lines().skip(1) {
        let [pattern, event, answer, ..] = line.split(',').collect::<Vec<_>>()[..] else { continue };
        let Some((_, rule)) = pairs.iter().find(|(theirs, _)| *theirs == pattern) else { continue };
        let text = std::fs::read_to_string(Path::new(&folder).join(format!("e/{event}.json")))?;
        let takes = stage.matching_rules(&serde_json::from_str(&text)?).await?.iter().any(|name| name == rule);
        assert_eq!(takes, answer == "true", "{rule} and {event}");
        compared += 1;
    }
    println!("{compared} answers compared");
    assert!(compared > 60, "only {compared} answers compared");
    Ok(())
}
