//! Every call broken in every way, and the process killed at every call: the next run puts the target back.

use crate::role::Role;
use crate::{bucket, contained, decision, holders, opened, stage, undo};
use firebreak::containment::Containment;
use firebreak::holders::Holder;
use firebreak::ids::SessionName;
use firebreak::incident::Incident;
use firebreak::target::{Scope, Target, TargetKind};
use firebreak_aws::clock;
use firebreak_ledger::Held;
use firebreak_testkit::room::{self, Break, Point, each_break};
use firebreak_testkit::scripted::ScriptedAws;

#[tokio::test]
async fn however_a_call_breaks_the_next_run_puts_the_bucket_back() {
    let before = Some([true, false, false, true]);
    let calls = {
        let (aws, buckets) = stage(&["acme-a"]).await;
        buckets.put("acme-a", before);
        let incident = contained(&aws, "one", &["acme-a"]).await;
        aws.forget();
        undo(&aws, &incident).await.expect("an answer");
        aws.calls()
    };
    let tried = each_break(&calls, async |point: &Point, how: Break| {
        let (aws, buckets) = stage(&["acme-a"]).await;
        buckets.put("acme-a", before);
        let incident = contained(&aws, "one", &["acme-a"]).await;
        let broken = how.run(&aws, point, undo(&aws, &incident)).await;
        if let Some(Ok(released)) = &broken {
            let done = buckets.block("acme-a") == before;
            assert!(released.status != "ok" || done, "{point:?} {how:?}: it says more than it did");
        }
        aws.mend();
        let again = undo(&aws, &incident).await.expect("an answer");
        assert_eq!((again.status, buckets.block("acme-a")), ("ok", before), "{point:?} {how:?}: {:?}", again.receipts);
        assert_eq!(holders(&aws, Containment::LockdownS3, &bucket("acme-a")), [""; 0], "{point:?} {how:?}");
        assert_eq!(aws.unknown(), [""; 0]);
    })
    .await;
    println!("release: {tried} broken calls");
}

const QUARANTINE: Containment = Containment::QuarantineIam;

fn session(name: &str) -> Target {
    Target { scope: Scope::Session, session: Some(name.to_owned()), ..room::target(TargetKind::IamRole, Role::NAME) }
}

/// Two incidents hold a session of one role each. The first one is released.
async fn two_denied_sessions() -> (ScriptedAws, Role, Incident) {
    let aws = ScriptedAws::start().await.expect("a port");
    let role = Role::with_denied_sessions(&aws, &["ci-one", "ci-two"]);
    let ledger = room::ledger(&aws);
    for (incident, name) in [("one", "ci-one"), ("two", "ci-two")] {
        let target = session(name);
        ledger.name_session(&target, &SessionName::parse(name).expect("a name")).await.expect("a slot");
        let held = Held { target: &target, containment: QUARANTINE };
        ledger.mark_held(held, &Holder::Own(room::incident(incident)), clock::now()).await.expect("the ledger takes it");
    }
    let incident = opened(&aws, "one", vec![decision(QUARANTINE, &session("ci-one"))]).await;
    aws.forget();
    (aws, role, incident)
}

#[tokio::test]
async fn however_a_call_breaks_one_session_is_let_in_gives_its_slot_back_and_the_other_stays_denied() {
    let calls = {
        let (aws, _role, incident) = two_denied_sessions().await;
        undo(&aws, &incident).await.expect("an answer");
        aws.calls()
    };
    let tried = each_break(&calls, async |point: &Point, how: Break| {
        let (aws, role, incident) = two_denied_sessions().await;
        let is_named = |slot: usize| role.tags().contains(&format!("firebreak-session-{slot}"));
        let broken = how.run(&aws, point, undo(&aws, &incident)).await;
        assert!(is_named(2) && role.policies().len() == 1, "{point:?} {how:?}: the other session was let in");
        if let Some(Ok(released)) = &broken {
            assert!(released.status != "ok" || !is_named(1), "{point:?} {how:?}: it says more than it did");
        }
        aws.mend();
        let again = undo(&aws, &incident).await.expect("an answer");
        assert_eq!((again.status, is_named(1), is_named(2)), ("ok", false, true), "{point:?} {how:?}: {:?}", again.receipts);
        assert_eq!(role.policies().len(), 1, "{point:?} {how:?}: the other session needs it");
        let held = ["ci-one", "ci-two"].map(|name| holders(&aws, QUARANTINE, &session(name)).len());
        let named = room::ledger(&aws).named_sessions(&session("ci-two")).await.expect("the ledger answers");
        assert_eq!((held, named), ([0, 1], vec!["ci-two".to_owned()]), "{point:?} {how:?}");
        assert_eq!(aws.unknown(), [""; 0]);
    })
    .await;
    println!("release of one of two sessions: {tried} broken calls");
}
