//! Events about whose principal, resource, account or Region one could be wrong.

use super::events::{event, set, with, without};
use super::plans::{
    BUCKET, CALLER, CHOSEN, INSTANCE, LEAKED_BY, ROLE, USER, asked, contains, decided, is_iam, is_user, isolates, never, of,
    only_told, policy, raw, responds, under,
};
use firebreak::containment::Containment;
use firebreak::decision::Mode;
use firebreak::plan::Verdict;
use firebreak::policy::Policy;
use firebreak::target::TargetKind;
use serde_json::{Value, json};

#[test]
fn identity_the_principal_comes_from_typed_fields() {
    responds("H17", &raw("H17"), &[ROLE, LEAKED_BY]);
    let swapped = {
        let mut event = event("H17");
        event.pointer_mut("/detail/findings/0/Resources").and_then(Value::as_array_mut).expect("resources").reverse();
        event
    };
    responds("H17", &of(&swapped), &[ROLE, LEAKED_BY]);
    for (case, key) in [("H18", Some("AKIAEXAMPLEEXAMPLE00")), ("H19", None)] {
        let plan = raw(case);
        responds(case, &plan, &["quarantine-iam auto iam-user bob"]);
        assert_eq!(plan.decisions[0].target.access_key_id.as_ref().map(|id| id.as_str()), key, "{case}");
    }
    responds("H36", &raw("H36"), &["quarantine-iam auto iam-user john.doe"]);
    for arn in ["arn:aws:sts::111122223333:assumed-role/app/john.doe", "arn:aws:iam::111122223333:user/", "john.doe"] {
        never("H36", &of(&with("H36", "/detail/findings/0/Resources/0/Id", json!(arn))), is_iam);
    }
    let session = |name: &str| with("H38", "/detail/resource/accessKeyDetails/principalId", json!(format!("AROAEXAMPLE:{name}")));
    for name in ["a/b", "name@example.com", "john.doe@example.com/x", "admin", "user/admin", "AIDAEXAMPLEEXAMPLE00"] {
        let plan = of(&session(name));
        // A name that no session can have cannot be denied alone, and stopping the whole role is a person's choice.
        let expected = if name.contains('/') { "quarantine-iam gate iam-role app-role" } else { CHOSEN };
        responds("H38", &plan, &[expected]);
        assert_eq!(plan.decisions[0].target.session.as_deref(), Some(name), "H38: the report keeps it");
        never("H39", &plan, is_user);
    }
    responds("H39", &raw("H39"), &[CHOSEN]);
    // Some events name the role with its session.
    let named = with("H39", "/detail/resource/accessKeyDetails/userName", json!("app-role:admin"));
    responds("H39", &of(&named), &[CHOSEN]);
}

#[test]
fn identity_what_iam_cannot_contain_is_left_to_people() {
    let named = |case, kind: &str, name: &str| {
        let event = with(case, "/detail/resource/accessKeyDetails/userType", json!(kind));
        of(&set(event, "/detail/resource/accessKeyDetails/userName", json!(name)))
    };
    for name in ["AWSServiceRoleForAutoScaling", "AWSReservedSSO_AdministratorAccess_0123456789abcdef"] {
        let plan = named("H37", "Role", name);
        responds(
            "H37",
            &plan,
            &["isolate-ec2 auto ec2-instance i-06affa822b7393998", &format!("quarantine-iam gate iam-role {name}")],
        );
        // Nobody reserved the name: a person looks at the path before agreeing, and IAM refuses what is its own.
        never("H37", &plan, |d| is_iam(d) && d.mode == Mode::Auto);
    }
    let root = raw("H41");
    assert_eq!(decided(&root), ["by-hand gate account-root 111122223333"], "H41");
    assert_eq!(root.verdict, Verdict::Respond, "H41: somebody must answer for root");
    assert_eq!(decided(&named("H70", "Root", "Root")), decided(&root), "H41: whatever the type of the finding is");
    for principal in ["111122223333:fed-name", "AIDAA5E9285DC9025F327:fed-name"] {
        let plan = of(&with("H42", "/detail/resource/accessKeyDetails/principalId", json!(principal)));
        assert_eq!(decided(&plan), ["by-hand gate federated-user fed-name"], "H42");
        assert_eq!(plan.verdict, Verdict::Respond, "H42: its creator is not found yet, and a person must look for him");
        never("H42", &plan, is_iam);
    }
    for kind in ["AWSService", "AWSAccount", "Directory", "SAMLUser", "Frobnicated"] {
        let plan = named("H70", kind, "svc-659353");
        if kind == "Frobnicated" {
            // The id beside a word that nobody knows says what it is.
            responds("H43", &plan, &[USER]);
        } else {
            asked("H43", &plan);
            never("H43", &plan, is_iam);
        }
        let on_a_bucket = named("H43", kind, "svc-dba75f");
        assert!(decided(&on_a_bucket).contains(&BUCKET.to_owned()), "H43: {:?}", decided(&on_a_bucket));
        never("H43", &on_a_bucket, |d| is_iam(d) && d.target.kind != TargetKind::IamUser);
    }
    for kind in ["iamuser", "IAM_USER", ""] {
        responds("H43", &named("H70", kind, "svc-659353"), &[USER]);
    }
    responds("H43", &raw("H43"), &[BUCKET]);
    for plan in [raw("H44"), of(&without("H44", "/detail/resource/accessKeyDetails"))] {
        responds("H44", &plan, &[BUCKET]);
        never("H44", &plan, is_iam);
    }
}

#[test]
fn identity_the_resource_is_the_one_the_finding_is_about() {
    responds("H45", &raw("H45"), &[USER]);
    never("H45", &raw("H45"), isolates);
    responds("H46", &raw("H46"), &["lockdown-s3 auto s3-bucket acme-4a1f37d4"]);
    let buckets = raw("H47");
    responds(
        "H47",
        &buckets,
        &[
            CALLER,
            "lockdown-s3 auto s3-bucket acme-fb8e20fc",
            "lockdown-s3 auto s3-bucket acme-103d6254",
            "by-hand notify s3-bucket acme-3b64db95",
        ],
    );
    never("H47", &buckets, |d| d.target.id == "acme-3b64db95" && d.containment.is_some());
    // A sequence says whose each bucket is.
    let sequence = |account: &str| {
        let bucket = json!([{"resourceType": "S3_BUCKET", "name": "acme-fb8e20fc", "accountId": account}]);
        let event = with("H60", "/detail/type", json!("AttackSequence:S3/CompromisedData"));
        of(&set(event, "/detail/service/detection/sequence/resources", bucket))
    };
    assert!(decided(&sequence("111122223333")).contains(&"lockdown-s3 auto s3-bucket acme-fb8e20fc".to_owned()), "H47");
    never("H47", &sequence("444455556666"), |d| contains(d) && d.target.kind == TargetKind::S3Bucket);
    let directory = raw("H48");
    responds("H48", &directory, &[CALLER, "by-hand gate s3-bucket demo--euc1-az1--x-s3"]);
    never("H48", &directory, |d| d.containment == Some(Containment::LockdownS3));
    responds("H49", &raw("H49"), &[CALLER, BUCKET]);
    responds("H53", &raw("H53"), &[INSTANCE]);

    let scanned = raw("H54");
    assert_eq!(decided(&scanned), ["by-hand notify ec2-instance i-0bec7d11f71e08a4e"], "H54");
    assert_eq!(scanned.verdict, Verdict::Notify, "H54");
    responds("H55", &raw("H55"), &["isolate-ec2 auto ec2-instance i-00c3d57a37c2a5b71"]);
    for role in [json!("TARGET"), json!("target")] {
        let victim = of(&with("H55", "/detail/service/resourceRole", role));
        assert_eq!(victim.verdict, Verdict::Notify, "H54");
        never("H54", &victim, isolates);
    }
    for role in [json!(null), json!(""), json!("SOMETHING")] {
        let unsure = of(&with("H55", "/detail/service/resourceRole", role));
        responds("H54", &unsure, &["isolate-ec2 gate ec2-instance i-00c3d57a37c2a5b71"]);
    }
    responds("H56", &raw("H56"), &[INSTANCE]);
}

#[test]
fn identity_account_region_and_partition_are_the_finding_s_and_have_their_form() {
    let foreign = raw("H30");
    assert!(foreign.decisions.iter().all(|d| d.target.account.as_str() == "000000000001"), "H30");
    let ours = policy("[allow]\naccounts = [\"111122223333\"]");
    only_told("H30", &under(&event("H30"), &ours), "not one that policy allows");
    responds("H30", &under(&event("H70"), &ours), &[USER]);
    assert_eq!(under(&event("H30"), &Policy::default()).verdict, Verdict::Notify, "H30: an account nobody named is observed");
    for account in
        [json!("1234567891234"), json!(""), json!("123"), json!("11112222333x"), json!(111_122_223_333_u64), json!(null)]
    {
        only_told("H31", &of(&with("H31", "/detail/accountId", account)), "no valid account");
    }
    let elsewhere = raw("H32");
    responds("H32", &elsewhere, &[INSTANCE]);
    assert_eq!(elsewhere.decisions[0].target.region.as_str(), "eu-central-1", "H32: the envelope's Region is not the resource's");
    only_told("H32", &under(&event("H32"), &policy("[allow]\nregions = [\"us-east-1\"]")), "not one that policy allows");
    responds("H32", &under(&event("H32"), &policy("[allow]\nregions = [\"eu-central-1\"]")), &[INSTANCE]);
    for region in ["eu-central-1.attacker.example/", "evil.com/#", "eu-central-1\n", "eu-central-1@evil.com", "../x-1", ""] {
        let plan = of(&with("H33", "/detail/region", json!(region)));
        // The finding's own ARN says the Region; what has no valid form reaches no target.
        never("H33", &plan, |d| d.target.region.as_str() != "eu-central-1");
        assert!(plan.finding.region.is_none_or(|region| region.as_str() == "eu-central-1"), "H33");
        let hub = with("H17", "/detail/findings/0/Region", json!(region));
        never("H33", &of(&hub), |d| d.target.region.as_str() != "eu-central-1");
    }
    for (case, partition, region) in [
        ("H34", "aws-cn", "cn-north-1"),
        ("H35", "aws-us-gov", "us-gov-west-1"),
        ("H35", "aws-iso", "us-iso-east-1"),
        ("H35", "aws-eusc", "eusc-de-east-1"),
    ] {
        let plan = of(&set(with(case, "/detail/partition", json!(partition)), "/detail/region", json!(region)));
        responds(case, &plan, &[USER]);
        let target = &plan.decisions[0].target;
        assert_eq!((target.partition.as_str(), target.region.as_str()), (partition, region), "{case}");
    }
    never("H35", &of(&with("H35", "/detail/partition", json!("aws:iam::1:user/x"))), |d| {
        d.target.partition.as_str() != "aws-us-gov"
    });
}
