//! Ways to hold the objects of a bucket to ransom. Each is stopped, waits for a person, or is said.
#![expect(clippy::disallowed_methods, reason = "here somebody else than Firebreak acts")]

use super::buckets::{
    CONTENT, Callers, Can, KEY, OUTSIDER, changed, decision, finding, is_asked, is_let, private, receipt, record, step,
};
use super::triage::stage_with_policy;
use super::{TestResult, send};
use aws_sdk_kms::Client as Kms;
use aws_sdk_kms::types::KeyState;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    Delete, ObjectIdentifier, ServerSideEncryption, ServerSideEncryptionByDefault, ServerSideEncryptionConfiguration,
    ServerSideEncryptionRule,
};
use firebreak::answer::Answer;
use firebreak::containment::Containment;
use firebreak::decision::Mode;
use firebreak::incident::IncidentStatus;
use firebreak::receipt::{Receipt, Status, Step};
use firebreak::restore::{RestoreOutcome, RestoreRequest};
use firebreak::step::StepKind;
use firebreak::target::Scope;
use firebreak_cli::signed::call_with;
use firebreak_drill::{PlantedBucket, PlantedUser, Stage};
use firebreak_ledger::IncidentView;
use serde_json::{Value, json};

const AUTO: &str = "default_mode = \"auto\"\nverify_after_seconds = 1\n";
/// The same, and one person alone may ask for a restore.
const ONE_PERSON: &str = "default_mode = \"auto\"\nverify_after_seconds = 1\n[review]\ntwo_persons = []\n";
/// Of ransom, nobody destroys anything any more, and nobody is asked first.
const AT_ONCE: &str = "default_mode = \"auto\"\nverify_after_seconds = 1\n[lockdown]\ndestruction = \"auto\"\n";

/// An upload under a key that only the caller has.
async fn encrypts(s3: &aws_sdk_s3::Client, bucket: &str) -> firebreak_drill::Result<bool> {
    let put = s3.put_object().bucket(bucket).key(KEY).body(ByteStream::from_static(b"pay"));
    let put = put.sse_customer_algorithm("AES256").sse_customer_key("MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA=");
    is_let(put.sse_customer_key_md5("zZ5FnqcIqUjVwvWmyog4zw==").send().await)
}

/// How many objects of a bulk delete were deleted.
async fn deletes(s3: &aws_sdk_s3::Client, bucket: &str) -> firebreak_drill::Result<usize> {
    let object = ObjectIdentifier::builder().key(KEY).build()?;
    let answer = s3.delete_objects().bucket(bucket).delete(Delete::builder().objects(object).build()?).send().await?;
    Ok(answer.deleted().len())
}

/// Both levels change one policy at the same time.
#[tokio::test]
async fn an_overwrite_under_a_foreign_key_and_a_bulk_delete_are_refused_to_accomplices_too() -> TestResult {
    let stage = stage_with_policy(AT_ONCE).await;
    let user = PlantedUser::plant(stage.config(), "mallory").await?;
    let bucket = Box::pin(private(stage.config(), "acme-ransom")).await?;
    let callers = Box::pin(Callers::plant(&stage, &user)).await?;
    let before = Box::pin(bucket.observe()).await?;
    let (name, alice) = (bucket.name.as_str(), &callers.alice);
    assert!(encrypts(alice, name).await?, "before the lockdown the bucket refuses nobody");
    bucket.s3().put_object().bucket(name).key(KEY).body(ByteStream::from_static(CONTENT)).send().await?;

    let (execution, id) = send(&stage, &finding("types/Impact-S3-AnomalousBehavior.Delete", &user, &bucket, "ransom")).await?;
    let view = stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    for level in [Scope::Freeze, Scope::Destruction] {
        let receipt = receipt(&view, level).ok_or("a receipt")?;
        assert_eq!(receipt.status, Status::Contained, "{receipt:?}");
    }
    assert!(decision(&view, Scope::Seal).is_offered());
    assert_eq!(Box::pin(callers.can(name)).await?, [Can::Nothing, Can::Write, Can::Nothing, Can::Write]);
    assert!(!encrypts(alice, name).await? && !encrypts(bucket.s3(), name).await?, "not even the root user encrypts so");
    assert_eq!(deletes(alice, name).await?, 0);
    let kept = bucket.s3().get_object().bucket(name).key(KEY).send().await?.body.collect().await?;
    assert_eq!(kept.to_vec(), CONTENT);

    stage.incident_when(&id, "a ticket", is_asked).await?;
    stage.answer(&id, Answer::Release).await?;
    assert_eq!(stage.ended(&execution).await?, "SUCCEEDED");
    stage.reaches(&id, IncidentStatus::Released).await?;
    assert_eq!(before.differences(&Box::pin(bucket.observe()).await?), []);
    assert_eq!(deletes(alice, name).await?, 1, "she can again what she could");
    Ok(())
}

/// The rules of a bucket as CloudTrail has them: before the incident one, since then two.
fn rules(user: &PlantedUser, admin: &PlantedUser, bucket: &str) -> Vec<Value> {
    let expiring = |id: &str, days: u32| json!({ "ID": id, "Status": "Enabled", "Filter": { "Prefix": "ledger/" }, "Expiration": { "Days": days } });
    let copying = |id: &str, account: &str| json!({ "ID": id, "Status": "Enabled", "Filter": { "Prefix": "ledger/" }, "Destination": { "Account": account } });
    let lifecycle = |rule: &Value| json!({ "bucketName": bucket, "lifecycle": "", "LifecycleConfiguration": { "Rule": rule } });
    let replication =
        |rule: &Value| json!({ "bucketName": bucket, "replication": "", "ReplicationConfiguration": { "Rule": rule } });
    let (old, backup) = (expiring("old-logs", 365), copying("backup", "123456789012"));
    let record = |who, name, minutes, parameters: &Value| record(who, name, minutes, bucket, parameters);
    vec![
        record(admin, "PutBucketLifecycle", 900, &lifecycle(&old)),
        record(admin, "PutBucketReplication", 900, &replication(&backup)),
        record(user, "PutBucketLifecycle", 5, &lifecycle(&json!([old, expiring("wipe", 1)]))),
        record(user, "PutBucketReplication", 4, &replication(&json!([backup, copying("copy-out", OUTSIDER)]))),
    ]
}

#[tokio::test]
async fn of_expiration_and_replication_only_what_the_suspect_set_stops_and_people_read_where_it_copied_to() -> TestResult {
    let stage = stage_with_policy(AUTO).await;
    let user = PlantedUser::plant(stage.config(), "mallory").await?;
    let admin = PlantedUser::plant(stage.config(), "admin").await?;
    let bucket = Box::pin(private(stage.config(), "acme-rules")).await?;
    let before = Box::pin(bucket.observe()).await?;
    stage.aws.plant_trail(&json!(rules(&user, &admin, &bucket.name)))?;
    let (execution, id) = send(&stage, &finding("guardduty/exfiltration-s3", &user, &bucket, "rules")).await?;
    let view = stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    let now = Box::pin(bucket.observe()).await?;
    let shown = |rule: &str| now.get(rule).unwrap_or_default().to_owned();
    assert_eq!(["lifecycle rule wipe", "replication rule copy-out"].map(shown), ["Disabled", "Disabled"]);
    assert_eq!(["lifecycle rule old-logs", "replication rule backup"].map(shown), ["Enabled", "Enabled"]);
    let note = step(&view, Scope::Freeze, "note-access rule copy-out").ok_or("a note")?;
    assert!(note.error.as_ref().is_some_and(|why| why.message.contains(OUTSIDER)), "{note:?}");
    let by = step(&view, Scope::Freeze, "read-trail lifecycle").ok_or("who changed it")?;
    assert!(by.error.as_ref().is_some_and(|who| who.message.contains("user/mallory")), "{by:?}");

    stage.incident_when(&id, "a ticket", is_asked).await?;
    stage.answer(&id, Answer::Release).await?;
    assert_eq!(stage.ended(&execution).await?, "SUCCEEDED");
    let view = stage.reaches(&id, IncidentStatus::Released).await?;
    // What the suspect wrote would delete and copy again from now on.
    let left = ["lifecycle rule wipe", "replication rule copy-out"];
    assert_eq!(changed(&before, &Box::pin(bucket.observe()).await?), left);
    let steps = || view.releases.iter().flat_map(|receipt| &receipt.steps);
    for name in ["enable-lifecycle-rule wipe", "enable-replication-rule copy-out"] {
        let said = steps().find(|step| step.name.as_str() == name).and_then(|step| step.error.as_ref()).ok_or("a reason")?;
        assert!(said.message.contains("a suspect wrote it"), "{said:?}");
    }
    Ok(())
}

/// The key of a bucket, whose deletion the suspect scheduled.
async fn doomed(stage: &Stage, user: &PlantedUser, bucket: &PlantedBucket) -> firebreak_drill::Result<(Kms, String)> {
    let kms = Kms::new(stage.config());
    let key = kms.create_key().send().await?.key_metadata.ok_or("a key")?.key_id;
    let default = ServerSideEncryptionByDefault::builder().sse_algorithm(ServerSideEncryption::AwsKms).kms_master_key_id(&key);
    let rule = ServerSideEncryptionRule::builder().apply_server_side_encryption_by_default(default.build()?).build();
    let encryption = ServerSideEncryptionConfiguration::builder().rules(rule).build()?;
    let put = bucket.s3().put_bucket_encryption().bucket(&bucket.name).server_side_encryption_configuration(encryption);
    put.send().await?;
    kms.schedule_key_deletion().key_id(&key).pending_window_in_days(7).send().await?;
    let scheduled = record(user, "ScheduleKeyDeletion", 5, &key, &json!({ "keyId": key, "pendingWindowInDays": 7 }));
    stage.aws.plant_trail(&json!([scheduled]))?;
    Ok((kms, key))
}

/// The state of a key in KMS's own word.
async fn state_of(kms: &Kms, key: &str) -> firebreak_drill::Result<Option<KeyState>> {
    Ok(kms.describe_key().key_id(key).send().await?.key_metadata.and_then(|key| key.key_state))
}

/// What became of the key.
fn of_key(receipts: &[Receipt]) -> Option<&Receipt> {
    receipts.iter().find(|receipt| receipt.containment == Some(Containment::EnableKey))
}

/// The local KMS leaves a key disabled when its deletion is cancelled, as AWS does. It differs where no test here looks: it cancels and
/// enables whatever the state of the key is, where KMS answers `KMSInvalidStateException`.
#[tokio::test]
async fn an_approval_enables_a_key_that_was_to_be_deleted_and_a_release_leaves_it_enabled() -> TestResult {
    let stage = stage_with_policy(ONE_PERSON).await;
    let user = PlantedUser::plant(stage.config(), "mallory").await?;
    let bucket = Box::pin(private(stage.config(), "acme-key-back")).await?;
    let (kms, key) = Box::pin(doomed(&stage, &user, &bucket)).await?;
    let (execution, id) = send(&stage, &finding("guardduty/exfiltration-s3", &user, &bucket, "key-back")).await?;
    stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    let waits = |view: &IncidentView| {
        let mut decisions = view.record.incident.decisions.iter();
        is_asked(view) && decisions.any(|one| one.containment == Some(Containment::EnableKey) && one.mode == Mode::Gate)
    };
    stage.incident_when(&id, "the key to be asked about", waits).await?;
    stage.told("EnableKey").await?;
    assert_eq!(state_of(&kms, &key).await?, Some(KeyState::PendingDeletion), "nothing is done before somebody agrees");

    stage.answer(&id, Answer::Approve).await?;
    assert_eq!(stage.ended(&execution).await?, "SUCCEEDED");
    let view = stage.reaches(&id, IncidentStatus::Closed).await?;
    let receipt = of_key(&view.receipts).ok_or("a receipt")?;
    assert_eq!(receipt.status, Status::Contained, "{receipt:?}");
    for kind in [StepKind::CancelKeyDeletion, StepKind::EnableKey] {
        assert!(receipt.steps.iter().any(|step| step.is(kind)), "{receipt:?}");
    }
    assert_eq!(state_of(&kms, &key).await?, Some(KeyState::Enabled));

    let asked = RestoreRequest::new(id.clone(), "it was a migration");
    let outcome: RestoreOutcome = call_with(stage.config(), "decide-review", &asked).await?;
    assert!(matches!(outcome, RestoreOutcome::Started { .. }), "{outcome:?}");
    let view = stage.reaches(&id, IncidentStatus::Released).await?;
    let released = of_key(&view.releases).ok_or("a release")?;
    let left = |step: &Step| step.error.as_ref().is_some_and(|why| why.message.starts_with("left enabled"));
    assert!(released.steps.iter().any(left), "{released:?}");
    assert_eq!(state_of(&kms, &key).await?, Some(KeyState::Enabled), "a release takes no key away");
    Ok(())
}

/// Without an approval Firebreak changes no key: people are told at once, and asked.
#[tokio::test]
async fn the_deletion_of_a_bucket_s_key_is_said_with_the_commands_that_stop_it() -> TestResult {
    let stage = stage_with_policy(AUTO).await;
    let user = PlantedUser::plant(stage.config(), "mallory").await?;
    let bucket = Box::pin(private(stage.config(), "acme-key")).await?;
    let (kms, key) = Box::pin(doomed(&stage, &user, &bucket)).await?;
    let before = Box::pin(bucket.observe()).await?;

    let (execution, id) = send(&stage, &finding("guardduty/exfiltration-s3", &user, &bucket, "key")).await?;
    let view = stage.reaches(&id, IncidentStatus::AwaitingReview).await?;
    let commands = |text: &str| {
        text.contains(&format!("aws kms cancel-key-deletion --key-id {key}"))
            && text.contains(&format!("aws kms enable-key --key-id {key}"))
    };
    let frozen = receipt(&view, Scope::Freeze).ok_or("a receipt")?;
    let says = |step: &Step| step.error.as_ref().is_some_and(|why| commands(&why.message));
    assert!(frozen.steps.iter().any(|step| step.name.as_str().starts_with("note-key") && says(step)), "{frozen:?}");
    let asks = |view: &IncidentView| {
        let mut asked = view.record.incident.decisions.iter().filter(|one| one.mode == Mode::Gate);
        is_asked(view) && asked.any(|one| one.by_hand.as_deref().is_some_and(commands))
    };
    stage.incident_when(&id, "the key to be asked about", asks).await?;
    stage.told("cancel-key-deletion").await?;

    stage.answer(&id, Answer::Release).await?;
    assert_eq!(stage.ended(&execution).await?, "SUCCEEDED");
    stage.reaches(&id, IncidentStatus::Released).await?;
    assert_eq!(before.differences(&Box::pin(bucket.observe()).await?), []);
    assert_eq!(state_of(&kms, &key).await?, Some(KeyState::PendingDeletion), "nobody agreed: the key is as it was");
    Ok(())
}
