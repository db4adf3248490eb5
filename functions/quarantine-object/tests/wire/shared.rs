//! Sets of objects of one bucket that are in quarantine at the same time.

use crate::bucket::{Bucket, Object, SID, recorded};
use crate::release::{begin, release, try_release};
use crate::{MALWARE, POLICY, base, contain, held, malware, stage_of, target, told, version};
use firebreak::receipt::{Outcome, Status, Step};
use firebreak::target::Target;
use firebreak_aws::clock;
use firebreak_testkit::room;
use firebreak_testkit::scripted::ScriptedAws;

const OTHER: &str = "in/other.zip";

/// One incident has the first object, and another one both.
async fn two_sets() -> (ScriptedAws, Bucket, [Target; 2]) {
    let (aws, bucket) =
        stage_of(vec![Object::new(MALWARE, "v2", "bad1", &["team"]), Object::new(OTHER, "v1", "bad1", &[])]).await;
    bucket.change(|state| state.policy = Some(POLICY.to_owned()));
    (aws, bucket, [malware(), target(&[version(MALWARE, "v2"), version(OTHER, "v1")])])
}

/// Releases a set, and lets go of it in the ledger.
async fn let_go(aws: &ScriptedAws, incident: &str, target: &Target) -> Vec<Step> {
    let lease = begin(aws, incident, target).await;
    let steps = try_release(aws, incident, target).await.expect("a release");
    assert!(steps.iter().all(|step| step.outcome != Outcome::Failed), "{steps:?}");
    room::ledger(aws).end_release(held(target), &lease, clock::now()).await.expect("the ledger takes it");
    steps
}

#[tokio::test]
async fn an_object_that_two_sets_have_stays_denied_until_the_last_one_is_released() {
    for order in [[0, 1], [1, 0]] {
        let (aws, bucket, sets) = two_sets().await;
        let before = bucket.now();
        for (incident, set) in ["one", "two"].iter().zip(&sets) {
            assert_eq!(contain(&aws, incident, set).await.expect("a receipt").status, Status::Contained);
        }
        let [first, last] = order.map(|at| (["one", "two"][at], &sets[at]));
        let steps = let_go(&aws, first.0, first.1).await;
        assert!(bucket.denies(MALWARE) && told(&steps).contains("stays in quarantine"), "{order:?}: {steps:?}");
        assert_eq!(bucket.denies(OTHER), last.1.objects.len() == 2, "{order:?}");
        let_go(&aws, last.0, last.1).await;
        assert_eq!(bucket.now(), before, "{order:?}");
    }
}

#[tokio::test]
async fn the_second_set_records_how_everything_was_before_the_first() {
    let (aws, bucket, [first, second]) = two_sets().await;
    contain(&aws, "one", &first).await.expect("a receipt");
    assert!(bucket.statement(SID).is_some());
    contain(&aws, "two", &second).await.expect("a receipt");
    assert_eq!(aws.calls_of("s3:PutBucketPolicy").len(), 1, "they share the statement");
    let base = base(&aws, &second).await.expect("a base");
    assert_eq!(base.policy.as_deref(), Some(POLICY));
    let tags = recorded(&base.objects, MALWARE).expect("an object");
    assert_eq!(tags.keys().map(String::as_str).collect::<Vec<_>>(), ["team"]);
}

/// Otherwise each would leave both to the other one, and nobody would put them back.
#[tokio::test]
async fn of_two_releases_at_once_one_puts_back_what_both_have() {
    let (aws, bucket, sets) = two_sets().await;
    let before = bucket.now();
    for (incident, set) in ["one", "two"].iter().zip(&sets) {
        contain(&aws, incident, set).await.expect("a receipt");
    }
    for (incident, set) in ["one", "two"].iter().zip(&sets) {
        let _lease = begin(&aws, incident, set).await;
    }
    for set in &sets {
        release(&aws, set).await;
    }
    assert_eq!(bucket.now(), before);
}

#[tokio::test]
async fn two_sets_at_the_same_time_lose_nothing_of_each_other() {
    let (aws, bucket, sets) = two_sets().await;
    let before = bucket.now();
    let (one, two) = futures::join!(Box::pin(contain(&aws, "one", &sets[0])), Box::pin(contain(&aws, "two", &sets[1])));
    assert_eq!((one.expect("a receipt").status, two.expect("a receipt").status), (Status::Contained, Status::Contained));
    assert!(bucket.denies(MALWARE) && bucket.denies(OTHER));
    let_go(&aws, "one", &sets[0]).await;
    let_go(&aws, "two", &sets[1]).await;
    assert_eq!(bucket.now(), before);
}
