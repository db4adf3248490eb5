//! Who holds a target, and what a release may do about it.

use crate::buckets::CLOSED;
use crate::{
    base, bucket, contained, decision, holders, kept, lock_down, opened, outcomes, release_role, roles, stage, undo, undo_with,
};
use firebreak::containment::Containment;
use firebreak::fault::{Fault, FaultKind};
use firebreak::receipt::{Outcome, Receipt, Status};
use firebreak::target::TargetKind;
use firebreak_aws::clock;
use firebreak_ledger::Held;
use firebreak_testkit::room;
use firebreak_testkit::scripted::error;

const LOCKDOWN: Containment = Containment::LockdownS3;

#[tokio::test]
async fn a_contained_bucket_is_put_back_and_its_hold_ends() {
    let (aws, buckets) = stage(&["acme-a"]).await;
    buckets.put("acme-a", Some([true, false, true, false]));
    let incident = contained(&aws, "one", &["acme-a"]).await;
    assert_eq!((buckets.block("acme-a"), holders(&aws, LOCKDOWN, &bucket("acme-a"))), (CLOSED, vec![incident.id.to_string()]));
    aws.forget();
    let released = undo(&aws, &incident).await.expect("an answer");
    assert_eq!((released.status, outcomes(&released)), ("ok", vec![("acme-a", Status::Contained)]));
    assert_eq!(buckets.block("acme-a"), Some([true, false, true, false]));
    assert_eq!(roles(&aws), [release_role()]);
    let base = base(&aws, Held { target: &bucket("acme-a"), containment: LOCKDOWN });
    assert!(!base.contains_key("holders") && !base.contains_key("doc") && !base.contains_key("releasing_until"), "{base:?}");
    assert_eq!(kept(&aws, &incident).await, released.receipts);
}

#[tokio::test]
async fn a_bucket_that_another_incident_holds_stays_closed_until_the_last_one_lets_go() {
    let (aws, buckets) = stage(&["acme-a"]).await;
    let (one, other) = (contained(&aws, "one", &["acme-a"]).await, contained(&aws, "other", &["acme-a"]).await);
    let released = undo(&aws, &one).await.expect("an answer");
    assert_eq!((released.status, outcomes(&released)), ("ok", vec![("acme-a", Status::Skipped)]));
    let why = released.receipts[0].error.as_deref().expect("a reason");
    assert!(why.contains(other.id.as_str()), "it says by whom: {why}");
    assert_eq!(released.receipts[0].held_by, Some(other.id.clone()), "as a fact, for the words of a mail");
    assert_eq!((buckets.block("acme-a"), holders(&aws, LOCKDOWN, &bucket("acme-a"))), (CLOSED, vec![other.id.to_string()]));
    let released = undo(&aws, &other).await.expect("an answer");
    assert_eq!((outcomes(&released), buckets.block("acme-a")), (vec![("acme-a", Status::Contained)], None));
}

#[tokio::test]
async fn what_was_released_before_keeps_the_receipt_of_the_first_run() {
    let (aws, buckets) = stage(&["acme-a"]).await;
    let incident = contained(&aws, "one", &["acme-a"]).await;
    let first = undo(&aws, &incident).await.expect("an answer");
    let theirs = Some([true, true, false, false]);
    buckets.put("acme-a", theirs);
    aws.forget();
    let again = undo(&aws, &incident).await.expect("an answer");
    assert_eq!((again.status, &again.receipts), ("ok", &first.receipts));
    assert_eq!(kept(&aws, &incident).await, first.receipts);
    assert_eq!((buckets.block("acme-a"), roles(&aws)), (theirs, vec![]), "it is nobody's to change any more");
}

#[tokio::test]
async fn what_was_never_held_is_skipped_unless_a_receipt_says_that_it_was_changed() {
    let (aws, buckets) = stage(&["acme-a", "acme-b"]).await;
    buckets.put("acme-b", CLOSED);
    let decisions = ["acme-a", "acme-b"].map(|name| decision(LOCKDOWN, &bucket(name)));
    let incident = opened(&aws, "one", decisions.to_vec()).await;
    let changed = Receipt::of(bucket("acme-b"), LOCKDOWN, Status::Contained);
    room::ledger(&aws).keep_receipt(&incident.id, &changed).await.expect("the ledger takes it");
    let released = undo(&aws, &incident).await.expect("an answer");
    assert_eq!(released.status, "failed");
    assert_eq!(outcomes(&released), [("acme-a", Status::Skipped), ("acme-b", Status::Failed)]);
    assert_eq!(released.receipts[1].fault.as_ref().map(|name| name.as_str()), Some("Firebreak.Bug"));
    assert_eq!((buckets.block("acme-b"), roles(&aws)), (CLOSED, vec![]), "nobody knows how it was");
}

#[tokio::test]
async fn what_was_decided_after_the_state_machine_read_the_incident_is_put_back_too() {
    let (aws, buckets) = stage(&["acme-a", "acme-b"]).await;
    let incident = contained(&aws, "one", &["acme-a"]).await;
    let appended = decision(LOCKDOWN, &bucket("acme-b"));
    let amended = room::ledger(&aws).amend(&incident.id, |known| known.decisions.push(appended.clone())).await;
    amended.expect("the ledger takes it").expect("an incident");
    lock_down(&aws, "one", "acme-b").await;
    let released = undo(&aws, &incident).await.expect("an answer");
    assert_eq!(outcomes(&released), [("acme-a", Status::Contained), ("acme-b", Status::Contained)]);
    assert_eq!((buckets.block("acme-a"), buckets.block("acme-b")), (None, None));
}

#[tokio::test]
async fn a_passing_fault_is_an_error_and_the_lease_is_given_back() {
    for action in ["s3:HeadBucket", "s3:DeletePublicAccessBlock", "sts:AssumeRole"] {
        let (aws, buckets) = stage(&["acme-a"]).await;
        let one = contained(&aws, "one", &["acme-a"]).await;
        aws.always(action, error(503, "SlowDown"));
        let fault = undo(&aws, &one).await.expect_err(action);
        assert_eq!((fault.kind, buckets.block("acme-a")), (FaultKind::Transient, CLOSED), "{action}");
        let left = base(&aws, Held { target: &bucket("acme-a"), containment: LOCKDOWN });
        assert!(!left.contains_key("releasing_until") && left.contains_key("doc"), "{action}: {left:?}");
        aws.mend();
        // Another incident need not wait until a lease ends.
        let other = contained(&aws, "other", &["acme-a"]).await;
        assert_eq!(outcomes(&undo(&aws, &one).await.expect(action)), [("acme-a", Status::Skipped)]);
        assert_eq!(outcomes(&undo(&aws, &other).await.expect(action)), [("acme-a", Status::Contained)]);
        assert_eq!(buckets.block("acme-a"), None, "{action}");
    }
}

#[tokio::test]
async fn a_resource_that_is_gone_ends_its_hold() {
    let (aws, buckets) = stage(&["acme-a"]).await;
    let incident = contained(&aws, "one", &["acme-a"]).await;
    buckets.remove("acme-a");
    let released = undo(&aws, &incident).await.expect("an answer");
    assert_eq!((released.status, outcomes(&released)), ("ok", vec![("acme-a", Status::Skipped)]));
    assert_eq!(released.receipts[0].fault_kind(), Some(FaultKind::Gone));
    assert_eq!(holders(&aws, LOCKDOWN, &bucket("acme-a")), [""; 0]);
}

#[tokio::test]
async fn one_target_that_cannot_be_put_back_keeps_no_other_from_it() {
    let (aws, buckets) = stage(&["acme-a", "acme-b"]).await;
    let alice = room::target(TargetKind::IamUser, "alice");
    let mut incident = contained(&aws, "one", &["acme-a", "acme-b"]).await;
    incident.decisions.push(decision(Containment::QuarantineScp, &alice));
    let amended = room::ledger(&aws).amend(&incident.id, |known| known.decisions.clone_from(&incident.decisions)).await;
    amended.expect("the ledger takes it").expect("an incident");
    let held = Held { target: &alice, containment: Containment::QuarantineScp };
    room::ledger(&aws).mark_held(held, &incident.holder(), clock::now()).await.expect("the ledger takes it");
    let theirs = Some([true, true, false, false]);
    buckets.put("acme-b", theirs);
    let nowhere = Err(Fault::bug("the environment variable FIREBREAK_QUARANTINE_SCP is not set"));
    let released = undo_with(&aws, &incident, nowhere).await.expect("an answer");
    let all = [("alice", Status::Failed), ("acme-a", Status::Contained), ("acme-b", Status::Partial)];
    assert_eq!((released.status, outcomes(&released)), ("failed", all.to_vec()));
    assert_eq!((buckets.block("acme-a"), buckets.block("acme-b")), (None, theirs), "what somebody changed stays");
    let of = |id: &str| released.receipts.iter().find(|receipt| receipt.target.id == id).expect("a receipt");
    assert!(of("alice").error.as_deref().is_some_and(|why| why.contains("FIREBREAK_QUARANTINE_SCP")), "{:?}", of("alice"));
    assert_eq!(of("acme-b").steps[0].outcome, Outcome::Failed);
    for (containment, target) in [(Containment::QuarantineScp, &alice), (LOCKDOWN, &bucket("acme-b"))] {
        assert_eq!(holders(&aws, containment, target), [incident.id.to_string()], "{target}: it is asked for again");
        assert!(!base(&aws, Held { target, containment }).contains_key("releasing_until"), "{target}");
    }
}
