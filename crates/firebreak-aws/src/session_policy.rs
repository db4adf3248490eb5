//! What one assumed session may do at most: its role's permissions, for one target.
//!
//! A session has only what both its role and its session policy allow (IAM user guide, "Session policies"). The role says which
//! calls; this says about which resource, as closely as IAM can express it.

use firebreak::target::{Target, TargetKind};
use firebreak_functions::MemberRole;
use serde_json::{Value, json};

/// One policy is read and written; which one is in the role's own policy.
const SCP_CALLS: [&str; 3] = ["organizations:DescribePolicy", "organizations:ListTargetsForPolicy", "organizations:UpdatePolicy"];

/// The session policy for `role` working on `target`, as JSON. Far under the 2,048 characters that `AssumeRole` takes.
pub(crate) fn session_policy(target: &Target, role: MemberRole) -> String {
    let statements = match role {
        MemberRole::Triage | MemberRole::Sweep => {
            json!([allow(&json!(["iam:GetAccessKeyLastUsed", "cloudtrail:LookupEvents"]), &json!("*"))])
        }
        MemberRole::QuarantineScp => json!([allow(&json!(SCP_CALLS), &json!("*"))]),
        _ => about(target),
    };
    json!({ "Version": "2012-10-17", "Statement": statements }).to_string()
}

/// The session policy of a look: these calls on anything the role reaches. Without calls it can do nothing at all.
pub(crate) fn looking_policy(calls: &[&str]) -> String {
    let statement = match calls {
        [] => json!({ "Effect": "Deny", "Action": "*", "Resource": "*" }),
        calls => allow(&json!(calls), &json!("*")),
    };
    json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string()
}

fn about(target: &Target) -> Value {
    let (partition, account, id) = (&target.partition, &target.account, &target.id);
    match target.kind {
        // A finding does not say under which path a principal is; names are unique in an account whatever the path.
        TargetKind::IamUser => principal(target, "user"),
        TargetKind::IamRole => principal(target, "role"),
        TargetKind::S3Bucket => {
            let bucket = format!("arn:{partition}:s3:::{id}");
            json!([allow(&json!("s3:*"), &json!([bucket, format!("{bucket}/*")]))])
        }
        // Interfaces, groups and snapshots are other resources than the instance, and known only later.
        TargetKind::Ec2Instance => {
            let instance = format!("arn:{partition}:ec2:*:{account}:instance/{id}");
            json!([
                { "Effect": "Allow", "Action": "ec2:*", "Resource": "*",
                  "Condition": { "StringEquals": { "aws:RequestedRegion": target.region } } },
                { "Effect": "Deny", "Action": "ec2:ModifyInstanceAttribute", "NotResource": instance },
            ])
        }
        _ => json!([{ "Effect": "Deny", "Action": "*", "Resource": "*" }]),
    }
}

/// One principal, and a look at the quarantine policies.
fn principal(target: &Target, kind: &str) -> Value {
    let Target { partition, account, id, .. } = target;
    let front = format!("arn:{partition}:iam::{account}");
    json!([
        allow(&json!("iam:*"), &json!([format!("{front}:{kind}/{id}"), format!("{front}:{kind}/*/{id}")])),
        allow(&json!(["iam:GetPolicy", "iam:GetPolicyVersion"]), &json!(format!("{front}:policy/firebreak/*"))),
    ])
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
    }

    #[test]
    fn what_is_contained_is_reached_by_those_who_contain_release_and_keep_evidence() {
        use firebreak::containment::Containment;
        for containment in Containment::ALL {
            let declaration = containment.declaration();
            for (kind, level) in declaration.targets.iter().flat_map(|kind| declaration.levels.iter().map(move |it| (kind, it))) {
                // An undo of what is written in the management account has the role that wrote it.
                let undo = if declaration.home == Home::Management { level.role } else { MemberRole::Release };
                for role in [level.role, undo] {
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
        for kind in kinds {
            assert!(session_policy(&target(kind, &"x".repeat(64)), MemberRole::Release).len() < 1024, "{kind:?}");
        }
    }
}
