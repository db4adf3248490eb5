use crate::policy::{denying, denying_sessions, shipped};
use crate::{ALICE, BOB, contain, is_locked, organization, responder, stage, user};
use firebreak::containment::Containment;
use firebreak::fault::{Fault, FaultKind};
use firebreak::holders::Holders;
use firebreak::ids::PrincipalId;
use firebreak::receipt::{Outcome, Status, Step};
use firebreak::target::{Scope, Target, TargetKind};
use firebreak_aws::clients::MemberRole;
use firebreak_aws::clock;
use firebreak_ledger::{Held, ReleaseClaim};
use firebreak_testkit::room;
use firebreak_testkit::scripted::ScriptedAws;
use quarantine_scp::BaseState;
use serde_json::json;

/// Releases a target from its recorded base, as the function `release` does.
pub(crate) async fn release(aws: &ScriptedAws, target: &Target) -> Result<Vec<Step>, Fault> {
    let (organization, incident) = (organization(), room::incident("one"));
    let (place, responder) = (organization.place(target)?, responder(aws));
    let call = responder.call_at(&place, target, Containment::QuarantineScp, MemberRole::QuarantineScp, &incident).await?;
    let base = call.ledger.base(call.held()).await?.map(|(base, _)| base);
    Box::pin(quarantine_scp::release(&call, base.as_ref(), &organization)).await
}

#[tokio::test]
async fn only_what_was_added_is_taken_out_and_a_second_release_finds_nothing_to_do() {
    let (aws, organizations) = stage().await;
    // Half of the entry was there before, from somebody else.
    organizations.write(denying(&ALICE[..1]));
    contain(&aws, "one", &user("alice")).await.expect("a receipt");
    contain(&aws, "two", &user("bob")).await.expect("a receipt");
    assert_eq!(organizations.content(), denying(&[ALICE, BOB].concat()));
    let steps = release(&aws, &user("alice")).await.expect("a release");
    assert_eq!((steps.len(), steps[0].outcome), (1, Outcome::Applied));
    let left = denying(&[ALICE[0], BOB[0], BOB[1]]);
    assert_eq!(organizations.content(), left);
    aws.forget();
    let again = release(&aws, &user("alice")).await.expect("a release");
    assert_eq!((again[0].outcome, organizations.content()), (Outcome::Already, left));
    assert_eq!(aws.changes(), [""; 0]);
    assert!(!is_locked(&aws));
}

/// One entry for all who know the name, whatever else they know.
#[tokio::test]
async fn an_entry_stays_until_every_incident_about_the_name_lets_go() {
    let unknown = user("Alice");
    let known = Target { principal_id: Some(PrincipalId::parse("AIDAEXAMPLEALICE0001").expect("an id")), ..unknown.clone() };
    let earlier = unknown.as_spelled();
    for [one, two] in [[&known, &unknown], [&unknown, &known], [&earlier, &known], [&known, &earlier]] {
        let (aws, organizations) = stage().await;
        for (incident, target) in [("one", one), ("two", two)] {
            assert_eq!(contain(&aws, incident, target).await.expect("a receipt").status, Status::Contained);
        }
        let (denied, ledger) = (organizations.content(), room::ledger(&aws));
        for (incident, target) in [("one", one), ("two", two)] {
            let (id, held) = (room::incident(incident), Held { target, containment: Containment::QuarantineScp });
            let claim = ledger.begin_release::<BaseState>(held, &Holders::of(&id), clock::now()).await.expect("a claim");
            match claim {
                ReleaseClaim::StillHeld { .. } if incident == "one" => assert_eq!(organizations.content(), denied),
                ReleaseClaim::Ours { lease, .. } if incident == "two" => {
                    release(&aws, target).await.expect("a release");
                    ledger.end_release(held, &lease, clock::now()).await.expect("the ledger takes it");
                }
                other => panic!("{incident}: {other:?}"),
            }
        }
        assert_eq!(organizations.content(), shipped(), "{one:?}, {two:?}");
    }
}

#[tokio::test]
async fn a_policy_with_somebody_elses_statement_is_not_written_by_a_release_either() {
    let (aws, organizations) = stage().await;
    contain(&aws, "one", &user("alice")).await.expect("a receipt");
    let mut theirs = denying(&ALICE);
    let statement = json!({ "Sid": "OurRegions", "Effect": "Deny", "Action": "*", "Resource": "*" });
    theirs["Statement"].as_array_mut().expect("statements").push(statement);
    organizations.write(theirs.clone());
    let fault = release(&aws, &user("alice")).await.expect_err("not Firebreak's");
    assert!(fault.kind == FaultKind::Malformed && fault.message.contains("OurRegions"), "{fault}");
    assert_eq!(organizations.content(), theirs);
    assert!(!is_locked(&aws));
}

#[tokio::test]
async fn two_sessions_of_one_role_are_two_entries_and_are_taken_out_together() {
    let (aws, organizations) = stage().await;
    let session = |name: &str| {
        let principal_id = Some(PrincipalId::parse("AROAEXAMPLEEXAMPLE12").expect("a role's id"));
        let role = room::target(TargetKind::IamRole, "deploy");
        Target { principal_id, session: Some(name.to_owned()), scope: Scope::Session, ..role }
    };
    for name in ["build-1", "build-2"] {
        assert_eq!(contain(&aws, "one", &session(name)).await.expect("a receipt").status, Status::Contained);
    }
    let both = ["AROAEXAMPLEEXAMPLE12:build-1", "AROAEXAMPLEEXAMPLE12:build-2"];
    assert_eq!(organizations.content(), denying_sessions(&both), "the role's other sessions go on");
    release(&aws, &session("build-1")).await.expect("a release");
    assert_eq!(organizations.content(), shipped());
}
