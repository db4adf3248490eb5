//! An object without a version id is replaced while it gets the tag.

use crate::bucket::{Bucket, Object, SID, TAG};
use crate::release::release;
use crate::{CLEAN, MALWARE, contain, etag, outcomes, stage_of, target, told, verify};
use firebreak::receipt::{Outcome, Status};
use firebreak::target::Target;
use firebreak_testkit::scripted::ScriptedAws;

/// A bucket without versions in which somebody innocent writes the key just before the tag comes.
async fn raced(objects: Vec<Object>) -> (ScriptedAws, Bucket, Target) {
    let (aws, bucket) = stage_of(objects).await;
    let theirs = bucket.clone();
    aws.on("s3:PutObjectTagging", move |_| {
        let replace = |object: &mut Object| *object = Object::new(MALWARE, "null", "new1", &["theirs"]);
        theirs.change(|state| state.objects.iter_mut().filter(|object| object.etag == "bad1").for_each(replace));
        None
    });
    (aws, bucket, target(&[etag(MALWARE, "bad1")]))
}

fn infected() -> Object {
    Object::new(MALWARE, "null", "bad1", &[])
}

#[tokio::test]
async fn what_got_the_tag_in_its_place_is_said_and_freed_by_the_release() {
    let (aws, bucket, set) = raced(vec![infected()]).await;
    let receipt = contain(&aws, "one", &set).await.expect("a receipt");
    assert!(receipt.status != Status::Contained && bucket.denies(MALWARE), "{receipt:?}");
    assert!(told(&receipt.steps).contains("was replaced while it got the tag"), "{}", told(&receipt.steps));
    let check = verify(&aws, "one", &set).await.expect("a look");
    assert!(check.notes.iter().any(|note| note.contains("and is denied")), "{check:?}");
    let steps = release(&aws, &set).await;
    assert_eq!(outcomes(&steps, "restore-object-tags"), [Outcome::Applied]);
    assert!(!bucket.tags(MALWARE).contains_key(TAG) && bucket.statement(SID).is_none(), "{steps:?}");
}

#[tokio::test]
async fn what_another_set_has_under_the_same_key_stays_in_quarantine() {
    let (aws, bucket, set) = raced(vec![infected(), Object::new(CLEAN, "null", "fine", &[])]).await;
    contain(&aws, "one", &set).await.expect("a receipt");
    // A scan finds malware in what took its place, too.
    let later = target(&[etag(MALWARE, "new1")]);
    assert_eq!(contain(&aws, "two", &later).await.expect("a receipt").status, Status::Contained);
    let steps = release(&aws, &set).await;
    assert_eq!(outcomes(&steps, "restore-object-tags"), [Outcome::Skipped]);
    assert!(bucket.denies(MALWARE), "{steps:?}");
    let steps = release(&aws, &later).await;
    assert!(!bucket.tags(MALWARE).contains_key(TAG), "the tag that came with the place is not what was there before: {steps:?}");
}

#[tokio::test]
async fn a_tag_of_that_key_which_firebreak_did_not_write_stays() {
    let (aws, bucket) = stage_of(vec![infected()]).await;
    let set = target(&[etag(MALWARE, "bad1")]);
    contain(&aws, "one", &set).await.expect("a receipt");
    bucket.change(|state| state.objects[0] = Object::new(MALWARE, "null", "new1", &[TAG]));
    let steps = release(&aws, &set).await;
    assert_eq!(outcomes(&steps, "restore-object-tags"), [Outcome::Skipped]);
    assert!(bucket.tags(MALWARE).contains_key(TAG));
}
