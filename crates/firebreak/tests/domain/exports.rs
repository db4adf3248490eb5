//! Findings as people export them are decided like the events that EventBridge made of them.

use crate::traps::fixture;
use firebreak::plan::{Circumstances, Plan, plan, plan_file};
use firebreak::policy::Policy;
use serde_json::{Value, json};

const NOW: jiff::Timestamp = jiff::Timestamp::constant(1_795_946_400, 0);

fn of(bytes: &[u8]) -> Plan {
    plan_file(bytes, &Circumstances::new(&Policy::unrestricted(), NOW)).expect("it can be read")
}

fn whole(event: &Value) -> Plan {
    plan(event, &Circumstances::new(&Policy::unrestricted(), NOW))
}

/// As the API of GuardDuty names its fields.
fn pascal(value: Value) -> Value {
    let capital = |name: &str| name.split_at(1).0.to_ascii_uppercase() + name.split_at(1).1;
    match value {
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (capital(&name), pascal(value))).collect(),
        Value::Array(items) => items.into_iter().map(pascal).collect(),
        other => other,
    }
}

/// What decides about a finding, without what only an envelope knows.
fn decided(plan: &Plan) -> (&str, Vec<Value>) {
    (plan.dedupe_key.as_str(), plan.decisions.iter().map(|decision| json!(decision)).collect())
}

#[test]
fn a_finding_of_guardduty_is_the_same_in_every_form() {
    for name in ["guardduty/exfiltration-iam-user", "guardduty/bitcoin-tool", "guardduty/exfiltration-s3"] {
        let event = fixture(&format!("{name}.json"));
        let (as_event, detail) = (whole(&event), event["detail"].clone());
        assert!(!as_event.decisions.is_empty(), "{name}");
        let api = pascal(detail.clone());
        for form in [
            detail.clone(),
            api.clone(),
            json!([detail]),
            json!({ "Findings": [api] }),
            json!({ "findings": [detail], "NextToken": "" }),
            json!([event]),
        ] {
            assert_eq!(decided(&of(form.to_string().as_bytes())), decided(&as_event), "{name}: {form}");
        }
        let pretty = serde_json::to_vec_pretty(&json!({ "Findings": [api] })).expect("JSON");
        assert_eq!(decided(&of(&pretty)), decided(&as_event));
    }
}

#[test]
fn a_finding_of_security_hub_needs_no_envelope() {
    for name in ["cases/07-asff-no-principaltype", "cases/03-ocsf-akia-no-user"] {
        let event = fixture(&format!("{name}.json"));
        let finding = event["detail"]["findings"][0].clone();
        for form in [finding.clone(), json!({ "Findings": [finding] }), json!([finding])] {
            let (from_form, from_event) = (of(form.to_string().as_bytes()), whole(&event));
            assert_eq!(json!(from_form.decisions), json!(from_event.decisions), "{name}");
            assert!(!from_form.decisions.is_empty(), "{name}");
        }
    }
}

#[test]
fn of_many_findings_each_is_decided_by_itself_and_none_is_dropped() {
    let one = fixture("guardduty/bitcoin-tool.json")["detail"].clone();
    let line = |at: usize| {
        let mut finding = one.clone();
        finding["arn"] = json!(format!("arn:aws:guardduty:eu-central-1:111122223333:detector/d/finding/{at}"));
        finding["resource"]["instanceDetails"]["instanceId"] = json!(format!("i-{at:017x}"));
        finding.to_string()
    };
    let lines: Vec<String> = (0..1000).map(line).collect();
    for end in ["\n", "\r\n", "\n\n"] {
        let plan = of((lines.join(end) + end).as_bytes());
        assert_eq!((plan.findings.len(), plan.decisions.len()), (1000, 1000));
        assert!(plan.findings.iter().all(|part| part.decisions.len() == 1));
    }
}

#[test]
fn a_line_that_cannot_be_read_is_named_and_one_that_cannot_be_trusted_is_told() {
    let line = fixture("guardduty/bitcoin-tool.json")["detail"].to_string();
    let refused = |bytes: &str| {
        let policy = Policy::unrestricted();
        plan_file(bytes.as_bytes(), &Circumstances::new(&policy, NOW)).expect_err("no JSON").to_string()
    };
    assert!(refused(&format!("{line}\n{{\"a\": \n{line}")).contains("line 2"));
    assert!(refused("{\"a\":1}}").contains("line 1"), "one line is no list of lines");
    assert!(refused("{\n  \"a\": 1,\n}").contains("line 3"), "a broken object is no list of lines");
    assert!(refused(&format!("\u{feff}{line}")).contains("line 1"));
    let twice = line.replacen("\"type\"", "\"type\":\"X\",\"type\"", 1);
    let plan = of(format!("{line}\n{twice}\n").as_bytes());
    assert_eq!(plan.findings.len(), 2);
    assert!(plan.findings[1].decisions.is_empty());
    assert!(plan.findings[1].reason.as_ref().is_some_and(|reason| reason.contains("twice")), "{plan:?}");
}

#[test]
fn what_is_no_finding_is_told_and_an_export_asks_for_nothing() {
    let request = crate::traps::request(&json!({ "kind": "iam-user", "id": "alice", "account": "111122223333" }));
    for form in
        [json!({}), json!([]), json!(7), json!({ "findings": [] }), json!({ "Findings": [7, "x"] }), request["detail"].clone()]
    {
        let plan = of(form.to_string().as_bytes());
        assert!(plan.decisions.is_empty() && plan.reason.is_some(), "{form}: {plan:?}");
    }
}
