//! Ways in which an innocent resource could be contained, or a guilty one missed. Each was open once.

use crate::buckets::is_wider;
use firebreak::coverage::{Coverage, Update};
use firebreak::finding;
use firebreak::ids::IncidentId;
use firebreak::plan::{Circumstances, Plan, Verdict, plan};
use firebreak::policy::Policy;
use serde_json::{Value, json};

const NOW: jiff::Timestamp = jiff::Timestamp::constant(1_795_000_000, 0);

pub(crate) fn fixture(path: &str) -> Value {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/findings").join(path);
    serde_json::from_slice(&std::fs::read(path).expect("a fixture")).expect("JSON")
}

pub(crate) fn under(policy: &Policy, event: &Value) -> Plan {
    plan(event, &Circumstances::new(policy, NOW))
}

fn full(event: &Value) -> Plan {
    under(&Policy::unrestricted(), event)
}

pub(crate) fn policy(text: &str) -> Policy {
    Policy::parse(&format!("default_mode = \"auto\"\nauto_from = \"low\"\n{text}")).expect("a policy")
}

/// `quarantine-iam auto 111122223333 alice`, one per decision. Without the wider levels that stand beside a freeze.
pub(crate) fn decided(plan: &Plan) -> Vec<String> {
    let name = |containment: Option<firebreak::containment::Containment>| containment.map_or("by-hand", |c| c.name());
    let line = |d: &firebreak::decision::Decision| {
        format!("{} {} {} {}", name(d.containment), d.mode.name(), d.target.account, d.target.id)
    };
    plan.decisions.iter().filter(|decision| !is_wider(decision)).map(line).collect()
}

pub(crate) fn request(target: &Value) -> Value {
    json!({"id": "x", "source": "acme", "detail-type": "Firebreak Isolation Request", "account": "999988887777",
           "region": "us-gov-west-1", "time": "2026-11-20T02:05:00Z",
           "detail": {"requested_by": "alice", "reason": "phished", "target": target}})
}

#[test]
fn a_request_never_falls_back_to_an_account_nobody_named() {
    for target in [
        json!({"kind": "iam-role", "id": "Admin", "account": 111_122_223_333_u64}),
        json!({"kind": "iam-role", "id": "Admin", "accountId": "111122223333"}),
        json!({"kind": "iam-role", "id": "Admin", "account": ""}),
    ] {
        assert_eq!(decided(&full(&request(&target))), Vec::<String>::new(), "{target}");
    }
    let plan = full(&request(&json!({"kind": "iam-role", "id": "Admin"})));
    assert_eq!(decided(&plan), ["quarantine-iam auto 999988887777 Admin"]);
    assert_eq!(plan.decisions[0].target.partition.as_str(), "aws-us-gov", "the Region tells the partition");
    assert!(plan.finding.title.is_some_and(|title| title.contains("sent by account 999988887777, source acme")));
    let last_way_in = full(&request(&json!({"kind": "iam-user", "id": "break-glass-admin"})));
    assert_eq!(decided(&last_way_in), ["quarantine-iam gate 999988887777 break-glass-admin"]);
}

#[test]
fn a_node_of_a_cluster_is_a_shared_host_also_where_no_workload_is_named() {
    let mut event = fixture("guardduty/bitcoin-tool.json");
    assert!(decided(&full(&event))[0].starts_with("isolate-ec2 auto"));
    event["detail"]["resource"]["instanceDetails"]["tags"] = json!([{"key": "aws:eks:cluster-name", "value": "prod"}]);
    assert!(decided(&full(&event))[0].starts_with("isolate-ec2 gate"));
}

#[test]
fn one_containment_of_a_row_never_switches_another_one_off() {
    let policy = policy(
        "[finding.\"CryptoCurrency:EC2/BitcoinTool.B\"]\ncontain = { isolate-ec2 = \"auto\", quarantine-iam = \"gate\" }\nwhy = \"x\"",
    );
    assert!(decided(&under(&policy, &fixture("guardduty/bitcoin-tool.json")))[0].starts_with("isolate-ec2 auto"));
}

#[test]
fn iam_names_are_protected_whatever_their_case() {
    let event = fixture("guardduty/exfiltration-iam-user.json");
    let name = event["detail"]["resource"]["accessKeyDetails"]["userName"].as_str().expect("a name").to_uppercase();
    let plan = under(&policy(&format!("[protected]\nprincipals = [\"{name}\"]")), &event);
    assert!(decided(&plan)[0].starts_with("quarantine-iam notify"), "{plan:?}");
}

#[test]
fn a_suppression_by_name_holds_for_its_accounts_alone() {
    let mut event = fixture("guardduty/exfiltration-iam-user.json");
    event["detail"]["resource"]["accessKeyDetails"]["userName"] = json!("backup");
    let policy = policy(
        "[[suppress]]\nfindings = [\"Exfiltration:IAMUser/AnomalousBehavior\"]\ntarget = \"backup\"\naccounts = [\"111122223333\"]\n\
         owner = \"bob\"\nreason = \"nightly copy\"\nexpires = \"2999-12-31\"",
    );
    assert_eq!(under(&policy, &event).verdict, Verdict::Ignore);
    event["detail"]["accountId"] = json!("444455556666");
    assert_eq!(decided(&under(&policy, &event)), ["quarantine-iam auto 444455556666 backup"]);
    assert!(
        Policy::parse("[[suppress]]\nfindings=[\"X\"]\ntarget=\"a\"\nowner=\"b\"\nreason=\"c\"\nexpires=\"2999-01-01\"").is_err()
    );
}

#[test]
fn a_caller_from_another_account_is_known_by_what_a_bucket_policy_can_name() {
    let outsiders = |details: Value| {
        let mut event = fixture("guardduty/exfiltration-s3.json");
        event["detail"]["resource"]["accessKeyDetails"] = details;
        full(&event).finding.outsiders.into_iter().collect::<Vec<_>>()
    };
    let caller =
        |kind: &str, id: &str, name: &str| json!({ "accessKeyId": "", "principalId": id, "userType": kind, "userName": name });
    let session = "AROAEXAMPLEPARTNER001:etl";
    assert_eq!(outsiders(caller("AWSAccount", session, "etl-role")), [session]);
    assert_eq!(outsiders(caller("AWSAccount", "AIDAEXAMPLEPARTNER001", "")), ["AIDAEXAMPLEPARTNER001"]);
    assert_eq!(outsiders(caller("AWSAccount", "", "etl\u{202e}")), ["etl\u{fffd}"], "by name: people look for whoever that is");
    assert_eq!(outsiders(caller("AWSAccount", "", "")), ["unnamed"]);
    for nobody in [caller("AWSAccount", "", "ANONYMOUS_PRINCIPAL"), caller("AssumedRole", session, "etl-role")] {
        assert_eq!(outsiders(nobody), [""; 0]);
    }
}

#[test]
fn a_suppressed_bucket_does_not_hide_a_caller_nobody_suppressed() {
    let mut event = fixture("guardduty/exfiltration-s3.json");
    event["detail"]["resource"]["accessKeyDetails"]["userType"] = json!("AWSAccount");
    let bucket = event["detail"]["resource"]["s3BucketDetails"][0]["name"].as_str().expect("a name").to_owned();
    let policy = policy(&format!(
        "[[suppress]]\nfindings = [\"Exfiltration:S3/MaliciousIPCaller\"]\ntarget = \"{bucket}\"\naccounts = [\"111122223333\"]\n\
         owner = \"bob\"\nreason = \"scan\"\nexpires = \"2999-12-31\""
    ));
    let plan = under(&policy, &event);
    assert_eq!(plan.verdict, Verdict::Notify);
    assert!(plan.reason.is_some_and(|why| why.contains("another AWS account")));
    assert!(full(&event).reason.is_some_and(|why| why.contains("another AWS account")), "what could not be used is said");
}

#[test]
fn asff_resources_of_another_account_are_named_with_it_and_not_contained() {
    let mut event = fixture("security-hub/guardduty-through-security-hub.json");
    let finding = &mut event["detail"]["findings"][0];
    finding["Resources"] = json!([{"Type": "AwsIamRole", "Id": "arn:aws:iam::999988887777:role/path/Admin"}]);
    finding["Types"] = json!(["TTPs/UnauthorizedAccess:IAMUser-MaliciousIPCaller"]);
    let plan = full(&event);
    assert_eq!(decided(&plan), ["quarantine-iam notify 999988887777 Admin"]);
    assert!(plan.decisions[0].reason.contains("999988887777"), "{:?}", plan.decisions);
}

#[test]
fn a_sequence_leaves_no_resource_unnamed_and_no_containment_starves_another() {
    let mut event = fixture("types/AttackSequence-S3-CompromisedData.json");
    let actor = |n: usize| json!({"user": {"type": "IAMUser", "name": format!("user-{n}")}});
    let sequence = &mut event["detail"]["service"]["detection"]["sequence"];
    sequence["actors"] = (0..25).map(actor).collect();
    let resources = sequence["resources"].as_array_mut().expect("an array");
    resources.push(json!({"uid": "arn:aws:lambda:eu-central-1:111122223333:function:pay", "resourceType": "LAMBDA_FUNCTION"}));
    let plan = full(&event).bounded();
    assert_eq!(plan.decisions.len(), 20);
    assert!(decided(&plan).iter().any(|line| line.starts_with("lockdown-s3 auto")), "the only bucket is among the first 20");
    let note = plan.reason.expect("what is missing is said");
    assert!(note.contains("IAM user user-24") && note.contains("function:pay"), "{note}");
}

#[test]
fn v2_takes_nobody_for_somebody_else() {
    let mut event = fixture("hostile/H62_v2.json");
    let finding = &mut event["detail"]["findings"][0];
    finding["finding_info"]["types"] = json!(["Threats", "Exfiltration:IAMUser/AnomalousBehavior"]);
    finding["resources"] =
        json!([{"type": "AWS::IAM::AccessKey", "uid": "AKIAIOSFODNN7EXAMPLE", "user": {"name": "Root", "uid": "111122223333"}}]);
    assert_eq!(decided(&full(&event)), ["by-hand gate 111122223333 111122223333"]);
    event["detail"]["findings"][0]["status_id"] = json!(0);
    assert_ne!(full(&event).verdict, Verdict::Ignore, "an unknown status settles nothing");
}

#[test]
fn only_security_hubs_events_are_split_and_not_without_end() {
    let event = |source: &str, findings: usize| json!({"source": source, "detail": {"findings": vec![0; findings]}}).to_string();
    assert_eq!(finding::split(&event("acme", 2)).len(), 1);
    assert_eq!(finding::split(&event("aws.securityhub", 100)).len(), 100);
    assert_eq!(finding::split(&event("aws.securityhub", 101)).len(), 1);
}

#[test]
fn the_second_route_of_a_version_is_heard_and_a_released_target_stays_released() {
    let native = full(&fixture("guardduty/exfiltration-s3.json"));
    let id = IncidentId::of(&native.dedupe_key);
    let poorer = Plan {
        decisions: native
            .decisions
            .iter()
            .filter(|d| d.containment.is_some_and(|c| c.name() == "lockdown-s3"))
            .cloned()
            .collect(),
        ..native.clone()
    };
    let Update::FollowUp(update) = Coverage::of(&poorer).update(native.clone(), &id) else { panic!("the caller was missed") };
    assert_eq!(update.decisions.len(), 1);

    let event = fixture("guardduty/bitcoin-tool.json");
    let gated = under(&Policy::parse("default_mode = \"gate-first\"\nauto_from = \"low\"").expect("a policy"), &event);
    let mut later = full(&event);
    later.finding.updated_at = later.finding.updated_at.map(|at| at + jiff::SignedDuration::from_hours(6));
    assert!(matches!(Coverage::of(&gated).update(later, &id), Update::Nothing(_)), "a person decided about it");
}

#[test]
fn an_update_that_is_only_suppressed_wakes_nobody_and_a_dry_run_rehearses_updates() {
    let mut event = fixture("guardduty/exfiltration-iam-user.json");
    event["detail"]["resource"]["accessKeyDetails"]["userName"] = json!("backup");
    let first = full(&fixture("guardduty/exfiltration-iam-user.json"));
    let id = IncidentId::of(&first.dedupe_key);
    let suppressing = policy(
        "[[suppress]]\nfindings = [\"Exfiltration:IAMUser/AnomalousBehavior\"]\ntarget = \"backup\"\naccounts = [\"111122223333\"]\n\
         owner = \"bob\"\nreason = \"nightly copy\"\nexpires = \"2999-12-31\"",
    );
    assert!(matches!(Coverage::of(&first).update(under(&suppressing, &event), &id), Update::Nothing(_)));

    let rehearsing = Policy::parse("default_mode = \"dry-run\"\nauto_from = \"low\"").expect("a policy");
    let Update::FollowUp(update) = Coverage::of(&first).update(under(&rehearsing, &event), &id) else { panic!("not rehearsed") };
    assert_eq!(update.verdict, Verdict::Respond);
}

#[test]
fn thousands_of_decoys_do_not_push_out_the_only_bucket() {
    let mut event = fixture("types/AttackSequence-S3-CompromisedData.json");
    let actor = |n: usize| json!({"user": {"type": "IAMUser", "name": format!("user-{n}")}});
    event["detail"]["service"]["detection"]["sequence"]["actors"] = (0..5000).map(actor).collect();
    let plan = full(&event).bounded();
    assert!(decided(&plan).iter().any(|line| line.starts_with("lockdown-s3 auto")), "{plan:?}");
    assert!(plan.reason.is_some_and(|note| note.contains("more resources than anybody can read")));
}

#[test]
fn one_finding_of_an_event_does_not_weaken_what_another_one_calls_for() {
    let mut event = fixture("security-hub/guardduty-through-security-hub.json");
    let strong = event["detail"]["findings"][0].clone();
    let mut weak = strong.clone();
    weak["Types"] = json!(["TTPs/PenTest:IAMUser/KaliLinux"]);
    weak["Id"] = json!("arn:aws:guardduty:eu-central-1:111122223333:detector/d/finding/weak");
    event["detail"]["findings"] = json!([weak, strong]);
    let plan = full(&event);
    let quarantines: Vec<String> = decided(&plan).into_iter().filter(|line| line.starts_with("quarantine-iam")).collect();
    assert_eq!(quarantines.len(), 1, "{plan:?}");
    assert!(quarantines[0].starts_with("quarantine-iam auto"), "{quarantines:?}");
}
