//! The events of the kinds: the examples as they are, and others of their kind, made of them.

use crate::traps::fixture;
use serde_json::{Value, json};

pub(super) const ACCOUNT: &str = "111122223333";
pub(super) const KEY: &str = "AKIAEXAMPLEEXAMPLE12";
pub(super) const OTHER_KEY: &str = "AKIAEXAMPLEEXAMPLE13";
pub(super) const SESSION_KEY: &str = "ASIAEXAMPLEEXAMPLE12";
pub(super) const OTHER_SESSION_KEY: &str = "ASIAEXAMPLEEXAMPLE13";
pub(super) const USER_ID: &str = "AIDAEXAMPLEEXAMPLE12";
pub(super) const INSTANCE: &str = "i-0123456789abcdef0";
/// A role's session that EC2 named after the instance.
pub(super) const OF_INSTANCE: &str = "AROAEXAMPLEEXAMPLE12:i-0123456789abcdef0";
pub(super) const INSTANCE_ARN: &str = "arn:aws:ec2:eu-central-1:111122223333:instance/i-0123456789abcdef0";
/// In another Region than the one that the envelope or the finding states.
pub(super) const FAR_ARN: &str = "arn:aws:ec2:ap-southeast-2:111122223333:instance/i-0123456789abcdef0";
pub(super) const FOREIGN_ARN: &str = "arn:aws:ec2:ap-southeast-2:999988887777:instance/i-0123456789abcdef0";
pub(super) const FUNCTION_ARN: &str = "arn:aws:lambda:eu-central-1:111122223333:function:pay";
pub(super) const TASK_ARN: &str = "arn:aws:ecs:eu-central-1:111122223333:task/c/0123456789abcdef0123456789abcdef";
pub(super) const ROLE_ARN: &str = "arn:aws:iam::111122223333:role/app/deploy";

/// A row that quarantines at once.
pub(super) const CALLS: &str = "Exfiltration:IAMUser/AnomalousBehavior";
/// The same, of an address on a threat list.
pub(super) const CALLER: &str = "UnauthorizedAccess:IAMUser/MaliciousIPCaller";
/// A row that isolates at once.
pub(super) const C2: &str = "Backdoor:EC2/C&CActivity.B";
/// A row that locks down at once.
pub(super) const OPEN_BUCKET: &str = "Policy:S3/BucketAnonymousAccessGranted";
/// A row that quarantines at once, and leaves functions and workloads to people.
pub(super) const LEAKED: &str = "UnauthorizedAccess:IAMUser/ResourceCredentialExfiltration.OutsideAWS";
/// Sequences: their rows quarantine at once, isolate after approval, and lock down at once.
pub(super) const CREDENTIALS: &str = "AttackSequence:IAM/CompromisedCredentials";
pub(super) const GROUP: &str = "AttackSequence:EC2/CompromisedInstanceGroup";
pub(super) const DATA: &str = "AttackSequence:S3/CompromisedData";
/// An abuse report and a risk of AWS Health: both rows gate, and the second takes the key alone at once.
pub(super) const ABUSE: &str = "AWS_ABUSE_DOS_REPORT";
pub(super) const EXPOSED: &str = "AWS_RISK_CREDENTIALS_EXPOSED";
/// No row has it.
pub(super) const NEW: &str = "NewTactic:Quantum/Thing";

/// An example, as it was given.
pub(super) fn case(name: &str) -> Value {
    fixture(&format!("cases/{name}.json"))
}

/// The event with one field set to something else. Null is a field that says nothing.
pub(super) fn with(mut event: Value, path: &str, value: Value) -> Value {
    let (parent, name) = path.rsplit_once('/').expect("a path");
    let fields = event.pointer_mut(parent).and_then(Value::as_object_mut).unwrap_or_else(|| panic!("{parent} has no fields"));
    fields.insert(name.to_owned(), value);
    event
}

/// GuardDuty's own event, HIGH.
pub(super) fn native(kind: &str, resource: Value) -> Value {
    with(with(case("08-usertype-samluser"), "/detail/type", json!(kind)), "/detail/resource", resource)
}

/// Whose credentials were used. An empty text is a field that says nothing.
pub(super) fn caller(kind: &str, name: &str, id: &str, key: &str) -> Value {
    json!({ "accessKeyDetails": { "accessKeyId": key, "principalId": id, "userType": kind, "userName": name } })
}

pub(super) fn user() -> Value {
    caller("IAMUser", "svc", USER_ID, KEY)
}

pub(super) fn instance() -> Value {
    json!({ "instanceDetails": { "instanceId": INSTANCE } })
}

pub(super) fn bucket() -> Value {
    json!({ "s3BucketDetails": [{ "name": "acme-data", "arn": "arn:aws:s3:::acme-data", "type": "Destination" }] })
}

pub(super) fn function() -> Value {
    json!({ "lambdaDetails": { "functionArn": FUNCTION_ARN, "functionName": "pay" } })
}

pub(super) fn task() -> Value {
    json!({ "ecsClusterDetails": { "name": "c", "taskDetails": { "arn": TASK_ARN } } })
}

/// Two blocks of one `resource`.
pub(super) fn beside(mut resource: Value, mut more: Value) -> Value {
    let fields = resource.as_object_mut().expect("an object");
    fields.append(more.as_object_mut().expect("an object"));
    resource
}

/// Security Hub's event in ASFF, HIGH, by GuardDuty.
pub(super) fn asff(kind: &str, resources: Value) -> Value {
    let event = with(case("07-asff-no-principaltype"), "/detail/findings/0/Types", json!([kind]));
    with(event, "/detail/findings/0/Resources", resources)
}

pub(super) fn asff_key(key: &str, details: Value) -> Value {
    let mut resource = json!({ "Type": "AwsIamAccessKey", "Id": format!("AWS::IAM::AccessKey:{key}"), "Region": "eu-central-1" });
    resource["Details"]["AwsIamAccessKey"] = details;
    resource
}

/// Security Hub's event in OCSF, HIGH, by GuardDuty.
pub(super) fn ocsf(kind: &str, resources: Value) -> Value {
    let event = with(case("03-ocsf-akia-no-user"), "/detail/findings/0/finding_info/types", json!(["Threats", kind]));
    with(event, "/detail/findings/0/resources", resources)
}

/// One of an OCSF finding's resources, in the finding's own account and Region.
pub(super) fn owned(kind: &str, uid: &str) -> Value {
    json!({ "type": kind, "uid": uid, "region": "eu-central-1", "owner": { "account": { "uid": ACCOUNT } } })
}

pub(super) fn ocsf_key(key: &str, user: Value) -> Value {
    with(owned("AWS::IAM::AccessKey", key), "/user", user)
}

/// An attack sequence, CRITICAL, of GuardDuty's own.
pub(super) fn sequence(kind: &str, actors: Value, resources: Value) -> Value {
    let event = with(case("01-two-keys-one-user"), "/detail/type", json!(kind));
    let event = with(event, "/detail/service/detection/sequence/actors", actors);
    with(event, "/detail/service/detection/sequence/resources", resources)
}

pub(super) fn actor(kind: &str, name: &str, id: &str, key: &str) -> Value {
    json!({ "user": { "type": kind, "name": name, "uid": id, "credentialUid": key } })
}

/// AWS Health's event: the envelope is in us-east-1, as global events are, and no Region is stated inside.
pub(super) fn health(code: &str, entities: &[&str]) -> Value {
    let mut event = case("31-health-arn-other-region");
    event["resources"] = json!(entities);
    event["detail"]["eventTypeCode"] = json!(code);
    event["detail"]["service"] = json!(if code.starts_with("AWS_RISK") { "RISK" } else { "ABUSE" });
    event["detail"]["affectedEntities"] = entities.iter().map(|entity| json!({ "entityValue": entity })).collect();
    event
}

/// A person's request, sent from the account that is asked about.
pub(super) fn request(target: &Value) -> Value {
    let event = with(crate::traps::request(target), "/account", json!(ACCOUNT));
    with(event, "/region", json!("eu-central-1"))
}
