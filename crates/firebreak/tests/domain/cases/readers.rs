//! What one reader holds, every reader holds: who acted, whose account, which id.

use super::events::{
    ACCOUNT, C2, CALLER, CALLS, CREDENTIALS, DATA, FUNCTION_ARN, GROUP, INSTANCE, INSTANCE_ARN, KEY, NEW, OF_INSTANCE,
    OPEN_BUCKET, SESSION_KEY, actor, asff, asff_key, caller, instance, native, ocsf, ocsf_key, owned, request, sequence, with,
};
use super::plans::{ISOLATED, ISOLATION_ASKED, LOCKED, USER, codes, decides, keys, kind, names, of, responds, under};
use crate::traps::policy;
use firebreak::containment::Containment;
use firebreak::decision::{Mode, ReasonCode};
use firebreak::plan::Verdict;
use firebreak::policy::Policy;
use serde_json::{Value, json};

fn asff_instance() -> Value {
    asff(C2, json!([{ "Type": "AwsEc2Instance", "Id": INSTANCE_ARN, "Region": "eu-central-1" }]))
}

fn ocsf_instance() -> Value {
    ocsf(C2, json!([owned("AWS::EC2::Instance", INSTANCE)]))
}

#[test]
fn who_was_changed_is_not_who_changed_in_any_word() {
    let changed = "arn:aws:iam::111122223333:user/changed";
    let svc = json!({ "PrincipalType": "IAMUser", "PrincipalName": "svc" });
    for word in ["IamUser", "IAM_USER", "Other", ""] {
        let event = asff(CALLER, json!([{ "Type": word, "Id": changed }, asff_key(KEY, svc.clone())]));
        assert_eq!(keys(&responds(&event, &[USER])), [[KEY]], "{word}");
    }
    let key = with(asff_key(KEY, svc), "/Type", json!("IamAccessKey"));
    responds(&asff(CALLER, json!([{ "Type": "AwsIamUser", "Id": changed }, key])), &[USER]);
    for word in ["Other", ""] {
        let key = ocsf_key(KEY, json!({ "type": "IAMUser", "name": "svc" }));
        responds(&ocsf(CALLER, json!([owned(word, changed), key])), &[USER]);
    }
}

#[test]
fn an_arn_as_a_name_is_of_its_own_account() {
    let user = "arn:aws:iam::999988887777:user/svc";
    let spared = "quarantine-iam notify 999988887777 eu-central-1 iam-user svc";
    for event in [
        native(CALLS, caller("IAMUser", user, "", KEY)),
        asff(CALLER, json!([asff_key(KEY, json!({ "PrincipalType": "IAMUser", "PrincipalName": user }))])),
        ocsf(CALLER, json!([ocsf_key(KEY, json!({ "type": "IAMUser", "name": user }))])),
        sequence(CREDENTIALS, json!([actor("IAMUser", user, "", KEY)]), json!([])),
    ] {
        assert_eq!(codes(&names(&event, &[spared])), [ReasonCode::OtherAccount]);
    }
    let role = native(CALLS, caller("AssumedRole", "arn:aws:iam::999988887777:role/deploy", OF_INSTANCE, SESSION_KEY));
    names(&role, &["quarantine-iam notify 999988887777 eu-central-1 iam-role deploy"]);
}

#[test]
fn an_access_point_is_no_bucket() {
    let arn = "arn:aws:s3:eu-central-1:111122223333:accesspoint/my-ap";
    for event in [
        asff(OPEN_BUCKET, json!([{ "Type": "AwsS3Bucket", "Id": arn }])),
        ocsf(OPEN_BUCKET, json!([owned("AWS::S3::Bucket", arn)])),
        request(&json!({ "kind": "s3-bucket", "id": arn })),
    ] {
        let plan = of(&event);
        assert!(plan.decisions.iter().all(|decision| decision.containment != Some(Containment::LockdownS3)), "{plan:?}");
    }
}

#[test]
fn a_finding_that_nobody_can_confirm_waits_in_every_reader() {
    for id in [json!(null), json!("")] {
        for event in [
            with(asff_instance(), "/detail/findings/0/Id", id.clone()),
            with(ocsf_instance(), "/detail/findings/0/finding_info/uid", id.clone()),
            with(native(C2, instance()), "/detail/arn", id),
        ] {
            assert_eq!(codes(&responds(&event, &[ISOLATION_ASKED])), [ReasonCode::Doubt]);
        }
    }
}

#[test]
fn a_default_row_is_checked_and_never_acts_at_once() {
    for row in
        ["contain = { isolate-ec2 = \"auto\" }\nwhy = \"x\"", "by_hand = { function = \"auto\" }\nwhy = \"x\"", "why = \" \""]
    {
        assert!(Policy::parse(&format!("[default.high]\n{row}")).is_err(), "{row}");
    }
}

#[test]
fn the_id_of_another_account_is_not_our_root() {
    for word in ["", "Unknown"] {
        let plan = of(&native(CALLS, caller(word, "", "999988887777", "")));
        assert!(plan.decisions.iter().all(|decision| decision.target.kind.name() != "account-root"), "{plan:?}");
        assert!(plan.decisions.iter().any(|decision| decision.mode == Mode::Gate), "{plan:?}");
    }
}

#[test]
fn a_key_an_id_or_a_name_without_form_gives_way_to_the_next() {
    let data = json!({ "access_key_id": "null", "user_name": "svc", "user_type": "IAMUser" });
    let in_data = ocsf(CALLER, json!([with(owned("AWS::IAM::AccessKey", KEY), "/data", data)]));
    let by_name = json!([{ "uid": KEY, "name": "ci key", "resourceType": "ACCESS_KEY",
        "data": { "accessKey": { "userName": "svc", "userType": "IAMUser" } } }]);
    for event in [in_data, sequence(CREDENTIALS, json!([]), by_name)] {
        assert_eq!(keys(&responds(&event, &[USER])), [[KEY]]);
    }
    let bucket = json!({ "name": "Acme Data", "arn": "arn:aws:s3:::acme-data" });
    responds(&native(OPEN_BUCKET, json!({ "s3BucketDetails": [bucket] })), &[LOCKED]);
    let bucket = json!({ "name": "Acme Data", "uid": "arn:aws:s3:::acme-data", "resourceType": "S3_BUCKET" });
    responds(&sequence(DATA, json!([]), json!([bucket])), &[LOCKED]);
    let instance = json!({ "uid": "i-XYZ", "name": INSTANCE, "resourceType": "EC2_INSTANCE" });
    responds(&sequence(GROUP, json!([]), json!([instance])), &[ISOLATION_ASKED]);
    let details = json!({ "PrincipalType": "IAMUser", "PrincipalName": "a b", "UserName": "svc" });
    responds(&asff(CALLER, json!([asff_key(KEY, details)])), &[USER]);
    let key = with(ocsf_key(KEY, json!({ "type": "IAMUser", "name": "svc" })), "/data", json!({ "user_name": "a b" }));
    responds(&ocsf(CALLER, json!([key])), &[USER]);
}

#[test]
fn guardduty_s_own_arns_place_what_they_name() {
    let kind = "Backdoor:Lambda/C&CActivity.B";
    let named = |arn: &str| native(kind, json!({ "lambdaDetails": { "functionArn": arn } }));
    let far = FUNCTION_ARN.replace("eu-central-1", "ap-southeast-2");
    responds(&named(&far), &[&format!("by-hand gate 111122223333 ap-southeast-2 lambda-function {far}")]);
    let foreign = FUNCTION_ARN.replace(ACCOUNT, "999988887777");
    names(&named(&foreign), &[&format!("by-hand notify 999988887777 eu-central-1 lambda-function {foreign}")]);
}

#[test]
fn an_irregular_type_is_one_in_every_spelling() {
    let lower = json!(["ttps/command and control/trojan:ec2-dnsdataexfiltration!dns"]);
    let plan = responds(&with(asff_instance(), "/detail/findings/0/Types", lower), &[ISOLATED]);
    assert_eq!(kind(&plan), Some("Trojan:EC2/DNSDataExfiltration"));
    let taxonomy = "TTPs/Command and Control/Backdoor:EC2-C&CActivity.B";
    assert_eq!(kind(&responds(&native(taxonomy, instance()), &[ISOLATED])), Some(C2));
}

#[test]
fn a_row_of_policy_does_not_rename_a_type_that_guardduty_spelled_well() {
    // GuardDuty is asked whether it knows the finding, and the answer is compared by type.
    let own = policy("[finding.\"backdoor:ec2/c&cactivity.b\"]\ncontain = { isolate-ec2 = \"auto\" }\nwhy = \"ours\"");
    assert_eq!(kind(&decides(under(&own, &native(C2, instance())), Verdict::Respond, &[ISOLATED])), Some(C2));
}

#[test]
fn people_see_what_the_finding_calls_it() {
    let by_hand = |what: &str| format!("by-hand gate 111122223333 eu-central-1 {what}");
    responds(&native(CALLS, caller("Unknown", "jane", "", "")), &[&by_hand("principal jane")]);
    responds(&asff(CALLER, json!([{ "Type": "AwsIamUser", "Id": "svc" }])), &[&by_hand("principal svc")]);
    responds(&native(C2, json!({ "instanceDetails": { "instanceId": "i-XYZ" } })), &[&by_hand("other i-XYZ")]);
    let shared =
        of(&native(NEW, json!({ "eksClusterDetails": { "name": "prod" }, "instanceDetails": { "instanceId": INSTANCE } })));
    assert!(shared.decisions[0].reason.contains("no row for this type"), "{shared:?}");
}
