//! Kind I: the list of types is open.
//!
//! A type without a row is a question to a person, by what the finding names; and the types that were missing have rows.

use super::events::{
    C2, CREDENTIALS, FAR_ARN, FUNCTION_ARN, INSTANCE, INSTANCE_ARN, KEY, NEW, OF_INSTANCE, SESSION_KEY, TASK_ARN, actor, asff,
    beside, bucket, caller, case, function, instance, native, ocsf, owned, sequence, task, user, with,
};
use super::plans::{
    DEPLOY, FAR_AWAY_ASKED, ISOLATED, ISOLATION_ASKED, OWNERLESS, ROOT, USER, WHOLE_ROLE, codes, decides, kind, names, of,
    reason, responds, session, told, under,
};
use crate::traps::policy;
use firebreak::decision::ReasonCode;
use firebreak::plan::Verdict;
use firebreak::policy::Policy;
use serde_json::{Value, json};

const USER_ASKED: &str = "quarantine-iam gate 111122223333 eu-central-1 iam-user svc";
const FROZEN: &str = "lockdown-s3 auto 111122223333 eu-central-1 s3-bucket acme-data";
const LOCKDOWN_ASKED: &str = "lockdown-s3 gate 111122223333 eu-central-1 s3-bucket acme-data";

fn role() -> Value {
    caller("AssumedRole", "deploy", OF_INSTANCE, SESSION_KEY)
}

fn rated(severity: f64, event: Value) -> Value {
    with(event, "/detail/severity", json!(severity))
}

/// A policy as it is shipped, which acts from HIGH.
fn shipped() -> Policy {
    Policy::parse("default_mode = \"auto\"").expect("a policy")
}

#[test]
fn a_type_without_a_row_is_asked_about_by_what_it_names() {
    let by_hand = |what: &str| format!("by-hand gate 111122223333 eu-central-1 {what}");
    let object =
        json!({ "s3BucketDetails": [{ "name": "acme-data", "s3ObjectDetails": [{ "objectArn": "arn:aws:s3:::acme-data/x" }] }] });
    for (resource, lines) in [
        (user(), vec![USER_ASKED.to_owned()]),
        (instance(), vec![ISOLATION_ASKED.to_owned()]),
        (bucket(), vec![LOCKDOWN_ASKED.to_owned()]),
        (function(), vec![by_hand(&format!("lambda-function {FUNCTION_ARN}"))]),
        (task(), vec![by_hand(&format!("ecs-task {TASK_ARN}"))]),
        (json!({ "rdsDbInstanceDetails": { "dbInstanceIdentifier": "db-1" } }), vec![by_hand("rds-database db-1")]),
        (object, vec![LOCKDOWN_ASKED.to_owned(), by_hand("s3-object acme-data/x")]),
        (caller("Root", "Root", "111122223333", ""), vec![ROOT.to_owned()]),
        (caller("IAMUser", "", "", KEY), vec![OWNERLESS.to_owned()]),
        (caller("Unknown", "", "", ""), vec![by_hand("principal unnamed")]),
        (beside(user(), bucket()), vec![USER_ASKED.to_owned(), LOCKDOWN_ASKED.to_owned()]),
    ] {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        for severity in [7.0, 8.0, 9.5] {
            let plan = responds(&rated(severity, native(NEW, resource.clone())), &lines);
            assert_eq!((kind(&plan), codes(&plan)), (Some(NEW), vec![ReasonCode::Unread; lines.len()]));
            // The shipped policy acts from HIGH, so it asks as well.
            decides(under(&shipped(), &rated(severity, native(NEW, resource.clone()))), Verdict::Respond, &lines);
        }
    }
}

#[test]
fn every_reader_asks_about_a_type_without_a_row() {
    for event in [
        asff("TTPs/NewTactic/Quantum-Thing", json!([{ "Type": "AwsEc2Instance", "Id": INSTANCE_ARN }])),
        ocsf(NEW, json!([owned("AWS::EC2::Instance", INSTANCE)])),
    ] {
        let plan = responds(&event, &[ISOLATION_ASKED]);
        assert_eq!((kind(&plan), codes(&plan)), (Some(NEW), vec![ReasonCode::Unread]));
    }
    let bucket = json!({ "uid": "acme-data", "name": "acme-data", "resourceType": "S3_BUCKET" });
    let targets = json!([{ "uid": FAR_ARN, "resourceType": "EC2_INSTANCE" }, bucket]);
    let new = sequence("AttackSequence:Quantum/Thing", json!([actor("IAMUser", "svc", "", KEY)]), targets);
    assert_eq!(codes(&responds(&new, &[USER_ASKED, FAR_AWAY_ASKED, LOCKDOWN_ASKED])), [ReasonCode::Unread; 3]);
    for nothing in [json!(null), json!(""), json!(7)] {
        let plan = responds(&with(native(C2, instance()), "/detail/type", nothing), &[ISOLATION_ASKED]);
        assert_eq!((kind(&plan), codes(&plan)), (None, vec![ReasonCode::Unread]));
    }
}

#[test]
fn of_a_type_that_nobody_knows_nobody_knows_what_is_only_context() {
    let beside_instance = beside(caller("AssumedRole", "deploy", "AROAEXAMPLEEXAMPLE12:mallory", SESSION_KEY), instance());
    let context = "by-hand notify 111122223333 eu-central-1 ec2-instance i-0123456789abcdef0";
    responds(&native(NEW, beside_instance), &[WHOLE_ROLE, context]);
    assert_eq!(session(&responds(&native(NEW, role()), &[WHOLE_ROLE, ISOLATION_ASKED])), Some(INSTANCE));
    // A host of pods waits with its own reason.
    let node = beside(json!({ "eksClusterDetails": { "name": "prod" } }), instance());
    let plan = responds(&native(NEW, node), &[ISOLATION_ASKED, "by-hand gate 111122223333 eu-central-1 eks-workload prod"]);
    assert!(reason(&plan).contains("other containers share"), "{}", reason(&plan));
}

#[test]
fn what_is_low_settled_or_a_sample_stays_as_it_was() {
    for severity in [2.0, 5.0, 6.9] {
        told(&rated(severity, native(NEW, instance())), "the playbook has no row for this type");
        told(&rated(severity, with(native(C2, instance()), "/detail/type", json!(null))), "the finding names no type");
    }
    told(&native(NEW, json!({})), "it names nothing");
    let sample = with(native(NEW, instance()), "/detail/service", json!({ "additionalInfo": { "sample": true } }));
    told(&sample, "a sample finding");
    let archived = with(native(NEW, instance()), "/detail/service", json!({ "archived": true }));
    decides(of(&archived), Verdict::Ignore, &[]);
    let observing = Policy::parse("default_mode = \"observe\"").expect("a policy");
    let spared = ISOLATION_ASKED.replace("gate", "notify");
    decides(under(&observing, &native(NEW, instance())), Verdict::Notify, &[&spared]);
}

#[test]
fn policy_has_the_last_word_about_a_type_without_a_row() {
    let own = policy("[finding.\"NewTactic:Quantum/Thing\"]\ncontain = { isolate-ec2 = \"auto\" }\nwhy = \"ours\"");
    assert_eq!(codes(&decides(under(&own, &native(NEW, instance())), Verdict::Respond, &[ISOLATED])), [ReasonCode::Row]);
    let off = policy("[default.high]\nwhy = \"we read them ourselves\"");
    for resource in [user(), instance()] {
        decides(under(&off, &native(NEW, resource)), Verdict::Notify, &[]);
    }
    let only_critical =
        policy("[default.high]\nwhy = \"read\"\n[default.critical]\ncontain = { isolate-ec2 = \"gate\" }\nwhy = \"stop it\"");
    decides(under(&only_critical, &rated(8.9, native(NEW, instance()))), Verdict::Notify, &[]);
    let plan = decides(under(&only_critical, &rated(9.0, native(NEW, instance()))), Verdict::Respond, &[ISOLATION_ASKED]);
    assert_eq!((codes(&plan), reason(&plan)), (vec![ReasonCode::Unread], "stop it"));
}

#[test]
fn the_types_that_were_missing_have_rows() {
    responds(&case("54-new-type-sensitivefile"), &[ISOLATED]);
    let eks = || beside(json!({ "eksClusterDetails": { "name": "prod" } }), instance());
    for kind in [
        "DefenseEvasion:Runtime/SensitiveFileModified",
        "Persistence:Runtime/SensitiveFileModified",
        "PrivilegeEscalation:Runtime/SensitiveFileModified",
        "Execution:Runtime/MaliciousFileExecuted.Custom",
    ] {
        assert_eq!(codes(&responds(&native(kind, instance()), &[ISOLATED])), [ReasonCode::Row], "{kind}");
        let workload = "by-hand gate 111122223333 eu-central-1 eks-workload prod";
        let plan = responds(&native(kind, eks()), &[ISOLATION_ASKED, workload]);
        assert_eq!(codes(&plan), [ReasonCode::Doubt, ReasonCode::Row], "{kind}: others run there");
    }
    let read = native("Exfiltration:S3/ObjectRead.Unusual", beside(user(), bucket()));
    responds(&read, &[USER, FROZEN]);
    let leaked = native("UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration", role());
    assert_eq!(session(&responds(&leaked, &[DEPLOY, ISOLATED])), Some(INSTANCE));
    let harvest = native("Impact:IAMUser/CostHarvesting", role());
    responds(&harvest, &[WHOLE_ROLE]);
    let low = decides(under(&shipped(), &rated(2.0, harvest)), Verdict::Notify, &[&WHOLE_ROLE.replace("gate", "notify")]);
    assert!(low.evidence, "LOW by default: people are told, with evidence");
    let model = "by-hand notify 111122223333 eu-central-1 iam-role deploy";
    names(&native("Impact:IAMUser/AnomalousModelInvocation", role()), &[model]);
}

#[test]
fn a_prompt_that_the_guardrail_let_through_waits_for_a_person() {
    let prompt = |actions: &[&str]| {
        let filters: Vec<Value> = actions.iter().map(|action| json!({ "action": action })).collect();
        let guardrail = json!({ "bedrockGuardrailDetails": { "contentPolicyFilters": filters } });
        rated(2.0, native("Impact:IAMUser/PromptInjection.Direct", beside(role(), guardrail)))
    };
    let line = |mode: &str| format!("by-hand {mode} 111122223333 eu-central-1 iam-role deploy");
    for actions in [vec!["NONE"], vec!["BLOCKED", "NONE"]] {
        responds(&prompt(&actions), &[&line("gate")]);
    }
    for actions in [vec!["BLOCKED"], vec![], vec!["none of it"]] {
        names(&prompt(&actions), &[&line("notify")]);
    }
    names(&native("Impact:IAMUser/PromptInjection.Direct", role()), &[&line("notify")]);
}

#[test]
fn what_makes_a_sequence_one_changes_nothing_about_it() {
    let plain = sequence(CREDENTIALS, json!([actor("IAMUser", "svc", "", KEY)]), json!([]));
    let keys =
        ["MALICIOUS_PACKAGE", "MISCONFIGURATION", "REACHABILITY", "SENSITIVE_DATA", "VULNERABILITY", "INVENTED", "\u{1b}[2J"];
    let indicators: Vec<Value> = keys.iter().map(|key| json!({ "key": key, "values": [] })).collect();
    for indicators in [json!(indicators), json!(["x", 7, null, { "key": 7 }]), json!("x")] {
        let event = with(plain.clone(), "/detail/service/detection/sequence/sequenceIndicators", indicators);
        assert_eq!(responds(&event, &[USER]), of(&plain));
    }
}
