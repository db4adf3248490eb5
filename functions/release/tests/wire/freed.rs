//! A bucket that stays frozen when one of its suspects is released.

use crate::each::hold;
use crate::parts::{says, try_undo, undo};
use crate::policy::Policy;
use crate::{POLICY, bucket, decision, opened};
use firebreak::answer::Answer;
use firebreak::containment::Containment;
use firebreak::fault::FaultKind;
use firebreak::holders::Holder;
use firebreak::receipt::Status;
use firebreak::target::{Scope, Target, TargetKind};
use firebreak_aws::clock;
use firebreak_ledger::Held;
use firebreak_testkit::room;
use firebreak_testkit::scripted::{Call, ScriptedAws, error, ok};
use lockdown_s3::{Accused, BaseState, Planned};
use serde_json::json;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};

/// A bucket policy of somebody's, which denies these users in a statement of Firebreak's.
fn denying(names: &[&str]) -> String {
    let arns: Vec<String> = names.iter().map(|name| format!("arn:aws:iam::111122223333:user/{name}")).collect();
    let ours = json!({ "Sid": "FirebreakDenySuspects", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::acme-a/*",
        "Condition": { "ArnLike": { "aws:PrincipalArn": arns } } });
    let theirs = json!({ "Sid": "App", "Effect": "Allow", "Principal": { "AWS": "111122223333" }, "Action": "s3:*",
        "Resource": "arn:aws:s3:::acme-a/*" });
    json!({ "Version": "2012-10-17", "Statement": [theirs, ours] }).to_string()
}

/// Serves the bucket, and shows its policy.
fn serve(aws: &ScriptedAws, policy: String) -> Arc<Mutex<String>> {
    let text = Arc::new(Mutex::new(policy));
    let served = text.clone();
    aws.on("s3:*", move |call: &Call| {
        let mut policy = served.lock().unwrap_or_else(PoisonError::into_inner);
        match call.operation.as_str() {
            "HeadBucket" => Some(ok("")),
            "GetBucketLocation" => Some(ok("<LocationConstraint>eu-central-1</LocationConstraint>")),
            "GetBucketPolicy" => Some(ok(policy.clone())),
            "PutBucketPolicy" => {
                policy.clone_from(&call.body);
                Some(ok(""))
            }
            _ => None,
        }
    });
    text
}

/// The freeze of the bucket, as a containment for an incident that accuses both users left it.
async fn freeze(aws: &ScriptedAws) -> Target {
    let arns = ["alice", "mallory"].map(|name| format!("arn:aws:iam::111122223333:user/{name}"));
    let under_any_path = ["alice", "mallory"].map(|name| format!("arn:aws:iam::111122223333:user/*/{name}"));
    let accused = Accused { arns: arns.into_iter().chain(under_any_path).collect(), ..Accused::default() };
    let planned = Planned {
        sids: ["FirebreakDenySuspects".to_owned()].into(),
        denied: [(room::incident("one").to_string(), accused)].into(),
        ..Planned::default()
    };
    let (frozen, base) = (Target { scope: Scope::Freeze, ..bucket("acme-a") }, BaseState { planned, ..BaseState::default() });
    let held = Held { target: &frozen, containment: Containment::LockdownS3 };
    let held = room::ledger(aws).hold(held, &Holder::Own(room::incident("one")), &frozen.id, &base, clock::now()).await;
    held.expect("the ledger takes it");
    frozen
}

async fn recorded(aws: &ScriptedAws, frozen: &Target) -> BaseState {
    let held = Held { target: frozen, containment: Containment::LockdownS3 };
    room::ledger(aws).base::<BaseState>(held).await.expect("the ledger answers").expect("a base").0
}

#[tokio::test]
async fn whom_an_answer_releases_alone_a_frozen_bucket_denies_no_longer() {
    let aws = ScriptedAws::start().await.expect("a port");
    let values = ["arn:aws:iam::111122223333:user/alice", "arn:aws:iam::111122223333:user/*/alice"];
    Policy::denying(&aws, &values);
    let policy = serve(&aws, denying(&["alice", "mallory"]));
    let alice = room::target(TargetKind::IamUser, "alice");
    hold(&aws, Containment::QuarantineScp, &alice, &json!({ "policy": POLICY, "added": values, "found": [] })).await;
    let frozen = freeze(&aws).await;
    let decisions = vec![decision(Containment::QuarantineScp, &alice), decision(Containment::LockdownS3, &frozen)];
    let incident = opened(&aws, "one", decisions).await;

    let released = undo(&aws, &incident, says(Answer::Release, &["alice"], &[])).await;
    assert_eq!((released.status, released.receipts[0].status), ("not-covered", Status::Contained), "{:?}", released.receipts);
    let text = policy.lock().unwrap_or_else(PoisonError::into_inner).clone();
    assert!(text.contains("user/mallory") && !text.contains("user/alice") && text.contains("App"), "{text}");
    let denied: Vec<Accused> = recorded(&aws, &frozen).await.planned.denied.into_values().collect();
    assert!(
        denied.len() == 1 && denied[0].arns.iter().all(|arn| arn.ends_with("mallory")),
        "no look puts alice back: {denied:?}"
    );

    // A second run, after a kill.
    aws.forget();
    undo(&aws, &incident, says(Answer::Release, &["alice"], &[])).await;
    assert_eq!(aws.changes(), [""; 0]);
}

/// The bucket is being changed at that moment, or S3 or the ledger is. No look may come any more.
#[tokio::test]
async fn what_keeps_a_bucket_from_being_told_for_a_moment_is_tried_again() {
    let aws = ScriptedAws::start().await.expect("a port");
    let values = ["arn:aws:iam::111122223333:user/alice", "arn:aws:iam::111122223333:user/*/alice"];
    Policy::denying(&aws, &values);
    let policy = serve(&aws, denying(&["alice", "mallory"]));
    let alice = room::target(TargetKind::IamUser, "alice");
    hold(&aws, Containment::QuarantineScp, &alice, &json!({ "policy": POLICY, "added": values, "found": [] })).await;
    let frozen = freeze(&aws).await;
    let decisions = vec![decision(Containment::QuarantineScp, &alice), decision(Containment::LockdownS3, &frozen)];
    let incident = opened(&aws, "one", decisions).await;

    let is_busy = Arc::new(AtomicBool::new(true));
    let busy = is_busy.clone();
    aws.on("dynamodb:UpdateItem", move |call: &Call| {
        let key = call.params["Key"]["pk"]["S"].as_str().unwrap_or_default();
        (key.starts_with("lock#") && key.contains("acme-a") && busy.load(Relaxed)).then(|| error(400, "ThrottlingException"))
    });
    let fault = try_undo(&aws, &incident, says(Answer::Release, &["alice"], &[])).await.expect_err("the bucket was not told");
    assert_eq!(fault.kind, FaultKind::Transient);
    is_busy.store(false, Relaxed);
    let released = undo(&aws, &incident, says(Answer::Release, &["alice"], &[])).await;
    assert_eq!((released.status, released.receipts[0].status), ("not-covered", Status::Contained), "{:?}", released.receipts);
    let text = policy.lock().unwrap_or_else(PoisonError::into_inner).clone();
    assert!(text.contains("user/mallory") && !text.contains("user/alice"), "{text}");
}

#[tokio::test]
async fn a_release_ends_also_where_the_bucket_could_not_be_told_and_that_is_noted() {
    let aws = ScriptedAws::start().await.expect("a port");
    let values = ["arn:aws:iam::111122223333:user/alice", "arn:aws:iam::111122223333:user/*/alice"];
    Policy::denying(&aws, &values);
    let before = denying(&["alice", "mallory"]);
    let policy = serve(&aws, before.clone());
    aws.always("s3:PutBucketPolicy", error(403, "AccessDenied"));
    let alice = room::target(TargetKind::IamUser, "alice");
    hold(&aws, Containment::QuarantineScp, &alice, &json!({ "policy": POLICY, "added": values, "found": [] })).await;
    let frozen = freeze(&aws).await;
    let known = recorded(&aws, &frozen).await;
    let decisions = vec![decision(Containment::QuarantineScp, &alice), decision(Containment::LockdownS3, &frozen)];
    let incident = opened(&aws, "one", decisions).await;

    let released = undo(&aws, &incident, says(Answer::Release, &["alice"], &[])).await;
    assert_eq!((released.status, released.receipts[0].status), ("not-covered", Status::Contained));
    assert_eq!(*policy.lock().unwrap_or_else(PoisonError::into_inner), before);
    assert_eq!(recorded(&aws, &frozen).await, known, "the next look knows that alice is in there");
    let view = room::ledger(&aws).incident(&incident.id).await.expect("the ledger answers").expect("an incident");
    assert!(view.timeline.iter().any(|event| event.what.contains("may still be denied there")), "{:?}", view.timeline);
}
