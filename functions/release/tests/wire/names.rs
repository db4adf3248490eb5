//! Users of one name, and one user in a row by name and in one by id: whoever is released when, nobody stays denied for nobody.

use crate::users::{User, Users};
use crate::{decision, holders, opened, outcomes, responder, undo};
use firebreak::containment::Containment;
use firebreak::fault::FaultKind;
use firebreak::holders::Holders;
use firebreak::ids::PrincipalId;
use firebreak::incident::{Incident, IncidentStatus};
use firebreak::plan::{FindingSummary, JoinedAs};
use firebreak::receipt::{Receipt, Status};
use firebreak::target::{Target, TargetKind};
use firebreak::task::{Phase, TaskInput, TaskOutput};
use firebreak_aws::clock;
use firebreak_ledger::{Held, ReleaseClaim};
use firebreak_testkit::room;
use firebreak_testkit::scripted::{Call, ScriptedAws};
use serde_json::Value;

const QUARANTINE: Containment = Containment::QuarantineIam;
const SUSPECT: &str = "AIDAEXAMPLESUSPECT001";
const VICTIM: &str = "AIDAEXAMPLEVICTIM0001";
/// A finding that joined an incident.
const FINDING: &str = "a finding";

fn suspect() -> User {
    User::new("alice", SUSPECT, "AKIAEXAMPLESUSPECT01")
}

/// Whoever has the name after the suspect gave it away.
fn victim() -> User {
    User::new("alice", VICTIM, "AKIAEXAMPLEVICTIM001")
}

fn by_name() -> Target {
    room::target(TargetKind::IamUser, "alice")
}

fn by_id(id: &str) -> Target {
    Target { principal_id: Some(PrincipalId::parse(id).expect("an id")), ..by_name() }
}

async fn run(aws: &ScriptedAws, request: TaskInput) -> Receipt {
    match Box::pin(quarantine_iam::Function::new(responder(aws)).handle(request)).await.expect("a receipt") {
        TaskOutput::Receipt(receipt) => receipt,
        TaskOutput::Verification(_) => unreachable!("a containment answers with a receipt"),
    }
}

async fn contain(aws: &ScriptedAws, incident: &str, target: &Target) {
    let receipt = run(aws, room::request(Phase::Contain, incident, target.clone())).await;
    assert_eq!(receipt.status, Status::Contained, "{:?}", receipt.steps);
}

/// The finding contains whoever has the name, for the incident that it joined.
async fn contain_joined(aws: &ScriptedAws, incident: &str) -> Status {
    let carried = Incident { joining: Some(room::incident(FINDING)), ..room::opened(incident) };
    run(aws, TaskInput { incident: carried, ..room::request(Phase::Contain, incident, by_name()) }).await.status
}

/// An incident that contains a user, and that the finding joined.
async fn joined(aws: &ScriptedAws, name: &str) -> Incident {
    let incident = opened(aws, name, vec![decision(QUARANTINE, &by_name())]).await;
    let joined = JoinedAs { id: room::incident(FINDING), at: clock::now(), revision: Some(0) };
    let listed = FindingSummary { joined: Some(joined), ..incident.finding.clone() };
    let amended = room::ledger(aws).amend(&incident.id, |known| known.findings.push(listed.clone())).await;
    amended.expect("the ledger takes it").expect("an incident");
    contain(aws, name, &by_name()).await;
    incident
}

/// The suspect is contained by name for "one", and as `target` says for "two".
async fn shared(target: &Target) -> (ScriptedAws, Users, [Incident; 2]) {
    let aws = ScriptedAws::start().await.expect("a port");
    let users = Users::start(&aws, suspect());
    let one = opened(&aws, "one", vec![decision(QUARANTINE, &by_name())]).await;
    let two = opened(&aws, "two", vec![decision(QUARANTINE, target)]).await;
    contain(&aws, "one", &by_name()).await;
    contain(&aws, "two", target).await;
    aws.forget();
    (aws, users, [one, two])
}

/// "one" contains the suspect, who gave the name away, and "two" the victim. The finding joined "two".
async fn replaced() -> (ScriptedAws, Users, Incident) {
    let aws = ScriptedAws::start().await.expect("a port");
    let users = Users::start(&aws, suspect());
    opened(&aws, "one", vec![decision(QUARANTINE, &by_name())]).await;
    contain(&aws, "one", &by_name()).await;
    users.replace("alice-2", victim());
    let two = joined(&aws, "two").await;
    assert!(users.now().iter().all(User::is_denied), "{:?}", users.now());
    (aws, users, two)
}

/// Whether a call asks for the lease of a row.
fn asks_for(call: &Call, row: &Target) -> bool {
    let is_row = call.params["Key"]["pk"]["S"] == format!("target#{}", row.ledger_key());
    is_row && call.param("UpdateExpression").contains("releasing_until = :until")
}

/// The first release has let go of the row by name, or given its base away, when the second one begins.
#[tokio::test]
async fn two_releases_at_once_do_not_leave_the_user_to_each_other() {
    for target in [by_id(SUSPECT), by_name()] {
        let nth = {
            let (aws, _users, [one, _]) = shared(&target).await;
            undo(&aws, &one).await.expect("an answer");
            let writes = aws.calls_of("dynamodb:UpdateItem");
            writes.iter().position(|call| asks_for(call, &by_id(SUSPECT))).expect("the row by id is let go of") + 1
        };
        let (aws, users, [one, two]) = shared(&target).await;
        let contained = users.now();
        let mut first = Box::pin(undo(&aws, &one));
        assert!(aws.kill_at("dynamodb:UpdateItem", nth, false, &mut first).await.is_none(), "{target:?}: it has not ended");
        let second = undo(&aws, &two).await.expect("an answer");
        assert_eq!((second.status, outcomes(&second)), ("ok", vec![("alice", Status::Skipped)]), "{target:?}");
        assert_eq!(first.await.expect_err("nobody else is left").kind, FaultKind::Transient, "{target:?}");
        assert_eq!(users.now(), contained, "{target:?}");
        let again = undo(&aws, &one).await.expect("an answer");
        assert_eq!((again.status, outcomes(&again)), ("ok", vec![("alice", Status::Contained)]), "{target:?}");
        assert_eq!(users.now(), [suspect()], "{target:?}");
        assert!([by_name(), by_id(SUSPECT)].iter().all(|row| holders(&aws, QUARANTINE, row).is_empty()), "{target:?}");
    }
}

/// Whom the release puts back must not be denied by a containment that began too late to be recorded.
#[tokio::test]
async fn a_finding_that_joined_is_answered_in_the_row_by_name_of_somebody_else() {
    let (aws, users, two) = replaced().await;
    assert_eq!(undo(&aws, &two).await.expect("an answer").status, "ok");
    let after = users.now();
    assert!(after[0].is_denied() && after[1] == victim(), "{after:?}");
    assert_eq!(contain_joined(&aws, "two").await, Status::Skipped);
    assert_eq!(users.now(), after);
    assert_eq!(holders(&aws, QUARANTINE, &by_name()), [room::incident("one").to_string()]);
}

#[tokio::test]
async fn a_release_does_not_wait_for_a_finding_that_joined_and_is_contained() {
    let (aws, users, two) = replaced().await;
    assert_eq!(contain_joined(&aws, "two").await, Status::Contained);
    assert_eq!(undo(&aws, &two).await.expect("an answer").status, "ok");
    assert!(users.now()[0].is_denied() && users.now()[1] == victim(), "{:?}", users.now());
    assert_eq!(holders(&aws, QUARANTINE, &by_id(VICTIM)), [""; 0]);

    let aws = ScriptedAws::start().await.expect("a port");
    let users = Users::start(&aws, suspect());
    let one = joined(&aws, "one").await;
    assert_eq!(contain_joined(&aws, "one").await, Status::Contained);
    assert_eq!(undo(&aws, &one).await.expect("an answer").status, "ok");
    assert_eq!(users.now(), [suspect()]);
    assert!([by_name(), by_id(SUSPECT)].iter().all(|row| holders(&aws, QUARANTINE, row).is_empty()));
}

/// A release of an earlier version ended the row by name, and left the mark in the row by id.
#[tokio::test]
async fn a_released_incident_keeps_no_user_and_an_approved_one_does() {
    for (status, is_free) in [(IncidentStatus::Released, true), (IncidentStatus::Closed, false)] {
        let aws = ScriptedAws::start().await.expect("a port");
        let (users, ledger) = (Users::start(&aws, suspect()), room::ledger(&aws));
        let one = opened(&aws, "one", vec![decision(QUARANTINE, &by_name())]).await;
        let two = opened(&aws, "two", vec![decision(QUARANTINE, &by_id(SUSPECT))]).await;
        contain(&aws, "two", &by_id(SUSPECT)).await;
        contain(&aws, "one", &by_name()).await;
        let (row, contained) = (by_name(), users.now());
        let held = Held { target: &row, containment: QUARANTINE };
        let claim = ledger.begin_release::<Value>(held, &Holders::of(&one.id), clock::now()).await.expect("a claim");
        let ReleaseClaim::Ours { lease, .. } = claim else { unreachable!("no other incident holds it") };
        ledger.end_release(held, &lease, clock::now()).await.expect("the ledger takes it");
        ledger.set_status(&one.id, status, &[]).await.expect("the ledger takes it");

        let released = undo(&aws, &two).await.expect("an answer");
        let left = holders(&aws, QUARANTINE, &by_id(SUSPECT));
        if is_free {
            assert_eq!((outcomes(&released), users.now()), (vec![("alice", Status::Contained)], vec![suspect()]));
            assert_eq!(left, [""; 0]);
        } else {
            assert_eq!((outcomes(&released), users.now()), (vec![("alice", Status::Skipped)], contained));
            assert_eq!((released.receipts[0].held_by.as_ref(), left), (Some(&one.id), vec![one.id.to_string()]));
        }
    }
}
