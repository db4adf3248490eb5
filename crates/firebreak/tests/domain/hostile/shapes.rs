//! Events of an odd form: fields that are missing, malformed, repeated, or in another dialect.

use super::events::{bytes, event, set, with, without};
use super::plans::{INSTANCE, LEAKED_BY, ROLE, USER, asked, contains, decided, is_iam, never, of, only_told, raw, responds};
use firebreak::finding::{SeverityBand, split};
use firebreak::plan::Plan;
use serde_json::{Value, json};

#[test]
fn shape_what_is_missing_or_malformed_is_told_to_a_person() {
    for (case, why) in [
        ("H07", "values no program can hold"),
        ("H08", "GetFindings form"),
        ("H12", "same field twice"),
        ("H13", "nested too deeply"),
        ("H14", "no detail object"),
        ("H15", "no findings"),
    ] {
        only_told(case, &raw(case), why);
    }
    assert_eq!(raw("H03").finding.finding_type.as_deref(), Some("NewTactic:Quantum/Thing"), "people must see the type");
    assert!(raw("H04").finding.finding_type.is_some_and(|kind| kind.chars().count() == 129), "10 kB are cut to 128 and a mark");
    // GuardDuty rates them HIGH: a person is asked about what could not be understood.
    for case in ["H01", "H02", "H03", "H04", "H52", "H61"] {
        asked(case, &raw(case));
    }
    for kind in [json!(""), json!("garbage"), json!(null), json!({})] {
        asked("H04", &of(&with("H04", "/detail/type", kind)));
    }
    // Below HIGH people are told what was not understood.
    let medium = |case: &str| of(&set(event(case), "/detail/severity", json!(5.0)));
    only_told("H03", &medium("H03"), "no row");
    only_told("H52", &medium("H52"), "no valid instance");
    for severity in [json!(-1), json!(99), json!(10.1), json!("NaN"), json!("inf"), json!("high"), json!(null), json!([8])] {
        only_told("H07", &of(&with("H70", "/detail/severity", severity)), "severity");
    }
    for detail in [json!({"findings": []}), json!([]), json!(null), json!(7)] {
        only_told("H14", &of(&set(event("H70"), "/detail", detail)), "");
    }
    for id in [json!(""), json!("i-"), json!("i-0e9c8d0711dd6803b; rm"), json!(null), json!(["i-0e9c8d0711dd6803b"])] {
        asked("H52", &of(&with("H56", "/detail/resource/instanceDetails/instanceId", id)));
    }
    asked("H60", &of(&without("H60", "/detail/service/detection")));
}

#[test]
fn shape_what_is_odd_and_clear_is_read() {
    for case in ["H05", "H06", "H09", "H10"] {
        responds(case, &raw(case), &[USER]);
    }
    responds("H11", &raw("H11"), &[INSTANCE]);
    for (severity, band) in [
        (json!(8), SeverityBand::High),
        (json!(8.0), SeverityBand::High),
        (json!(8.9), SeverityBand::High),
        (json!(9), SeverityBand::Critical),
        (json!(9.5), SeverityBand::Critical),
        (json!("8"), SeverityBand::High),
    ] {
        let plan = of(&with("H06", "/detail/severity", severity.clone()));
        assert_eq!(plan.finding.severity_band, Some(band), "H06: {severity}");
    }
    assert_eq!(raw("H09"), raw("H70"), "H09: fields nobody knows change nothing");
    for time in [json!("2025-02-25 20:40:06.721"), json!(null), json!(1_770_000_000.5), json!("yesterday")] {
        let plan = of(&with("H10", "/detail/updatedAt", time.clone()));
        responds("H10", &plan, &[USER]);
        assert_eq!(plan.finding.updated_at, None, "H10: {time} has no place in an order of versions");
        let workload = of(&with("H58", "/detail/resource/eksClusterDetails/createdAt", time));
        assert_eq!(decided(&workload), decided(&raw("H58")), "H10");
    }
    for field in ["platform", "outpostArn", "networkInterfaces", "tags", "iamInstanceProfile"] {
        let event = with("H11", &format!("/detail/resource/instanceDetails/{field}"), json!(null));
        responds("H11", &of(&event), &[INSTANCE]);
    }
    let nested = |depth| (0..depth).fold(json!(1), |inner, _| json!([inner]));
    responds("H13", &of(&with("H70", "/detail/service/additionalInfo", nested(100))), &[USER]);
    responds("H60", &raw("H60"), &["quarantine-iam auto iam-user svc-3e8699"]);
    let twice = String::from_utf8(bytes("H12")).expect("UTF-8").replacen("\"type\"", "\"was\"", 1);
    assert_ne!(of(&serde_json::from_str(&twice).expect("JSON")).reason, raw("H12").reason, "H12: only the repetition is refused");
}

#[test]
fn shape_each_finding_of_an_event_is_decided_by_itself() {
    let text = String::from_utf8(bytes("H16")).expect("UTF-8");
    let parts: Vec<Plan> = split(&text).iter().map(|one| of(&serde_json::from_str(one).expect("JSON"))).collect();
    assert_eq!(parts.len(), 3, "H16: never only the first");
    responds("H16", &parts[0], &[ROLE, LEAKED_BY]);
    only_told("H16", &parts[1], "severity LOW");
    responds("H16", &parts[2], &[ROLE, LEAKED_BY]);
    let accounts: Vec<_> = parts.iter().filter_map(|plan| Some(plan.decisions.first()?.target.account.as_str())).collect();
    assert_eq!(accounts, ["111122223333", "444455556666"], "H16: each in its own account");
    let mut keys: Vec<_> = parts.iter().map(|plan| &plan.dedupe_key).collect();
    keys.dedup();
    assert_eq!(keys.len(), 3, "H16");
    // An event that reaches triage whole is decided the same.
    let whole = raw("H16");
    assert_eq!((whole.decisions.len(), whole.findings.len()), (4, 3), "H16");
    assert!(parts.iter().all(|part| part.dedupe_key != whole.dedupe_key), "H16: one of them must not hide the others");
}

#[test]
fn shape_security_hub_s_severity_is_the_label_s_or_derived() {
    let severity = |severity: Value| of(&with("H20", "/detail/findings/0/Severity", severity));
    responds("H20", &raw("H20"), &[ROLE, LEAKED_BY]);
    for (normalized, band) in [
        (0, SeverityBand::Low),
        (39, SeverityBand::Low),
        (40, SeverityBand::Medium),
        (69, SeverityBand::Medium),
        (70, SeverityBand::High),
        (89, SeverityBand::High),
        (90, SeverityBand::Critical),
        (100, SeverityBand::Critical),
    ] {
        let plan = severity(json!({"Normalized": normalized}));
        assert_eq!(plan.finding.severity_band, Some(band), "H20: {normalized}");
    }
    only_told("H20", &severity(json!({"Normalized": 101})), "severity");
    only_told("H20", &severity(json!({})), "severity");
    only_told("H21", &raw("H21"), "severity MEDIUM: below HIGH");
    responds("H21", &severity(json!({"Label": "HIGH", "Product": 2, "Normalized": 40})), &[ROLE, LEAKED_BY]);
    only_told("H21", &severity(json!({"Label": "LOW", "Product": 9.5, "Normalized": 100})), "severity LOW");
}

#[test]
fn shape_what_has_no_containment_is_named_for_people() {
    for (case, expected) in [
        ("H57", "by-hand gate rds-database arn:aws:rds:eu-central-1:111122223333:db:orders"),
        ("H58", "by-hand gate eks-workload prod-eks/default/web"),
        ("H59", "by-hand gate ecs-task arn:aws:ecs:eu-central-1:111122223333:task/prod/1d840f2e366d860f7681945df0177f45"),
    ] {
        let plan = raw(case);
        responds(case, &plan, &[expected]);
        never(case, &plan, is_iam);
        never(case, &plan, contains);
        assert!(plan.decisions[0].by_hand.is_some(), "{case}: nobody says what to do");
    }
    let as_iam_user = with("H57", "/detail/resource/rdsDbUserDetails/userType", json!("IAMUser"));
    never("H57", &of(&as_iam_user), is_iam);
    let v2 = raw("H62");
    responds("H62", &v2, &[LEAKED_BY]);
    assert_eq!(v2.finding.finding_type.as_deref(), Some("Trojan:EC2/DNSDataExfiltration"), "H62: the original type");
}
