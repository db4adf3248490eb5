//! The event rules, asked over the wire which events they take.

use super::triage::stage_with_policy;
use super::{TestResult, stage};
use crate::doctor::{attention, doctor};
use firebreak::arrival::rule_of;
use firebreak::playbook::Playbook;
use firebreak::policy::Policy;
use firebreak_testkit::{SECURITY_ACCOUNT, fixture};
use serde_json::{Value, json};
use std::collections::BTreeMap;
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

/// A posture control of this product, as it is imported.
fn control(product: &str) -> Value {
    let mut event = security_hub(&[(product, "HIGH", "NEW", "ACTIVE")]);
    event["detail"]["findings"][0]["Compliance"] = json!({"Status": "FAILED", "SecurityControlId": "S3.1"});
    event
}

fn v2_of_class(class: u32) -> Value {
    let mut event = v2(4, 1);
    event["detail"]["findings"][0]["class_uid"] = json!(class);
    event["detail"]["findings"][0]["metadata"] =
        json!({"product": {"uid": "arn:aws:securityhub:eu-central-1::productv2/aws/securityhub"}});
    event
}

/// The result of a malware scan.
fn scan(status: &str) -> Value {
    let detail = json!({"scanStatus": "COMPLETED", "scanResultDetails": {"scanResultStatus": status}});
    other("aws.guardduty", "GuardDuty Malware Protection Object Scan Result", &detail)
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
        ("a listed type, 6.9", guardduty(&json!(6.9), Some(false)), &["firebreak-guardduty-e"]),
        ("a listed type, archived", guardduty(&json!(6.9), Some(true)), &[]),
        ("a new type, 6.9", of_type("Invented:EC2/Thing", 6.9), &[]),
        ("a new type, 7", of_type("Invented:EC2/Thing", 7.0), &["firebreak-guardduty"]),
        ("severity as text", guardduty(&json!("8"), Some(false)), &[]),
        ("archived", guardduty(&json!(8), Some(true)), &[]),
        ("trail off", of_type("Stealth:IAMUser/CloudTrailLoggingDisabled", 2.0), &["firebreak-guardduty-r"]),
        ("root used", of_type("Policy:IAMUser/RootCredentialUsage", 2.0), &["firebreak-guardduty-po"]),
        ("block off", of_type("Policy:S3/BucketBlockPublicAccessDisabled", 2.0), &["firebreak-guardduty-po"]),
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
        ("a control", control("securityhub"), &[]),
        ("a control, V2", v2_of_class(2003), &[]),
        ("a detection, V2", v2_of_class(2004), &["firebreak-security-hub-v2"]),
        ("V2 medium", v2(3, 1), &[]),
        ("V2 suppressed", v2(5, 3), &[]),
        ("exposed key", other("aws.health", "AWS Health Event", &json!({"service": "RISK"})), &["firebreak-health"]),
        ("abuse", other("aws.health", "AWS Health Abuse Event", &json!({"service": "ABUSE"})), &["firebreak-health"]),
        ("maintenance", other("aws.health", "AWS Health Event", &json!({"service": "EC2"})), &[]),
        ("malware", scan("THREATS_FOUND"), &["firebreak-malware-scan"]),
        ("no malware", scan("NO_THREATS_FOUND"), &[]),
        ("a scan that failed", scan("FAILED"), &[]),
        ("request", other("acme", "Firebreak Isolation Request", &json!({})), &["firebreak-isolation-request"]),
        ("request in AWS's name", other("aws.guardduty", "Firebreak Isolation Request", &json!({})), &[]),
    ];
    for (name, event, expected) in cases {
        assert_eq!(stage.matching_rules(&event).await?, expected, "{name}");
    }
    Ok(())
}

/// Every type of the playbook, as GuardDuty usually rates it and as low as it can: the rule that the plan promises takes the event,
/// and no other one does.
#[tokio::test]
async fn every_row_is_reached_by_the_rule_that_is_deployed() -> TestResult {
    let stage = stage().await;
    let (playbook, policy) = (Playbook::shipped(), Policy::unrestricted());
    let mut patterns: BTreeMap<String, String> = BTreeMap::new();
    let events = aws_sdk_eventbridge::Client::new(stage.config());
    for rule in events.list_rules().name_prefix("firebreak-guardduty").send().await?.rules() {
        patterns.extend(rule.name().zip(rule.event_pattern()).map(|(name, pattern)| (name.to_owned(), pattern.to_owned())));
    }
    assert!(patterns.len() > 5, "{patterns:?}");
    let takes = async |pattern: &str, event: &Value| {
        let mut event = event.clone();
        for (field, value) in
            [("id", "x"), ("account", SECURITY_ACCOUNT), ("region", "eu-central-1"), ("time", "2026-11-20T02:05:00Z")]
        {
            event[field] = value.into();
        }
        event["resources"] = json!([]);
        let answer = events.test_event_pattern().event_pattern(pattern).event(event.to_string()).send().await;
        answer.map(|answer| answer.result)
    };
    for kind in playbook.types().filter(|kind| kind.contains(':') && kind.contains('/')) {
        for severity in [1.0, 6.9, 8.0] {
            let event = of_type(kind, severity);
            let promised = rule_of(kind, severity, &policy, playbook).map(|stem| format!("firebreak-{stem}"));
            for other in patterns.keys().filter(|name| promised.as_ref() == Some(*name) || name.as_str() == "firebreak-guardduty")
            {
                let taken = takes(&patterns[other], &event).await?;
                assert_eq!(taken, promised.as_ref() == Some(other), "{kind} at {severity}: {other}");
            }
            assert!(promised.is_none_or(|name| patterns.contains_key(&name)), "{kind}: its rule is not deployed");
        }
    }
    Ok(())
}

/// A row that a customer adds has its event rule with it, and doctor says so where the deployment is of another policy.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "here somebody else than Firebreak acts")]
async fn a_row_of_the_policy_arrives_whatever_its_severity() -> TestResult {
    let row = "[finding.\"Custom:IAMUser/Ours\"]\ncontain = { quarantine-iam = \"gate\" }\nauto_below = true\nbelow_why = \"x\"\nwhy = \"x\"\n";
    let listed = "[security_hub]\nproducts = [\"aws/guardduty\", \"aws/securityhub\"]\n";
    let stage = stage_with_policy(&format!("[accounts.{SECURITY_ACCOUNT}]\nmode = \"auto\"\n{row}{listed}")).await;
    assert_eq!(stage.matching_rules(&control("securityhub")).await?, ["firebreak-security-hub-own"]);
    assert_eq!(stage.matching_rules(&control("config")).await?, [""; 0], "a product that is not listed");
    assert_eq!(stage.matching_rules(&v2_of_class(2003)).await?, ["firebreak-security-hub-v2-own"]);
    let event = of_type("Custom:IAMUser/Ours", 2.0);
    assert_eq!(stage.matching_rules(&event).await?, ["firebreak-guardduty-own-1"]);
    let missed = |stage| -> firebreak_drill::Result<Vec<String>> {
        let seen = attention(&doctor(stage, true)?.1)?;
        Ok(seen.into_iter().filter(|seen| seen.contains("guardduty-own")).collect())
    };
    assert_eq!(missed(&stage)?, [""; 0]);
    let events = aws_sdk_eventbridge::Client::new(stage.config());
    events.disable_rule().name("firebreak-guardduty-own-1").send().await?;
    assert_eq!(missed(&stage)?, ["event-rule: firebreak-guardduty-own-1"]);
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
