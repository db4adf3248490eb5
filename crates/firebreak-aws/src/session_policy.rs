//! What one assumed session may do at most: its role's permissions, for one target.
//!
//! A session has only what both its role and its session policy allow (IAM user guide, "Session policies"). The role says which
//! calls; this says about which resource, as closely as IAM can express it.

use firebreak::target::{Scope, Target, TargetKind};
use firebreak_functions::MemberRole;
use serde_json::{Value, json};

/// One policy is read and written; which one is in the role's own policy.
const SCP_CALLS: [&str; 3] = ["organizations:DescribePolicy", "organizations:ListTargetsForPolicy", "organizations:UpdatePolicy"];

/// What triage asks about principals. A session answers for all findings of an account.
const TRIAGE_CALLS: [&str; 8] = [
    "cloudtrail:LookupEvents",
    "iam:GetAccessKeyLastUsed",
    "iam:GetGroup",
    "iam:GetInstanceProfile",
    "iam:GetRole",
    "iam:GetUser",
    "iam:ListEntitiesForPolicy",
    "iam:ListUsers",
];

/// What a look reads: what suspects did, which role an instance has, and who else uses what waits for an approval.
const SWEEP_CALLS: [&str; 6] = [
    "cloudtrail:LookupEvents",
    "iam:GenerateServiceLastAccessedDetails",
    "iam:GetInstanceProfile",
    "iam:GetRole",
    "iam:GetServiceLastAccessedDetails",
    "iam:GetUser",
];

/// What finds a user who was renamed: whose a key is, and who has an id. IAM knows no resource of the second, and the owner of the first
/// is the question.
const WHOSE: [&str; 2] = ["iam:GetAccessKeyLastUsed", "iam:ListUsers"];

/// What is listed around an instance, whoever has the session.
const INSTANCE_LISTS: [&str; 3] = ["ec2:DescribeInstances", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups"];
/// What is listed for its evidence.
const EVIDENCE_LISTS: [&str; 2] = ["ec2:DescribeSnapshots", "ec2:DescribeVolumes"];
/// What is listed for its isolation and for the release.
const ISOLATION_LISTS: [&str; 10] = [
    "autoscaling:DescribeAutoScalingGroups",
    "autoscaling:DescribeAutoScalingInstances",
    "autoscaling:DescribeInstanceRefreshes",
    "ec2:DescribeFlowLogs",
    "ec2:DescribeRouteTables",
    "ec2:DescribeTrunkInterfaceAssociations",
    "elasticloadbalancing:DescribeLoadBalancers",
    "elasticloadbalancing:DescribeTargetGroups",
    "elasticloadbalancing:DescribeTargetHealth",
    "ssm:DescribeSessions",
];

/// What is listed around an instance to find its network ACLs.
const NETWORK_LISTS: [&str; 3] = ["ec2:DescribeNetworkAcls", "ec2:DescribeNetworkInterfaces", "ec2:DescribeVpcs"];

/// What gives a key back. A release looks at the key and changes nothing.
const KEY_CALLS: [&str; 3] = ["kms:CancelKeyDeletion", "kms:DescribeKey", "kms:EnableKey"];

/// What a lockdown reads around a bucket: who changed it, its keys, its access points and the jobs on it. IAM knows no bucket in any of these
/// (Service Authorization Reference, "Actions, resources, and condition keys").
const AROUND_A_BUCKET: [&str; 9] = [
    "cloudtrail:LookupEvents",
    "kms:DescribeKey",
    "kms:GetKeyPolicy",
    "kms:ListGrants",
    "s3:DescribeJob",
    "s3:GetAccessPointPolicy",
    "s3:ListAccessPoints",
    "s3:ListJobs",
    "s3:ListMultiRegionAccessPoints",
];

/// The session policy for `role` working on `target`, as JSON. `AssumeRole` takes 2,048 characters.
pub(crate) fn session_policy(target: &Target, role: MemberRole) -> String {
    let statements = match role {
        MemberRole::Triage => return triage_policy(),
        MemberRole::Sweep => json!([allow(&json!(SWEEP_CALLS), &json!("*"))]),
        MemberRole::QuarantineScp => json!([allow(&json!(SCP_CALLS), &json!("*"))]),
        _ => about(target, role),
    };
    json!({ "Version": "2012-10-17", "Statement": statements }).to_string()
}

/// The session policy of triage's questions.
pub(crate) fn triage_policy() -> String {
    looking_policy(&TRIAGE_CALLS)
}

/// The session policy of a look, or of a preparation: these calls on anything the role reaches. Without calls it can do nothing at all.
pub(crate) fn looking_policy(calls: &[&str]) -> String {
    let statement = match calls {
        [] => json!({ "Effect": "Deny", "Action": "*", "Resource": "*" }),
        calls => allow(&json!(calls), &json!("*")),
    };
    json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string()
}

fn about(target: &Target, role: MemberRole) -> Value {
    match target.kind {
        // A finding does not say under which path a principal is; names are unique in an account whatever the path.
        TargetKind::IamUser => principal(target, "user"),
        TargetKind::IamRole => principal(target, "role"),
        // The id of objects that are contained is the name of their bucket.
        TargetKind::S3Bucket | TargetKind::S3Object => bucket(target, role),
        TargetKind::Ec2Instance if target.scope == Scope::RemoteAddresses => network_acls(target),
        TargetKind::Ec2Instance => instance(target, role),
        TargetKind::KmsKey => key(target, role),
        _ => json!([{ "Effect": "Deny", "Action": "*", "Resource": "*" }]),
    }
}

/// One bucket. Whoever writes its replication passes the role that replicates, of any name.
fn bucket(target: &Target, role: MemberRole) -> Value {
    let Target { partition, account, id, .. } = target;
    let bucket = format!("arn:{partition}:s3:::{id}");
    let mut statements = vec![allow(&json!("s3:*"), &json!([bucket, format!("{bucket}/*")]))];
    let has_rules = matches!(target.scope, Scope::Freeze | Scope::Destruction);
    if has_rules && matches!(role, MemberRole::LockdownS3 | MemberRole::Release) {
        statements.push(allow(&json!("iam:PassRole"), &json!(format!("arn:{partition}:iam::{account}:role/*"))));
    }
    if role == MemberRole::LockdownS3 {
        statements.push(allow(&json!(AROUND_A_BUCKET), &json!("*")));
    }
    Value::Array(statements)
}

/// One key, in its own Region.
fn key(target: &Target, role: MemberRole) -> Value {
    let Target { partition, account, region, id, .. } = target;
    let calls = if role == MemberRole::EnableKey { json!(KEY_CALLS) } else { json!("kms:DescribeKey") };
    json!([allow(&calls, &json!(format!("arn:{partition}:kms:{region}:{account}:key/{id}")))])
}

/// One instance, and the kinds of resources that its containment and its evidence name beside it. Their ids are known only after
/// the session has begun; the role's policy says which calls reach them. IAM knows no resource of a list, and of a group or a balancer
/// not which instances it has (Service Authorization Reference, "Actions, resources, and condition keys").
fn instance(target: &Target, role: MemberRole) -> Value {
    let Target { partition, account, region, id, .. } = target;
    let arn = |service: &str, account: &str, resource: &str| format!("arn:{partition}:{service}:{region}:{account}:{resource}");
    let own = |service: &str, resource: &str| arn(service, account.as_str(), resource);
    // The network can be another account's (VPC sharing), and a snapshot's ARN has no account.
    let mut resources = ["security-group/*", "subnet/*", "vpc/*"].map(|kind| arn("ec2", "*", kind)).to_vec();
    resources.extend(["network-interface/*", "volume/*"].map(|kind| own("ec2", kind)));
    resources.extend([own("ec2", &format!("instance/{id}")), arn("ec2", "", "snapshot/*")]);
    let (mut lists, mut work) = (INSTANCE_LISTS.to_vec(), vec!["ec2:*"]);
    if role == MemberRole::PreserveEvidence {
        lists.extend(EVIDENCE_LISTS);
    } else {
        lists.extend(ISOLATION_LISTS);
        work.extend(["autoscaling:*", "elasticloadbalancing:*"]);
        resources.push(own("autoscaling", "autoScalingGroup:*"));
        resources.extend(["loadbalancer/*", "targetgroup/*"].map(|kind| own("elasticloadbalancing", kind)));
    }
    let mut flow_logs = vec![];
    if role == MemberRole::IsolateEc2 {
        work.extend(["logs:FilterLogEvents", "ssm:TerminateSession"]);
        resources.extend([own("logs", "log-group:*"), own("ssm", "session/*")]);
        // Flow logs can lie in any bucket; the role's policy keeps to the account's own. Hive-compatible keys have names before values.
        let logs = format!("arn:{partition}:s3:::*/AWSLogs/*{account}/*vpcflowlogs/*{region}/*");
        flow_logs = vec![allow(&json!("s3:GetObject"), &json!(logs)), allow(&json!("s3:ListBucket"), &json!("*"))];
    }
    let listed = json!({ "Effect": "Allow", "Action": lists, "Resource": "*",
        "Condition": { "StringEquals": { "aws:RequestedRegion": region } } });
    Value::Array([listed, allow(&json!(work), &json!(resources))].into_iter().chain(flow_logs).collect())
}

/// The network ACLs of the subnets of one instance. Which ones those are is known only after the session has begun.
fn network_acls(target: &Target) -> Value {
    let Target { partition, account, region, .. } = target;
    let acls = format!("arn:{partition}:ec2:{region}:{account}:network-acl/*");
    json!([
        { "Effect": "Allow", "Action": NETWORK_LISTS, "Resource": "*",
          "Condition": { "StringEquals": { "aws:RequestedRegion": region } } },
        allow(&json!(["ec2:CreateNetworkAclEntry", "ec2:DeleteNetworkAclEntry"]), &json!(acls)),
    ])
}

/// One principal, and a look at the quarantine policies.
fn principal(target: &Target, kind: &str) -> Value {
    let Target { partition, account, id, .. } = target;
    let front = format!("arn:{partition}:iam::{account}");
    let mut statements = vec![
        allow(&json!("iam:*"), &json!([format!("{front}:{kind}/{id}"), format!("{front}:{kind}/*/{id}")])),
        allow(&json!(["iam:GetPolicy", "iam:GetPolicyVersion"]), &json!(format!("{front}:policy/firebreak/*"))),
    ];
    if target.kind == TargetKind::IamUser {
        statements.push(allow(&json!(WHOSE), &json!("*")));
    }
    Value::Array(statements)
}

fn allow(actions: &Value, resources: &Value) -> Value {
    json!({ "Effect": "Allow", "Action": actions, "Resource": resources })
}

#[cfg(test)]
mod tests {

    use super::*;
    use firebreak::containment::declaration::Home;
    use firebreak::ids::{AccountId, Partition, Region};
    use firebreak::target::Place;

    fn target(kind: TargetKind, id: &str) -> Target {
        Target::new(
            kind,
            id,
            Place {
                account: AccountId::parse("123456789012").expect("an account"),
                region: Region::parse("eu-central-1").expect("a Region"),
                partition: Partition::parse("aws-us-gov").expect("a partition"),
            },
        )
    }

    #[test]
    fn a_session_reaches_one_principal_and_no_namesake_of_another_kind() {
        let policy = session_policy(&target(TargetKind::IamUser, "alice"), MemberRole::QuarantineIam);
        let policy: Value = serde_json::from_str(&policy).expect("JSON");
        let resources = &policy["Statement"][0]["Resource"];
        assert_eq!(
            *resources,
            json!(["arn:aws-us-gov:iam::123456789012:user/alice", "arn:aws-us-gov:iam::123456789012:user/*/alice"])
        );
        let anywhere = policy["Statement"].as_array().expect("statements").iter().filter(|one| one["Resource"] == "*");
        let anywhere: Vec<&Value> = anywhere.map(|one| &one["Action"]).collect();
        assert_eq!(anywhere, [&json!(["iam:GetAccessKeyLastUsed", "iam:ListUsers"])], "no change of anybody else");
    }

    #[test]
    fn a_session_for_one_instance_reaches_no_other_instance_and_no_other_region() {
        let target = target(TargetKind::Ec2Instance, "i-0123456789abcdef0");
        for role in [MemberRole::IsolateEc2, MemberRole::PreserveEvidence, MemberRole::Release] {
            let policy: Value = serde_json::from_str(&session_policy(&target, role)).expect("JSON");
            let [lists, work, logs @ ..] = policy["Statement"].as_array().expect("statements").as_slice() else {
                panic!("{policy}")
            };
            assert_eq!(lists["Condition"], json!({ "StringEquals": { "aws:RequestedRegion": "eu-central-1" } }));
            let mut calls = lists["Action"].as_array().expect("calls").iter().filter_map(Value::as_str);
            assert!(calls.all(|call| call.contains(":Describe") && !call.contains('*')), "{lists}");
            let reached: Vec<&str> = work["Resource"].as_array().expect("ARNs").iter().filter_map(Value::as_str).collect();
            let here = |arn: &&str| arn.starts_with("arn:aws-us-gov:") && arn.split(':').nth(3) == Some("eu-central-1");
            assert!(reached.iter().all(here), "{reached:?}");
            // Only a look asks flow logs, and only those of this account and Region.
            assert_eq!(logs.len(), if role == MemberRole::IsolateEc2 { 2 } else { 0 });
            let mut read = logs.iter().filter(|one| one["Action"] == "s3:GetObject").map(|one| one["Resource"].to_string());
            assert!(read.all(|arn| arn.contains("123456789012") && arn.contains("eu-central-1")), "{logs:?}");
            let instances: Vec<&&str> = reached.iter().filter(|arn| arn.contains("instance/") || arn.ends_with("::*")).collect();
            assert_eq!(instances, [&"arn:aws-us-gov:ec2:eu-central-1:123456789012:instance/i-0123456789abcdef0"]);
        }
    }

    #[test]
    fn a_session_about_remote_addresses_writes_entries_of_network_acls_and_nothing_else() {
        let instance = target(TargetKind::Ec2Instance, "i-0123456789abcdef0");
        let addresses = Target { scope: Scope::RemoteAddresses, ..instance };
        for role in [MemberRole::DenyAddresses, MemberRole::IsolateEc2, MemberRole::Release] {
            let policy: Value = serde_json::from_str(&session_policy(&addresses, role)).expect("JSON");
            let [lists, work] = policy["Statement"].as_array().expect("statements").as_slice() else { panic!("{policy}") };
            assert!(lists["Action"].as_array().expect("calls").iter().all(|call| call.to_string().contains("ec2:Describe")));
            assert_eq!(work["Action"], json!(["ec2:CreateNetworkAclEntry", "ec2:DeleteNetworkAclEntry"]));
            assert_eq!(work["Resource"], "arn:aws-us-gov:ec2:eu-central-1:123456789012:network-acl/*");
        }
    }

    #[test]
    fn a_session_for_one_bucket_changes_no_other_and_only_a_lockdown_looks_around() {
        let target = Target { scope: Scope::Freeze, ..target(TargetKind::S3Bucket, "acme-exports") };
        for role in [MemberRole::LockdownS3, MemberRole::Release, MemberRole::PreserveEvidence] {
            let policy: Value = serde_json::from_str(&session_policy(&target, role)).expect("JSON");
            let [own, beside @ ..] = policy["Statement"].as_array().expect("statements").as_slice() else { panic!("{policy}") };
            assert_eq!(own["Resource"], json!(["arn:aws-us-gov:s3:::acme-exports", "arn:aws-us-gov:s3:::acme-exports/*"]));
            let passes = beside.iter().filter(|one| one["Action"] == "iam:PassRole").map(|one| &one["Resource"]);
            let (passes, roles) = (passes.collect::<Vec<_>>(), json!("arn:aws-us-gov:iam::123456789012:role/*"));
            assert_eq!(passes, vec![&roles; usize::from(role != MemberRole::PreserveEvidence)], "{}", role.name());
            let sealed = session_policy(&Target { scope: Scope::Seal, ..target.clone() }, role);
            assert!(!sealed.contains("iam:PassRole"), "no rule is written: {sealed}");
            let anywhere: Vec<&Value> = beside.iter().filter(|one| one["Resource"] == "*").map(|one| &one["Action"]).collect();
            assert_eq!(anywhere.len(), usize::from(role == MemberRole::LockdownS3), "{}", role.name());
            let calls = anywhere.iter().filter_map(|calls| calls.as_array()).flatten().filter_map(Value::as_str);
            let is_read =
                |call: &str| ["Describe", "Get", "List", "Lookup"].iter().any(|verb| call.contains(&format!(":{verb}")));
            assert!(calls.clone().all(|call| is_read(call) && !call.contains('*')), "{:?}", calls.collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_session_for_objects_of_a_bucket_reaches_that_bucket_alone() {
        let target = Target { scope: Scope::Objects, ..target(TargetKind::S3Object, "acme-uploads") };
        for role in [MemberRole::QuarantineObject, MemberRole::Release, MemberRole::PreserveEvidence] {
            let policy: Value = serde_json::from_str(&session_policy(&target, role)).expect("JSON");
            let [own] = policy["Statement"].as_array().expect("statements").as_slice() else { panic!("{policy}") };
            assert_eq!(own["Resource"], json!(["arn:aws-us-gov:s3:::acme-uploads", "arn:aws-us-gov:s3:::acme-uploads/*"]));
        }
    }

    #[test]
    fn a_session_for_a_key_reaches_that_key_in_that_region_and_only_the_containment_changes_it() {
        let target = target(TargetKind::KmsKey, "1234abcd-12ab-34cd-56ef-1234567890ab");
        for (role, changes) in [(MemberRole::EnableKey, true), (MemberRole::Release, false)] {
            let policy: Value = serde_json::from_str(&session_policy(&target, role)).expect("JSON");
            let [own] = policy["Statement"].as_array().expect("statements").as_slice() else { panic!("{policy}") };
            let arn = "arn:aws-us-gov:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";
            assert_eq!(own["Resource"], arn);
            assert_eq!(own["Action"].to_string().contains("kms:EnableKey"), changes, "{}", role.name());
            assert!(!policy.to_string().contains("DisableKey") && !policy.to_string().contains("ScheduleKeyDeletion"));
        }
    }

    #[test]
    fn what_is_contained_is_reached_by_those_who_contain_release_and_keep_evidence() {
        use firebreak::containment::Containment;
        for containment in Containment::ALL {
            let declaration = containment.declaration();
            for (kind, level) in declaration.targets.iter().flat_map(|kind| declaration.levels.iter().map(move |it| (kind, it))) {
                // An undo of what is written in the management account has the role that wrote it.
                let undo = if declaration.home == Home::Management { level.role } else { MemberRole::Release };
                for role in [level.role, level.contains_as(), undo] {
                    let policy = session_policy(&target(*kind, "alice"), role);
                    assert!(policy.contains(r#""Effect":"Allow""#), "{containment} of {kind:?} as {}: {policy}", role.name());
                }
            }
        }
    }

    #[test]
    fn what_firebreak_does_not_contain_is_not_reached_at_all() {
        let policy = session_policy(&target(TargetKind::AccountRoot, "123456789012"), MemberRole::PreserveEvidence);
        assert!(policy.contains(r#""Effect":"Deny""#), "{policy}");
    }

    #[test]
    fn the_longest_names_fit() {
        let kinds = [TargetKind::IamUser, TargetKind::IamRole, TargetKind::S3Bucket, TargetKind::Ec2Instance];
        let roles = [MemberRole::IsolateEc2, MemberRole::LockdownS3, MemberRole::Release];
        for (kind, role) in kinds.into_iter().flat_map(|kind| roles.map(|role| (kind, role))) {
            let far = Target { region: Region::parse("ap-southeast-1").expect("a Region"), ..target(kind, &"x".repeat(64)) };
            let far = if kind == TargetKind::S3Bucket { Target { scope: Scope::Freeze, ..far } } else { far };
            assert!(session_policy(&far, role).len() < 2048, "{kind:?} as {}", role.name());
        }
    }
}
