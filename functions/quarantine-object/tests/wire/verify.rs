use crate::bucket::{Bucket, Object, SID, State, TAG};
use crate::release::begin;
use crate::{MALWARE, POLICY, base, contain, etag, malware, stage, stage_of, target, verify};
use firebreak::containment::Containment;
use firebreak::receipt::{Status, Verification};
use firebreak_aws::clock;
use firebreak_testkit::room;
use firebreak_testkit::scripted::{ScriptedAws, error};
use serde_json::{Value, json};

async fn look(aws: &ScriptedAws) -> Verification {
    verify(aws, "one", &malware()).await.expect("a look")
}

fn any(lines: &[String], what: &str) -> bool {
    lines.iter().any(|line| line.contains(what))
}

async fn quarantined() -> (ScriptedAws, Bucket) {
    let (aws, bucket) = stage().await;
    contain(&aws, "one", &malware()).await.expect("a receipt");
    assert!(bucket.denies(MALWARE));
    aws.forget();
    (aws, bucket)
}

/// Somebody writes an exception for himself into the statement.
fn except(state: &mut State) {
    let mut policy: Value = serde_json::from_str(state.policy.as_deref().expect("a policy")).expect("JSON");
    let statements = policy["Statement"].as_array_mut().expect("a list");
    let ours = statements.iter_mut().find(|one| one["Sid"] == SID).expect("Firebreak's statement");
    let excepted = ours["Condition"]["ArnNotLike"]["aws:PrincipalArn"].as_array_mut().expect("a list");
    excepted.push(json!("arn:aws:iam::111122223333:user/mallory"));
    state.policy = Some(policy.to_string());
}

/// What somebody does to a bucket, and what people then read.
type Revert = (fn(&mut State), &'static str);

#[tokio::test]
async fn a_quarantine_that_holds_is_only_looked_at() {
    let (aws, _) = quarantined().await;
    let check = look(&aws).await;
    assert!(check.holds && check.reverted.is_empty() && check.notes.is_empty(), "{check:?}");
    assert_eq!(aws.changes(), [""; 0]);
}

#[tokio::test]
async fn what_somebody_takes_away_is_written_again_and_told_once() {
    let reverts: [Revert; 4] = [
        (|state| drop(state.objects[0].tags.remove(TAG)), "has no tag"),
        (|state| state.policy = Some(POLICY.to_owned()), "does not deny"),
        (|state| state.policy = None, "does not deny"),
        (except, "does not deny"),
    ];
    for (revert, line) in reverts {
        let (aws, bucket) = quarantined().await;
        let as_written = bucket.statement(SID);
        bucket.change(revert);
        let check = look(&aws).await;
        assert!(check.holds && check.reverted.len() == 1 && any(&check.reverted, line), "{line}: {check:?}");
        assert!(bucket.denies(MALWARE) && bucket.statement(SID) == as_written, "{line}");
        assert_eq!(look(&aws).await.reverted.len(), 1, "{line}: told once");
    }
}

#[tokio::test]
async fn another_value_of_the_tag_denies_as_well() {
    let (aws, bucket) = quarantined().await;
    bucket.change(|state| drop(state.objects[0].tags.insert(TAG.to_owned(), String::new())));
    let check = look(&aws).await;
    assert!(check.holds && check.reverted.is_empty(), "{check:?}");
}

#[tokio::test]
async fn an_object_that_is_gone_is_noted_and_nothing_is_written() {
    let (aws, bucket) = quarantined().await;
    bucket.change(|state| drop(state.objects.remove(0)));
    let check = look(&aws).await;
    assert!(check.holds && any(&check.notes, "is gone"), "{check:?}");
    assert_eq!(aws.changes(), [""; 0], "an earlier version is not what the scan meant");
}

/// In one step's name both keys look alike: what was made up for the one is no success of the other.
#[tokio::test]
async fn two_keys_that_look_alike_are_judged_each_on_its_own() {
    let keys = ["a", "b"].map(|end| format!("{}{end}", "k".repeat(160)));
    let tags: Vec<String> = (0..10).map(|at| format!("t{at}")).collect();
    let full = Object::new(&keys[0], "null", "bad1", &tags.iter().map(String::as_str).collect::<Vec<_>>());
    let (aws, bucket) = stage_of(vec![full, Object::new(&keys[1], "null", "bad1", &[])]).await;
    let both = target(&keys.each_ref().map(|key| etag(key, "bad1")));
    aws.always("s3:PutObjectTagging", error(403, "AccessDenied"));
    contain(&aws, "one", &both).await.expect("a receipt");
    aws.mend();
    for _ in 0..2 {
        let check = verify(&aws, "one", &both).await.expect("a look");
        assert!(!check.holds && check.reverted.is_empty() && any(&check.problems, "10 tags"), "{check:?}");
        assert!(bucket.denies(&keys[1]) && !bucket.denies(&keys[0]));
    }
    let kept = room::ledger(&aws).receipt(&room::incident("one"), Containment::QuarantineObject, &both).await;
    assert_eq!(kept.expect("the ledger answers").expect("a receipt").status, Status::Partial);
}

#[tokio::test]
async fn one_old_read_is_no_revert() {
    let (aws, _) = quarantined().await;
    aws.next("s3:GetBucketPolicy", error(404, "NoSuchBucketPolicy"));
    let check = look(&aws).await;
    assert!(check.holds && check.reverted.is_empty(), "{check:?}");
    assert_eq!(aws.changes(), [""; 0]);
}

#[tokio::test]
async fn what_cannot_be_read_is_a_problem_and_is_not_written_over() {
    for action in ["s3:GetBucketPolicy", "s3:GetObjectTagging"] {
        let (aws, _) = quarantined().await;
        aws.always(action, error(403, "AccessDenied"));
        let check = look(&aws).await;
        assert!(!check.holds && any(&check.problems, action) && check.reverted.is_empty(), "{check:?}");
        assert_eq!(aws.changes(), [""; 0]);
    }
}

#[tokio::test]
async fn what_a_killed_containment_did_not_come_to_is_made_up_for_and_nobody_reverted_it() {
    let (aws, bucket) = stage().await;
    let killed = aws.kill_at("s3:PutObjectTagging", 1, false, Box::pin(contain(&aws, "one", &malware()))).await;
    assert!(killed.is_none() && !bucket.denies(MALWARE));
    assert!(base(&aws, &malware()).await.is_some());
    let check = look(&aws).await;
    assert!(check.holds && check.reverted.is_empty() && bucket.denies(MALWARE), "{check:?}");
    // From then on it is a revert.
    bucket.change(|state| drop(state.objects[0].tags.remove(TAG)));
    let check = look(&aws).await;
    assert!(check.holds && check.reverted.len() == 1 && bucket.denies(MALWARE), "{check:?}");
}

#[tokio::test]
async fn nothing_is_written_again_while_a_release_is_under_way() {
    let (aws, bucket) = quarantined().await;
    let _lease = begin(&aws, "one", &malware()).await;
    bucket.change(|state| state.policy = Some(POLICY.to_owned()));
    let check = look(&aws).await;
    assert!(!check.holds && check.reverted.is_empty(), "{check:?}");
    assert_eq!(aws.changes(), [""; 0]);
}

#[tokio::test]
async fn a_pause_keeps_a_look_from_writing_and_people_read_that() {
    let (aws, bucket) = quarantined().await;
    room::pause(&aws, None, clock::now()).await;
    bucket.change(|state| state.policy = Some(POLICY.to_owned()));
    let check = look(&aws).await;
    assert!(!check.holds && any(&check.reverted, "does not deny"), "{check:?}");
    assert_eq!(aws.changes(), [""; 0]);
}
