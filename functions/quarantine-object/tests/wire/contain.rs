use crate::bucket::{Object, SID, TAG, recorded};
use crate::{MALWARE, NAME, POLICY, base, contain, etag, malware, outcomes, stage, stage_of, target, told, version};
use firebreak::fault::FaultKind;
use firebreak::receipt::{Outcome, Status};
use firebreak_testkit::room;
use firebreak_testkit::scripted::{error, ok};
use serde_json::json;
use std::collections::BTreeMap;

#[tokio::test]
async fn the_version_with_malware_is_denied_and_everything_else_in_the_bucket_stays_as_it_was() {
    let (aws, bucket) = stage().await;
    let before = bucket.now();
    let receipt = contain(&aws, "one", &malware()).await.expect("a receipt");
    assert_eq!((receipt.status, bucket.denies(MALWARE)), (Status::Contained, true), "{receipt:?}");
    let expected = [("team", "of theirs".to_owned()), (TAG, room::incident("one").to_string())];
    assert_eq!(bucket.tags(MALWARE), BTreeMap::from(expected.map(|(key, value)| (key.to_owned(), value))));
    assert_eq!(bucket.now().objects[1..], before.objects[1..], "neither the other version nor the other object");
    let app = bucket.statement("App").expect("the statement of the customer's");
    assert_eq!(app["Principal"], json!({ "AWS": "arn:aws:iam::111122223333:role/app" }));
    let ours = bucket.statement(SID).expect("Firebreak's statement");
    assert_eq!(ours["Resource"], json!(["arn:aws:s3:::acme-uploads/*"]));
    let excepted = ours["Condition"]["ArnNotLike"]["aws:PrincipalArn"].to_string();
    assert!(excepted.contains("arn:aws:iam::111122223333:role/firebreak/FirebreakMemberRelease"), "{excepted}");
}

#[tokio::test]
async fn what_was_there_is_recorded_before_anything_is_changed() {
    let (aws, _) = stage().await;
    contain(&aws, "one", &malware()).await.expect("a receipt");
    let calls = aws.calls();
    let recorded_at =
        calls.iter().position(|call| call.params["Key"]["sk"]["S"].as_str().is_some_and(|key| key.starts_with("base#")));
    let changed_at = calls.iter().position(|call| call.service == "s3" && call.operation.starts_with("Put"));
    assert!(recorded_at.expect("a base") < changed_at.expect("a change"), "{:?}", aws.changes());
    let base = base(&aws, &malware()).await.expect("a base");
    assert_eq!((base.policy.as_deref(), base.policy_known), (Some(POLICY), true));
    let tags = BTreeMap::from([("team".to_owned(), "of theirs".to_owned())]);
    assert_eq!(recorded(&base.objects, MALWARE), Some(tags));
}

#[tokio::test]
async fn containing_twice_changes_nothing_more() {
    let (aws, bucket) = stage().await;
    contain(&aws, "one", &malware()).await.expect("a receipt");
    let (before, first) = (bucket.now(), base(&aws, &malware()).await);
    aws.forget();
    let again = contain(&aws, "one", &malware()).await.expect("a receipt");
    assert_eq!((again.status, bucket.now()), (Status::Contained, before));
    assert_eq!((aws.changes(), outcomes(&again.steps, "quarantine-object")), (vec![], vec![Outcome::Already]));
    assert_eq!(base(&aws, &malware()).await, first, "what is quarantined is no base");
}

#[tokio::test]
async fn an_object_without_a_version_id_is_found_by_its_etag_whatever_its_key() {
    let key = "in/\u{202e}a b+c%2F&?\n<x>.zip";
    let objects = vec![Object::new("in/\u{202e}a b", "null", "bad1", &[]), Object::new(key, "null", "bad1", &["team"])];
    let (aws, bucket) = stage_of(objects).await;
    let receipt = contain(&aws, "one", &target(&[etag(key, "bad1")])).await.expect("a receipt");
    assert_eq!((receipt.status, bucket.denies(key)), (Status::Contained, true), "{receipt:?}");
    assert!(!bucket.denies("in/\u{202e}a b"), "a key that begins alike");
    let name = receipt.steps.last().expect("a step").name.to_string();
    assert!(!name.contains(['\u{202e}', '\n']), "{name:?}");
    assert_eq!(aws.calls_of("s3:PutObjectTagging")[0].param("versionId"), "", "a bucket without versions has none");
}

#[tokio::test]
async fn an_earlier_version_that_has_no_id_is_meant_and_not_what_came_later() {
    let (aws, bucket) = stage_of(vec![Object::new(MALWARE, "v2", "fine", &[]), Object::new(MALWARE, "null", "bad1", &[])]).await;
    contain(&aws, "one", &target(&[etag(MALWARE, "bad1")])).await.expect("a receipt");
    let marked: Vec<bool> = bucket.now().objects.iter().map(|object| object.tags.contains_key(TAG)).collect();
    assert_eq!(marked, [false, true]);
}

/// With its id, the call cannot meet a version that somebody writes at the same time.
#[tokio::test]
async fn the_newest_version_is_called_by_its_id_where_its_key_has_others() {
    let (aws, bucket) = stage_of(vec![Object::new(MALWARE, "null", "bad1", &[]), Object::new(MALWARE, "v1", "fine", &[])]).await;
    contain(&aws, "one", &target(&[etag(MALWARE, "bad1")])).await.expect("a receipt");
    assert!(bucket.denies(MALWARE));
    assert_eq!(aws.calls_of("s3:PutObjectTagging")[0].param("versionId"), "null");
}

#[tokio::test]
async fn an_object_behind_newer_versions_without_end_is_not_said_to_be_gone() {
    let mut objects: Vec<Object> = (0..1000).map(|at| Object::new(MALWARE, &format!("v{at}"), "fine", &[])).collect();
    objects.push(Object::new(MALWARE, "null", "bad1", &[]));
    let (aws, bucket) = stage_of(objects).await;
    let receipt = contain(&aws, "one", &target(&[etag(MALWARE, "bad1")])).await.expect("a receipt");
    assert!(receipt.status != Status::Contained && told(&receipt.steps).contains("newest 1000 versions"), "{receipt:?}");
    bucket.change(|state| drop(state.objects.remove(0)));
    assert_eq!(contain(&aws, "one", &target(&[etag(MALWARE, "bad1")])).await.expect("a receipt").status, Status::Contained);
}

/// A new upload has no tags of the one before, and the same bytes have the same `ETag`.
#[tokio::test]
async fn the_same_malware_uploaded_again_is_denied_again() {
    let (aws, bucket) = stage_of(vec![Object::new(MALWARE, "null", "bad1", &["team"])]).await;
    let set = target(&[etag(MALWARE, "bad1")]);
    contain(&aws, "one", &set).await.expect("a receipt");
    bucket.change(|state| state.objects[0].tags.clear());
    assert_eq!(contain(&aws, "two", &set).await.expect("a receipt").status, Status::Contained);
    assert!(bucket.denies(MALWARE));
}

#[tokio::test]
async fn what_a_scanner_tags_while_the_base_is_recorded_is_kept() {
    let (aws, bucket) = stage().await;
    let theirs = bucket.clone();
    aws.on("dynamodb:UpdateItem", move |call| {
        if call.params["Key"]["sk"]["S"].as_str().is_some_and(|key| key.starts_with("base#")) {
            theirs.change(|state| drop(state.objects[0].tags.insert("scan".to_owned(), "infected".to_owned())));
        }
        None
    });
    assert_eq!(contain(&aws, "one", &malware()).await.expect("a receipt").status, Status::Contained);
    assert_eq!(bucket.tags(MALWARE).keys().map(String::as_str).collect::<Vec<_>>(), [TAG, "scan", "team"]);
}

#[tokio::test]
async fn what_somebody_put_in_the_place_of_an_object_is_not_touched() {
    let (aws, bucket) = stage_of(vec![Object::new(MALWARE, "null", "fine", &[])]).await;
    let before = bucket.now();
    let gone = contain(&aws, "one", &target(&[etag(MALWARE, "bad1")])).await.expect_err("no such object");
    assert!(gone.message.contains("another object in its place"), "{}", gone.message);
    assert_eq!((gone.kind, bucket.now(), base(&aws, &target(&[etag(MALWARE, "bad1")])).await), (FaultKind::Gone, before, None));

    let (aws, bucket) = stage().await;
    let both = target(&[version(MALWARE, "deleted"), version(MALWARE, "v2")]);
    let receipt = contain(&aws, "one", &both).await.expect("a receipt");
    assert_eq!((receipt.status, bucket.denies(MALWARE)), (Status::Contained, true));
    assert_eq!(outcomes(&receipt.steps, "quarantine-object"), [Outcome::Skipped, Outcome::Applied]);
}

#[tokio::test]
async fn an_object_with_no_room_for_a_tag_is_said_and_the_others_are_denied() {
    let tags: Vec<String> = (0..10).map(|at| format!("t{at}")).collect();
    let full = Object::new("full.zip", "v1", "bad1", &tags.iter().map(String::as_str).collect::<Vec<_>>());
    let (aws, bucket) = stage_of(vec![full.clone(), Object::new(MALWARE, "v2", "bad1", &[])]).await;
    let receipt = contain(&aws, "one", &target(&[version("full.zip", "v1"), version(MALWARE, "v2")])).await.expect("a receipt");
    assert_eq!((receipt.status, bucket.denies(MALWARE)), (Status::Partial, true));
    assert!(told(&receipt.steps).contains("10 tags"), "{}", told(&receipt.steps));
    assert_eq!(bucket.tags("full.zip"), full.tags, "no tag of the customer's is lost");
}

#[tokio::test]
async fn a_tag_that_no_statement_denies_is_no_containment() {
    let (aws, bucket) = stage().await;
    let orphaned = POLICY.replace("arn:aws:iam::111122223333:role/app", "AIDAEXAMPLEEXAMPLE12");
    bucket.change(|state| state.policy = Some(orphaned.clone()));
    let receipt = contain(&aws, "one", &malware()).await.expect("a receipt");
    assert_eq!((receipt.status, outcomes(&receipt.steps, "quarantine-object")), (Status::Failed, vec![Outcome::Failed]));
    assert!(told(&receipt.steps).contains("names somebody who was deleted"), "{}", told(&receipt.steps));
    assert_eq!(bucket.now().policy, Some(orphaned), "nobody loses access because of one object");
    // A person mends the policy.
    bucket.change(|state| state.policy = Some(POLICY.to_owned()));
    assert_eq!(contain(&aws, "one", &malware()).await.expect("a receipt").status, Status::Contained);
    assert!(bucket.denies(MALWARE));
}

#[tokio::test]
async fn a_policy_without_room_is_said_without_a_try() {
    let (aws, bucket) = stage().await;
    let long = POLICY.replace("\"App\"", &format!("\"{}\"", "A".repeat(20_000)));
    bucket.change(|state| state.policy = Some(long.clone()));
    let receipt = contain(&aws, "one", &malware()).await.expect("a receipt");
    assert_eq!((receipt.status, bucket.now().policy), (Status::Failed, Some(long)));
    assert!(aws.calls_of("s3:PutBucketPolicy").is_empty() && told(&receipt.steps).contains("20480"), "{}", told(&receipt.steps));
}

#[tokio::test]
async fn without_a_record_nothing_is_changed() {
    let (aws, bucket) = stage().await;
    let before = bucket.now();
    aws.on("dynamodb:UpdateItem", |call| {
        let is_lock = call.params["Key"]["pk"]["S"].as_str().is_some_and(|key| key.starts_with("lock#"));
        (!is_lock).then(|| error(403, "AccessDeniedException"))
    });
    let receipt = contain(&aws, "one", &malware()).await.expect("a receipt");
    assert_eq!((receipt.status, bucket.now()), (Status::Failed, before));
}

/// A lockdown may be writing the policy, and one of the two would take out what the other one put in.
#[tokio::test]
async fn without_an_answer_about_its_turn_nothing_is_changed() {
    for code in ["ThrottlingException", "AccessDeniedException"] {
        let (aws, bucket) = stage().await;
        let before = bucket.now();
        aws.on("dynamodb:UpdateItem", move |call| {
            let is_lock = call.params["Key"]["pk"]["S"].as_str().is_some_and(|key| key.starts_with("lock#"));
            is_lock.then(|| error(400, code))
        });
        assert!(contain(&aws, "one", &malware()).await.is_err(), "{code}");
        assert_eq!((bucket.now(), aws.changes()), (before, vec![]), "{code}");
    }
}

/// The statement of a level that nobody holds: a release has just taken it out, and S3 still shows it.
#[tokio::test]
async fn what_a_release_of_a_lockdown_took_out_does_not_come_back_with_a_quarantine() {
    let (aws, bucket) = stage().await;
    let freeze = json!({ "Sid": "FirebreakDenyOutsiders", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
        "Resource": "arn:aws:s3:::acme-uploads/*" });
    let mut old: serde_json::Value = serde_json::from_str(POLICY).expect("a policy");
    old["Statement"] = json!([old["Statement"], freeze]);
    aws.next("s3:GetBucketPolicy", ok(old.to_string()));
    assert_eq!(contain(&aws, "one", &malware()).await.expect("a receipt").status, Status::Contained);
    assert!(bucket.denies(MALWARE) && bucket.statement("App").is_some());
    assert_eq!(base(&aws, &malware()).await.expect("a base").policy.as_deref(), Some(POLICY), "byte for byte");
    assert!(bucket.statement("FirebreakDenyOutsiders").is_none(), "{:?}", bucket.now().policy);
}

#[tokio::test]
async fn what_cannot_be_read_is_not_written_over() {
    for action in ["s3:GetObjectTagging", "s3:GetBucketPolicy"] {
        let (aws, bucket) = stage().await;
        aws.always(action, error(403, "AccessDenied"));
        let receipt = contain(&aws, "one", &malware()).await.expect("a receipt");
        assert_eq!((receipt.status == Status::Contained, bucket.denies(MALWARE)), (false, false), "{action}");
        assert!(told(&receipt.steps).contains(action), "{}", told(&receipt.steps));
        aws.mend();
        assert_eq!(contain(&aws, "one", &malware()).await.expect("a receipt").status, Status::Contained, "{action}");
        let base = base(&aws, &malware()).await.expect("a base");
        let tags = BTreeMap::from([("team".to_owned(), "of theirs".to_owned())]);
        assert_eq!((base.policy.as_deref(), recorded(&base.objects, MALWARE)), (Some(POLICY), Some(tags)), "{action}");
    }
}

#[tokio::test]
async fn objects_are_denied_in_the_region_of_their_bucket() {
    let (aws, bucket) = stage().await;
    aws.next("s3:HeadBucket", error(301, "").with_header("x-amz-bucket-region", "ap-southeast-7"));
    assert_eq!(contain(&aws, "one", &malware()).await.expect("a receipt").status, Status::Contained);
    assert!(bucket.denies(MALWARE));
    for action in ["s3:PutBucketPolicy", "s3:PutObjectTagging"] {
        let call = &aws.calls_of(action)[0];
        assert!(call.region == "ap-southeast-7" && call.path.starts_with(&format!("/{NAME}")), "{call:?}");
    }
}

#[tokio::test]
async fn every_object_of_a_set_is_denied_with_one_write_of_the_policy() {
    let keys: Vec<String> = (0..10).map(|at| format!("in/{at}.zip")).collect();
    let (aws, bucket) = stage_of(keys.iter().map(|key| Object::new(key, "v1", "bad1", &[])).collect()).await;
    let all: Vec<_> = keys.iter().map(|key| version(key, "v1")).collect();
    assert_eq!(contain(&aws, "one", &target(&all)).await.expect("a receipt").status, Status::Contained);
    assert!(keys.iter().all(|key| bucket.denies(key)));
    assert_eq!((aws.calls_of("s3:PutBucketPolicy").len(), aws.calls_of("s3:PutObjectTagging").len()), (1, 10));
}
