//! Which part of a principal a finding accuses, and whose an access key is.

use firebreak::ids::{AccessKeyId, IamName, PrincipalId};
use firebreak::plan::{AtSource, Circumstances, Identities, Owner, Plan, Question, plan};
use firebreak::policy::Policy;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::path::Path;

const NOW: Timestamp = Timestamp::constant(1_795_226_400, 0);

fn fixture(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/findings").join(format!("{name}.json"));
    serde_json::from_str(&std::fs::read_to_string(path).expect("a fixture")).expect("JSON")
}

fn role_session(role: &str, session: &str) -> Value {
    let mut event = fixture("guardduty/exfiltration-assumed-role");
    event["detail"]["resource"]["accessKeyDetails"] = json!({ "accessKeyId": "ASIAEXAMPLESESSION01",
        "principalId": format!("AROAEXAMPLEROLE000001:{session}"), "userName": role, "userType": "AssumedRole" });
    event
}

fn decided(event: &Value, policy: &str, identities: Option<&Identities>) -> Plan {
    let policy = Policy::parse(&format!("default_mode = \"auto\"\nauto_from = \"low\"\nsamples = \"respond\"\n{policy}"))
        .expect("a policy");
    let circumstances = Circumstances { at_source: AtSource::Active, identities, ..Circumstances::new(&policy, NOW) };
    plan(event, &circumstances)
}

/// One line per decision: containment, mode, and the target in words.
fn lines(plan: &Plan) -> Vec<String> {
    let what = |d: &firebreak::decision::Decision| d.containment.map_or("by-hand".to_owned(), |c| c.to_string());
    plan.decisions.iter().map(|d| format!("{} {} {}", what(d), d.mode.name(), d.target)).collect()
}

fn plain(event: &Value, policy: &str) -> Vec<String> {
    lines(&decided(event, policy, None))
}

#[test]
fn a_session_that_aws_named_is_denied_alone() {
    let event = role_session("web-role", "i-0123456789abcdef0");
    let plan = decided(&event, "[roles]\nalso = \"role\"", None);
    assert_eq!(lines(&plan), ["quarantine-iam auto session i-0123456789abcdef0 of IAM role web-role"]);
    assert!(!plan.decisions[0].reason.contains("the caller chose"), "{}", plan.decisions[0].reason);
}

#[test]
fn a_session_whose_name_somebody_chose_waits_and_people_know_why() {
    let event = role_session("deploy", "mallory");
    let plan = decided(&event, "", None);
    assert_eq!(lines(&plan), ["quarantine-iam gate session mallory of IAM role deploy"]);
    assert!(plan.decisions[0].reason.contains("the caller chose the session's name"), "{}", plan.decisions[0].reason);
    assert_eq!(
        plain(&event, "[roles]\nalso = \"older-sessions\""),
        ["quarantine-iam gate session mallory of IAM role deploy", "quarantine-iam gate older sessions of IAM role deploy"]
    );
    assert_eq!(
        plain(&event, "[roles]\nalso = \"role\""),
        ["quarantine-iam gate session mallory of IAM role deploy", "quarantine-iam gate IAM role deploy"]
    );
}

#[test]
fn a_whole_role_is_stopped_at_once_only_if_policy_says_so() {
    assert_eq!(plain(&role_session("deploy", "mallory"), "[roles]\nscope = \"role\""), ["quarantine-iam auto IAM role deploy"]);
    // A comma cannot be the value of a tag, so the policy could not name this session.
    assert_eq!(plain(&role_session("deploy", "a,b"), ""), ["quarantine-iam gate IAM role deploy"]);
    let mut nameless = role_session("deploy", "x");
    nameless["detail"]["resource"]["accessKeyDetails"]["principalId"] = json!("AROAEXAMPLEROLE000001");
    assert_eq!(plain(&nameless, ""), ["quarantine-iam gate IAM role deploy"]);
}

#[test]
fn a_session_that_no_tag_can_name_is_denied_by_the_organization_where_that_is_possible() {
    let (event, denying) = (role_session("deploy", "a,b"), "[organization]\nquarantine_scp = true");
    let session = "quarantine-scp gate session a,b of IAM role deploy";
    let plan = decided(&event, denying, None);
    assert_eq!(lines(&plan), [session]);
    assert!(plan.decisions[0].reason.contains("the caller chose the session's name"), "{}", plan.decisions[0].reason);
    let also = |what: &str| plain(&event, &format!("{denying}\n[roles]\nalso = \"{what}\""));
    assert_eq!(also("older-sessions"), [session, "quarantine-iam gate older sessions of IAM role deploy"]);
    assert_eq!(also("role"), [session, "quarantine-iam gate IAM role deploy"]);
    // Without the role's id its entry would be a guess.
    let mut unidentified = event;
    unidentified["detail"]["resource"]["accessKeyDetails"]["principalId"] = json!("unknown:a,b");
    assert_eq!(plain(&unidentified, denying), ["quarantine-iam gate IAM role deploy"]);
}

#[test]
fn two_sessions_of_one_role_are_two_decisions() {
    let mut event = fixture("security-hub/many-findings");
    let template = event["detail"]["findings"][0].clone();
    let finding = |n: usize| {
        let mut finding = template.clone();
        finding["Id"] = json!(format!("arn:aws:guardduty:eu-central-1:111122223333:detector/d/finding/f{n}"));
        finding["Resources"] = json!([{ "Type": "AwsIamAccessKey", "Id": "AWS::IAM::AccessKey:ASIAEXAMPLESESSION01",
            "Details": { "AwsIamAccessKey": { "PrincipalType": "AssumedRole", "PrincipalName": "deploy",
                "PrincipalId": format!("AROAEXAMPLEROLE000001:session-{n}") } } }]);
        finding["Types"] = json!(["TTPs/Exfiltration/IAMUser-AnomalousBehavior"]);
        finding["ProductFields"] = json!({ "aws/securityhub/ProductName": "GuardDuty" });
        finding
    };
    event["detail"]["findings"] = json!([finding(1), finding(2)]);
    let targets: Vec<String> = decided(&event, "", None).decisions.iter().map(|d| d.target.to_string()).collect();
    assert_eq!(targets, ["session session-1 of IAM role deploy", "session session-2 of IAM role deploy"]);
}

#[test]
fn an_identity_center_user_is_denied_by_the_organization_after_approval() {
    let event = role_session("AWSReservedSSO_Admin_0123456789abcdef", "alice@example.com");
    assert_eq!(plain(&event, ""), ["by-hand gate Identity Center user alice@example.com"]);
    assert_eq!(
        plain(&event, "[organization]\nquarantine_scp = true"),
        ["quarantine-scp gate Identity Center user alice@example.com"]
    );
    let policy = "[organization]\nquarantine_scp = true\n[protected]\nprincipals = [\"alice@example.com\"]";
    assert_eq!(plain(&event, policy), ["quarantine-scp notify Identity Center user alice@example.com"]);
}

const ALICE: &str = "AIDAEXAMPLEALICE00001";

fn owned(key: &str, name: &str, id: Option<&str>) -> Identities {
    let mut identities = Identities::default();
    let principal_id = id.map(|id| PrincipalId::parse(id).expect("an id"));
    let owner = Owner { name: IamName::parse(name).expect("a name"), principal_id };
    identities.learn(AccessKeyId::parse(key).expect("a key"), owner);
    identities
}

#[test]
fn a_bare_access_key_is_its_owner_s_once_somebody_asked() {
    let mut event = fixture("security-hub/iam-finding-with-instance-first");
    event["detail"]["findings"][0]["Resources"] =
        json!([{ "Type": "AwsIamAccessKey", "Id": "AWS::IAM::AccessKey:AKIAEXAMPLEALICE0001", "Partition": "aws" }]);
    let unknown = decided(&event, "", None);
    assert_eq!(lines(&unknown), ["by-hand gate access key AKIAEXAMPLEALICE0001"]);
    assert!(unknown.asks.iter().any(|ask| matches!(ask.question, Question::Key { .. })), "the account must be asked");
    let alice = owned("AKIAEXAMPLEALICE0001", "alice", Some(ALICE));
    let known = decided(&event, "", Some(&alice));
    assert_eq!(lines(&known), ["quarantine-iam auto IAM user alice"]);
    let protected = decided(&event, "[protected]\nprincipals = [\"alice\"]", Some(&alice));
    assert_eq!(lines(&protected), ["quarantine-iam notify IAM user alice"], "what is protected stays so");
}

#[test]
fn a_federated_session_leads_to_the_user_who_asked_for_it() {
    let event = fixture("hostile/H42_federated");
    let key = event["detail"]["resource"]["accessKeyDetails"]["accessKeyId"].as_str().expect("a key").to_owned();
    let known = decided(&event, "", Some(&owned(&key, "alice", Some(ALICE))));
    assert_eq!(lines(&known), ["quarantine-iam auto IAM user alice"]);
    assert_eq!(known.decisions[0].target.principal_id.as_ref().expect("an id").as_str(), "AIDAEXAMPLEALICE00001");
}

#[test]
fn an_owner_who_contradicts_the_finding_waits_for_a_person() {
    let event = fixture("hostile/H70_key_mismatch");
    let key = event["detail"]["resource"]["accessKeyDetails"]["accessKeyId"].as_str().expect("a key").to_owned();
    let named = event["detail"]["resource"]["accessKeyDetails"]["userName"].as_str().expect("a name").to_owned();
    let plan = decided(&event, "", Some(&owned(&key, "somebody-else", Some(ALICE))));
    let expected = [
        format!("quarantine-iam auto access key {key} of IAM user somebody-else"),
        format!("quarantine-iam gate IAM user {named}"),
        "quarantine-iam gate IAM user somebody-else".to_owned(),
    ];
    assert_eq!(lines(&plan), expected);
    let same = decided(&event, "", Some(&owned(&key, &named.to_uppercase(), None)));
    let spelled = format!("quarantine-iam auto IAM user {}", named.to_uppercase());
    assert_eq!(lines(&same), [spelled], "IAM does not tell case apart, and has the spelling");
}
