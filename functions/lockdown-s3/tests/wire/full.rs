//! A bucket policy that is full: no deny has room in it, unless a seal makes room.

use crate::bucket::{Bucket, CLOSED};
use crate::lived_in::is_in_force;
use crate::release::{Told, try_release};
use crate::shared::let_go;
use crate::verify::look_beyond;
use crate::{NAME, approved_at, base_at, contain_at, outcome, stage, target, verify_at};
use firebreak::receipt::{Outcome, Status, Step};
use firebreak::target::Scope;
use firebreak_s3::policy::LIMIT;
use firebreak_testkit::scripted::ScriptedAws;
use serde_json::{Value, json};

/// What whoever fills the policy leaves of it: no statement of Firebreak's fits into that.
const REST: usize = 10;

/// A policy of one statement and this many bytes, whitespace aside.
fn padded((sid, effect): (&str, &str), bytes: usize) -> String {
    let policy = |padding: usize| {
        let resource = format!("arn:aws:s3:::{NAME}/{}", "x".repeat(padding));
        json!({ "Version": "2012-10-17", "Statement": [{ "Sid": sid, "Effect": effect, "Action": "s3:GetObject",
            "Principal": { "AWS": "arn:aws:iam::111122223333:role/app" }, "Resource": resource }] })
        .to_string()
    };
    policy(bytes - policy(0).len()).replace("\"Statement\":[", "\"Statement\" : [ ")
}

async fn full(sid: &str, effect: &str) -> (ScriptedAws, Bucket, String) {
    let (aws, bucket) = stage().await;
    let policy = padded((sid, effect), LIMIT - REST);
    let bucket = bucket.with_policy(&policy).with_versioning("Suspended");
    (aws, bucket, policy)
}

/// The bytes of a freeze's statements whose names begin so.
async fn bytes_of_a_freeze(front: &str) -> usize {
    let (aws, bucket) = stage().await;
    contain_at(&aws, "one", Scope::Freeze).await.expect("a receipt");
    let ours = bucket.sids().into_iter().filter(|sid| sid.starts_with(front));
    ours.map(|sid| bucket.statement(&sid).expect("a statement").to_string().len() + 1).sum()
}

fn words<'a>(steps: &'a [Step], name: &str) -> &'a str {
    let step = steps.iter().find(|step| step.name.as_str() == name).unwrap_or_else(|| panic!("{name}: {steps:?}"));
    step.error.as_ref().map_or("", |fault| fault.message.as_str())
}

fn left_out(aws: &ScriptedAws) -> Vec<Value> {
    let base = base_at(aws, Scope::Seal).expect("a base");
    base.planned.left_out.iter().map(|statement| statement["Sid"].clone()).collect()
}

#[tokio::test]
async fn without_room_in_the_policy_a_freeze_denies_the_suspects_alone_and_says_what_is_missing() {
    let (aws, bucket) = stage().await;
    let bucket = bucket.with_policy(&padded(("App", "Allow"), LIMIT - bytes_of_a_freeze("FirebreakDenySuspects").await));
    let done = contain_at(&aws, "one", Scope::Freeze).await.expect("a receipt");
    assert_eq!(done.status, Status::Partial, "{:?}", done.steps);
    assert_eq!(outcome(&done.steps, "deny-suspects"), Outcome::Applied);
    for lost in ["deny-outsiders", "deny-customer-keys"] {
        assert_eq!(outcome(&done.steps, lost), Outcome::Failed, "{lost}");
    }
    assert!(bucket.policy().expect("a policy").len() <= LIMIT && bucket.block() == Some(CLOSED));
}

/// One call of the suspect's fills the policy.
#[tokio::test]
async fn without_room_for_anything_a_freeze_does_everything_else_at_once_and_names_the_seal() {
    let (aws, bucket, policy) = full("App", "Allow").await;
    let done = contain_at(&aws, "one", Scope::Freeze).await.expect("a receipt");
    assert_eq!(done.status, Status::Partial, "{done:?}");
    for lost in ["deny-suspects", "deny-outsiders", "deny-customer-keys"] {
        assert_eq!(outcome(&done.steps, lost), Outcome::Failed, "{lost}");
        let way = format!("--only \"{}\"", target(Scope::Seal));
        assert!(words(&done.steps, lost).contains(&way), "{}", words(&done.steps, lost));
    }
    let now = bucket.now();
    assert_eq!((now.policy.as_ref(), now.block, now.versioning.as_deref()), (Some(&policy), Some(CLOSED), Some("Enabled")));
    assert_eq!(bucket.blocked_encryption(), ["SSE-C"]);
}

#[tokio::test]
async fn a_seal_makes_room_and_the_releases_put_back_every_byte_in_any_order() {
    for order in [[Scope::Freeze, Scope::Seal], [Scope::Seal, Scope::Freeze]] {
        let (aws, bucket, _) = full("App", "Allow").await;
        let before = bucket.now();
        contain_at(&aws, "one", Scope::Freeze).await.expect("a receipt");
        let done = approved_at(&aws, "one", Scope::Seal).await.expect("a receipt");
        assert_eq!((done.status, bucket.sids()), (Status::Contained, vec!["FirebreakSeal".to_owned()]), "{done:?}");
        assert_eq!(outcome(&done.steps, "leave-out-statement App"), Outcome::Skipped, "and that is said");
        assert_eq!(left_out(&aws), ["App"]);
        for level in order {
            let steps = let_go(&aws, "one", level).await;
            assert!(steps.iter().all(|step| step.outcome != Outcome::Failed), "{order:?} {level:?}: {steps:?}");
        }
        assert_eq!(bucket.now(), before, "{order:?}");
    }
}

/// The denies of the freeze have room only while the statement is out.
#[tokio::test]
async fn what_went_out_for_a_seal_stays_out_while_a_freeze_needs_the_room_and_that_is_said() {
    let (aws, bucket, _) = full("App", "Allow").await;
    let before = bucket.now();
    approved_at(&aws, "one", Scope::Seal).await.expect("a receipt");
    let frozen = contain_at(&aws, "two", Scope::Freeze).await.expect("a receipt");
    assert_eq!(frozen.status, Status::Contained, "{frozen:?}");
    let steps = let_go(&aws, "one", Scope::Seal).await;
    assert_eq!(outcome(&steps, "restore-policy"), Outcome::Applied, "{steps:?}");
    assert!(words(&steps, "leave-out-statement App").contains("that release puts it back"), "{steps:?}");
    assert!(is_in_force(&bucket, Scope::Freeze) && bucket.statement("App").is_none());
    let_go(&aws, "two", Scope::Freeze).await;
    assert_eq!(bucket.now(), before);
}

/// A suspect more has room only while the statement is out. Nobody but Firebreak could take anything out under the seal.
#[tokio::test]
async fn a_seal_is_released_also_where_a_freeze_has_grown_into_the_room_that_it_made() {
    for how in ["whole", "killed"] {
        let (aws, bucket) = stage().await;
        let policy = padded(("App", "Allow"), LIMIT - bytes_of_a_freeze("Firebreak").await - 60);
        let bucket = bucket.with_policy(&policy).with_versioning("Suspended");
        let before = bucket.now();
        let frozen = contain_at(&aws, "one", Scope::Freeze).await.expect("a receipt");
        assert_eq!(frozen.status, Status::Contained, "{frozen:?}");
        approved_at(&aws, "one", Scope::Seal).await.expect("a receipt");
        assert_eq!(left_out(&aws), ["App"]);
        assert!(look_beyond(&aws).await.reverted.is_empty());
        assert!(bucket.statement("FirebreakDenySuspects").expect("a statement").to_string().contains("user/trent"));

        if how == "killed" {
            aws.forget();
            let release = try_release(&aws, ("one", Scope::Seal), Told::default());
            assert!(aws.kill_at("s3:PutBucketPolicy", 1, true, Box::pin(release)).await.is_none());
        }
        let steps = let_go(&aws, "one", Scope::Seal).await;
        assert!(steps.iter().all(|step| step.outcome != Outcome::Failed), "{how}: {steps:?}");
        assert!(words(&steps, "leave-out-statement App").contains("that release puts it back"), "{how}: {steps:?}");
        assert!(bucket.statement("FirebreakSeal").is_none() && is_in_force(&bucket, Scope::Freeze), "{how}");
        let steps = let_go(&aws, "one", Scope::Freeze).await;
        assert_eq!(bucket.now(), before, "{how}: {steps:?}");
    }
}

#[tokio::test]
async fn a_seal_that_was_killed_on_its_way_has_recorded_what_goes_out() {
    for after in [false, true] {
        let (aws, bucket, policy) = full("App", "Allow").await;
        let killed = aws.kill_at("s3:PutBucketPolicy", 1, after, Box::pin(approved_at(&aws, "one", Scope::Seal))).await;
        assert!(killed.is_none() && left_out(&aws) == ["App"], "after: {after}: changed without a record");
        let done = approved_at(&aws, "one", Scope::Seal).await.expect("a receipt");
        assert_eq!((done.status, bucket.sids()), (Status::Contained, vec!["FirebreakSeal".to_owned()]), "{done:?}");
        assert_eq!(left_out(&aws), ["App"]);
        let_go(&aws, "one", Scope::Seal).await;
        assert_eq!(bucket.policy(), Some(policy), "after: {after}");
    }
}

/// Two reasons at once: no room, and a principal that was deleted.
#[tokio::test]
async fn a_seal_that_was_killed_while_it_tried_what_s3_takes_puts_back_nothing_that_went_out_for_room() {
    const PARTNER: &str = "arn:aws:iam::999988887777:role/partner";
    let (aws, bucket) = stage().await;
    let mut policy: Value = serde_json::from_str(&padded(("App", "Allow"), LIMIT - 300)).expect("a policy");
    let old = json!({ "Sid": "Old", "Effect": "Allow", "Principal": { "AWS": PARTNER }, "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::acme-exports/*" });
    policy["Statement"].as_array_mut().expect("a list").push(old);
    let policy = policy.to_string();
    let bucket = bucket.with_policy(&policy).with_orphan(PARTNER);
    let unsettled = |aws: &ScriptedAws| {
        let planned = base_at(aws, Scope::Seal).expect("a base").planned;
        planned.unsettled.iter().map(|statement| statement["Sid"].clone()).collect::<Vec<Value>>()
    };
    // Without the large one it is refused; then the other one is left out, too.
    let killed = aws.kill_at("s3:PutBucketPolicy", 2, true, Box::pin(approved_at(&aws, "one", Scope::Seal))).await;
    assert!(killed.is_none() && left_out(&aws) == ["App", "Old"], "{:?}", left_out(&aws));
    assert_eq!(unsettled(&aws), ["Old"], "nobody tries what has no room");
    let done = approved_at(&aws, "one", Scope::Seal).await.expect("a receipt");
    assert_eq!((done.status, bucket.sids()), (Status::Contained, vec!["FirebreakSeal".to_owned()]), "{done:?}");
    assert_eq!((left_out(&aws), unsettled(&aws)), (vec![json!("App"), json!("Old")], vec![]));
    bucket.change(|state| state.orphans.clear());
    let_go(&aws, "one", Scope::Seal).await;
    assert_eq!(bucket.policy(), Some(policy));
}

#[tokio::test]
async fn a_full_policy_that_somebody_puts_back_is_sealed_again_and_what_is_not_on_record_is_said() {
    let (aws, bucket, policy) = full("App", "Allow").await;
    approved_at(&aws, "one", Scope::Seal).await.expect("a receipt");
    for theirs in [policy.clone(), padded(("Later", "Allow"), LIMIT - REST)] {
        bucket.change(|state| state.policy = Some(theirs.clone()));
        let check = verify_at(&aws, "one", Scope::Seal).await.expect("a look");
        assert!(check.holds && check.reverted.iter().any(|line| line.contains("FirebreakSeal")), "{check:?}");
        assert_eq!(bucket.sids(), ["FirebreakSeal"]);
    }
    let steps = let_go(&aws, "one", Scope::Seal).await;
    assert!(words(&steps, "leave-out-statement Later").contains("after the containment"), "{steps:?}");
    assert_eq!(bucket.policy(), Some(policy), "as it was before the containment");
}

/// A Deny can bind a responder, too.
#[tokio::test]
async fn a_seal_takes_no_deny_out_and_says_why_it_has_no_room() {
    let (aws, bucket, policy) = full("TlsOnly", "Deny").await;
    let done = approved_at(&aws, "one", Scope::Seal).await.expect("a receipt");
    assert_eq!((done.status, outcome(&done.steps, "seal-bucket")), (Status::Failed, Outcome::Failed), "{done:?}");
    assert!(words(&done.steps, "seal-bucket").contains("its Deny statements leave no room"), "{done:?}");
    assert_eq!(bucket.policy(), Some(policy));
}
