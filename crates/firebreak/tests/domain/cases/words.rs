//! Kind G: all readers share one vocabulary of resources. A word or an id means the same, whoever sends it.

use super::events::{
    ABUSE, C2, CALLER, CREDENTIALS, DATA, EXPOSED, FAR_ARN, FUNCTION_ARN, GROUP, INSTANCE, INSTANCE_ARN, KEY, OPEN_BUCKET,
    ROLE_ARN, asff, asff_key, case, health, ocsf, ocsf_key, owned, request, sequence, with,
};
use super::plans::{
    DEPLOY, FAR_AWAY, ISOLATED, ISOLATION_ASKED, LOCKED, OWNERLESS, REPORTED, USER, WHOLE_ROLE, codes, decides, keys, names, of,
    responds, told, under,
};
use firebreak::decision::{Mode, ReasonCode};
use firebreak::plan::Verdict;
use firebreak::policy::Policy;
use firebreak::target::TargetKind;
use serde_json::{Value, json};

const USER_ARN: &str = "arn:aws:iam::111122223333:user/team/svc";

/// One resource by its word and id, as both of Security Hub's readers find it.
fn through_security_hub(finding: &str, word: &str, id: &str) -> [Value; 2] {
    [asff(finding, json!([{ "Type": word, "Id": id, "Region": "eu-central-1" }])), ocsf(finding, json!([owned(word, id)]))]
}

#[test]
fn a_resource_is_the_same_in_every_readers_words() {
    responds(&case("30-ocsf-iam-user"), &[USER]);
    for (finding, kind, id, line) in [
        (CALLER, "Iam::User", USER_ARN, USER),
        (CALLER, "Iam::Role", ROLE_ARN, WHOLE_ROLE),
        (C2, "Ec2::Instance", INSTANCE, ISOLATED),
        (C2, "Ec2::Instance", INSTANCE_ARN, ISOLATED),
        (OPEN_BUCKET, "S3::Bucket", "acme-data", LOCKED),
        (OPEN_BUCKET, "S3::Bucket", "arn:aws:s3:::acme-data", LOCKED),
        (OPEN_BUCKET, "S3::Bucket", "arn:aws:s3:::acme-data/path/x", LOCKED),
    ] {
        let words = [format!("AWS::{kind}"), format!("Aws{kind}").replace("::", ""), kind.replace("::", "_").to_uppercase()];
        for word in &words {
            for event in through_security_hub(finding, word, id) {
                responds(&event, &[line]);
            }
        }
    }
    let plain = with(
        owned("AWS::EC2::Instance", "arn:aws:ec2:eu-central-1:111122223333:whatever"),
        "/data",
        json!({ "instance_id": INSTANCE }),
    );
    responds(&ocsf(C2, json!([plain])), &[ISOLATED]);
}

#[test]
fn what_only_people_contain_is_named_the_same_by_every_reader() {
    for (finding, word, kind, id, mode) in [
        ("Backdoor:Lambda/C&CActivity.B", "Lambda::Function", "lambda-function", FUNCTION_ARN, "gate"),
        (
            "Exfiltration:RDS/TransferDataToCloudAccount",
            "Rds::DBSnapshot",
            "snapshot",
            "arn:aws:rds:eu-central-1:111122223333:snapshot:x",
            "gate",
        ),
        (
            "Execution:EC2/MaliciousFile!AMI",
            "Ec2::Image",
            "ec2-image",
            "arn:aws:ec2:eu-central-1::image/ami-0123456789abcdef0",
            "notify",
        ),
    ] {
        let line = format!("by-hand {mode} 111122223333 eu-central-1 {kind} {id}");
        for word in [format!("AWS::{word}"), format!("Aws{word}").replace("::", ""), "Other".to_owned()] {
            for event in through_security_hub(finding, &word, id) {
                let read = if mode == "gate" { responds } else { names };
                assert_eq!(codes(&read(&event, &[&line])), [ReasonCode::Row], "{word}");
            }
        }
    }
}

#[test]
fn an_id_tells_where_nobody_knows_the_word() {
    for (finding, id, line) in
        [(C2, INSTANCE_ARN, ISOLATED), (C2, INSTANCE, ISOLATED), (C2, FAR_ARN, FAR_AWAY), (CALLER, USER_ARN, USER)]
    {
        for word in ["Other", "", "Quantum::Thing"] {
            for event in through_security_hub(finding, word, id) {
                responds(&event, &[line]);
            }
        }
    }
    let listed = |id: &str| json!([{ "uid": id, "resourceType": "NEW_THING" }]);
    responds(&sequence(GROUP, json!([]), listed(INSTANCE_ARN)), &[ISOLATION_ASKED]);
    responds(&sequence(CREDENTIALS, json!([]), listed(USER_ARN)), &[USER]);
    responds(&sequence(DATA, json!([]), listed("arn:aws:s3:::acme-data")), &[LOCKED]);
    responds(&sequence(GROUP, json!([]), json!([{ "uid": INSTANCE, "resourceType": "AwsEc2Instance" }])), &[ISOLATION_ASKED]);
}

#[test]
fn a_plain_instance_id_is_an_instance_in_a_listed_products_finding() {
    let text =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/findings/cases/policy-products.toml"));
    let text = text.expect("a policy");
    let given = Policy::parse(&text).expect("a policy");
    let crowdstrike = case("37-crowdstrike-plain-id");
    let uid = json!("arn:aws:securityhub:eu-central-1:517716713836:productv2/crowdstrike/crowdstrike-falcon");
    let v2 = ocsf("Namespace: TTPs", json!([owned("AWS::EC2::Instance", INSTANCE)]));
    let v2 = with(v2, "/detail/findings/0/metadata/product/uid", uid);
    let with_arn = with(crowdstrike.clone(), "/detail/findings/0/Resources/0/Id", json!(INSTANCE_ARN));
    for event in [crowdstrike, with_arn, v2] {
        let plan = decides(under(&given, &event), Verdict::Respond, &[ISOLATION_ASKED]);
        assert_eq!(codes(&plan), [ReasonCode::Row]);
        // Anybody who may import findings can write it: what would be done at once waits.
        let at_once = Policy::parse(&text.replace("isolate-ec2 = \"gate\"", "isolate-ec2 = \"auto\"")).expect("a policy");
        let plan = decides(under(&at_once, &event), Verdict::Respond, &[ISOLATION_ASKED]);
        assert_eq!(codes(&plan), [ReasonCode::Doubt]);
        told(&event, "another product than GuardDuty says so (crowdstrike/crowdstrike-falcon)");
    }
}

#[test]
fn aws_health_names_buckets_and_principals_by_their_arn() {
    for (event, line) in [
        (health(ABUSE, &["arn:aws:s3:::acme-data"]), "by-hand gate 111122223333 us-east-1 s3-bucket acme-data"),
        (health("AWS_RISK_IAM_QUARANTINE", &[USER_ARN]), "quarantine-iam gate 111122223333 us-east-1 iam-user svc"),
        (health(EXPOSED, &[ROLE_ARN]), "quarantine-iam gate 111122223333 us-east-1 iam-role deploy"),
        (health(ABUSE, &["ec2/i-0123456789abcdef0"]), REPORTED),
        (health(ABUSE, &["acme.example.com"]), "by-hand gate 111122223333 us-east-1 other acme.example.com"),
    ] {
        responds(&event, &[line]);
    }
}

#[test]
fn a_request_takes_an_arn_or_a_key() {
    for (word, id, line) in [
        ("iam-user", USER_ARN, USER),
        ("iam-user", "svc", USER),
        ("AWS::IAM::User", "svc", USER),
        ("iam-role", ROLE_ARN, DEPLOY),
        ("ec2-instance", INSTANCE_ARN, ISOLATED),
        ("EC2_INSTANCE", INSTANCE, ISOLATED),
        ("s3-bucket", "arn:aws:s3:::acme-data", LOCKED),
        ("access-key", KEY, OWNERLESS),
    ] {
        responds(&request(&json!({ "kind": word, "id": id })), &[line]);
    }
    let from_elsewhere = with(request(&json!({ "kind": "iam-user", "id": USER_ARN })), "/account", json!("999988887777"));
    responds(&from_elsewhere, &[USER]);
    for (word, id) in [
        ("lambda-function", "pay"),
        ("iam-user", ROLE_ARN),
        ("iam-role", USER_ARN),
        ("iam-role", "arn:aws:sts::111122223333:assumed-role/deploy/me"),
        ("iam-user", "../../admin"),
        ("access-key", "null"),
        ("quantum-thing", "x"),
    ] {
        told(&request(&json!({ "kind": word, "id": id })), "target must be");
    }
    told(&request(&json!({ "kind": "ec2-instance", "id": "i-XYZ" })), "no valid instance");
}

#[test]
fn who_was_changed_is_not_who_changed() {
    let changed = "arn:aws:iam::111122223333:user/changed";
    let role = "arn:aws:iam::111122223333:role/changed";
    let svc = json!({ "PrincipalType": "IAMUser", "PrincipalName": "svc" });
    for (word, id) in [("AwsIamUser", changed), ("AWS::IAM::User", changed), ("AwsIamRole", role)] {
        let event = asff(CALLER, json!([{ "Type": word, "Id": id }, asff_key(KEY, svc.clone())]));
        assert_eq!(keys(&responds(&event, &[USER])), [[KEY]], "{word}");
    }
    for (word, id) in [("AwsIamUser", changed), ("AWS::IAM::User", changed), ("IAM_USER", changed), ("AWS::IAM::Role", role)] {
        let event = ocsf(CALLER, json!([owned(word, id), ocsf_key(KEY, json!({ "type": "IAMUser", "name": "svc" }))]));
        assert_eq!(keys(&responds(&event, &[USER])), [[KEY]], "{word}");
    }
}

#[test]
fn a_plain_name_is_no_evidence_of_a_principal_in_security_hub() {
    for name in ["svc", "deploy", "arn:aws:iam::111122223333:user/", "../../admin"] {
        for word in ["AwsIamUser", "AwsIamRole"] {
            for event in through_security_hub(CALLER, word, name) {
                let plan = of(&event);
                let [asked] = plan.decisions.as_slice() else { panic!("{plan:?}") };
                assert_eq!(
                    (asked.target.kind, asked.mode, asked.containment),
                    (TargetKind::Principal, Mode::Gate, None),
                    "{name}"
                );
                assert_eq!((plan.verdict, asked.code), (Verdict::Respond, ReasonCode::Unread), "{name}");
            }
        }
    }
}
