//! The way back of a closed incident: the same release, and how it ended stands in the ledger.

use crate::buckets::{Buckets, CLOSED};
use crate::each::hold;
use crate::instance::Instance;
use crate::policy::Policy;
use crate::role::Role;
use crate::{
    MANAGEMENT, POLICY, bucket, contained, decision, holders, kept, lock_down, opened, outcomes, responder, stage, undo,
};
use firebreak::answer::Decided;
use firebreak::containment::Containment;
use firebreak::facts::Carry;
use firebreak::fault::Fault;
use firebreak::holders::Holder;
use firebreak::ids::SessionName;
use firebreak::incident::{Incident, IncidentStatus};
use firebreak::receipt::{Receipt, Status};
use firebreak::restore::{Restore, RestoreEnd};
use firebreak::target::{Scope, Target, TargetKind};
use firebreak_aws::clock;
use firebreak_ledger::Held;
use firebreak_testkit::room::{self, Break, Point, each_break};
use firebreak_testkit::scripted::ScriptedAws;
use quarantine_scp::Organization;
use release::{Function, ReleaseInput, Released};
use serde_json::json;

/// An incident is approved and closed.
async fn close(aws: &ScriptedAws, incident: &Incident) {
    let closed = room::ledger(aws).finish(&incident.id, IncidentStatus::Closed, clock::now(), None).await;
    assert!(closed.expect("the ledger takes it"));
}

/// Somebody asks for a restore, which is recorded before it begins.
async fn asked(aws: &ScriptedAws, incident: &Incident, number: u32) -> Restore {
    let (by, comment) = ("arn:aws:iam::123456789012:user/ann".to_owned(), "the user was rotated".to_owned());
    let restore = Restore { number, by, first_by: None, from: None, comment, at: clock::now(), ended: None };
    let recorded = room::ledger(aws).begin_restore(&incident.id, &restore).await;
    assert!(recorded.expect("the ledger takes it"));
    restore
}

/// Its execution calls the release.
async fn carry_out(aws: &ScriptedAws, incident: &Incident, restore: &Restore) -> Result<Released, Fault> {
    let function = Function::new(responder(aws), Organization::new(POLICY, MANAGEMENT));
    let answer: Option<Decided> = Some(restore.answer());
    let input = ReleaseInput { incident: incident.clone(), answer, carry: Carry::default(), restore: Some(restore.number) };
    Box::pin(function.handle(input)).await
}

async fn status(aws: &ScriptedAws, incident: &Incident) -> IncidentStatus {
    let record = room::ledger(aws).record(&incident.id).await.expect("the ledger answers");
    record.expect("an incident").status
}

/// How the restores of an incident ended.
async fn ends(aws: &ScriptedAws, incident: &Incident) -> Vec<Option<bool>> {
    let restores = room::ledger(aws).restores(&incident.id).await.expect("the ledger answers");
    restores.into_iter().map(|restore| restore.ended.map(|RestoreEnd { is_back, .. }| is_back)).collect()
}

#[tokio::test]
async fn everything_that_a_closed_incident_holds_is_put_back() {
    let aws = ScriptedAws::start().await.expect("a port");
    let (buckets, instance, role) = (Buckets::start(&aws), Instance::isolated(&aws), Role::with_denied_sessions(&aws, &["ci"]));
    let values = ["arn:aws:iam::111122223333:user/alice", "arn:aws:iam::111122223333:user/*/alice"];
    let bob = "arn:aws:iam::111122223333:user/bob";
    let policy = Policy::denying(&aws, &[values[0], values[1], bob]);
    buckets.put("acme-a", None);
    let (alice, machine) = (room::target(TargetKind::IamUser, "alice"), room::target(TargetKind::Ec2Instance, Instance::ID));
    let whole = room::target(TargetKind::IamRole, Role::NAME);
    let session = Target { scope: Scope::Session, session: Some("ci".to_owned()), ..whole.clone() };
    let all = [
        (Containment::LockdownS3, bucket("acme-a")),
        (Containment::IsolateEc2, machine.clone()),
        (Containment::QuarantineScp, alice.clone()),
        (Containment::QuarantineIam, session.clone()),
    ];
    let incident = opened(&aws, "one", all.iter().map(|(containment, target)| decision(*containment, target)).collect()).await;
    lock_down(&aws, "one", "acme-a").await;
    let interfaces = json!([{ "id": Instance::INTERFACE, "vpc": "vpc-1", "groups": ["sg-app"] }]);
    let base = json!({ "interfaces": interfaces, "termination_protection": false, "spot": false, "tags": {} });
    hold(&aws, Containment::IsolateEc2, &machine, &base).await;
    hold(&aws, Containment::QuarantineScp, &alice, &json!({ "policy": POLICY, "added": values, "found": [] })).await;
    let ledger = room::ledger(&aws);
    ledger.name_session(&whole, &SessionName::parse("ci").expect("a name")).await.expect("a slot");
    let held = Held { target: &session, containment: Containment::QuarantineIam };
    ledger.mark_held(held, &Holder::Own(room::incident("one")), clock::now()).await.expect("the ledger takes it");
    close(&aws, &incident).await;
    for (containment, target) in &all {
        assert_eq!(holders(&aws, *containment, target), [incident.id.to_string()], "{target}: a closed incident keeps its hold");
    }
    let restore = asked(&aws, &incident, 1).await;
    let released = carry_out(&aws, &incident, &restore).await.expect("an answer");
    assert_eq!(released.status, "ok", "{:?}", released.receipts);
    assert_eq!((buckets.block("acme-a"), instance.groups()), (None, vec!["sg-app".to_owned()]));
    assert_eq!(policy.principals(), [bob], "others stay denied");
    assert_eq!((role.policies(), role.tags()), (vec![], vec![]), "no deny, no label");
    assert_eq!(ledger.named_sessions(&whole).await.expect("the ledger answers"), [""; 0], "its slot is free");
    for (containment, target) in &all {
        assert_eq!(holders(&aws, *containment, target), [""; 0], "{target}");
    }
    assert_eq!((status(&aws, &incident).await, ends(&aws, &incident).await), (IncidentStatus::Released, vec![Some(true)]));
}

#[tokio::test]
async fn what_cannot_be_put_back_leaves_the_incident_closed_and_a_second_restore_goes_past_it() {
    let (aws, buckets) = stage(&["acme-a", "acme-b"]).await;
    let incident = contained(&aws, "one", &["acme-a", "acme-b"]).await;
    close(&aws, &incident).await;
    let theirs = Some([true, true, false, false]);
    buckets.put("acme-b", theirs);
    let first = asked(&aws, &incident, 1).await;
    let released = carry_out(&aws, &incident, &first).await.expect("an answer");
    assert_eq!((released.status, outcomes(&released)[1]), ("failed", ("acme-b", Status::Partial)));
    assert_eq!((status(&aws, &incident).await, ends(&aws, &incident).await), (IncidentStatus::Closed, vec![Some(false)]));
    let second = asked(&aws, &incident, 2).await;
    let released = carry_out(&aws, &incident, &second).await.expect("an answer");
    assert_eq!(released.status, "ok", "{:?}", released.receipts);
    assert_eq!((buckets.block("acme-a"), buckets.block("acme-b")), (None, theirs), "what somebody changed stays");
    let ended = vec![Some(false), Some(true)];
    assert_eq!((status(&aws, &incident).await, ends(&aws, &incident).await), (IncidentStatus::Released, ended));
}

#[tokio::test]
async fn a_release_that_meets_a_closed_incident_names_its_restore_and_changes_nothing() {
    let (aws, buckets) = stage(&["acme-a"]).await;
    let (one, other) = (contained(&aws, "one", &["acme-a"]).await, contained(&aws, "other", &["acme-a"]).await);
    close(&aws, &other).await;
    let released = undo(&aws, &one).await.expect("an answer");
    let receipt = &released.receipts[0];
    assert_eq!(
        (receipt.status, &receipt.held_by, &receipt.restore),
        (Status::Skipped, &Some(other.id.clone()), &Some(other.id.clone()))
    );
    let command = format!("firebreak restore {}", other.id);
    let says = |receipt: &Receipt| receipt.error.as_ref().is_some_and(|why| why.contains(&command));
    assert!(says(receipt) && kept(&aws, &one).await.iter().all(says), "{receipt:?}");
    assert_eq!(buckets.block("acme-a"), CLOSED);
    let restore = asked(&aws, &other, 1).await;
    assert_eq!(carry_out(&aws, &other, &restore).await.expect("an answer").status, "ok");
    assert_eq!((buckets.block("acme-a"), status(&aws, &other).await), (None, IncidentStatus::Released));
}

#[tokio::test]
async fn however_a_call_breaks_the_next_run_of_the_restore_ends_it() {
    let before = Some([true, false, false, true]);
    let closed = async || {
        let (aws, buckets) = stage(&["acme-a"]).await;
        buckets.put("acme-a", before);
        let incident = contained(&aws, "one", &["acme-a"]).await;
        close(&aws, &incident).await;
        let restore = asked(&aws, &incident, 1).await;
        aws.forget();
        (aws, buckets, incident, restore)
    };
    let calls = {
        let (aws, _buckets, incident, restore) = closed().await;
        carry_out(&aws, &incident, &restore).await.expect("an answer");
        aws.calls()
    };
    let tried = each_break(&calls, async |point: &Point, how: Break| {
        let (aws, buckets, incident, restore) = Box::pin(closed()).await;
        let broken = how.run(&aws, point, carry_out(&aws, &incident, &restore)).await;
        aws.mend();
        let is_back = buckets.block("acme-a") == before;
        if let Some(Ok(released)) = &broken {
            assert!(released.status != "ok" || is_back, "{point:?} {how:?}: it says more than it did");
        }
        assert!(is_back || ends(&aws, &incident).await != [Some(true)], "{point:?} {how:?}: the ledger says more than was done");
        let again = carry_out(&aws, &incident, &restore).await.expect("an answer");
        assert_eq!((again.status, buckets.block("acme-a")), ("ok", before), "{point:?} {how:?}: {:?}", again.receipts);
        assert_eq!(holders(&aws, Containment::LockdownS3, &bucket("acme-a")), [""; 0], "{point:?} {how:?}");
        assert_eq!((status(&aws, &incident).await, ends(&aws, &incident).await), (IncidentStatus::Released, vec![Some(true)]));
        assert_eq!(aws.unknown(), [""; 0]);
    })
    .await;
    println!("restore: {tried} broken calls");
}
