//! The arguable four: what has a name of yesterday's form, is an alias, has no id, or states no partition.

use super::events::{
    C2, CALLER, CALLS, DATA, KEY, OPEN_BUCKET, asff, asff_key, case, native, ocsf, ocsf_key, owned, request, sequence, user, with,
};
use super::plans::{LOCKED, codes, partitions, reason, responds, told};
use firebreak::decision::ReasonCode;
use serde_json::{Value, json};

const ALIAS: &str = "my-ap-hrzrlukc5m36ft7okagglf3gmwluquse1b-s3alias";

fn open_bucket(name: &str) -> Value {
    native(OPEN_BUCKET, json!({ "s3BucketDetails": [{ "name": name, "type": "Destination" }] }))
}

fn by_hand(name: &str) -> String {
    format!("by-hand gate 111122223333 eu-central-1 s3-bucket {name}")
}

#[test]
fn a_bucket_that_lockdown_cannot_take_is_left_to_a_person_who_is_told_why() {
    let legacy = responds(&case("57-legacy-bucket-upper"), &["by-hand gate 111122223333 us-east-1 s3-bucket ABCD_Central_1"]);
    assert!(reason(&legacy).contains("lockdown-s3 takes general purpose buckets"), "{}", reason(&legacy));
    for name in ["My_Old_Bucket", "UPPER", "a..b", "-ab", "demo--euc1-az1--x-s3", "x/../y"] {
        let plan = responds(&open_bucket(name), &[&by_hand(name)]);
        assert!(reason(&plan).contains("lockdown-s3 takes general purpose buckets"), "{}", reason(&plan));
        assert_eq!(codes(&plan), [ReasonCode::Row], "{name}");
    }
    responds(&open_bucket("acme-data"), &[LOCKED]);
}

#[test]
fn an_alias_is_no_bucket() {
    for name in [ALIAS, "x--ol-s3", "x.mrap", "x--table-s3"] {
        responds(&open_bucket(name), &[&by_hand(name)]);
    }
    let resource = json!([{ "uid": format!("arn:aws:s3:::{ALIAS}"), "resourceType": "S3_BUCKET" }]);
    for event in [
        case("59-bucket-s3alias"),
        asff(OPEN_BUCKET, json!([{ "Type": "AwsS3Bucket", "Id": format!("arn:aws:s3:::{ALIAS}") }])),
        ocsf(OPEN_BUCKET, json!([owned("AWS::S3::Bucket", ALIAS)])),
        sequence(DATA, json!([]), resource),
        request(&json!({ "kind": "s3-bucket", "id": ALIAS })),
    ] {
        responds(&event, &[&by_hand(ALIAS)]);
    }
    // Only the end of the name tells.
    for name in ["s3alias-data", "my.s3alias.data", "x--x-s3-data"] {
        responds(&open_bucket(name), &[&format!("lockdown-s3 auto 111122223333 eu-central-1 s3-bucket {name}")]);
    }
}

#[test]
fn an_instance_without_an_id_is_asked_about_by_its_address() {
    let plan = responds(&case("63-no-instance-id"), &["by-hand gate 111122223333 eu-central-1 other 2001:db8::1"]);
    assert_eq!(codes(&plan), [ReasonCode::Unread]);
    assert!(reason(&plan).contains("the finding names no valid instance"), "{}", reason(&plan));
    let medium = with(case("63-no-instance-id"), "/detail/severity", json!(5.0));
    told(&medium, "no valid instance");
    let hostile = json!({ "instanceDetails": { "networkInterfaces": [{ "networkInterfaceId": "eni\u{1b}[2J\u{202e}" }] } });
    responds(&native(C2, hostile), &["by-hand gate 111122223333 eu-central-1 other eni\u{fffd}[2J\u{fffd}"]);
}

#[test]
fn a_region_tells_the_partition_that_nobody_states() {
    let svc = |region: &str| format!("quarantine-iam auto 111122223333 {region} iam-user svc");
    assert_eq!(partitions(&responds(&case("75-china-no-partition"), &[&svc("cn-north-1")])), ["aws-cn"]);
    let placed = |event: Value, path: &str, region: &str| with(event, path, json!(region));
    let details = json!({ "PrincipalType": "IAMUser", "PrincipalName": "svc" });
    for (region, partition) in
        [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov"), ("us-iso-east-1", "aws-iso"), ("eu-west-1", "aws")]
    {
        let guardduty = with(native(CALLS, user()), "/detail/partition", json!(null));
        let imported = asff(CALLER, json!([asff_key(KEY, details.clone())]));
        let imported = with(imported, "/detail/findings/0/ProductArn", json!("x::product/aws/guardduty"));
        let v2 = ocsf(CALLER, json!([ocsf_key(KEY, json!({ "type": "IAMUser", "name": "svc" }))]));
        let v2 = with(v2, "/detail/findings/0/cloud/cloud_partition", json!(null));
        for event in [
            placed(guardduty, "/detail/region", region),
            placed(imported, "/detail/findings/0/Region", region),
            placed(v2, "/detail/findings/0/cloud/region", region),
            request(&json!({ "kind": "iam-user", "id": "svc", "region": region })),
        ] {
            assert_eq!(partitions(&responds(&event, &[&svc(region)])), [partition]);
        }
    }
}
