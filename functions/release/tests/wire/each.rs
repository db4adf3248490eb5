//! Each containment's own release is reached, with the role that may undo it.

use crate::instance::Instance;
use crate::policy::Policy;
use crate::role::Role;
use crate::{MANAGEMENT, POLICY, decision, holders, opened, outcomes, release_role, roles, undo};
use firebreak::containment::Containment;
use firebreak::holders::Holder;
use firebreak::ids::SessionName;
use firebreak::objects::ObjectVersion;
use firebreak::receipt::Status;
use firebreak::target::{Scope, Target, TargetKind};
use firebreak_aws::clock;
use firebreak_ledger::Held;
use firebreak_testkit::room;
use firebreak_testkit::scripted::{Call, ScriptedAws, ok};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// An incident holds a target, and knows how it was.
pub(crate) async fn hold(aws: &ScriptedAws, containment: Containment, target: &Target, base: &Value) {
    let held = Held { target, containment };
    let held = room::ledger(aws).hold(held, &Holder::Own(room::incident("one")), &target.id, base, clock::now()).await;
    held.expect("the ledger takes it");
}

#[tokio::test]
async fn an_instance_gets_its_security_groups_back() {
    let aws = ScriptedAws::start().await.expect("a port");
    let instance = Instance::isolated(&aws);
    let target = room::target(TargetKind::Ec2Instance, Instance::ID);
    let interfaces = json!([{ "id": Instance::INTERFACE, "vpc": "vpc-1", "groups": ["sg-app", "sg-data"] }]);
    let base = json!({ "interfaces": interfaces, "termination_protection": false, "spot": false, "tags": {} });
    hold(&aws, Containment::IsolateEc2, &target, &base).await;
    let incident = opened(&aws, "one", vec![decision(Containment::IsolateEc2, &target)]).await;
    let released = undo(&aws, &incident).await.expect("an answer");
    assert_eq!((released.status, outcomes(&released)), ("ok", vec![(Instance::ID, Status::Contained)]));
    assert_eq!(instance.groups(), ["sg-app", "sg-data"]);
    assert_eq!(aws.changes(), ["ec2:ModifyNetworkInterfaceAttribute"]);
    assert_eq!((roles(&aws), holders(&aws, Containment::IsolateEc2, &target)), (vec![release_role()], vec![]));
}

#[tokio::test]
async fn denied_addresses_are_taken_out_of_the_network_acl() {
    let aws = ScriptedAws::start().await.expect("a port");
    let place = "<ruleNumber>1</ruleNumber><egress>true</egress><protocol>-1</protocol><ruleAction>deny</ruleAction>";
    let entry = format!("<entrySet><item>{place}<cidrBlock>203.0.113.7/32</cidrBlock></item></entrySet>");
    let acl = format!("<item><networkAclId>acl-1</networkAclId><vpcId>vpc-1</vpcId>{entry}</item>");
    aws.answer("ec2:DescribeNetworkAcls", ok(format!("<networkAclSet>{acl}</networkAclSet>")));
    aws.answer("ec2:DeleteNetworkAclEntry", ok("<return>true</return>"));
    let addresses = BTreeSet::from(["203.0.113.7".parse::<IpAddr>().expect("an address")]);
    let target = Target { scope: Scope::RemoteAddresses, addresses, ..room::target(TargetKind::Ec2Instance, Instance::ID) };
    let ours = json!({ "number": 1, "egress": true, "cidr": "203.0.113.7/32", "denies": true, "all_protocols": true });
    let base = json!({ "acls": [{ "id": "acl-1", "subnets": ["subnet-a"], "before": [], "ours": [ours] }] });
    hold(&aws, Containment::IsolateEc2, &target, &base).await;
    let incident = opened(&aws, "one", vec![decision(Containment::IsolateEc2, &target)]).await;
    let released = undo(&aws, &incident).await.expect("an answer");
    assert_eq!(
        (released.status, outcomes(&released)),
        ("ok", vec![(Instance::ID, Status::Contained)]),
        "{:?}",
        released.receipts
    );
    assert_eq!(aws.changes(), ["ec2:DeleteNetworkAclEntry"]);
    assert_eq!((roles(&aws), holders(&aws, Containment::IsolateEc2, &target)), (vec![release_role()], vec![]));
}

#[tokio::test]
async fn an_object_in_quarantine_gets_its_tags_back_and_the_bucket_policy_its_text() {
    let aws = ScriptedAws::start().await.expect("a port");
    let deny = json!({ "Sid": "FirebreakDenyQuarantined", "Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": "*" });
    aws.answer("s3:HeadBucket", ok(""));
    aws.answer("s3:GetBucketPolicy", ok(json!({ "Version": "2012-10-17", "Statement": [deny] }).to_string()));
    aws.answer("s3:DeleteBucketPolicy", ok(""));
    let tag = "<Tag><Key>firebreak-quarantined</Key><Value>inc-1</Value></Tag>";
    aws.answer("s3:GetObjectTagging", ok(format!("<Tagging><TagSet>{tag}</TagSet></Tagging>")));
    aws.answer("s3:DeleteObjectTagging", ok(""));
    let object = ObjectVersion::parse("in/invoice.zip", Some("v2"), None).expect("an object");
    let base = json!({ "objects": [{ "object": object, "tags": {} }], "policy": null, "policy_known": true });
    let target = Target { scope: Scope::Objects, objects: vec![object], ..room::target(TargetKind::S3Object, "acme-uploads") };
    hold(&aws, Containment::QuarantineObject, &target, &base).await;
    let incident = opened(&aws, "one", vec![decision(Containment::QuarantineObject, &target)]).await;
    let released = undo(&aws, &incident).await.expect("an answer");
    assert_eq!(
        (released.status, outcomes(&released)),
        ("ok", vec![("acme-uploads", Status::Contained)]),
        "{:?}",
        released.receipts
    );
    let mut changes = aws.changes();
    changes.sort();
    assert_eq!(changes, ["s3:DeleteBucketPolicy", "s3:DeleteObjectTagging"]);
    assert_eq!((roles(&aws), holders(&aws, Containment::QuarantineObject, &target)), (vec![release_role()], vec![]));
}

#[tokio::test]
async fn a_key_that_was_given_back_is_left_enabled() {
    let aws = ScriptedAws::start().await.expect("a port");
    let id = "1234abcd-12ab-34cd-56ef-1234567890ab";
    let key = json!({ "KeyId": id, "KeyState": "Enabled", "AWSAccountId": room::ACCOUNT });
    aws.answer("kms:DescribeKey", ok(json!({ "KeyMetadata": key }).to_string()));
    let target = room::target(TargetKind::KmsKey, id);
    hold(&aws, Containment::EnableKey, &target, &json!({ "state": "PendingDeletion" })).await;
    let incident = opened(&aws, "one", vec![decision(Containment::EnableKey, &target)]).await;
    let released = undo(&aws, &incident).await.expect("an answer");
    assert_eq!((released.status, outcomes(&released)), ("ok", vec![(id, Status::Contained)]), "{:?}", released.receipts);
    let why = released.receipts[0].steps[0].error.as_ref().expect("a reason");
    assert!(why.message.starts_with("left enabled"), "{}", why.message);
    assert_eq!(aws.changes(), [""; 0], "a release takes no key away");
    assert_eq!((roles(&aws), holders(&aws, Containment::EnableKey, &target)), (vec![release_role()], vec![]));
}

#[tokio::test]
async fn a_principal_is_taken_out_of_the_policy_of_the_organization_from_its_management_account() {
    let aws = ScriptedAws::start().await.expect("a port");
    let values = ["arn:aws:iam::111122223333:user/alice", "arn:aws:iam::111122223333:user/*/alice"];
    let policy = Policy::denying(&aws, &[values[0], values[1], "arn:aws:iam::111122223333:user/bob"]);
    let alice = room::target(TargetKind::IamUser, "alice");
    let base = json!({ "policy": POLICY, "added": values, "found": [] });
    hold(&aws, Containment::QuarantineScp, &alice, &base).await;
    let incident = opened(&aws, "one", vec![decision(Containment::QuarantineScp, &alice)]).await;
    let released = undo(&aws, &incident).await.expect("an answer");
    assert_eq!((released.status, outcomes(&released)), ("ok", vec![("alice", Status::Contained)]), "{:?}", released.receipts);
    assert_eq!(policy.principals(), ["arn:aws:iam::111122223333:user/bob"], "others stay denied");
    assert_eq!(aws.changes(), ["organizations:UpdatePolicy"]);
    assert_eq!(roles(&aws), [format!("arn:aws:iam::{MANAGEMENT}:role/firebreak/FirebreakMemberQuarantineScp")]);
    assert_eq!(holders(&aws, Containment::QuarantineScp, &alice), [""; 0]);
}

#[tokio::test]
async fn parts_of_one_principal_are_released_one_after_the_other_and_what_they_share_goes_with_the_last() {
    let aws = ScriptedAws::start().await.expect("a port");
    let role = Role::with_denied_sessions(&aws, &["ci-one", "ci-two"]);
    let whole = room::target(TargetKind::IamRole, Role::NAME);
    let part = |name: &str| Target { scope: Scope::Session, session: Some(name.to_owned()), ..whole.clone() };
    let (parts, ledger) = ([part("ci-one"), part("ci-two")], room::ledger(&aws));
    for (at, (name, target)) in ["ci-one", "ci-two"].into_iter().zip(&parts).enumerate() {
        let slot = ledger.name_session(&whole, &SessionName::parse(name).expect("a name")).await.expect("a slot");
        assert_eq!(slot, at + 1);
        let held = Held { target, containment: Containment::QuarantineIam };
        ledger.mark_held(held, &Holder::Own(room::incident("one")), clock::now()).await.expect("the ledger takes it");
    }
    let decisions = parts.iter().map(|target| decision(Containment::QuarantineIam, target)).collect();
    let incident = opened(&aws, "one", decisions).await;
    aws.forget();
    let released = undo(&aws, &incident).await.expect("an answer");
    assert_eq!(released.status, "ok", "{:?}", released.receipts);
    assert!(released.receipts.iter().all(|receipt| receipt.status == Status::Contained), "{:?}", released.receipts);
    assert_eq!((role.policies(), role.tags()), (vec![], vec![]), "nothing of Firebreak is left on it");
    assert_eq!(aws.changes(), ["iam:UntagRole", "iam:DetachRolePolicy", "iam:UntagRole"]);
    assert_eq!(roles(&aws), [release_role(), release_role()]);
    let order: Vec<String> = aws.calls().iter().map(Call::action).collect();
    let second = order.iter().rposition(|action| action == "sts:AssumeRole").expect("two releases");
    let first_untagged = order.iter().position(|action| action == "iam:UntagRole").expect("a change");
    assert!(first_untagged < second, "{order:?}");
    assert!(parts.iter().all(|target| holders(&aws, Containment::QuarantineIam, target).is_empty()));
    assert_eq!(ledger.named_sessions(&whole).await.expect("the ledger answers"), [""; 0], "their slots are free");
}
