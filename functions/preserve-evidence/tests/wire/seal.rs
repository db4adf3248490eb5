//! The manifest: what is evidence, and that nothing else is.

use crate::{Stage, decision, user};
use firebreak::containment::Containment;
use firebreak::digest::sha256_hex;
use firebreak::evidence::{Entry, manifest_key};
use firebreak::holders::{Holder, Holders};
use firebreak::ids::PrincipalId;
use firebreak::receipt::{Receipt, Status};
use firebreak::report::Report;
use firebreak::target::{Target, TargetKind};
use firebreak_aws::clock;
use firebreak_ledger::{Held, ReleaseClaim};
use firebreak_testkit::room;
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn receipt(target: &Target, status: Status) -> Receipt {
    Receipt { finished_at: Some(clock::now()), ..Receipt::of(target.clone(), Containment::QuarantineIam, status) }
}

/// What the state machine gathered about one target.
fn report(status: Status) -> Report {
    let mut report = Report::default();
    report.containment.receipts = vec![receipt(&user(), status)];
    report
}

/// The containment records how a target was.
pub(crate) async fn hold(stage: &Stage, target: &Target) {
    let held = Held { target, containment: Containment::QuarantineIam };
    let base = json!({ "boundary": "as it was" });
    let ledger = room::ledger(&stage.aws);
    ledger.hold(held, &stage.incident.holder(), "an id", &base, clock::now()).await.expect("the ledger takes it");
}

/// The key of the report that one execution leaves.
fn report_key(stage: &Stage) -> String {
    stage.key(&format!("report-{}.json", &sha256_hex(stage.incident.execution_arn.as_bytes())[..8]))
}

fn json_of(stage: &Stage, key: &str) -> Value {
    serde_json::from_str(&stage.vault.object(key).expect(key)).expect("JSON")
}

#[tokio::test]
async fn the_manifest_is_written_last_and_has_every_object_and_no_other_in_order() {
    let stage = Stage::about(&[user()]).await;
    stage.collect().await.expect("a branch");
    hold(&stage, &user()).await;
    let branch = stage.seal(report(Status::Contained)).await.expect("a branch");
    let (keys, manifest) = (stage.vault.keys(), stage.manifest());
    let (last, others) = keys.split_last().expect("objects");
    assert_eq!(last, &manifest_key(&stage.incident.id));
    let mut others = others.to_vec();
    others.sort();
    let listed: Vec<String> = manifest.entries.iter().map(|entry| entry.key.clone()).collect();
    assert_eq!(listed, others, "sorted by key");
    assert_eq!((branch.count, manifest.missing), (Some(listed.len() as u64), vec![]));
    stage.check(&manifest.entries);
    let state = json_of(&stage, &stage.key("111122223333/iam-user/alice/state-before-containment.json"));
    assert_eq!(state["state"], json!({ "boundary": "as it was" }));
    assert_eq!(state["held_by"], json!([stage.incident.id]));
    assert!(listed.contains(&report_key(&stage)));
    stage.untouched();
}

#[tokio::test]
async fn the_report_that_is_sealed_is_the_ledgers() {
    let stage = Stage::about(&[user()]).await;
    let carried = report(Status::Failed);
    let bob = room::target(TargetKind::IamUser, "bob");
    hold(&stage, &user()).await;
    hold(&stage, &bob).await;
    let ledger = room::ledger(&stage.aws);
    let amended = ledger.amend(&stage.incident.id, |known| known.decisions.push(decision(&bob))).await;
    amended.expect("the ledger takes it").expect("an incident");
    for target in [user(), bob.clone()] {
        ledger.keep_receipt(&stage.incident.id, &receipt(&target, Status::Contained)).await.expect("the ledger takes it");
    }
    // The state machine knows neither that the receipt was corrected nor what was decided since.
    stage.seal(carried).await.expect("a branch");
    let sealed = json_of(&stage, &report_key(&stage));
    let receipts = sealed["containment"]["receipts"].as_array().expect("receipts");
    let seen: Vec<(&Value, &Value)> = receipts.iter().map(|receipt| (&receipt["target"]["id"], &receipt["status"])).collect();
    let (alice, bob, contained) = (json!("alice"), json!("bob"), json!("contained"));
    assert_eq!(seen, [(&alice, &contained), (&bob, &contained)]);
    assert!(stage.vault.object(&stage.key("111122223333/iam-user/bob/state-before-containment.json")).is_some());
}

#[tokio::test]
async fn what_is_missing_is_in_the_manifest() {
    let stage = Stage::about(&[user()]).await;
    let mut report = report(Status::Failed);
    report.evidence.missing = vec!["a line of the collection".to_owned()];
    stage.seal(report.clone()).await.expect("a branch");
    let missing = stage.manifest().missing;
    assert_eq!((missing.len(), missing[0].as_str()), (2, "a line of the collection"), "{missing:?}");
    assert!(missing[1].contains("alice") && missing[1].contains("no state before containment"), "{missing:?}");
    "failed".clone_into(&mut report.evidence.status);
    report.evidence.error = Some("States.Timeout".to_owned());
    stage.run(preserve_evidence::Phase::Seal, report).await.expect("a branch");
    assert!(stage.manifest().missing.iter().any(|line| line.contains("States.Timeout")), "the collection itself failed");
}

/// Another incident contains whoever had the name before.
#[tokio::test]
async fn a_state_of_somebody_else_who_had_the_name_is_no_evidence() {
    let stage = Stage::about(&[user()]).await;
    let (ledger, name) = (room::ledger(&stage.aws), user());
    let hold = async |target: &Target, holder: &Holder, id: &str| {
        let (held, base) = (Held { target, containment: Containment::QuarantineIam }, json!({ "of": id }));
        ledger.hold(held, holder, id, &base, clock::now()).await.expect("the ledger takes it");
    };
    hold(&name, &Holder::Own(room::incident("another")), "AIDAEXAMPLESUSPECT001").await;
    stage.seal(report(Status::Contained)).await.expect("a branch");
    let missing = stage.manifest().missing;
    assert!(missing.len() == 1 && missing[0].contains("no state before containment"), "{missing:?}");
    assert!(stage.vault.keys().iter().all(|key| !key.contains("state-before-containment")), "{:?}", stage.vault.keys());

    let own = stage.incident.holder();
    let held = Held { target: &name, containment: Containment::QuarantineIam };
    ledger.lead(held, &own, "AIDAEXAMPLEVICTIM0001").await.expect("the ledger takes it");
    hold(&Target { principal_id: PrincipalId::parse("AIDAEXAMPLEVICTIM0001").ok(), ..user() }, &own, "AIDAEXAMPLEVICTIM0001")
        .await;
    stage.seal(report(Status::Contained)).await.expect("a branch");
    let state = json_of(&stage, &stage.key("111122223333/iam-user/alice/state-before-containment.json"));
    let expected = (json!({ "of": "AIDAEXAMPLEVICTIM0001" }), json!([stage.incident.id]));
    assert_eq!((&state["state"], &state["held_by"]), (&expected.0, &expected.1));
    assert_eq!(stage.manifest().missing, [""; 0]);
}

#[tokio::test]
async fn sealing_again_loses_no_entry_and_writes_over_none() {
    let stage = Stage::about(&[user()]).await;
    stage.collect().await.expect("a branch");
    hold(&stage, &user()).await;
    let carried = report(Status::Contained);
    stage.seal(carried.clone()).await.expect("a branch");
    let first = stage.manifest().entries;
    stage.seal(carried).await.expect("a branch");
    let second = stage.manifest().entries;
    assert!(first.iter().all(|entry| second.contains(entry)), "{second:?}");
    stage.check(&second);
    // A report says how much was collected by then.
    let states = |entries: &[Entry]| {
        entries.iter().filter(|entry| !entry.key.contains("/report-")).map(|entry| entry.sha256.clone()).collect::<BTreeSet<_>>()
    };
    assert_eq!(states(&second), states(&first), "what is new is a copy of what was there");
}

/// A release ends what the ledger knows of a state; the list goes on having it.
#[tokio::test]
async fn a_state_that_was_kept_before_a_release_is_not_missing_after_it() {
    let stage = Stage::about(&[user()]).await;
    hold(&stage, &user()).await;
    stage.seal(report(Status::Contained)).await.expect("a branch");
    let (ledger, target, id) = (room::ledger(&stage.aws), user(), &stage.incident.id);
    let held = Held { target: &target, containment: Containment::QuarantineIam };
    let claim = ledger.begin_release::<Value>(held, &Holders::of(id), clock::now()).await.expect("a claim");
    let ReleaseClaim::Ours { lease, .. } = claim else { unreachable!("no other incident holds it") };
    ledger.end_release(held, &lease, clock::now()).await.expect("the ledger takes it");
    stage.seal(report(Status::Contained)).await.expect("a branch");
    let manifest = stage.manifest();
    assert_eq!(manifest.missing, [""; 0]);
    assert!(manifest.entries.iter().any(|entry| entry.key.contains("alice/state-before-containment")), "{manifest:?}");
}

/// The other execution of the incident adds to the evidence while this one writes the list.
#[tokio::test]
async fn what_is_added_while_the_list_is_written_is_listed() {
    let stage = Stage::about(&[user()]).await;
    hold(&stage, &user()).await;
    let (collected_at, source) = (clock::now(), "ec2:CreateSnapshots".to_owned());
    let late = Entry { key: "arn:aws:ec2:::snapshot/snap-1".to_owned(), sha256: None, bytes: None, source, collected_at };
    // The base, the report, and then the list.
    stage.aws.delay_call("s3:PutObject", 3, std::time::Duration::from_millis(200));
    let adds = async {
        while !stage.vault.keys().contains(&manifest_key(&stage.incident.id)) {
            tokio::task::yield_now().await;
        }
        room::ledger(&stage.aws).keep_evidence(&stage.incident.id, &late).await.expect("the ledger takes it");
    };
    stage.aws.forget();
    let (sealed, ()) = tokio::join!(stage.seal(report(Status::Contained)), adds);
    assert_eq!(sealed.expect("a branch").count, Some(3));
    assert!(stage.manifest().entries.contains(&late));
}

#[tokio::test]
async fn a_list_that_is_written_during_the_collection_says_so_and_the_last_one_does_not() {
    let stage = Stage::about(&[user()]).await;
    hold(&stage, &user()).await;
    let ledger = room::ledger(&stage.aws);
    let started = firebreak::report::Branch { status: "started".to_owned(), ..Default::default() };
    let execution = &sha256_hex(stage.incident.execution_arn.as_bytes())[..8];
    ledger.keep_collection(&stage.incident.id, execution, &started).await.expect("the ledger takes it");
    let mut carried = report(Status::Contained);
    carried.evidence = started;
    stage.run(preserve_evidence::Phase::Seal, carried).await.expect("a branch");
    let missing = stage.manifest().missing;
    assert!(missing.len() == 1 && missing[0].contains("still being collected"), "{missing:?}");
    // The execution that collects knows nothing of what was done, and seals all the same.
    let collected = stage.collect().await.expect("a branch");
    let reports = |stage: &Stage| stage.vault.keys().iter().filter(|key| key.contains("/report-")).count();
    let before = reports(&stage);
    stage.run(preserve_evidence::Phase::Seal, Report { evidence: collected, ..Report::default() }).await.expect("a branch");
    assert_eq!((stage.manifest().missing, reports(&stage)), (vec![], before));
}
