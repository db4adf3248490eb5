//! Kinds E and F: one field that is missing or has no form does not spoil the finding.
//!
//! The next field that says the same thing is asked.

use super::events::{
    ABUSE, ACCOUNT, C2, CALLER, CALLS, EXPOSED, FAR_ARN, GROUP, INSTANCE, INSTANCE_ARN, KEY, OF_INSTANCE, OPEN_BUCKET,
    SESSION_KEY, asff, asff_key, bucket, caller, case, health, instance, native, ocsf, owned, request, sequence, user, with,
};
use super::plans::{
    FAR_AWAY_ASKED, ISOLATED, ISOLATION_ASKED, LOCKED, REPORTED, USER, codes, keys, partitions, reason, responds, told,
};
use firebreak::decision::ReasonCode;
use serde_json::{Value, json};

const UNREACHED: &str = "by-hand gate 111122223333 us-east-1 other i-0123456789abcdef0";

/// A GuardDuty event that names its Region nowhere.
fn nowhere(kind: &str, resource: Value) -> Value {
    with(with(native(kind, resource), "/detail/region", json!("global")), "/detail/arn", json!("f1"))
}

fn asff_instance() -> Value {
    asff(C2, json!([{ "Type": "AwsEc2Instance", "Id": INSTANCE_ARN, "Region": "eu-central-1" }]))
}

fn ocsf_instance() -> Value {
    ocsf(C2, json!([owned("AWS::EC2::Instance", INSTANCE)]))
}

#[test]
fn a_region_without_form_is_an_arns() {
    responds(&case("33-health-global-no-eventregion"), &[REPORTED]);
    for region in
        [json!(null), json!(""), json!("global"), json!("EU (Frankfurt)"), json!("eu-central-1.evil.example/"), json!(7)]
    {
        for (event, line) in [
            (with(native(C2, instance()), "/detail/region", region.clone()), ISOLATED),
            (with(native(CALLS, user()), "/detail/region", region.clone()), USER),
            (with(asff_instance(), "/detail/findings/0/Region", region.clone()), ISOLATED),
            (with(ocsf_instance(), "/detail/findings/0/cloud/region", region.clone()), ISOLATED),
            (with(health(ABUSE, &[FAR_ARN]), "/region", region.clone()), FAR_AWAY_ASKED),
        ] {
            responds(&event, &[line]);
        }
        // No ARN is left but the finding's own.
        let bare = json!([{ "Type": "AwsEc2Instance", "Id": INSTANCE, "Region": region.clone() }]);
        responds(&with(asff(C2, bare), "/detail/findings/0/Region", region.clone()), &[ISOLATED]);
        let bare = json!([{ "type": "AWS::EC2::Instance", "uid": INSTANCE, "region": region.clone() }]);
        responds(&with(ocsf(C2, bare), "/detail/findings/0/cloud/region", region), &[ISOLATED]);
    }
}

#[test]
fn without_any_region_a_person_is_asked_and_nothing_regional_is_reached() {
    let exposed = with(health(EXPOSED, &[KEY]), "/detail/eventMetadata", json!({ "userName": "svc" }));
    for (event, lines) in [
        // Of the key alone, and of all of the user.
        (with(exposed, "/region", json!("global")), vec!["quarantine-iam gate 111122223333 us-east-1 iam-user svc"; 2]),
        (with(health(ABUSE, &[INSTANCE]), "/region", json!("global")), vec![UNREACHED]),
        (nowhere(C2, instance()), vec![UNREACHED]),
        (nowhere(CALLS, user()), vec!["quarantine-iam gate 111122223333 us-east-1 iam-user svc"]),
        (nowhere(OPEN_BUCKET, bucket()), vec!["lockdown-s3 gate 111122223333 us-east-1 s3-bucket acme-data"]),
        (
            nowhere(
                "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS",
                caller("AssumedRole", "deploy", OF_INSTANCE, SESSION_KEY),
            ),
            vec!["quarantine-iam gate 111122223333 us-east-1 iam-role deploy", UNREACHED],
        ),
    ] {
        let plan = responds(&event, &lines);
        assert!(plan.decisions.iter().all(|decision| decision.reason.contains("no valid Region")), "{plan:?}");
        assert_eq!(plan.finding.region, None, "nobody claims to know it");
    }
    let china = with(nowhere(CALLS, user()), "/detail/partition", json!("aws-cn"));
    responds(&china, &["quarantine-iam gate 111122223333 cn-north-1 iam-user svc"]);
    let asked = with(request(&json!({ "kind": "iam-user", "id": "svc" })), "/region", json!("global"));
    responds(&asked, &["quarantine-iam auto 111122223333 us-east-1 iam-user svc"]);
    told(&with(nowhere(CALLS, user()), "/detail/severity", json!(5.0)), "no valid Region");
}

#[test]
fn a_partition_without_form_is_the_regions() {
    for partition in [json!(null), json!("AWS"), json!("aws/../evil"), json!("")] {
        for (event, line) in [
            (with(native(CALLS, user()), "/detail/partition", partition.clone()), USER),
            (with(ocsf_instance(), "/detail/findings/0/cloud/cloud_partition", partition.clone()), ISOLATED),
        ] {
            assert_eq!(partitions(&responds(&event, &[line])), ["aws"], "{partition}");
        }
    }
    let product = json!("arn:AWS:securityhub:eu-central-1::product/aws/guardduty");
    assert_eq!(partitions(&responds(&with(asff_instance(), "/detail/findings/0/ProductArn", product), &[ISOLATED])), ["aws"]);
}

#[test]
fn a_resource_without_a_usable_id_is_named_for_a_person() {
    let by_interface = |interface: Value| {
        let details = json!({ "instanceId": "i-XYZ", "networkInterfaces": [interface] });
        native(C2, json!({ "instanceDetails": details }))
    };
    for (event, called) in [
        (by_interface(json!({ "networkInterfaceId": "eni-0123", "privateIpAddress": "10.0.0.1" })), "other eni-0123"),
        (by_interface(json!({ "privateIpAddress": "10.0.0.1" })), "other 10.0.0.1"),
        (by_interface(json!({ "publicIp": "198.51.100.7" })), "other 198.51.100.7"),
        (native(C2, json!({ "instanceDetails": {} })), "other unnamed instance"),
        (asff(C2, json!([{ "Type": "AwsEc2Instance", "Id": "i-XYZ" }])), "other i-XYZ"),
        (ocsf(C2, json!([owned("AWS::EC2::Instance", "i-XYZ")])), "other i-XYZ"),
        (sequence(GROUP, json!([]), json!([{ "uid": "i-XYZ", "resourceType": "EC2_INSTANCE" }])), "other i-XYZ"),
        (native(OPEN_BUCKET, json!({ "s3BucketDetails": [{ "type": "Destination" }] })), "other unnamed bucket"),
        (native(OPEN_BUCKET, json!({ "resourceType": "S3Bucket" })), "account 111122223333"),
        (native(CALLS, json!({})), "account 111122223333"),
    ] {
        let plan = responds(&event, &[&format!("by-hand gate 111122223333 eu-central-1 {called}")]);
        assert_eq!(codes(&plan), [ReasonCode::Unread]);
    }
    let of_arn = native(OPEN_BUCKET, json!({ "s3BucketDetails": [{ "arn": "arn:aws:s3:::acme-data", "type": "Destination" }] }));
    responds(&of_arn, &[LOCKED]);
    let medium = with(by_interface(json!({ "networkInterfaceId": "eni-0123" })), "/detail/severity", json!(6.9));
    told(&medium, "no valid instance");
}

#[test]
fn a_finding_that_nobody_can_confirm_waits() {
    for id in [json!(null), json!(""), json!(7), json!(["arn"])] {
        let users = with(native(CALLS, user()), "/detail/arn", id.clone());
        let plan = responds(&users, &[&USER.replace("auto", "gate")]);
        assert_eq!(codes(&plan), [ReasonCode::Doubt]);
        assert!(reason(&plan).contains("the finding has no id"), "{}", reason(&plan));
        responds(&with(native(C2, instance()), "/detail/arn", id), &[ISOLATION_ASKED]);
    }
}

#[test]
fn without_an_account_or_a_severity_it_stays_a_notice() {
    for nothing in [json!(null), json!("Production"), json!("1111")] {
        told(&with(native(CALLS, user()), "/detail/accountId", nothing.clone()), "no valid account");
        let event = with(health(ABUSE, &[INSTANCE]), "/detail/affectedAccount", nothing.clone());
        told(&with(event, "/account", nothing), "no valid account");
    }
    told(&with(native(CALLS, user()), "/detail/severity", json!(null)), "severity is missing");
    told(&with(asff_instance(), "/detail/findings/0/Severity", json!({ "Label": "Sev1" })), "severity is missing");
    let unrated = with(ocsf_instance(), "/detail/findings/0/severity_id", json!(0));
    told(&with(unrated, "/detail/findings/0/severity", json!("Unknown")), "severity is missing");
}

#[test]
fn a_time_is_the_first_that_has_a_form() {
    let updated = |event: &Value, line: &str| responds(event, &[line]).finding.updated_at.map(|at| at.to_string());
    let example = case("34-health-lastupdated-rfc2822");
    let ci = ["auto", "gate"].map(|mode| format!("quarantine-iam {mode} 111122223333 us-east-1 iam-user ci-deployer"));
    let of_example = responds(&example, &[&ci[0], &ci[1]]).finding.updated_at.map(|at| at.to_string());
    assert_eq!(of_example.as_deref(), Some("2026-11-29T05:30:00Z"));
    let reported = |time: &str| with(health(ABUSE, &[INSTANCE]), "/detail/lastUpdatedTime", json!(time));
    let guardduty = |time: &str| with(native(CALLS, user()), "/detail/updatedAt", json!(time));
    let imported = |time: &str| with(asff_instance(), "/detail/findings/0/UpdatedAt", json!(time));
    let v2 = |field: &str, time: Value| with(ocsf_instance(), &format!("/detail/findings/0/finding_info/{field}"), time);
    let zoneless = "2026-11-29T08:00:00.855898";
    for (event, line, expected) in [
        (reported("Sun, 29 Nov 2026 04:00:00 GMT"), REPORTED, Some("2026-11-29T04:00:00Z")),
        (reported("Mon, 29 Nov 2026 05:30:00 +0100"), REPORTED, Some("2026-11-29T04:30:00Z")),
        (reported("yesterday"), REPORTED, Some("2026-11-29T05:31:00Z")),
        (with(reported("yesterday"), "/time", json!("noon")), REPORTED, None),
        (guardduty("Sun, 29 Nov 2026 09:01:00 GMT"), USER, Some("2026-11-29T09:01:00Z")),
        (guardduty(zoneless), USER, None),
        (imported("Sun, 29 Nov 2026 08:00:00 GMT"), ISOLATED, Some("2026-11-29T08:00:00Z")),
        (imported(zoneless), ISOLATED, None),
        (
            with(
                v2("modified_time_dt", json!(zoneless)),
                "/detail/findings/0/finding_info/modified_time",
                json!(1_795_943_460_000_i64),
            ),
            ISOLATED,
            Some("2026-11-29T09:11:00Z"),
        ),
        (v2("modified_time_dt", json!("yesterday")), ISOLATED, Some("2026-11-29T09:01:00Z")),
    ] {
        assert_eq!(updated(&event, line).as_deref(), expected);
    }
}

#[test]
fn a_field_without_form_gives_way_to_the_next() {
    let rated = |severity: Value| with(asff_instance(), "/detail/findings/0/Severity", severity);
    let by_text = |id: Value, text: &str| {
        let event = with(ocsf_instance(), "/detail/findings/0/severity_id", id);
        with(event, "/detail/findings/0/severity", json!(text))
    };
    let unplaced = json!({ "uid": INSTANCE, "resourceType": "EC2_INSTANCE", "accountId": "Production", "region": "global" });
    for (event, line) in [
        (rated(json!({ "Label": "High" })), ISOLATED),
        (rated(json!({ "Label": " critical " })), ISOLATED),
        (rated(json!({ "Label": "Sev1", "Normalized": 80 })), ISOLATED),
        (by_text(json!(99), "High"), ISOLATED),
        (by_text(json!("4"), "CRITICAL"), ISOLATED),
        (by_text(json!(null), "fatal"), ISOLATED),
        (with(ocsf_instance(), "/detail/findings/0/cloud/account/uid", json!("Production")), ISOLATED),
        (with(health(ABUSE, &[INSTANCE]), "/detail/affectedAccount", json!(KEY)), REPORTED),
        (with(health(ABUSE, &[INSTANCE]), "/detail/eventRegion", json!("EU")), REPORTED),
        (sequence(GROUP, json!([]), json!([unplaced])), ISOLATION_ASKED),
    ] {
        responds(&event, &[line]);
    }
    for key in ["null", "", "ci key"] {
        let details = json!({ "PrincipalType": "IAMUser", "PrincipalName": "svc", "AccessKeyId": key });
        assert_eq!(keys(&responds(&asff(CALLER, json!([asff_key(KEY, details)])), &[USER])), [[KEY]]);
    }
    // Below HIGH the next field counts as well.
    told(&rated(json!({ "Label": "Sev1", "Normalized": 50 })), "severity MEDIUM");
}

#[test]
fn what_a_person_says_in_a_request_gives_way_to_nothing() {
    let target = |field: &str, value: &str| {
        let mut target = json!({ "kind": "iam-user", "id": "arn:aws:iam::111122223333:user/svc" });
        target[field] = json!(value);
        request(&target)
    };
    responds(&target("account", ACCOUNT), &[USER]);
    told(&target("account", "Production"), "no valid account");
    told(&target("region", "global"), "no valid");
    told(&target("partition", "AWS"), "no valid partition");
}
