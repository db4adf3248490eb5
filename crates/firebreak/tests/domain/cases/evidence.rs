//! What a field really says: ids against words, placeholders, names that callers choose, texts in another spelling.

use super::events::{
    ABUSE, ACCOUNT, C2, CALLER, CALLS, CREDENTIALS, DATA, FUNCTION_ARN, GROUP, INSTANCE, INSTANCE_ARN, KEY, OF_INSTANCE,
    OPEN_BUCKET, SESSION_KEY, TASK_ARN, actor, asff, asff_key, beside, caller, health, instance, native, ocsf, ocsf_key, owned,
    request, sequence, with,
};
use super::plans::{DEPLOY, ISOLATED, ISOLATION_ASKED, LOCKED, USER, lines, of, responds};
use firebreak::containment::Containment;
use firebreak::decision::Mode;
use firebreak::plan::{Plan, Verdict};
use serde_json::{Value, json};

/// Nothing of this kind happens without a person.
#[track_caller]
fn waits(event: &Value) -> Plan {
    let plan = of(event);
    assert!(plan.decisions.iter().all(|decision| decision.mode != Mode::Auto), "{:?}", lines(&plan));
    plan
}

#[test]
fn a_bucket_without_an_id_is_no_bucket_named_unnamed() {
    let unnamed = json!([{ "Type": "AwsS3Bucket", "Region": "eu-central-1" }]);
    assert!(waits(&asff(OPEN_BUCKET, unnamed)).decisions.iter().all(|d| d.containment.is_none()));
    let detailed =
        json!([{ "Type": "AwsS3Bucket", "Region": "eu-central-1", "Details": { "AwsS3Bucket": { "Name": "acme-data" } } }]);
    responds(&asff(OPEN_BUCKET, detailed), &[LOCKED]);
    let alternative = with(owned("AWS::S3::Bucket", ""), "/uid_alt", json!("arn:aws:s3:::acme-data"));
    responds(&ocsf(OPEN_BUCKET, json!([alternative])), &[LOCKED]);
    let device = with(owned("AWS::EC2::Instance", "d41d8"), "/device", json!({ "uid": INSTANCE }));
    responds(&ocsf(C2, json!([device])), &[ISOLATED]);
}

#[test]
fn an_id_is_better_evidence_than_the_word() {
    responds(&native(CALLS, caller("IAMUser", "deploy", OF_INSTANCE, SESSION_KEY)), &[DEPLOY]);
    responds(
        &ocsf(CALLER, json!([ocsf_key(SESSION_KEY, json!({ "type": "User", "name": "deploy", "uid": OF_INSTANCE }))])),
        &[DEPLOY],
    );
    let root = "by-hand gate 111122223333 eu-central-1 account-root 111122223333";
    responds(&native(CALLS, caller("IAMUser", "Root", ACCOUNT, "")), &[root]);
    let federated = responds(
        &native(CALLS, caller("", "", "111122223333:fed", SESSION_KEY)),
        &["by-hand gate 111122223333 eu-central-1 federated-user fed"],
    );
    assert_eq!(federated.verdict, Verdict::Respond);
    // AWS's own sample: the id has no form, and the word stands.
    responds(&native(CALLS, caller("IAMUser", "svc", "GeneratedFindingPrincipalId", KEY)), &[USER]);
}

#[test]
fn whose_session_it_is_the_issuer_says() {
    let issuer =
        json!({ "Type": "Role", "UserName": "deploy", "PrincipalId": OF_INSTANCE.split(':').next(), "AccountId": ACCOUNT });
    for details in [
        json!({ "UserName": "mallory", "SessionContext": { "SessionIssuer": issuer } }),
        json!({ "SessionContext": { "SessionIssuer": issuer } }),
    ] {
        let plan = waits(&asff(CALLER, json!([asff_key(SESSION_KEY, details)])));
        assert_eq!(plan.decisions[0].target.id, "deploy", "{plan:?}");
    }
    let alone = waits(&asff(CALLER, json!([asff_key(SESSION_KEY, json!({ "UserName": "deploy" }))])));
    assert_eq!(alone.decisions[0].target.kind.name(), "access-key", "a temporary key is no user's");
    responds(&asff(CALLER, json!([asff_key(KEY, json!({ "UserName": "svc" }))])), &[USER]);
}

#[test]
fn a_principal_of_another_account_is_left_alone_whoever_says_so() {
    let user = json!({ "type": "IAMUser", "name": "svc", "account": { "uid": "999988887777" } });
    let issuer = json!({ "SessionIssuer": { "Type": "Role", "UserName": "deploy", "AccountId": "999988887777" } });
    let details = json!({ "PrincipalType": "AssumedRole", "PrincipalName": "deploy", "PrincipalId": OF_INSTANCE, "SessionContext": issuer });
    for event in [ocsf(CALLER, json!([ocsf_key(KEY, user)])), asff(CALLER, json!([asff_key(SESSION_KEY, details)]))] {
        let plan = of(&event);
        assert!(plan.decisions.iter().all(|d| d.mode == Mode::Notify && d.target.account.as_str() == "999988887777"), "{plan:?}");
    }
}

#[test]
fn only_the_function_and_the_task_name_a_session() {
    let leaked = "UnauthorizedAccess:IAMUser/ResourceCredentialExfiltration.OutsideAWS";
    let role = |session: &str| caller("AssumedRole", "deploy", &format!("AROAEXAMPLEEXAMPLE12:{session}"), SESSION_KEY);
    let function = |arn: &str| json!({ "lambdaDetails": { "functionArn": arn } });
    let at_once = |event: &Value| of(event).decisions.iter().any(|decision| decision.mode == Mode::Auto);
    let alias = format!("{FUNCTION_ARN}:prod");
    assert!(at_once(&native(leaked, beside(role("pay"), function(&alias)))), "a version or alias follows the name");
    assert!(!at_once(&native(leaked, beside(role("prod"), function(&alias)))), "an alias names nobody");
    let ecs = |arn: &str| json!({ "ecsClusterDetails": { "name": "prod", "arn": "arn:aws:ecs:eu-central-1:111122223333:cluster/prod", "taskDetails": { "arn": arn } } });
    let task = TASK_ARN.rsplit('/').next().expect("an id");
    assert!(at_once(&native(leaked, beside(role(task), ecs(TASK_ARN)))));
    assert!(!at_once(&native(leaked, beside(role("prod"), ecs("")))), "a cluster names nobody");
}

#[test]
fn what_stands_in_front_of_a_bucket_is_no_bucket() {
    for arn in [
        "arn:aws:s3:eu-central-1:111122223333:accesspoint/my-ap",
        "arn:aws:s3express:eu-central-1:111122223333:bucket/my-ap--euc1-az1--x-s3",
    ] {
        let bucket = json!({ "s3BucketDetails": [{ "name": "my-ap", "arn": arn, "type": "Destination" }] });
        let resource = json!([{ "uid": arn, "name": "my-ap", "resourceType": "S3_BUCKET" }]);
        for event in [native(OPEN_BUCKET, bucket), sequence(DATA, json!([]), resource)] {
            let plan = waits(&event);
            assert!(plan.decisions.iter().all(|d| d.containment != Some(Containment::LockdownS3)), "{plan:?}");
            assert!(plan.decisions.iter().any(|d| d.mode == Mode::Gate), "{plan:?}");
        }
    }
}

#[test]
fn a_partition_that_does_not_fit_the_region_leaves_it_to_a_person() {
    let user = with(native(CALLS, caller("IAMUser", "svc", "", KEY)), "/detail/region", json!("cn-north-1"));
    waits(&with(user, "/detail/partition", json!("aws")));
    let bucket =
        json!({ "s3BucketDetails": [{ "name": "acme-data", "arn": "arn:aws-cn:s3:::acme-data", "type": "Destination" }] });
    waits(&native(OPEN_BUCKET, bucket));
}

#[test]
fn words_of_a_finding_s_state_are_read_by_letters() {
    let hub = asff(C2, json!([{ "Type": "AwsEc2Instance", "Id": INSTANCE_ARN, "Region": "eu-central-1" }]));
    let v2 = ocsf(C2, json!([owned("AWS::EC2::Instance", INSTANCE)]));
    let settled = [
        with(hub.clone(), "/detail/findings/0/Workflow", json!({ "Status": "Resolved" })),
        with(hub, "/detail/findings/0/RecordState", json!("Archived")),
        with(with(v2.clone(), "/detail/findings/0/status_id", json!(99)), "/detail/findings/0/status", json!("suppressed")),
        with(native(C2, instance()), "/detail/service/archived", json!("true")),
        with(health(ABUSE, &[INSTANCE]), "/detail/statusCode", json!("Closed")),
    ];
    for event in settled {
        let plan = waits(&event);
        assert!(plan.decisions.iter().all(|decision| decision.mode == Mode::Notify), "{plan:?}");
    }
    responds(&with(v2, "/detail/findings/0/status_id", json!(99)), &[ISOLATED]);
    let copied = json!({ "s3BucketDetails": [{ "name": "acme-data", "arn": "arn:aws:s3:::acme-data", "type": "SOURCE" }] });
    waits(&native(OPEN_BUCKET, copied));
}

#[test]
fn protected_names_are_protected_in_any_case() {
    for name in ["organizationaccountaccessrole", "AWSCONTROLTOWEREXECUTION"] {
        let plan = of(&request(&json!({ "kind": "iam-role", "id": name })));
        assert!(plan.decisions.iter().all(|decision| decision.mode == Mode::Notify), "{plan:?}");
    }
    waits(&native(CALLS, caller("AssumedRole", "awsserviceroleforx", OF_INSTANCE, SESSION_KEY)));
    let person = waits(&native(CALLS, caller("AssumedRole", "awsreservedsso_admin_1", "AROAEXAMPLEEXAMPLE12:jane", SESSION_KEY)));
    assert_eq!(person.decisions[0].target.kind.name(), "identity-center-user");
}

#[test]
fn nothing_that_is_named_gets_lost() {
    responds(&sequence(GROUP, json!([]), json!([{ "uid": INSTANCE_ARN, "name": INSTANCE }])), &[ISOLATION_ASKED]);
    let other = "i-0123456789abcdef1";
    let leaked = "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS";
    let key = |instance: &str| {
        ocsf_key(
            SESSION_KEY,
            json!({ "type": "AssumedRole", "name": "deploy", "uid": format!("AROAEXAMPLEEXAMPLE12:{instance}") }),
        )
    };
    let both = of(&ocsf(leaked, json!([key(INSTANCE), key(other)])));
    for id in [INSTANCE, other] {
        assert!(both.decisions.iter().any(|d| d.containment == Some(Containment::IsolateEc2) && d.target.id == id), "{both:?}");
    }
    let bare = with(health(ABUSE, &[INSTANCE_ARN]), "/detail/affectedEntities", json!([]));
    assert!(of(&bare).decisions.iter().any(|decision| decision.target.id == INSTANCE), "the envelope names it");
    // A key that says nothing is no caller: the user beside it is.
    let svc = "arn:aws:iam::111122223333:user/svc";
    let hub = asff(
        CALLER,
        json!([{ "Type": "AwsIamAccessKey", "Id": "AWS::IAM::AccessKey:null" }, { "Type": "AwsIamUser", "Id": svc }]),
    );
    let v2 = ocsf(CALLER, json!([owned("AWS::IAM::AccessKey", "null"), owned("AWS::IAM::User", svc)]));
    for event in [hub, v2] {
        assert!(of(&event).decisions.iter().any(|decision| decision.target.id == "svc"), "{:?}", lines(&of(&event)));
    }
    // The session stands in the name where the id has none.
    let in_name = |name: &str| native(CALLS, caller("AssumedRole", name, "AROAEXAMPLEEXAMPLE12", SESSION_KEY));
    responds(&in_name("deploy:i-0123456789abcdef0"), &[DEPLOY]);
    responds(&in_name("arn:aws:sts::111122223333:assumed-role/deploy/i-0123456789abcdef0"), &[DEPLOY]);
    responds(&native(C2, json!({ "instanceDetails": { "instanceId": INSTANCE_ARN } })), &[ISOLATED]);
    // What the row is not about is named all the same when nothing else is.
    let beside_the_row = of(&native(C2, caller("IAMUser", "svc", "", KEY)));
    assert!(beside_the_row.decisions.iter().any(|decision| decision.target.id == "svc"), "{beside_the_row:?}");
    let nobody = responds(
        &sequence(CREDENTIALS, json!([actor("IAMUser", "null", "", KEY)]), json!([])),
        &["by-hand gate 111122223333 eu-central-1 access-key AKIAEXAMPLEEXAMPLE12"],
    );
    assert_eq!(nobody.verdict, Verdict::Respond, "a user named by the word null is nobody");
}
