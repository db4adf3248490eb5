//! Kind J: a row is written for one of the resources that a finding names; the others are named all the same.

use super::events::{
    C2, CALLER, CALLS, FUNCTION_ARN, KEY, LEAKED, OF_INSTANCE, SESSION_KEY, TASK_ARN, asff, asff_key, beside, bucket, caller,
    case, function, instance, native, ocsf, ocsf_key, owned, task, user, with,
};
use super::plans::{DEPLOY, ISOLATED, USER, WHOLE_ROLE, codes, lines, names, of, reason, responds, session};
use firebreak::decision::ReasonCode;
use serde_json::{Value, json};

const TASK_ID: &str = "0123456789abcdef0123456789abcdef";

fn role(session: &str) -> Value {
    caller("AssumedRole", "deploy", &format!("AROAEXAMPLEEXAMPLE12:{session}"), SESSION_KEY)
}

fn by_hand(mode: &str, what: &str) -> String {
    format!("by-hand {mode} 111122223333 eu-central-1 {what}")
}

#[test]
fn what_runs_as_the_role_is_left_to_a_person_beside_its_session() {
    let plan = responds(
        &case("26-rce-ecs-task"),
        &["quarantine-iam auto 111122223333 eu-central-1 iam-role taskRole", &by_hand("gate", &format!("ecs-task {TASK_ARN}"))],
    );
    assert_eq!((session(&plan), reason(&plan).contains("another")), (Some(TASK_ID), false), "it cannot come back under another");
    let pod = json!({ "eksClusterDetails": { "name": "prod" },
        "kubernetesDetails": { "kubernetesWorkloadDetails": { "name": "web", "namespace": "default" } } });
    for kind in [LEAKED, "UnauthorizedAccess:IAMUser/ResourceCredentialExfiltration.InsideAWS"] {
        for (resource, session_line, what) in [
            (beside(role(TASK_ID), task()), DEPLOY, format!("ecs-task {TASK_ARN}")),
            (beside(role("ffffffffffffffffffffffffffffffff"), task()), WHOLE_ROLE, format!("ecs-task {TASK_ARN}")),
            (beside(role("pay"), function()), DEPLOY, format!("lambda-function {FUNCTION_ARN}")),
            (beside(role("eks-prod-web-uuid"), pod.clone()), WHOLE_ROLE, "eks-workload prod/default/web".to_owned()),
        ] {
            let plan = responds(&native(kind, resource), &[session_line, &by_hand("gate", &what)]);
            assert!(session(&plan).is_some(), "the session alone: {plan:?}");
        }
    }
    let id = format!("AROAEXAMPLEEXAMPLE12:{TASK_ID}");
    let key = ocsf_key(SESSION_KEY, json!({ "type": "AssumedRole", "name": "deploy", "uid": id }));
    let event = ocsf(LEAKED, json!([key, owned("AWS::ECS::Task", TASK_ARN)]));
    responds(&event, &[DEPLOY, &by_hand("gate", &format!("ecs-task {TASK_ARN}"))]);
}

#[test]
fn what_a_row_does_not_mention_is_named() {
    let snapshot = json!({ "ebsSnapshotDetails": { "snapshotArn": "arn:aws:ec2:eu-central-1::snapshot/snap-1" } });
    let database = json!({ "rdsDbInstanceDetails": { "dbInstanceIdentifier": "db-1" } });
    for (resource, what) in [
        (bucket(), "s3-bucket acme-data".to_owned()),
        (function(), format!("lambda-function {FUNCTION_ARN}")),
        (task(), format!("ecs-task {TASK_ARN}")),
        (snapshot, "snapshot arn:aws:ec2:eu-central-1::snapshot/snap-1".to_owned()),
        (database, "rds-database db-1".to_owned()),
    ] {
        let line = by_hand("notify", &what);
        let plan = responds(&native(CALLS, beside(user(), resource.clone())), &[USER, &line]);
        assert_eq!(codes(&plan), [ReasonCode::Row; 2], "a row is known, and people are told what it leaves out");
        if !what.starts_with("ecs-task") {
            responds(&native(C2, beside(instance(), resource)), &[ISOLATED, &line]);
        }
    }
    let other_leak = "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS";
    responds(&native(other_leak, beside(role(TASK_ID), task())), &[DEPLOY, &by_hand("notify", &format!("ecs-task {TASK_ARN}"))]);
    let svc = json!({ "PrincipalType": "IAMUser", "PrincipalName": "svc" });
    let near_bucket = json!([asff_key(KEY, svc), { "Type": "AwsS3Bucket", "Id": "arn:aws:s3:::acme-data" }]);
    responds(&asff(CALLER, near_bucket), &[USER, &by_hand("notify", "s3-bucket acme-data")]);
}

#[test]
fn where_the_row_fits_nothing_what_is_named_is_asked_about() {
    let runtime = "Backdoor:Runtime/C&CActivity.B";
    for (resource, what) in [
        (function(), format!("lambda-function {FUNCTION_ARN}")),
        (json!({ "rdsDbInstanceDetails": { "dbInstanceIdentifier": "db-1" } }), "rds-database db-1".to_owned()),
        (bucket(), "s3-bucket acme-data".to_owned()),
    ] {
        responds(&native(runtime, resource.clone()), &[&by_hand("gate", &what)]);
        names(&with(native(runtime, resource), "/detail/severity", json!(5.0)), &[&by_hand("notify", &what)]);
    }
}

#[test]
fn what_is_only_context_stays_unnamed() {
    // Nearly every sample of GuardDuty carries an instance beside the caller.
    for kind in [CALLS, "UnauthorizedAccess:IAMUser/TorIPCaller"] {
        responds(&native(kind, beside(user(), instance())), &[USER]);
        responds(&native(kind, beside(caller("Role", "deploy", OF_INSTANCE, SESSION_KEY), instance())), &[DEPLOY]);
    }
    let profile = json!({ "arn": "arn:aws:iam::111122223333:instance-profile/p", "id": "AIPA1" });
    let with_profile = with(native(C2, instance()), "/detail/resource/instanceDetails/iamInstanceProfile", profile);
    responds(&with_profile, &[ISOLATED]);
    // Of a victim nothing else is named.
    let victim = native("UnauthorizedAccess:EC2/SSHBruteForce", beside(instance(), function()));
    names(&victim, &[&by_hand("notify", "ec2-instance i-0123456789abcdef0")]);
    let source =
        json!({ "s3BucketDetails": [{ "name": "acme-copy", "type": "Source" }, { "name": "acme-data", "type": "Destination" }] });
    let copied = of(&native("Impact:S3/AnomalousBehavior.Delete", beside(user(), source)));
    let expected = [
        "lockdown-s3 auto 111122223333 eu-central-1 s3-bucket acme-data",
        "by-hand notify 111122223333 eu-central-1 s3-bucket acme-copy",
    ];
    assert_eq!(lines(&copied)[1..], expected, "a bucket that was copied from is not at risk");
}
