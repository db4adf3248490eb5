//! Rows of a user by name: whom they are about, and who may hold them. Whose release is over for good.

use super::{at, incident, user};
use firebreak::containment::Containment;
use firebreak::coverage::Coverage;
use firebreak::fault::FaultKind;
use firebreak::holders::{Holder, Holders};
use firebreak::ids::PrincipalId;
use firebreak::incident::{Incident, IncidentStatus};
use firebreak::plan::{FindingSummary, JoinedAs};
use firebreak::target::{Target, TargetKind};
use firebreak_ledger::{Held, Joining, Ledger, Mark, RawEvent};
use firebreak_testkit::room;
use firebreak_testkit::scripted::ScriptedAws;

const SUSPECT: &str = "AIDAEXAMPLESUSPECT001";
const VICTIM: &str = "AIDAEXAMPLEVICTIM0001";

async fn stage() -> (ScriptedAws, Ledger) {
    let aws = ScriptedAws::start().await.expect("a port");
    let ledger = room::ledger(&aws);
    (aws, ledger)
}

fn held(target: &Target) -> Held<'_> {
    Held { target, containment: Containment::QuarantineIam }
}

fn own(name: &str) -> Holder {
    Holder::Own(incident(name))
}

/// Two containments at once: the second one looked at the row before the first one recorded.
#[tokio::test]
async fn a_users_row_by_name_is_never_given_to_whoever_has_the_name_then() {
    let (_aws, ledger) = stage().await;
    let by_name = user("alice");
    let [suspect, victim] = ["as the suspect was", "as the victim was"].map(str::to_owned);
    ledger.hold(held(&by_name), &own("one"), SUSPECT, &suspect, at(0)).await.expect("written");
    let refused = ledger.hold(held(&by_name), &own("two"), VICTIM, &victim, at(1)).await.expect_err("the suspect's");
    assert_eq!(refused.kind, FaultKind::Transient, "the next run takes the row by id");
    let row = ledger.row(held(&by_name), at(2)).await.expect("read");
    assert_eq!((row.identity.as_deref(), row.holders.as_slice()), (Some(SUSPECT), [incident("one").to_string()].as_slice()));
    assert_eq!(row.base::<String>().expect("a state"), Some(suspect.clone()));

    // A role cannot be renamed: whoever had the name is gone.
    let role = Target { kind: TargetKind::IamRole, ..by_name };
    ledger.hold(held(&role), &own("one"), "AROAEXAMPLEFORMER0001", &suspect, at(0)).await.expect("written");
    let known = ledger.hold(held(&role), &own("two"), "AROAEXAMPLEPRESENT001", &victim, at(1)).await;
    assert_eq!(known.expect("written"), victim);
}

#[tokio::test]
async fn a_containment_for_a_finding_that_joined_is_waited_for_where_it_left_no_mark() {
    let (_aws, ledger) = stage().await;
    let (by_name, two, finding) = (user("alice"), incident("two"), incident("a finding"));
    let (joined, holders) = (Holder::Joined(finding.clone()), Holders::of(&two).with([&finding]));
    ledger.mark_held(held(&by_name), &own("one"), at(0)).await.expect("written");
    ledger.mark_held(held(&by_name), &joined, at(0)).await.expect("written");
    let busy = ledger.bar_joined(held(&by_name), &holders, at(1)).await.expect_err("it holds the row");
    assert_eq!(busy.kind, FaultKind::Transient);
    ledger.leave(held(&by_name), &joined).await.expect("written");
    let row = ledger.row(held(&by_name), at(1)).await.expect("read");
    assert_eq!((row.holders, row.containing), (vec![incident("one").to_string()], vec![finding.to_string()]));
    let busy = ledger.bar_joined(held(&by_name), &holders, at(1)).await.expect_err("it goes on elsewhere");
    assert_eq!(busy.kind, FaultKind::Transient);
    assert_eq!(ledger.row(held(&by_name), at(200)).await.expect("read").containing, [""; 0], "it must have died");

    ledger.end_containment(held(&by_name), &joined).await.expect("written");
    for second in [2, 3] {
        ledger.bar_joined(held(&by_name), &holders, at(second)).await.expect("written");
    }
    let late = ledger.mark_held(held(&by_name), &joined, at(4)).await.expect("asked");
    assert_eq!(late, Mark::Answered);
    let row = ledger.row(held(&by_name), at(5)).await.expect("read");
    assert_eq!(row.holders, [incident("one").to_string()], "nobody was let go of");
}

#[tokio::test]
async fn a_row_by_name_leads_to_each_user_whom_the_names_saw_once() {
    let (_aws, ledger) = stage().await;
    let by_name = user("alice");
    for (name, id) in [("one", SUSPECT), ("two", VICTIM), ("a finding", VICTIM)] {
        ledger.lead(held(&by_name), &own(name), id).await.expect("written");
    }
    let row = ledger.row(held(&by_name), at(0)).await.expect("read");
    let names = ["two", "a finding"].map(|name| incident(name).to_string());
    let led = row.leads(|name| names.iter().any(|own| own == name), &by_name);
    let victim = Target { principal_id: PrincipalId::parse(VICTIM).ok(), ..by_name };
    assert_eq!(led.iter().map(Target::ledger_key).collect::<Vec<_>>(), [victim.ledger_key()]);
}

#[tokio::test]
async fn only_what_is_held_for_a_released_incident_is_nobodys() {
    for (status, is_over) in [
        (IncidentStatus::Released, true),
        (IncidentStatus::Closed, false),
        (IncidentStatus::AwaitingReview, false),
        (IncidentStatus::Failed, false),
    ] {
        let (_aws, ledger) = stage().await;
        let [one, listed, unlisted] = ["one", "listed", "unlisted"].map(incident);
        for finding in [&listed, &unlisted] {
            ledger.claim(finding, "execution", at(0), &Coverage::default()).await.expect("written");
            let joining = Joining { incident: one.clone(), by: "execution".to_owned() };
            assert!(ledger.joins(finding, &joining).await.expect("written"));
        }
        let opened = room::opened("one");
        let joined = Some(JoinedAs { id: listed.clone(), at: at(0), revision: Some(1) });
        let findings = vec![opened.finding.clone(), FindingSummary { joined, ..opened.finding.clone() }];
        let opened = Incident { findings, ..opened };
        ledger.open_incident(&opened, status, &RawEvent::Inline("{}")).await.expect("written");
        let asked = [(&one, is_over), (&listed, is_over), (&unlisted, false), (&incident("unknown"), false)];
        for (name, expected) in asked {
            assert_eq!(ledger.is_released(name).await.expect("read"), expected, "{status:?}: {name}");
        }
    }
}
