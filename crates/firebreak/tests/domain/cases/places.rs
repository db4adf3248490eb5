//! Kind D: a resource is where its own ARN says, not where the envelope or the finding comes from.

use super::events::{
    ABUSE, C2, CALLER, CALLS, EXPOSED, FAR_ARN, FOREIGN_ARN, FUNCTION_ARN, GROUP, INSTANCE, KEY, OPEN_BUCKET, asff, case, health,
    instance, native, ocsf, owned, request, sequence, user, with,
};
use super::plans::{FAR_AWAY, FAR_AWAY_ASKED, ISOLATED, USER, codes, decides, names, of, partitions, responds, under};
use crate::traps::policy;
use firebreak::decision::ReasonCode;
use firebreak::plan::Verdict;
use serde_json::{Value, json};

const FOREIGN: &str = "isolate-ec2 notify 999988887777 ap-southeast-2 ec2-instance i-0123456789abcdef0";

fn asff_instance(arn: &str) -> Value {
    asff(C2, json!([{ "Type": "AwsEc2Instance", "Id": arn, "Region": "eu-central-1" }]))
}

fn of_group(resource: Value) -> Value {
    sequence(GROUP, json!([]), json!([resource]))
}

#[test]
fn an_arn_says_in_which_region_its_resource_is() {
    let plan = responds(&case("31-health-arn-other-region"), &[FAR_AWAY_ASKED]);
    assert_eq!(plan.finding.region.map(|region| region.to_string()).as_deref(), Some("ap-southeast-2"));
    let plain_id = with(health(ABUSE, &[INSTANCE]), "/resources", json!([FAR_ARN]));
    for (event, line) in [
        (plain_id, FAR_AWAY_ASKED),
        (asff_instance(FAR_ARN), FAR_AWAY),
        (ocsf(C2, json!([{ "type": "AWS::EC2::Instance", "uid": FAR_ARN }])), FAR_AWAY),
        (ocsf(C2, json!([owned("AWS::EC2::Instance", FAR_ARN)])), FAR_AWAY),
        (of_group(json!({ "uid": FAR_ARN, "resourceType": "EC2_INSTANCE" })), FAR_AWAY_ASKED),
        (
            of_group(
                json!({ "uid": FAR_ARN, "resourceType": "EC2_INSTANCE", "accountId": "111122223333", "region": "eu-west-1" }),
            ),
            FAR_AWAY_ASKED,
        ),
        (request(&json!({ "kind": "ec2-instance", "id": FAR_ARN })), FAR_AWAY),
        (request(&json!({ "kind": "ec2-instance", "id": FAR_ARN, "region": "eu-central-1" })), FAR_AWAY),
    ] {
        responds(&event, &[line]);
    }
    let far_function = FUNCTION_ARN.replace("eu-central-1", "ap-southeast-2");
    let line = format!("by-hand gate 111122223333 ap-southeast-2 lambda-function {far_function}");
    responds(&health(ABUSE, &[&far_function]), &[&line]);
    responds(&of_group(json!({ "uid": far_function, "resourceType": "LAMBDA_FUNCTION" })), &[&line]);
}

#[test]
fn each_resource_of_a_report_is_in_its_own_region() {
    let near = "arn:aws:ec2:eu-west-1:111122223333:instance/i-0123456789abcdef1";
    let in_ireland = "isolate-ec2 gate 111122223333 eu-west-1 ec2-instance i-0123456789abcdef1";
    responds(&health(ABUSE, &[FAR_ARN, near]), &[FAR_AWAY_ASKED, in_ireland]);
    let listed = |arn: &str| json!({ "uid": arn, "resourceType": "EC2_INSTANCE" });
    responds(&sequence(GROUP, json!([]), json!([listed(FAR_ARN), listed(near)])), &[FAR_AWAY_ASKED, in_ireland]);
}

#[test]
fn a_resource_of_another_account_is_named_with_it_and_left_alone() {
    let with_account = |arn: &str| json!({ "uid": arn, "resourceType": "EC2_INSTANCE", "accountId": "111122223333" });
    for event in [
        asff_instance(FOREIGN_ARN),
        ocsf(C2, json!([{ "type": "AWS::EC2::Instance", "uid": FOREIGN_ARN }])),
        ocsf(C2, json!([owned("AWS::EC2::Instance", FOREIGN_ARN)])),
        of_group(with_account(FOREIGN_ARN)),
        health(ABUSE, &[FOREIGN_ARN]),
        with(health(ABUSE, &[INSTANCE]), "/resources", json!([FOREIGN_ARN])),
        request(&json!({ "kind": "ec2-instance", "id": FOREIGN_ARN, "account": "111122223333" })),
    ] {
        assert_eq!(codes(&names(&event, &[FOREIGN])), [ReasonCode::OtherAccount]);
    }
    let user = "arn:aws:iam::999988887777:user/svc";
    let line = "quarantine-iam notify 999988887777 eu-central-1 iam-user svc";
    for event in [
        asff(CALLER, json!([{ "Type": "AwsIamUser", "Id": user }])),
        ocsf(CALLER, json!([owned("AWS::IAM::User", user)])),
        request(&json!({ "kind": "iam-user", "id": user, "account": "111122223333" })),
    ] {
        names(&event, &[line]);
    }
    // Who names no account beside the ARN asks for the ARN's.
    let asked = request(&json!({ "kind": "ec2-instance", "id": FOREIGN_ARN }));
    responds(&asked, &["isolate-ec2 auto 999988887777 ap-southeast-2 ec2-instance i-0123456789abcdef0"]);
}

#[test]
fn an_arn_says_the_partition() {
    let arn = "arn:aws-cn:ec2:cn-north-1:111122223333:instance/i-0123456789abcdef0";
    let auto = "isolate-ec2 auto 111122223333 cn-north-1 ec2-instance i-0123456789abcdef0";
    let gate = auto.replace("auto", "gate");
    let gate = gate.as_str();
    for (event, line) in [
        (with(health(ABUSE, &[arn]), "/region", json!("cn-north-1")), gate),
        (health(ABUSE, &[arn]), gate),
        (asff_instance(arn), auto),
        (ocsf(C2, json!([owned("AWS::EC2::Instance", arn)])), auto),
        (of_group(json!({ "uid": arn, "resourceType": "EC2_INSTANCE" })), gate),
        (request(&json!({ "kind": "ec2-instance", "id": arn })), auto),
    ] {
        assert_eq!(partitions(&responds(&event, &[line])), ["aws-cn"]);
    }
}

#[test]
fn a_principal_is_in_no_region() {
    let arn = "arn:aws:iam::111122223333:user/svc";
    responds(&asff(CALLER, json!([{ "Type": "AwsIamUser", "Id": arn, "Region": "us-east-1" }])), &[USER]);
    responds(&ocsf(CALLER, json!([{ "type": "AWS::IAM::User", "uid": arn, "region": "us-east-1" }])), &[USER]);
    responds(&native(CALLS, user()), &[USER]);
    let exposed = with(health(EXPOSED, &[KEY]), "/detail/eventMetadata", json!({ "userName": "svc" }));
    let in_sydney = with(exposed, "/detail/eventRegion", json!("ap-southeast-2"));
    let of_key = "quarantine-iam auto 111122223333 ap-southeast-2 iam-user svc";
    responds(&in_sydney, &[of_key, "quarantine-iam gate 111122223333 ap-southeast-2 iam-user svc"]);
}

#[test]
fn a_region_that_policy_does_not_allow_is_not_reached_by_an_arn() {
    let ours = policy("[allow]\nregions = [\"eu-central-1\"]\naccounts = [\"111122223333\"]");
    let spared = FAR_AWAY.replace("auto", "notify");
    let plan = decides(under(&ours, &asff_instance(FAR_ARN)), Verdict::Notify, &[&spared]);
    assert_eq!(codes(&plan), [ReasonCode::NotAllowed]);
    decides(under(&ours, &native(C2, instance())), Verdict::Respond, &[ISOLATED]);
    decides(under(&ours, &case("31-health-arn-other-region")), Verdict::Notify, &[]);
}

#[test]
fn an_arn_with_a_hostile_part_places_nothing() {
    for arn in [
        "arn:aws:ec2:evil.example/#:111122223333:instance/i-0123456789abcdef0",
        "arn:aws:ec2:eu-central-1.evil.example:111122223333:instance/i-0123456789abcdef0",
        "arn:aws:ec2:eu-central-1:1111:instance/i-0123456789abcdef0",
        "arn:aws/../x:ec2:eu-central-1:111122223333:instance/i-0123456789abcdef0",
    ] {
        let line = format!("by-hand gate 111122223333 eu-central-1 other {arn}");
        for event in [asff_instance(arn), ocsf(C2, json!([owned("AWS::EC2::Instance", arn)]))] {
            let plan = responds(&event, &[&line]);
            assert_eq!((codes(&plan), partitions(&plan)), (vec![ReasonCode::Unread], vec!["aws"]), "text, for people");
        }
        let hinted = of(&with(health(ABUSE, &[INSTANCE]), "/resources", json!([arn])));
        decides(hinted, Verdict::Respond, &["isolate-ec2 gate 111122223333 us-east-1 ec2-instance i-0123456789abcdef0"]);
    }
    let bucket = asff(OPEN_BUCKET, json!([{ "Type": "AwsS3Bucket", "Id": "arn:aws:s3:EVIL::acme-data" }]));
    responds(&bucket, &["by-hand gate 111122223333 eu-central-1 s3-bucket arn:aws:s3:EVIL::acme-data"]);
}
