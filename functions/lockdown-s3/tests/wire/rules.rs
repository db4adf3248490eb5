//! Rules by which S3 itself deletes and copies: which are switched off, and that they come back as they were.

use crate::bucket::{Bucket, Xml};
use crate::changed::{TRAIL, WIPE, end_destruction, freeze, recorded, step_about, wipe, wrote_lifecycle};
use crate::release::{Told, release_at, try_release};
use crate::shared::let_go;
use crate::{contain_at, outcome, request, run, stage, target, verify_at};
use firebreak::containment::Containment;
use firebreak::receipt::{Outcome, Receipt, Status};
use firebreak::step::{StepKind, StepName};
use firebreak::target::Scope;
use firebreak::task::Phase;
use firebreak_testkit::room;
use firebreak_testkit::scripted::{ScriptedAws, error};
use serde_json::{Value, json};

const ROLE: &str = "arn:aws:iam::111122223333:role/replication";

fn rule(id: &str, does: &str) -> String {
    format!("<Rule><ID>{id}</ID><Filter><Prefix>logs/</Prefix></Filter><Status>Enabled</Status>{does}</Rule>")
}

fn keep() -> String {
    rule("keep", "<Expiration><Days>365</Days></Expiration>")
}

/// [`keep`] as CloudTrail shows it.
fn keep_recorded() -> Value {
    json!({ "ID": "keep", "Filter": { "Prefix": "logs/" }, "Status": "Enabled", "Expiration": { "Days": 365 } })
}

/// A rule that copies to a bucket. `account`: the element that says whose it is.
fn copy(id: &str, to: &str, account: &str) -> String {
    let destination = format!("<Destination><Bucket>arn:aws:s3:::{to}</Bucket>{account}</Destination>");
    let priority = if id == "steal" { 2 } else { 1 };
    let markers = "<DeleteMarkerReplication><Status>Disabled</Status></DeleteMarkerReplication>";
    format!(
        "<Rule><ID>{id}</ID><Priority>{priority}</Priority><Filter><Prefix></Prefix></Filter><Status>Enabled</Status>\
         {markers}{destination}</Rule>"
    )
}

fn steal() -> String {
    copy("steal", "evil", "<Account>999988887777</Account>")
}

/// Whether a rule of the lifecycle or the replication is on.
fn on(bucket: &Bucket, of: &str, id: &str) -> bool {
    bucket.rule_status(of, id).expect("a rule") == "Enabled"
}

#[tokio::test]
async fn a_freeze_stops_what_was_written_since_and_leaves_what_was_there() {
    let (aws, bucket) = stage().await;
    let both = json!([keep_recorded(), wipe()]);
    let bucket = bucket
        .with_lifecycle(&format!("{}{WIPE}", keep()))
        .with_event(wrote_lifecycle(10, &both))
        .with_event(wrote_lifecycle(24 * 60, &keep_recorded()));
    let receipt = freeze(&aws).await;
    assert_eq!(receipt.status, Status::Contained);
    assert_eq!((on(&bucket, "lifecycle", "wipe"), on(&bucket, "lifecycle", "keep")), (false, true));
    assert_eq!(outcome(&receipt.steps, "disable-lifecycle-rule wipe"), Outcome::Applied);
    assert!(step_about(&receipt, StepKind::DisableLifecycleRule, "keep").is_none());
}

#[tokio::test]
async fn a_rule_that_slept_and_that_somebody_woke_is_switched_off() {
    let (aws, bucket) = stage().await;
    let mut asleep = keep_recorded();
    asleep["Status"] = json!("Disabled");
    let bucket = bucket
        .with_lifecycle(&keep())
        .with_event(wrote_lifecycle(10, &keep_recorded()))
        .with_event(wrote_lifecycle(24 * 60, &asleep));
    let receipt = freeze(&aws).await;
    assert_eq!((receipt.status, on(&bucket, "lifecycle", "keep")), (Status::Contained, false), "{:?}", receipt.steps);
}

#[tokio::test]
async fn a_freeze_without_a_change_touches_no_rule() {
    let (aws, bucket) = stage().await;
    let bucket = bucket.with_lifecycle(WIPE).with_replication(ROLE, &steal());
    freeze(&aws).await;
    assert_eq!((on(&bucket, "lifecycle", "wipe"), on(&bucket, "replication", "steal")), (true, true));
    assert!(aws.calls_of("s3:PutBucketLifecycle").is_empty() && aws.calls_of("s3:PutBucketReplication").is_empty());
}

#[tokio::test]
async fn copies_to_another_account_stop_and_people_read_whose_it_is() {
    let (aws, bucket) = stage().await;
    let written = |id: &str, to: &str, account: &str| {
        let to = json!({ "Bucket": format!("arn:aws:s3:::{to}"), "Account": account });
        json!({ "ID": id, "Priority": 1, "Filter": { "Prefix": "" }, "Status": "Enabled", "Destination": to })
    };
    let wrote = |minutes: i64, rules: Value| {
        let document = json!({ "ReplicationConfiguration": { "Role": ROLE, "Rule": rules } });
        recorded("PutBucketReplication", minutes, &document)
    };
    let mirror = written("mirror", "acme-mirror", "111122223333");
    let own = copy("mirror", "acme-mirror", "<Account>111122223333</Account>");
    let bucket = bucket
        .with_replication(ROLE, &format!("{own}{}", steal()))
        .with_event(wrote(10, json!([mirror, written("steal", "evil", "999988887777")])))
        .with_event(wrote(24 * 60, mirror.clone()));
    let receipt = freeze(&aws).await;
    assert_eq!((on(&bucket, "replication", "steal"), on(&bucket, "replication", "mirror")), (false, true));
    let note = step_about(&receipt, StepKind::NoteAccess, "rule steal").and_then(|step| step.error.clone()).expect("a note");
    assert!(note.message.contains("arn:aws:s3:::evil, of account 999988887777"), "{note}");
    assert!(step_about(&receipt, StepKind::NoteAccess, "rule mirror").is_none(), "the copies stay in the account");
}

#[tokio::test]
async fn destruction_switches_off_whatever_takes_data_away() {
    let (aws, bucket) = stage().await;
    let rules = [
        keep(),
        rule("past", "<Expiration><Date>2020-01-01T00:00:00.000Z</Date></Expiration>"),
        rule("noncurrent", "<NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays></NoncurrentVersionExpiration>"),
        rule("tidy", "<Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>"),
        rule(
            "abort",
            "<AbortIncompleteMultipartUpload><DaysAfterInitiation>7</DaysAfterInitiation></AbortIncompleteMultipartUpload>",
        ),
    ];
    let bucket = bucket.with_lifecycle(&rules.concat()).with_replication(ROLE, &copy("mirror", "acme-mirror", ""));
    contain_at(&aws, "one", Scope::Destruction).await.expect("a receipt");
    for (id, stays) in [("keep", false), ("past", false), ("noncurrent", false), ("tidy", true), ("abort", true)] {
        assert_eq!(on(&bucket, "lifecycle", id), stays, "{id}");
    }
    assert!(!on(&bucket, "replication", "mirror"));
    assert_eq!((aws.calls_of("s3:PutBucketLifecycle").len(), aws.calls_of("s3:PutBucketReplication").len()), (1, 1));
}

#[tokio::test]
async fn a_release_puts_back_every_rule_and_whatever_else_the_documents_say() {
    let off = rule("off", "<Expiration><Days>9</Days></Expiration>").replace("Enabled", "Disabled");
    let moved = rule("moved", "<Transition><Days>30</Days><StorageClass>GLACIER</StorageClass></Transition>");
    // Of a time before filters.
    let old = "<Rule><ID>keep</ID><Prefix>tmp/</Prefix><Status>Enabled</Status><Expiration><Days>30</Days></Expiration></Rule>";
    for rules in [format!("{}{off}{moved}", keep()), old.to_owned()] {
        let (aws, bucket) = stage().await;
        let bucket = bucket.with_lifecycle(&rules).with_replication(ROLE, &steal());
        bucket.change(|state| state.transition_default = Some("varies_by_storage_class".to_owned()));
        let before = bucket.now();
        contain_at(&aws, "one", Scope::Destruction).await.expect("a receipt");
        assert_eq!((on(&bucket, "lifecycle", "keep"), on(&bucket, "replication", "steal")), (false, false));
        assert_eq!(bucket.now().transition_default, before.transition_default);
        let steps = release_at(&aws, "one", Scope::Destruction).await;
        assert_eq!(outcome(&steps, "enable-lifecycle-rule keep"), Outcome::Applied);
        assert!(!steps.iter().any(|step| step.name.as_str() == "enable-lifecycle-rule off"), "it was off before: {steps:?}");
        let after = bucket.now();
        assert_eq!((after.lifecycle, after.transition_default), (before.lifecycle, before.transition_default));
        assert_eq!(after.replication, before.replication);
    }
}

#[tokio::test]
async fn a_rule_that_somebody_changed_or_deleted_since_is_shown_and_left() {
    let (aws, bucket) = stage().await;
    let other = rule("other", "<Expiration><Days>9</Days></Expiration>");
    let gone = rule("gone", "<Expiration><Days>9</Days></Expiration>");
    let bucket = bucket.with_lifecycle(&[keep(), other.clone(), gone].concat());
    contain_at(&aws, "one", Scope::Destruction).await.expect("a receipt");
    let theirs = rule("keep", "<Expiration><Days>2</Days></Expiration>").replace("Enabled", "Disabled");
    let document = Xml::of("LifecycleConfiguration", &format!("{theirs}{}", other.replace("Enabled", "Disabled")));
    bucket.change(|state| state.lifecycle = Some(document));
    let steps = release_at(&aws, "one", Scope::Destruction).await;
    assert_eq!((on(&bucket, "lifecycle", "keep"), on(&bucket, "lifecycle", "other")), (false, true));
    for id in ["keep", "gone"] {
        let step = steps.iter().find(|step| step.name.as_str() == format!("enable-lifecycle-rule {id}")).expect("a step");
        assert!(step.outcome == Outcome::Skipped && step.error.is_some(), "{step:?}");
    }
    assert_eq!(bucket.rule_status("lifecycle", "gone"), None);
}

#[tokio::test]
async fn a_change_that_met_another_one_is_made_again() {
    let (aws, bucket) = stage().await;
    let bucket = bucket.with_lifecycle(WIPE);
    aws.next("s3:PutBucketLifecycle", error(409, "OperationAborted"));
    let receipt = contain_at(&aws, "one", Scope::Destruction).await.expect("a receipt");
    assert_eq!(outcome(&receipt.steps, "disable-lifecycle-rule wipe"), Outcome::Applied);
    assert!(!on(&bucket, "lifecycle", "wipe"));
}

#[tokio::test]
async fn a_refused_change_is_said_of_each_rule_and_keeps_nothing_else_from_being_done() {
    let (aws, bucket) = stage().await;
    let bucket = bucket.with_lifecycle(&format!("{}{WIPE}", keep())).with_replication(ROLE, &steal());
    aws.always("s3:PutBucketLifecycle", error(403, "AccessDenied"));
    let receipt = contain_at(&aws, "one", Scope::Destruction).await.expect("a receipt");
    assert_eq!(receipt.status, Status::Partial, "what S3 deletes by itself goes on");
    for id in ["keep", "wipe"] {
        assert_eq!(outcome(&receipt.steps, &format!("disable-lifecycle-rule {id}")), Outcome::Failed);
        assert!(on(&bucket, "lifecycle", id));
    }
    assert_eq!(aws.calls_of("s3:PutBucketLifecycle").len(), 1, "one call for all rules");
    assert!(!on(&bucket, "replication", "steal"));
}

/// More rules than a receipt lists.
const MANY: usize = 30;

/// A bucket with [`MANY`] rules, none of which the containment could switch off.
async fn many_that_stayed_on() -> (ScriptedAws, Bucket) {
    let (aws, bucket) = stage().await;
    // In another order than the receipt's.
    let rules: String = (0..MANY).rev().map(|n| rule(&format!("r{n:02}"), "<Expiration><Days>9</Days></Expiration>")).collect();
    let bucket = bucket.with_lifecycle(&rules);
    aws.always("s3:PutBucketLifecycle", error(403, "AccessDenied"));
    contain_at(&aws, "one", Scope::Destruction).await.expect("a receipt");
    aws.mend();
    assert_eq!(outcome(&kept(&aws).await.steps, "disable-lifecycle-rule 10 more of 30"), Outcome::Failed);
    (aws, bucket)
}

/// The receipt that a release goes by.
async fn kept(aws: &ScriptedAws) -> Receipt {
    let (ledger, incident) = (room::ledger(aws), room::incident("one"));
    let kept = ledger.receipt(&incident, Containment::LockdownS3, &target(Scope::Destruction)).await;
    kept.expect("readable").expect("a receipt")
}

/// How many rules are on.
fn count_on(bucket: &Bucket) -> usize {
    (0..MANY).filter(|n| on(bucket, "lifecycle", &format!("r{n:02}"))).count()
}

#[tokio::test]
async fn of_many_rules_a_release_leaves_off_what_a_person_switched_off() {
    let (aws, bucket) = many_that_stayed_on().await;
    bucket.change(|state| {
        let text = state.lifecycle.as_ref().expect("a lifecycle").text().replace("Enabled", "Disabled");
        state.lifecycle = Xml::read(&text);
    });
    aws.forget();
    let failed = kept(&aws).await.failed_steps();
    let steps = try_release(&aws, ("one", Scope::Destruction), Told { failed, ..Told::default() }).await.expect("a release");
    assert_eq!((count_on(&bucket), aws.calls_of("s3:PutBucketLifecycle").len()), (0, 0), "{steps:?}");
    let left: Vec<_> = steps.iter().filter(|step| step.is(StepKind::EnableLifecycleRule)).collect();
    assert!(left.len() == 21 && left.iter().all(|step| step.outcome == Outcome::Skipped && step.error.is_some()), "{left:?}");
    assert_eq!(left[20].name.as_str(), "enable-lifecycle-rule 10 more of 30");
}

#[tokio::test]
async fn of_many_rules_a_release_switches_on_all_that_a_look_switched_off() {
    let (aws, bucket) = many_that_stayed_on().await;
    let check = verify_at(&aws, "one", Scope::Destruction).await.expect("a look");
    assert!(check.holds && check.reverted.is_empty() && count_on(&bucket) == 0, "{check:?}");
    let receipt = kept(&aws).await;
    assert_eq!((receipt.status, receipt.failed_steps()), (Status::Contained, vec![]));
    let told = Told { failed: receipt.failed_steps(), ..Told::default() };
    try_release(&aws, ("one", Scope::Destruction), told).await.expect("a release");
    assert_eq!(count_on(&bucket), MANY);
}

#[tokio::test]
async fn a_rule_with_the_name_of_a_folded_step_stands_for_no_other_rule() {
    let (aws, bucket) = stage().await;
    let bucket = bucket.with_lifecycle(&format!("{}{}", keep(), rule("5 more of 7", "<Expiration><Days>9</Days></Expiration>")));
    contain_at(&aws, "one", Scope::Destruction).await.expect("a receipt");
    let failed = vec![StepName::about(StepKind::DisableLifecycleRule, "5 more of 7")];
    try_release(&aws, ("one", Scope::Destruction), Told { failed, ..Told::default() }).await.expect("a release");
    assert_eq!((on(&bucket, "lifecycle", "keep"), on(&bucket, "lifecycle", "5 more of 7")), (true, false));
}

#[tokio::test]
async fn a_rule_that_a_suspect_wrote_stays_off_whichever_level_is_released_last() {
    for order in [
        vec![Scope::Freeze, Scope::Destruction],
        vec![Scope::Destruction, Scope::Freeze],
        // A freeze waits, or nobody approved it.
        vec![Scope::Destruction],
    ] {
        let (aws, bucket) = stage().await;
        let written =
            json!({ "Role": ROLE, "Rule": { "ID": "steal", "Status": "Enabled", "Destination": { "Account": "999988887777" } } });
        let bucket = bucket
            .with_lifecycle(&format!("{}{WIPE}", keep()))
            .with_replication(ROLE, &steal())
            .with_event(wrote_lifecycle(10, &json!([keep_recorded(), wipe()])))
            .with_event(wrote_lifecycle(24 * 60, &keep_recorded()))
            .with_event(recorded("PutBucketReplication", 5, &json!({ "ReplicationConfiguration": written })));
        if order.contains(&Scope::Freeze) {
            freeze(&aws).await;
        }
        end_destruction(&aws).await;
        let mut steps = Vec::new();
        for level in &order {
            steps.extend(let_go(&aws, "one", *level).await);
        }
        let rules = [("lifecycle", "wipe"), ("replication", "steal"), ("lifecycle", "keep")];
        assert_eq!(rules.map(|(of, id)| on(&bucket, of, id)), [false, false, true], "{order:?}: {steps:?}");
        for (name, command) in [
            ("enable-lifecycle-rule wipe", "aws s3api put-bucket-lifecycle-configuration --bucket acme-exports"),
            ("enable-replication-rule steal", "aws s3api put-bucket-replication --bucket acme-exports"),
        ] {
            let said = steps.iter().rev().find(|step| step.name.as_str() == name).expect("a step");
            let why = said.error.as_ref().map(|why| why.message.as_str()).unwrap_or_default();
            assert!(said.outcome == Outcome::Skipped && why.contains(command) && why.ends_with("file://rules.json`"), "{said:?}");
        }
    }
}

#[tokio::test]
async fn where_nobody_knows_who_wrote_the_rules_that_is_said_before_a_release_switches_them_on() {
    let (aws, bucket) = stage().await;
    let bucket = bucket.with_lifecycle(WIPE).with_event(wrote_lifecycle(10, &wipe()));
    aws.always(TRAIL, error(400, "AccessDeniedException"));
    let done = end_destruction(&aws).await;
    assert_eq!((done.status, on(&bucket, "lifecycle", "wipe")), (Status::Contained, false), "{done:?}");
    let note = step_about(&done, StepKind::NoteAccess, "rules of the lifecycle").and_then(|step| step.error.clone());
    assert!(note.is_some_and(|note| note.message.contains("a release switches all of them on")), "{done:?}");
}

/// The first incident does not accuse whoever wrote the rule. The second one finds it off.
#[tokio::test]
async fn a_rule_stays_off_that_only_the_last_of_two_incidents_knows_to_be_a_suspects() {
    let (aws, bucket) = stage().await;
    let bucket = bucket.with_lifecycle(WIPE).with_event(wrote_lifecycle(10, &wipe()));
    let mut first = request(Phase::Contain, "other", Scope::Freeze);
    first.incident.decisions.clear();
    run(&aws, first).await.expect("an answer");
    assert!(!on(&bucket, "lifecycle", "wipe"), "somebody wrote it since the first activity");
    freeze(&aws).await;
    let steps = release_at(&aws, "one", Scope::Freeze).await;
    assert_eq!(outcome(&steps, "enable-lifecycle-rule wipe"), Outcome::Skipped, "{steps:?}");
    assert!(!on(&bucket, "lifecycle", "wipe"));
}

/// CloudTrail still shows the suspect's write, and somebody has looked at the rule since.
#[tokio::test]
async fn a_suspects_rule_that_somebody_switched_on_or_deleted_is_left_as_it_is() {
    for theirs in [keep(), format!("{}{WIPE}", keep())] {
        let (aws, bucket) = stage().await;
        let both = json!([keep_recorded(), wipe()]);
        let bucket = bucket
            .with_lifecycle(&format!("{}{WIPE}", keep()))
            .with_event(wrote_lifecycle(10, &both))
            .with_event(wrote_lifecycle(24 * 60, &keep_recorded()));
        freeze(&aws).await;
        let bucket = bucket.with_lifecycle(&theirs);
        let before = bucket.now().lifecycle;
        let steps = release_at(&aws, "one", Scope::Freeze).await;
        assert_eq!(outcome(&steps, "enable-lifecycle-rule wipe"), Outcome::Skipped, "{steps:?}");
        assert_eq!(bucket.now().lifecycle, before);
    }
}
