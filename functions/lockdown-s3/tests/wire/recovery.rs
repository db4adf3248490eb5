//! What a bucket lost since an incident began: the answer to `firebreak s3 recovery-plan`.

use crate::bucket::{Bucket, Version};
use crate::shared::{let_go, released};
use crate::{NAME, contain_at, function, incident, stage, target};
use firebreak::containment::Containment;
use firebreak::decision::{Decision, Mode};
use firebreak::fault::{Fault, FaultKind};
use firebreak::holders::Holders;
use firebreak::incident::{Incident, IncidentStatus};
use firebreak::recovery::{Keeps, Loss, Losses, Marker, Wanted, Why};
use firebreak::target::Scope;
use firebreak_aws::clock;
use firebreak_ledger::{Held, RawEvent, ReleaseClaim};
use firebreak_testkit::room;
use firebreak_testkit::scripted::{ScriptedAws, error};
use jiff::SignedDuration;
use lockdown_s3::BaseState;
use serde_json::{Value, json};

/// The incident of these tests began on the first of November.
const SINCE: &str = "2026-11-01T08:00:00.000Z";

fn since(version: Version) -> Version {
    Version { modified: SINCE.to_owned(), ..version }
}

fn older(version: Version) -> Version {
    Version { is_latest: false, ..version }
}

/// An object that was deleted since.
fn deleted(bucket: Bucket, key: &str) -> Bucket {
    bucket.with_version(since(Version::marker(key, "m"))).with_version(older(Version::of(key, "v")))
}

/// An incident about the bucket.
fn about_the_bucket(name: &str) -> Incident {
    let decision = Decision::new(target(Scope::Freeze), Some(Containment::LockdownS3), Mode::Auto, "objects are deleted");
    let accused = incident(name);
    Incident { decisions: [accused.decisions.clone(), vec![decision]].concat(), ..accused }
}

async fn open(aws: &ScriptedAws, incident: &Incident, event: &Value) {
    let raw = event.to_string();
    let opened = room::ledger(aws).open_incident(incident, IncidentStatus::AwaitingReview, &RawEvent::Inline(&raw)).await;
    assert!(opened.expect("written"));
}

/// A versioned bucket of an incident, which began with `event`.
async fn stage_of(event: &Value) -> (ScriptedAws, Bucket) {
    let (aws, bucket) = stage().await;
    open(&aws, &about_the_bucket("one"), event).await;
    (aws, bucket.with_versioning("Enabled"))
}

fn wanted(prefixes: &[&str], after: Option<Marker>) -> Wanted {
    let prefixes = prefixes.iter().map(|prefix| (*prefix).to_owned()).collect();
    Wanted { incident: room::incident("one"), bucket: NAME.to_owned(), prefixes, after }
}

async fn recover(aws: &ScriptedAws, wanted: Wanted) -> Result<Losses, Fault> {
    Box::pin(function(aws).recover(wanted)).await
}

async fn lost(aws: &ScriptedAws) -> Losses {
    recover(aws, wanted(&[], None)).await.expect("an answer")
}

fn keys(losses: &Losses) -> Vec<&str> {
    losses.lost.iter().map(|lost| lost.key.as_str()).collect()
}

#[tokio::test]
async fn each_object_that_is_not_what_it_was_is_told_with_the_version_to_bring_back() {
    let (aws, bucket) = stage_of(&json!({})).await;
    let bucket = deleted(bucket, "a/deleted.csv")
        .with_version(since(Version::of("b/made", "v")))
        .with_version(since(Version { etag: "another".to_owned(), ..Version::of("c/overwritten", "v2") }))
        .with_version(older(Version { size: 70, ..Version::of("c/overwritten", "v1") }))
        .with_version(since(Version::marker("d/gone", "null")))
        .with_version(Version::of("e/untouched", "v"))
        .with_version(since(Version::of("f/same", "v2")))
        .with_version(older(Version::of("f/same", "v1")));
    // Keys and their versions go over the ends of pages.
    bucket.change(|state| state.page = 2);
    let losses = lost(&aws).await;
    assert_eq!(keys(&losses), ["a/deleted.csv", "c/overwritten"]);
    let [deleted, overwritten] = losses.lost.as_slice() else { panic!("{losses:?}") };
    assert_eq!((deleted.version.as_str(), &deleted.loss), ("v", &Loss::Deleted { markers: vec!["m".to_owned()] }));
    assert_eq!((overwritten.version.as_str(), overwritten.bytes, overwritten.newer), ("v1", 70, 1));
    assert_eq!(overwritten.loss, Loss::Overwritten);
    let by_hand: Vec<_> = losses.by_hand.iter().map(|one| (one.key.as_str(), one.why)).collect();
    assert_eq!(by_hand, [("d/gone", Why::NothingLeft)]);
    let seen = losses.seen;
    assert_eq!((seen.keys, seen.untouched, seen.made, seen.same), (6, 1, 1, 1));
    let times = [deleted, overwritten].map(|lost| (lost.changed_at.to_string(), lost.written_at.map(|at| at < losses.since)));
    assert_eq!(times, ["2026-11-01T08:00:00Z"; 2].map(|at| (at.to_owned(), Some(true))));
    assert_eq!((losses.keeps, losses.next), (Keeps::Unknown, None), "nobody recorded whether it kept them all the time");
}

#[tokio::test]
async fn of_a_suspended_bucket_nothing_is_removed_that_can_be_an_object_by_then() {
    let (aws, bucket) = stage_of(&json!({})).await;
    let bucket = bucket.with_versioning("Suspended");
    bucket.with_version(since(Version::marker("a", "null"))).with_version(older(Version::of("a", "v")));
    let losses = lost(&aws).await;
    let [lost] = losses.lost.as_slice() else { panic!("{losses:?}") };
    assert_eq!((losses.keeps, &lost.loss, lost.may_be_older), (Keeps::Suspended, &Loss::Overwritten, true));
}

/// Somebody suspended versioning, overwrote what has no version id, and switched versioning on before anybody froze the bucket.
#[tokio::test]
async fn what_was_written_without_versions_since_then_shows_that_they_were_off_for_a_time() {
    let named =
        json!({ "detail": { "resource": { "s3BucketDetails": [{ "name": NAME, "s3ObjectDetails": [{ "key": "a" }] }] } } });
    for event in [json!({}), named] {
        let (aws, bucket) = stage_of(&event).await;
        contain_at(&aws, "one", Scope::Freeze).await.expect("a receipt");
        assert_eq!(lost(&aws).await.keeps, Keeps::Versions, "the freeze found it on");
        bucket.with_version(since(Version::of("a", "null")));
        let losses = lost(&aws).await;
        assert_eq!((losses.keeps, losses.seen.made, losses.lost.len()), (Keeps::Suspended, 1, 0), "{event}");
    }
}

#[tokio::test]
async fn a_key_is_told_as_it_is_whatever_its_characters() {
    let hostile = ["\u{1}\u{1b}[2J", "--rf", "a b+c%20d", "it's;$(touch x)`\n", "x<&>\"", "日本"];
    let (aws, bucket) = stage_of(&json!({})).await;
    for key in hostile {
        deleted(bucket.clone(), key);
    }
    assert_eq!(keys(&lost(&aws).await), hostile);
}

#[tokio::test]
async fn a_session_that_plans_can_read_and_nothing_else() {
    let (aws, bucket) = stage_of(&json!({})).await;
    deleted(bucket, "a");
    lost(&aws).await;
    let roles = aws.calls_of("sts:AssumeRole");
    assert_eq!((roles.len(), roles[0].param("RoleSessionName")), (1, room::incident("one").as_str()));
    let policy: Value = serde_json::from_str(roles[0].param("Policy")).expect("a policy");
    let actions = policy["Statement"][0]["Action"].as_array().expect("actions");
    assert!(
        actions.iter().filter_map(Value::as_str).all(|one| one.starts_with("s3:Get") || one.starts_with("s3:List")),
        "{policy}"
    );
    assert_eq!((policy["Statement"].as_array().map(Vec::len), aws.changes()), (Some(1), vec![]));
}

#[tokio::test]
async fn a_bucket_without_versions_has_lost_everything_and_is_not_listed() {
    let (aws, bucket) = stage_of(&json!({})).await;
    deleted(bucket, "a").change(|state| state.versioning = None);
    let losses = lost(&aws).await;
    assert_eq!((losses.keeps, losses.lost.len()), (Keeps::Nothing, 0));
    assert_eq!(aws.calls_of("s3:GetBucketVersions").len(), 0);
}

#[tokio::test]
async fn versions_that_are_kept_only_since_the_freeze_are_told_from_those_of_a_suspended_bucket() {
    for (before, keeps) in
        [(None, Keeps::SinceTheIncident), (Some("Suspended"), Keeps::Suspended), (Some("Enabled"), Keeps::Versions)]
    {
        let (aws, bucket) = stage_of(&json!({})).await;
        bucket.change(|state| state.versioning = before.map(str::to_owned));
        contain_at(&aws, "one", Scope::Freeze).await.expect("a receipt");
        assert_eq!(bucket.now().versioning.as_deref(), Some("Enabled"));
        assert_eq!(lost(&aws).await.keeps, keeps, "{before:?}");
        // The base is gone with the release. A bucket that never had versions keeps them from now on.
        released(&aws, "one", Scope::Freeze).await;
        assert_eq!(lost(&aws).await.keeps, keeps, "{before:?}, released");
    }
    let (aws, bucket) = stage_of(&json!({})).await;
    deleted(bucket, "a");
    aws.always("s3:GetBucketVersioning", error(403, "AccessDenied"));
    let losses = lost(&aws).await;
    assert_eq!((losses.keeps, keys(&losses)), (Keeps::Unknown, vec!["a"]), "no reason not to list");
}

#[tokio::test]
async fn a_freeze_of_another_incident_tells_how_it_was_unless_it_ended_before_this_one_began() {
    for (minutes, keeps) in [(-60, Keeps::SinceTheIncident), (60, Keeps::Versions)] {
        let (aws, bucket) = stage_of(&json!({})).await;
        bucket.change(|state| state.versioning = None);
        let mut second = about_the_bucket("two");
        second.finding.first_seen = Some(clock::now() + SignedDuration::from_mins(minutes));
        open(&aws, &second, &json!({})).await;
        for name in ["one", "two"] {
            contain_at(&aws, name, Scope::Freeze).await.expect("a receipt");
        }
        let (ledger, freeze, first) = (room::ledger(&aws), target(Scope::Freeze), room::incident("one"));
        let held = Held { target: &freeze, containment: Containment::LockdownS3 };
        let claim = ledger.begin_release::<BaseState>(held, &Holders::of(&first), clock::now()).await.expect("a claim");
        assert!(matches!(claim, ReleaseClaim::StillHeld { .. }), "{claim:?}");
        let_go(&aws, "two", Scope::Freeze).await;
        let asked = Wanted { incident: second.id.clone(), ..wanted(&[], None) };
        assert_eq!(recover(&aws, asked).await.expect("an answer").keeps, keeps, "{minutes}");
    }
}

#[tokio::test]
async fn only_buckets_of_the_incident_are_looked_into() {
    let (aws, _) = stage_of(&json!({})).await;
    let other = Wanted { bucket: "acme-payroll".to_owned(), ..wanted(&[], None) };
    let unknown = Wanted { incident: room::incident("two"), ..wanted(&[], None) };
    let odd = wanted(&["a"], Some(Marker { prefix: "b".to_owned(), key: "b1".to_owned() }));
    assert_eq!(recover(&aws, other).await.map_err(|fault| fault.kind), Err(FaultKind::Malformed));
    assert_eq!(recover(&aws, unknown).await.map_err(|fault| fault.kind), Err(FaultKind::Gone));
    assert!(aws.calls_of("sts:AssumeRole").is_empty());
    assert_eq!(recover(&aws, odd).await.map_err(|fault| fault.kind), Err(FaultKind::Malformed));
    aws.always("s3:GetBucketVersions", error(403, "AccessDenied"));
    assert_eq!(recover(&aws, wanted(&[], None)).await.map_err(|fault| fault.kind), Err(FaultKind::Denied));
}

#[tokio::test]
async fn a_bucket_that_is_too_large_for_one_answer_goes_on_where_it_ended() {
    let (aws, bucket) = stage_of(&json!({})).await;
    let names: Vec<String> = (0..25).map(|n| format!("k{n:02}")).collect();
    let bucket = names.iter().fold(bucket, |bucket, name| deleted(bucket, name));
    bucket.change(|state| state.page = 2);
    let first = lost(&aws).await;
    let marker = first.next.clone().expect("more");
    assert_eq!((aws.calls_of("s3:GetBucketVersions").len(), marker.key.as_str()), (20, "k18"));
    let all = first.and(recover(&aws, wanted(&[], Some(marker))).await.expect("an answer"));
    assert_eq!((keys(&all), all.seen.keys, all.next.as_ref()), (names.iter().map(String::as_str).collect(), 25, None));
}

#[tokio::test]
async fn an_object_with_versions_without_end_keeps_nobody_from_the_others() {
    let (aws, bucket) = stage_of(&json!({})).await;
    let many = (0..50).fold(bucket, |bucket, n| bucket.with_version(older(Version::of("a", &format!("v{n}")))));
    deleted(many, "b").change(|state| state.page = 2);
    let first = lost(&aws).await;
    let by_hand: Vec<_> = first.by_hand.iter().map(|one| (one.key.as_str(), one.why)).collect();
    assert_eq!(by_hand, [("a", Why::TooManyVersions)]);
    let rest = recover(&aws, wanted(&[], first.next)).await.expect("an answer");
    assert_eq!((keys(&rest), rest.next.as_ref()), (vec!["b"], None));
}

#[tokio::test]
async fn what_a_finding_names_is_looked_at_first_and_what_a_person_names_alone() {
    let named =
        json!({ "detail": { "resource": { "s3BucketDetails": [{ "name": NAME, "s3ObjectDetails": [{ "key": "z" }] }] } } });
    let (aws, bucket) = stage_of(&named).await;
    let names: Vec<String> = (0..40).map(|n| format!("k{n:02}")).collect();
    let bucket = names.iter().map(String::as_str).chain(["z", "z2"]).fold(bucket, deleted);
    // A page ends within the versions of a key.
    bucket.change(|state| state.page = 3);
    let first = lost(&aws).await;
    assert!(first.next.is_some() && keys(&first).ends_with(&["k28", "z"]), "{first:?}");
    let all = first.clone().and(recover(&aws, wanted(&[], first.next)).await.expect("an answer"));
    assert_eq!((all.lost.len(), all.seen.keys), (42, 42), "each is told and counted once");
    let asked = recover(&aws, wanted(&["z", "k3"], None)).await.expect("an answer");
    let expected: Vec<&str> = names.iter().map(String::as_str).filter(|name| name.starts_with("k3")).chain(["z", "z2"]).collect();
    assert_eq!(keys(&asked), expected);
}
