//! What is collected while the containment runs.

use crate::account::KEY;
use crate::{EVENT, Stage, user};
use firebreak::digest::sha256_hex;
use firebreak::fault::FaultKind;
use firebreak::objects::ObjectVersion;
use firebreak::target::{Scope, Target, TargetKind};
use firebreak_testkit::room;
use firebreak_testkit::scripted::{error, ok};
use serde_json::Value;

fn json(stage: &Stage, name: &str) -> Value {
    let key = stage.key(name);
    serde_json::from_str(&stage.vault.object(&key).expect(&key)).expect("JSON")
}

#[tokio::test]
async fn the_event_and_the_answers_of_aws_are_kept_and_the_ledger_vouches_for_each_with_its_digest() {
    let stage = Stage::about(&[user()]).await;
    let branch = stage.collect().await.expect("a branch");
    assert_eq!((branch.status.as_str(), branch.missing.len()), ("ok", 0), "{:?}", branch.missing);
    assert_eq!(stage.vault.object(&stage.key("finding.json")).as_deref(), Some(EVENT), "byte for byte");
    let kept = json(&stage, "111122223333/iam-user/alice/iam-ListAccessKeys.json");
    assert_eq!(kept["operation"], "iam:ListAccessKeys");
    assert_eq!(kept["target"]["id"], "alice");
    assert_eq!(kept["response"]["http_status"], 200);
    assert!(kept["response"]["answer"].to_string().contains(KEY), "{kept}");
    json(&stage, "111122223333/iam-user/alice/iam-GetUserPolicy.night-shift.json");

    let entries = stage.view().await.evidence;
    let mut vouched: Vec<String> = entries.iter().map(|entry| entry.key.clone()).collect();
    let mut written = stage.vault.keys();
    vouched.sort();
    written.sort();
    assert_eq!((vouched.len(), &vouched), (8, &written), "the event, six lists and one policy");
    stage.check(&entries);
    let finding = entries.iter().find(|entry| entry.key.ends_with("finding.json")).expect("an entry");
    assert_eq!(finding.sha256, Some(sha256_hex(EVENT.as_bytes())));
    let role = stage.aws.calls_of("sts:AssumeRole");
    assert_eq!(role.len(), 1);
    assert!(role[0].param("RoleArn").ends_with("role/firebreak/FirebreakMemberPreserveEvidence"));
    stage.untouched();
}

#[tokio::test]
async fn what_is_denied_is_listed_and_keeps_nothing_else_from_being_collected() {
    let stage = Stage::about(&[user(), room::target(TargetKind::S3Bucket, "acme-a")]).await;
    stage.aws.always("iam:ListAccessKeys", error(403, "AccessDenied"));
    stage.aws.always("s3:GetBucketAcl", error(403, "AccessDenied"));
    let branch = stage.collect().await.expect("a branch");
    assert_eq!((branch.status.as_str(), branch.missing.len()), ("ok", 2), "{:?}", branch.missing);
    for (line, what) in branch.missing.iter().zip(["iam:ListAccessKeys", "s3:GetBucketAcl"]) {
        assert!(line.contains(what), "{line}");
        assert!(!stage.vault.keys().iter().any(|key| key.contains(&what.replace(':', "-"))), "a refusal is no evidence");
    }
    let view = stage.view().await;
    assert!(view.timeline.iter().any(|line| line.what.contains("2 item(s) missing")));
    assert_eq!(view.evidence.len(), 1 + 6 + 8);
    stage.untouched();
}

#[tokio::test]
async fn inline_policies_that_cannot_be_listed_are_missing_and_not_silently_left_out() {
    for (target, list) in
        [(user(), "iam:ListUserPolicies"), (room::target(TargetKind::IamRole, "deploy"), "iam:ListRolePolicies")]
    {
        let stage = Stage::about(&[target]).await;
        // The list itself is kept; the one that the documents are read by is refused.
        stage.aws.break_call(list, 2, error(403, "AccessDenied"), None);
        let branch = stage.collect().await.expect("a branch");
        assert!(branch.missing.iter().any(|line| line.contains(list)), "{list}: {:?}", branch.missing);
    }
}

/// A list of inline policies on two pages.
fn two_pages(stage: &Stage) {
    let page = |name: &str, more: &str| ok(format!("<PolicyNames><member>{name}</member></PolicyNames>{more}"));
    stage.aws.on("iam:ListUserPolicies", move |call| {
        Some(match call.param("Marker") {
            "" => page("night-shift", "<IsTruncated>true</IsTruncated><Marker>next</Marker>"),
            _ => page("day-shift", "<IsTruncated>false</IsTruncated>"),
        })
    });
}

#[tokio::test]
async fn each_page_of_a_list_is_kept_and_what_later_pages_name_is_asked_for() {
    let stage = Stage::about(&[user()]).await;
    two_pages(&stage);
    let branch = stage.collect().await.expect("a branch");
    assert_eq!(branch.missing, [""; 0]);
    for (file, holds) in [("ListUserPolicies", "night-shift"), ("ListUserPolicies.page-2", "day-shift")] {
        let kept = json(&stage, &format!("111122223333/iam-user/alice/iam-{file}.json"));
        assert!(kept["response"]["answer"].to_string().contains(holds), "{kept}");
    }
    for policy in ["night-shift", "day-shift"] {
        json(&stage, &format!("111122223333/iam-user/alice/iam-GetUserPolicy.{policy}.json"));
    }
}

#[tokio::test]
async fn a_later_page_that_is_refused_is_missing_and_the_earlier_ones_are_kept() {
    let stage = Stage::about(&[user()]).await;
    two_pages(&stage);
    stage.aws.on("iam:ListUserPolicies", |call| (!call.param("Marker").is_empty()).then(|| error(403, "AccessDenied")));
    let branch = stage.collect().await.expect("a branch");
    let of_the_list = branch.missing.iter().filter(|line| line.contains("iam:ListUserPolicies")).count();
    assert_eq!((of_the_list, branch.missing.len()), (2, 2), "the page, and documents: {:?}", branch.missing);
    json(&stage, "111122223333/iam-user/alice/iam-ListUserPolicies.json");
    json(&stage, "111122223333/iam-user/alice/iam-GetUserPolicy.night-shift.json");
}

#[tokio::test]
async fn what_does_not_exist_is_an_answer() {
    let stage = Stage::about(&[room::target(TargetKind::S3Bucket, "acme-a")]).await;
    let branch = stage.collect().await.expect("a branch");
    assert_eq!(branch.missing, [""; 0]);
    let block = json(&stage, "111122223333/s3-bucket/acme-a/s3-GetPublicAccessBlock.json");
    assert_eq!(block["response"]["http_status"], 404);
    assert!(block["response"]["answer"].to_string().contains("NoSuchPublicAccessBlockConfiguration"), "{block}");
    let policy = json(&stage, "111122223333/s3-bucket/acme-a/s3-GetBucketPolicy.json");
    assert_eq!(policy["response"]["answer"]["Version"], "2012-10-17");
}

#[tokio::test]
async fn of_an_object_its_versions_are_kept_and_the_policy_that_denies_it_and_nothing_of_what_is_in_it() {
    let object = |key: &str| ObjectVersion::parse(key, Some("v2"), None).expect("an object");
    let objects = vec![object("in/invoice.zip"), object("in/other\u{202e}.zip")];
    let target = Target { scope: Scope::Objects, objects, ..room::target(TargetKind::S3Object, "acme-a") };
    let stage = Stage::about(&[target]).await;
    let branch = stage.collect().await.expect("a branch");
    assert_eq!(branch.missing, [""; 0]);
    let digest: String = sha256_hex(b"in/invoice.zip").chars().take(16).collect();
    let versions = json(&stage, &format!("111122223333/s3-object/acme-a/s3-ListObjectVersions.{digest}.json"));
    assert!(versions["response"]["answer"].to_string().contains("v2"), "{versions}");
    json(&stage, "111122223333/s3-object/acme-a/s3-GetBucketPolicy.json");
    assert!(stage.aws.calls_of("s3:GetObject").is_empty());
    let asked = stage.aws.calls_of("s3:GetBucketVersions");
    let mut prefixes: Vec<&str> = asked.iter().map(|call| call.param("prefix")).collect();
    prefixes.sort_unstable();
    assert_eq!(prefixes, ["in/invoice.zip", "in/other\u{202e}.zip"]);
    stage.untouched();
}

#[tokio::test]
async fn an_account_that_lets_nobody_in_is_listed_and_one_that_the_finding_is_not_about_is_not_entered() {
    let stage = Stage::about(&[user()]).await;
    stage.aws.always("sts:AssumeRole", error(403, "AccessDenied"));
    let branch = stage.collect().await.expect("a branch");
    assert_eq!((branch.status.as_str(), branch.missing.len()), ("ok", 1));
    assert!(branch.missing[0].contains("sts:AssumeRole"), "{:?}", branch.missing);
    assert_eq!(stage.vault.keys(), [stage.key("finding.json")]);

    let elsewhere: Target = {
        let mut target = serde_json::to_value(user()).expect("JSON");
        target["account"] = "444455556666".into();
        serde_json::from_value(target).expect("a target")
    };
    let stage = Stage::about(&[elsewhere, room::target(TargetKind::AccountRoot, "111122223333")]).await;
    let branch = stage.collect().await.expect("a branch");
    assert_eq!((branch.missing.len(), stage.aws.calls_of("sts:AssumeRole").len()), (0, 0));
    assert_eq!(stage.vault.keys(), [stage.key("finding.json")]);
}

#[tokio::test]
async fn two_sessions_of_one_role_are_one_role_to_look_at() {
    let part = |name: &str| {
        let role = room::target(TargetKind::IamRole, "deploy");
        Target { scope: Scope::Session, session: Some(name.to_owned()), ..role }
    };
    let stage = Stage::about(&[part("ci-one"), part("ci-two")]).await;
    stage.collect().await.expect("a branch");
    assert_eq!((stage.aws.calls_of("iam:GetRole").len(), stage.aws.calls_of("sts:AssumeRole").len()), (1, 1));
    assert_eq!(stage.view().await.evidence.len(), 1 + 5);
}

#[tokio::test]
async fn a_vault_or_a_ledger_that_takes_nothing_is_an_error() {
    for (action, refusal, kind) in [
        ("s3:PutObject", error(503, "SlowDown"), FaultKind::Transient),
        ("s3:PutObject", error(403, "AccessDenied"), FaultKind::Denied),
        ("dynamodb:PutItem", error(400, "ThrottlingException"), FaultKind::Transient),
    ] {
        let stage = Stage::about(&[user()]).await;
        stage.aws.always(action, refusal);
        assert_eq!(stage.collect().await.expect_err(action).kind, kind, "{action}");
        assert_eq!(stage.view().await.evidence.len(), 0, "{action}: nobody vouches for it");
    }
}
