//! A principal has a row by its immutable id. What an earlier version decided, or an execution that knew more, has another one.

use crate::role::Role;
use crate::{decision, holders, opened, outcomes, undo};
use firebreak::containment::Containment;
use firebreak::holders::Holder;
use firebreak::ids::{PrincipalId, SessionName};
use firebreak::receipt::{Receipt, Status};
use firebreak::target::{Scope, Target, TargetKind};
use firebreak_aws::clock;
use firebreak_ledger::Held;
use firebreak_testkit::room;
use firebreak_testkit::scripted::ScriptedAws;

const QUARANTINE: Containment = Containment::QuarantineIam;
const SESSION: &str = "ci-one";

/// A session of the role, whose id is known.
fn session() -> Target {
    let role = room::target(TargetKind::IamRole, Role::NAME);
    let principal_id = Some(PrincipalId::parse("AROAEXAMPLEDEPLOY0001").expect("an id"));
    Target { principal_id, scope: Scope::Session, session: Some(SESSION.to_owned()), ..role }
}

/// A role whose session is denied, and held in each of these rows by an incident.
async fn denied(rows: &[(&str, &Target)]) -> (ScriptedAws, Role) {
    let aws = ScriptedAws::start().await.expect("a port");
    let (role, ledger) = (Role::with_denied_sessions(&aws, &[SESSION]), room::ledger(&aws));
    ledger.name_session(&session().whole(), &SessionName::parse(SESSION).expect("a name")).await.expect("a slot");
    for (incident, target) in rows {
        let (held, holder) = (Held { target, containment: QUARANTINE }, Holder::Own(room::incident(incident)));
        ledger.mark_held(held, &holder, clock::now()).await.expect("the ledger takes it");
    }
    (aws, role)
}

#[tokio::test]
async fn what_an_execution_held_under_another_key_than_the_decision_has_is_put_back() {
    let (new, old) = (session(), session().as_spelled());
    let unidentified = session().by_name();
    for (decided, held) in [(&old, &new), (&new, &old), (&new, &unidentified)] {
        let (aws, role) = denied(&[("one", held)]).await;
        let incident = opened(&aws, "one", vec![decision(QUARANTINE, decided)]).await;
        let released = undo(&aws, &incident).await.expect("an answer");
        assert_eq!((released.status, outcomes(&released)), ("ok", vec![(Role::NAME, Status::Contained)]), "{held:?}");
        assert_eq!((role.policies(), role.tags()), (vec![], vec![]), "{held:?}");
        assert_eq!(holders(&aws, QUARANTINE, held), [""; 0], "{held:?}");
        let again = undo(&aws, &incident).await.expect("an answer");
        assert_eq!(again.receipts, released.receipts, "{held:?}");
    }
}

#[tokio::test]
async fn a_principal_that_is_held_in_two_rows_of_one_incident_is_free_in_both() {
    let (new, old) = (session(), session().as_spelled());
    let (aws, role) = denied(&[("one", &new), ("one", &old)]).await;
    let incident = opened(&aws, "one", vec![decision(QUARANTINE, &new)]).await;
    assert_eq!(undo(&aws, &incident).await.expect("an answer").status, "ok");
    assert_eq!((role.policies(), role.tags()), (vec![], vec![]));
    assert!([&new, &old].iter().all(|target| holders(&aws, QUARANTINE, target).is_empty()));
}

#[tokio::test]
async fn a_principal_that_another_incident_holds_in_another_row_stays_contained_until_both_let_go() {
    let (new, old) = (session(), session().as_spelled());
    for [first, last] in [[("one", &old), ("two", &new)], [("two", &new), ("one", &old)]] {
        let (aws, role) = denied(&[first, last]).await;
        let before = (role.policies(), role.tags());
        let incident = opened(&aws, first.0, vec![decision(QUARANTINE, first.1)]).await;
        let other = opened(&aws, last.0, vec![decision(QUARANTINE, last.1)]).await;
        let released = undo(&aws, &incident).await.expect("an answer");
        assert_eq!((released.status, outcomes(&released)), ("ok", vec![(Role::NAME, Status::Skipped)]), "nothing is put back");
        assert_eq!(released.receipts[0].held_by, Some(room::incident(last.0)));
        assert_eq!((role.policies(), role.tags()), before, "{} lets go", first.0);
        assert_eq!(undo(&aws, &other).await.expect("an answer").status, "ok");
        assert_eq!((role.policies(), role.tags()), (vec![], vec![]), "{} puts it back", last.0);
    }
}

#[tokio::test]
async fn what_was_changed_under_an_id_that_the_decision_does_not_know_is_never_called_unchanged() {
    let (aws, role) = denied(&[("one", &session())]).await;
    let before = role.policies();
    let incident = opened(&aws, "one", vec![decision(QUARANTINE, &session().by_name())]).await;
    let changed = Receipt::of(session(), QUARANTINE, Status::Contained);
    room::ledger(&aws).keep_receipt(&incident.id, &changed).await.expect("the ledger takes it");
    let released = undo(&aws, &incident).await.expect("an answer");
    assert_eq!((released.status, outcomes(&released)), ("failed", vec![(Role::NAME, Status::Failed)]), "a person puts it back");
    assert_eq!(role.policies(), before);
}
