//! Each level from its first change to its release, and levels beside each other.

use crate::bucket::{Bucket, CLOSED, State, Xml};
use crate::{MALLORY, NAME, approved_at, base_at, contain_at, outcome, receipt, request, responder, run, stage, target};
use firebreak::containment::Containment;
use firebreak::decision::Mode;
use firebreak::holders::Holders;
use firebreak::incident::{Incident, IncidentStatus};
use firebreak::receipt::{Outcome, Status, Step};
use firebreak::target::{Scope, TargetKind};
use firebreak::task::Phase;
use firebreak_aws::clients::MemberRole;
use firebreak_aws::clock;
use firebreak_ledger::{Held, RawEvent, ReleaseClaim};
use firebreak_testkit::room;
use firebreak_testkit::scripted::{ScriptedAws, error};
use lockdown_s3::{BaseState, Versioning};
use serde_json::{Value, json};
use std::time::Duration;

/// A policy as a person writes it: a release has to put back every byte.
const POLICY: &str = r#"{ "Version": "2012-10-17",
  "Statement": [
    { "Sid": "TlsOnly", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::acme-exports/*",
      "Condition": { "Bool": { "aws:SecureTransport": "false" } } },
    { "Sid": "App", "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::111122223333:role/app" },
      "Action": ["s3:GetObject"], "Resource": "arn:aws:s3:::acme-exports/*" } ] }"#;
const THEIRS: [&str; 2] = ["TlsOnly", "App"];

/// Rules of a lifecycle, as the bucket has them.
const RULES: &str = "<Rule><ID>wipe</ID><Filter><Prefix>exports/</Prefix></Filter><Status>Enabled</Status>\
                     <Expiration><Days>1</Days></Expiration></Rule>\
                     <Rule><ID>rest</ID><Filter><Prefix>rest/</Prefix></Filter><Status>Disabled</Status>\
                     <Expiration><Days>30</Days></Expiration></Rule>";
/// A replication to another bucket.
const COPIES: &str = "<Rule><ID>copy</ID><Priority>1</Priority><Filter><Prefix>exports/</Prefix></Filter><Status>Enabled</Status>\
                      <Destination><Bucket>arn:aws:s3:::acme-copies</Bucket></Destination>\
                      <DeleteMarkerReplication><Status>Disabled</Status></DeleteMarkerReplication></Rule>";

/// The suspect wrote the rules of the lifecycle.
fn wiped() -> Value {
    let rule = |id: &str, prefix: &str, status: &str, days: u32| json!({ "ID": id, "Filter": { "Prefix": prefix }, "Status": status, "Expiration": { "Days": days } });
    let rules = json!([rule("wipe", "exports/", "Enabled", 1), rule("rest", "rest/", "Disabled", 30)]);
    json!({
        "eventTime": "2026-11-01T00:10:00Z", "eventSource": "s3.amazonaws.com", "eventName": "PutBucketLifecycle",
        "awsRegion": room::REGION, "recipientAccountId": room::ACCOUNT,
        "userIdentity": { "type": "IAMUser", "userName": MALLORY, "accountId": room::ACCOUNT,
                          "arn": format!("arn:aws:iam::{}:user/{MALLORY}", room::ACCOUNT) },
        "requestParameters": { "bucketName": NAME, "lifecycle": "", "LifecycleConfiguration": { "Rule": rules } },
    })
}

/// The bucket of a ransom: versions are suspended, and a rule of the suspect's deletes everything within a day.
async fn attacked() -> (ScriptedAws, Bucket) {
    let (aws, bucket) = stage().await;
    let bucket = bucket.with_policy(POLICY).with_versioning("Suspended").with_lifecycle(RULES).with_event(wiped());
    (aws, bucket)
}

/// A bucket as the last release leaves it: the suspect's rule stays off.
fn but_for_wipe(mut before: State) -> State {
    let text = before.lifecycle.as_ref().expect("a lifecycle").text().replace("Enabled", "Disabled");
    before.lifecycle = Xml::read(&text);
    before
}

/// Releases a level and ends its hold, as the function `release` does. Nothing: another incident holds it.
async fn let_go(aws: &ScriptedAws, name: &str, level: Scope) -> Option<Vec<Step>> {
    let (target, incident, ledger) = (target(level), room::incident(name), room::ledger(aws));
    let held = Held { target: &target, containment: Containment::LockdownS3 };
    let claim = ledger.begin_release::<BaseState>(held, &Holders::of(&incident), clock::now()).await.expect("a claim");
    let ReleaseClaim::Ours { base, lease, .. } = claim else { return None };
    let call = responder(aws).call(&target, Containment::LockdownS3, MemberRole::Release, &incident).await.expect("credentials");
    let steps = Box::pin(lockdown_s3::release(&call, base.as_ref())).await.expect("a release");
    ledger.end_release(held, &lease, clock::now()).await.expect("written");
    Some(steps)
}

/// The Sids of Firebreak's statements; the customer's come first.
fn ours(bucket: &Bucket) -> Vec<String> {
    let sids = bucket.sids();
    assert_eq!(sids[..THEIRS.len()], THEIRS, "the customer's statements stay, and stay first");
    sids.into_iter().skip(THEIRS.len()).collect()
}

fn is_undone(steps: &[Step]) -> bool {
    steps.iter().all(|step| step.outcome != Outcome::Failed)
}

#[tokio::test]
async fn a_freeze_stops_the_ransom_and_its_release_puts_back_every_byte_but_the_suspects_rule() {
    let (aws, bucket) = attacked().await;
    let before = bucket.now();
    let receipt = contain_at(&aws, "one", Scope::Freeze).await.expect("a receipt");
    assert_eq!(receipt.status, Status::Contained, "{:?}", receipt.steps);
    for sid in ["FirebreakDenySuspects", "FirebreakDenyOutsiders", "FirebreakDenyCustomerKeys"] {
        assert!(ours(&bucket).iter().any(|known| known == sid), "{sid}");
    }
    let now = bucket.now();
    assert_eq!((now.block, now.versioning.as_deref()), (Some(CLOSED), Some("Enabled")));
    assert_eq!(bucket.rule_status("lifecycle", "wipe").as_deref(), Some("Disabled"));
    assert_eq!(bucket.blocked_encryption(), ["SSE-C"]);
    let policy_then_block = ["s3:PutBucketPolicy", "s3:PutPublicAccessBlock"];
    assert_eq!(aws.changes()[..2], policy_then_block, "under the block S3 would take no public policy");
    let base = base_at(&aws, Scope::Freeze).expect("a base");
    assert_eq!((base.policy.as_deref(), base.versioning), (Some(POLICY), Versioning::Suspended));
    assert!(base.planned.lifecycle.contains("wipe") && !base.planned.lifecycle.contains("rest"), "{:?}", base.planned);

    let steps = let_go(&aws, "one", Scope::Freeze).await.expect("nobody else holds it");
    assert!(is_undone(&steps), "{steps:?}");
    assert_eq!(bucket.now(), but_for_wipe(before));
    assert_eq!(aws.unknown(), [""; 0]);
}

#[tokio::test]
async fn without_a_change_in_cloudtrail_a_freeze_leaves_every_rule_on() {
    let (aws, bucket) = stage().await;
    let bucket = bucket.with_policy(POLICY).with_lifecycle(RULES);
    contain_at(&aws, "one", Scope::Freeze).await.expect("a receipt");
    assert_eq!(bucket.rule_status("lifecycle", "wipe").as_deref(), Some("Enabled"));
    assert_eq!(aws.calls_of("s3:PutBucketLifecycle").len(), 0);
}

#[tokio::test]
async fn destruction_and_seal_are_one_statement_each_and_destruction_stops_every_rule() {
    for (level, sid, step, status) in [
        (Scope::Destruction, "FirebreakDenyDestruction", "deny-destruction", "Disabled"),
        (Scope::Seal, "FirebreakSeal", "seal-bucket", "Enabled"),
    ] {
        let (aws, bucket) = stage().await;
        let bucket = bucket.with_policy(POLICY).with_lifecycle(RULES);
        let bucket = bucket.with_replication("arn:aws:iam::111122223333:role/copy", COPIES);
        let before = bucket.now();
        let receipt = contain_at(&aws, "one", level).await.expect("a receipt");
        assert_eq!((receipt.status, outcome(&receipt.steps, step)), (Status::Contained, Outcome::Applied), "{receipt:?}");
        assert_eq!(ours(&bucket), [sid]);
        for (of, id) in [("lifecycle", "wipe"), ("replication", "copy")] {
            assert_eq!(bucket.rule_status(of, id).as_deref(), Some(status), "{level:?}: {id}");
        }
        assert_eq!(bucket.block(), None, "that is a freeze's");
        let again = contain_at(&aws, "one", level).await.expect("a receipt");
        assert_eq!((again.status, outcome(&again.steps, step)), (Status::Contained, Outcome::Already), "{again:?}");
        let steps = let_go(&aws, "one", level).await.expect("nobody else holds it");
        assert!(is_undone(&steps), "{steps:?}");
        assert_eq!(bucket.now(), before, "{level:?}");
    }
}

#[tokio::test]
async fn two_levels_of_one_bucket_are_released_in_any_order_and_the_last_one_puts_back_every_byte() {
    for [first, last] in [[Scope::Freeze, Scope::Destruction], [Scope::Destruction, Scope::Freeze]] {
        let (aws, bucket) = attacked().await;
        let before = bucket.now();
        for level in [Scope::Freeze, Scope::Destruction] {
            contain_at(&aws, "one", level).await.expect("a receipt");
            assert_eq!(base_at(&aws, level).expect("a base").policy.as_deref(), Some(POLICY), "before any level");
        }
        let steps = let_go(&aws, "one", first).await.expect("nobody else holds it");
        assert!(is_undone(&steps), "{first:?}: {steps:?}");
        let has = |sid: &str| ours(&bucket).iter().any(|known| known == sid);
        let freezes = last == Scope::Freeze;
        assert_eq!((has("FirebreakDenySuspects"), has("FirebreakDenyDestruction")), (freezes, !freezes));
        let block = if freezes { Some(CLOSED) } else { None };
        assert_eq!((bucket.block(), bucket.rule_status("lifecycle", "wipe").as_deref()), (block, Some("Disabled")));
        let steps = let_go(&aws, "one", last).await.expect("nobody else holds it");
        assert!(is_undone(&steps), "{last:?}: {steps:?}");
        assert_eq!(bucket.now(), but_for_wipe(before), "{first:?}, then {last:?}");
    }
}

#[tokio::test]
async fn two_levels_at_once_do_not_take_each_others_statements_out() {
    let (aws, bucket) = attacked().await;
    aws.pace(Duration::from_millis(20));
    let (one, other) = futures::join!(contain_at(&aws, "one", Scope::Freeze), contain_at(&aws, "one", Scope::Destruction));
    assert_eq!([one, other].map(|ended| ended.expect("a receipt").status), [Status::Contained; 2]);
    for sid in ["FirebreakDenySuspects", "FirebreakDenyDestruction"] {
        assert!(ours(&bucket).iter().any(|known| known == sid), "{sid}");
    }
    for level in [Scope::Freeze, Scope::Destruction] {
        assert_eq!(base_at(&aws, level).expect("a base").policy.as_deref(), Some(POLICY), "{level:?}");
    }
}

#[tokio::test]
async fn a_second_incident_joins_and_the_bucket_stays_frozen_until_both_let_go() {
    let (aws, bucket) = attacked().await;
    let before = bucket.now();
    contain_at(&aws, "one", Scope::Freeze).await.expect("a receipt");
    let base = base_at(&aws, Scope::Freeze).expect("a base");
    let mut second = request(Phase::Contain, "two", Scope::Freeze);
    for decision in &mut second.incident.decisions {
        decision.target = room::target(TargetKind::IamUser, "trent");
    }
    let joined = receipt(run(&aws, second).await.expect("an answer")).expect("a receipt");
    assert_eq!(joined.status, Status::Contained, "{joined:?}");
    let denied = bucket.statement("FirebreakDenySuspects").expect("a statement").to_string();
    assert!(denied.contains("user/trent") && denied.contains("user/mallory"), "{denied}");
    assert_eq!(base_at(&aws, Scope::Freeze).map(|base| base.policy), Some(base.policy), "the contained state is no base");

    assert_eq!(let_go(&aws, "one", Scope::Freeze).await, None, "another incident holds it");
    assert_eq!(bucket.block(), Some(CLOSED));
    let steps = let_go(&aws, "two", Scope::Freeze).await.expect("nobody else holds it");
    assert!(is_undone(&steps), "{steps:?}");
    assert_eq!(bucket.now(), but_for_wipe(before));
}

#[tokio::test]
async fn a_run_that_was_killed_on_its_way_is_followed_by_one_that_ends_and_knows_how_the_bucket_was() {
    for (action, after) in [
        ("s3:PutBucketPolicy", false),
        ("s3:PutBucketPolicy", true),
        ("s3:PutPublicAccessBlock", false),
        ("s3:PutBucketLifecycle", true),
        ("s3:PutBucketVersioning", true),
    ] {
        let (aws, bucket) = attacked().await;
        let before = bucket.now();
        aws.kill_at(action, 1, after, Box::pin(contain_at(&aws, "one", Scope::Freeze))).await;
        assert!(base_at(&aws, Scope::Freeze).is_some(), "{action}: changed without a record");
        let again = contain_at(&aws, "one", Scope::Freeze).await.expect("a receipt");
        assert_eq!((again.status, bucket.block()), (Status::Contained, Some(CLOSED)), "{action}: {:?}", again.steps);
        let base = base_at(&aws, Scope::Freeze).expect("a base");
        assert_eq!((base.policy.as_deref(), base.versioning), (Some(POLICY), Versioning::Suspended), "{action}");
        let steps = let_go(&aws, "one", Scope::Freeze).await.expect("nobody else holds it");
        assert!(is_undone(&steps), "{action}: {steps:?}");
        assert_eq!(bucket.now(), but_for_wipe(before), "{action}");
    }
}

/// A policy that is public beside statements that are not, under a block that keeps public policies out.
fn public(bucket: Bucket) -> Bucket {
    let policy = json!({ "Version": "2012-10-17", "Statement": [
        { "Sid": "Open", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::acme-exports/*" },
        { "Sid": "Office", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::acme-exports/*",
          "Condition": { "IpAddress": { "aws:SourceIp": "203.0.113.0/24" } } },
    ] });
    bucket.with_policy(&policy.to_string()).with_block([false, false, true, false])
}

#[tokio::test]
async fn what_s3_does_not_take_back_is_left_out_recorded_and_said() {
    let (aws, bucket) = stage().await;
    let bucket = public(bucket);
    let done = approved_at(&aws, "one", Scope::Freeze).await.expect("a receipt");
    assert_eq!(done.status, Status::Contained, "{done:?}");
    assert_eq!(outcome(&done.steps, "leave-out-statement Open"), Outcome::Skipped);
    let sids = bucket.sids();
    assert!(sids.iter().any(|sid| sid == "Office") && !sids.iter().any(|sid| sid == "Open"), "{sids:?}");
    let base = base_at(&aws, Scope::Freeze).expect("a base");
    assert!(base.policy.is_some_and(|policy| policy.contains("Open")), "all of it is recorded");
    assert_eq!(base.planned.left_out.iter().map(|statement| &statement["Sid"]).collect::<Vec<_>>(), ["Open"]);
}

#[tokio::test]
async fn a_run_that_was_killed_while_it_tried_what_s3_takes_leaves_nobody_without_access() {
    let (aws, bucket) = stage().await;
    let bucket = public(bucket);
    // Refused; both left out; then each is tried.
    let killed = aws.kill_at("s3:PutBucketPolicy", 3, false, Box::pin(approved_at(&aws, "one", Scope::Freeze))).await;
    assert!(killed.is_none() && !bucket.sids().iter().any(|sid| sid == "Office"), "{:?}", bucket.sids());
    approved_at(&aws, "one", Scope::Freeze).await.expect("a receipt");
    assert!(bucket.sids().iter().any(|sid| sid == "Office"), "{:?}", bucket.sids());
    let left_out = base_at(&aws, Scope::Freeze).expect("a base").planned.left_out;
    assert_eq!(left_out.iter().map(|statement| &statement["Sid"]).collect::<Vec<_>>(), ["Open"]);
}

/// Opens the incident in which the bucket is to be contained at once.
pub(crate) async fn open(aws: &ScriptedAws, level: Scope) {
    let decision = json!({ "target": target(level), "containment": "lockdown-s3", "mode": "auto", "reason": "a test" });
    let incident = Incident { decisions: vec![serde_json::from_value(decision).expect("a decision")], ..room::opened("one") };
    let opened = room::ledger(aws).open_incident(&incident, IncidentStatus::Triaged, &RawEvent::Inline("{}")).await;
    opened.expect("written");
}

#[tokio::test]
async fn a_freeze_that_takes_access_from_somebody_innocent_waits_and_changes_nothing_until_a_person_agrees() {
    let (aws, bucket) = stage().await;
    let public = POLICY.replace("{ \"AWS\": \"arn:aws:iam::111122223333:role/app\" }", "\"*\"");
    let bucket = bucket.with_policy(&public);
    let before = bucket.now();
    open(&aws, Scope::Freeze).await;
    let waiting = contain_at(&aws, "one", Scope::Freeze).await.expect("a receipt");
    assert_eq!((waiting.status, bucket.now()), (Status::Waits, before));
    assert_eq!((aws.changes(), base_at(&aws, Scope::Freeze)), (vec![], None), "nothing is recorded: the next run asks anew");
    let record = room::ledger(&aws).record(&room::incident("one")).await.expect("read").expect("an incident");
    let decision = &record.incident.decisions[0];
    assert!(decision.mode == Mode::Gate && decision.reason.contains("public"), "{decision:?}");

    let done = approved_at(&aws, "one", Scope::Freeze).await.expect("a receipt");
    assert_eq!((done.status, bucket.block()), (Status::Contained, Some(CLOSED)), "{done:?}");
    // What has begun does not wait any more.
    let again = contain_at(&aws, "one", Scope::Freeze).await.expect("a receipt");
    assert_eq!(again.status, Status::Contained, "{again:?}");
}

#[tokio::test]
async fn a_policy_that_cannot_be_read_is_not_written_and_keeps_nothing_else_from_being_done() {
    let (aws, bucket) = attacked().await;
    aws.always("s3:GetBucketPolicy", error(403, "AccessDenied"));
    let done = contain_at(&aws, "one", Scope::Freeze).await.expect("a receipt");
    assert_eq!((done.status, outcome(&done.steps, "deny-suspects")), (Status::Partial, Outcome::Failed), "{done:?}");
    assert_eq!((bucket.policy().as_deref(), bucket.block()), (Some(POLICY), Some(CLOSED)));
    assert_eq!(bucket.rule_status("lifecycle", "wipe").as_deref(), Some("Disabled"));
}

#[tokio::test]
async fn more_rules_than_a_record_takes_are_left_on_and_said() {
    let (aws, bucket) = stage().await;
    let rule = |n: usize| {
        let id = format!("{n:04}{}", "x".repeat(200));
        let filter = format!("<Filter><Prefix>{n}/</Prefix></Filter>");
        format!("<Rule><ID>{id}</ID>{filter}<Status>Enabled</Status><Expiration><Days>1</Days></Expiration></Rule>")
    };
    let bucket = bucket.with_policy(POLICY).with_lifecycle(&(0..400).map(rule).collect::<String>());
    let before = bucket.now().lifecycle;
    let done = contain_at(&aws, "one", Scope::Destruction).await.expect("a receipt");
    assert_eq!(done.status, Status::Partial, "{:?}", done.steps);
    assert_eq!(outcome(&done.steps, "deny-destruction"), Outcome::Applied);
    assert_eq!(outcome(&done.steps, "disable-lifecycle-rule"), Outcome::Failed);
    assert_eq!(bucket.now().lifecycle, before, "nobody could put them back");
}

#[tokio::test]
async fn public_access_is_blocked_beside_a_freeze_and_stays_blocked_until_both_are_released() {
    let (aws, bucket) = attacked().await;
    let before = bucket.now();
    contain_at(&aws, "one", Scope::Freeze).await.expect("a receipt");
    contain_at(&aws, "two", Scope::Principal).await.expect("a receipt");
    assert_eq!(base_at(&aws, Scope::Principal).expect("a base").public_access_block, None, "as it was before the freeze");
    let steps = let_go(&aws, "one", Scope::Freeze).await.expect("nobody else holds it");
    assert!(is_undone(&steps) && bucket.block() == Some(CLOSED), "{steps:?}");
    let steps = let_go(&aws, "two", Scope::Principal).await.expect("nobody else holds it");
    assert!(is_undone(&steps), "{steps:?}");
    assert_eq!(bucket.now(), but_for_wipe(before));
}

/// Whoever may write the policy can forbid that call and no other.
#[tokio::test]
async fn a_policy_that_forbids_to_look_for_the_bucket_does_not_leave_it_open() {
    let (aws, bucket) = attacked().await;
    aws.always("s3:HeadBucket", error(403, "").with_header("x-amz-bucket-region", room::REGION));
    assert_eq!(contain_at(&aws, "one", Scope::Freeze).await.expect("a receipt").status, Status::Contained);
    assert_eq!(bucket.block(), Some(CLOSED));
}

#[tokio::test]
async fn a_bucket_in_another_region_is_frozen_there_and_what_was_read_elsewhere_is_forgotten() {
    let (aws, bucket) = attacked().await;
    let bucket = bucket.in_region("ap-southeast-7");
    let receipt = contain_at(&aws, "one", Scope::Freeze).await.expect("a receipt");
    assert_eq!((receipt.status, bucket.block()), (Status::Contained, Some(CLOSED)), "{receipt:?}");
    assert!(aws.calls_of("s3:PutBucketPolicy").iter().all(|call| call.region == "ap-southeast-7"));
    let base = base_at(&aws, Scope::Freeze).expect("a base");
    assert_eq!((base.unread, base.policy.as_deref()), (vec![], Some(POLICY)));
    assert_eq!(bucket.rule_status("lifecycle", "wipe").as_deref(), Some("Disabled"), "and so is its CloudTrail");
}
