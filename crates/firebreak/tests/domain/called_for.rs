//! What GuardDuty's own finding must say before an event may have something contained at once.

use firebreak::decision::Mode;
use firebreak::finding;
use firebreak::plan::{AtSource, Circumstances, Plan, plan};
use firebreak::policy::Policy;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

const NOW: Timestamp = Timestamp::constant(1_795_226_400, 0);

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/findings")
}

fn fixture(name: &str) -> Value {
    let text = std::fs::read_to_string(fixtures().join(format!("{name}.json"))).expect("a fixture");
    serde_json::from_str(&text).expect("JSON")
}

/// Every event of a folder that is a GuardDuty finding in its own form, with its file.
fn native(folder: &str) -> Vec<(PathBuf, Value)> {
    let files =
        std::fs::read_dir(fixtures().join(folder)).expect("the folder exists").map(|entry| entry.expect("readable").path());
    let events = files.map(|file| {
        let event: Value = serde_json::from_slice(&std::fs::read(&file).expect("readable")).expect("JSON");
        (file, event)
    });
    events.filter(|(_, event)| event["detail-type"] == "GuardDuty Finding").collect()
}

fn decided(event: &Value) -> Plan {
    let policy = Policy::parse("default_mode = \"auto\"\nauto_from = \"low\"\nsamples = \"respond\"\n").expect("a policy");
    plan(event, &Circumstances { at_source: AtSource::Active, ..Circumstances::new(&policy, NOW) })
}

/// The plan of a finding as `GetFindings` answers with it.
fn at_source(detail: &Value) -> Plan {
    let answer = json!({ "findings": [detail] }).to_string();
    let mut events = finding::events(answer.as_bytes()).expect("an answer");
    decided(&events.remove(0).expect("a finding"))
}

fn at_once(plan: &Plan) -> usize {
    plan.decisions.iter().filter(|decision| decision.mode == Mode::Auto).count()
}

#[test]
fn whatever_is_contained_at_once_is_called_for_by_guarddutys_own_finding() {
    let mut contained = 0;
    for (file, event) in ["guardduty", "types", "scenarios"].into_iter().flat_map(native) {
        let plan = decided(&event);
        assert!(plan.is_called_for_by(&at_source(&event["detail"])), "{}", file.display());
        contained += usize::from(at_once(&plan) > 0);
    }
    assert!(contained > 50, "only {contained} fixtures are contained at once");
}

#[test]
fn a_finding_that_came_through_security_hub_is_called_for_by_guarddutys_form_of_it() {
    let native = fixture("guardduty/instance-credential-exfiltration");
    let detail = &native["detail"];
    let key = &detail["resource"]["accessKeyDetails"];
    let mut asff = fixture("security-hub/guardduty-through-security-hub");
    let copy = &mut asff["detail"]["findings"][0];
    copy["Id"] = detail["arn"].clone();
    copy["Resources"] = json!([{ "Type": "AwsIamAccessKey", "Id": key["accessKeyId"], "Details": { "AwsIamAccessKey": {
        "PrincipalId": key["principalId"], "PrincipalName": key["userName"], "PrincipalType": key["userType"] } } }]);
    let ocsf = json!({ "source": "aws.securityhub", "detail-type": "Findings Imported V2", "detail": { "findings": [{
        "class_uid": 2004, "activity_id": 1, "severity_id": 4, "status_id": 1,
        "metadata": { "product": { "uid": "arn:aws:securityhub:eu-central-1::productv2/aws/guardduty" } },
        "finding_info": { "uid": detail["arn"], "types": ["Threats", detail["type"]] },
        "cloud": { "account": { "uid": detail["accountId"] }, "region": "eu-central-1", "cloud_partition": "aws" },
        "resources": [{ "type": "AWS::IAM::AccessKey", "uid": key["accessKeyId"], "data": { "user_name": key["userName"],
            "user_type": key["userType"], "principal_id": key["principalId"], "access_key_id": key["accessKeyId"] } }] }] } });
    for event in [asff, ocsf] {
        let plan = decided(&event);
        assert!(at_once(&plan) > 0, "{plan:?}");
        assert!(plan.is_called_for_by(&at_source(detail)), "{plan:?}");
    }
}

#[test]
fn another_target_severity_role_or_tag_under_a_true_id_is_not_called_for() {
    let shared = json!([{ "key": "eks:cluster-name", "value": "prod" }]);
    for (name, field, truth) in [
        ("guardduty/exfiltration-iam-user", "/resource/accessKeyDetails/userName", json!("the-true-user")),
        ("guardduty/exfiltration-iam-user", "/resource/accessKeyDetails/principalId", json!("AIDAEXAMPLETHETRUEONE")),
        ("guardduty/exfiltration-iam-user", "/resource/accessKeyDetails/accessKeyId", json!("AKIAEXAMPLETRUEKEY01")),
        ("guardduty/exfiltration-iam-user", "/type", json!("Recon:IAMUser/UserPermissions")),
        ("guardduty/instance-credential-exfiltration", "/resource/accessKeyDetails/userName", json!("the-true-role")),
        ("guardduty/bitcoin-tool", "/resource/instanceDetails/instanceId", json!("i-0123456789abcdef0")),
        ("guardduty/bitcoin-tool", "/resource/instanceDetails/tags", shared),
        ("guardduty/bitcoin-tool", "/accountId", json!("444455556666")),
        ("guardduty/bitcoin-tool", "/region", json!("eu-west-1")),
        ("guardduty/bucket-anonymous-access", "/resource/s3BucketDetails/0/name", json!("the-true-bucket")),
        ("guardduty/ssh-brute-force-actor", "/service/resourceRole", json!("TARGET")),
    ] {
        let event = fixture(name);
        let mut detail = event["detail"].clone();
        *detail.pointer_mut(field).expect(field) = truth;
        let plan = decided(&event);
        assert!(at_once(&plan) > 0, "{field}: {plan:?}");
        let known = at_source(&detail);
        assert!(!plan.is_called_for_by(&known), "{field}: {known:?}");
    }
    let event = fixture("guardduty/exfiltration-iam-user");
    let policy = Policy::parse("default_mode = \"auto\"\nauto_from = \"high\"\n").expect("a policy");
    let under = |event: &Value| plan(event, &Circumstances { at_source: AtSource::Active, ..Circumstances::new(&policy, NOW) });
    let mut mild = event.clone();
    mild["detail"]["severity"] = json!(2.0);
    assert!(under(&event).is_called_for_by(&under(&event)) && !under(&event).is_called_for_by(&under(&mild)));
}

#[test]
fn what_waits_for_a_person_anyway_needs_no_word_of_guardduty() {
    let event = fixture("guardduty/exfiltration-assumed-role");
    let plan = decided(&event);
    assert_eq!(at_once(&plan), 0, "{plan:?}");
    assert!(plan.is_called_for_by(&at_source(&fixture("guardduty/bitcoin-tool")["detail"])));
}
