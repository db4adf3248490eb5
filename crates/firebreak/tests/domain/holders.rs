//! In whose name an execution holds targets, and which names a release is about.

use firebreak::facts::Carry;
use firebreak::holders::{Holder, Holders};
use firebreak::ids::IncidentId;
use firebreak::incident::Incident;
use firebreak::plan::{Circumstances, FindingSummary, JoinedAs, plan_json};
use firebreak::policy::Policy;
use jiff::Timestamp;
use std::collections::BTreeSet;

fn opened() -> Incident {
    let event = include_bytes!("../../../../fixtures/findings/guardduty/exfiltration-iam-user.json");
    let policy = Policy::unrestricted();
    let plan = plan_json(event, &Circumstances::new(&policy, Timestamp::UNIX_EPOCH)).expect("a plan");
    Incident::new(plan, &policy, "arn".to_owned(), Timestamp::UNIX_EPOCH)
}

/// A finding of this name joins.
fn join(incident: &mut Incident, name: &str, revision: Option<u32>) {
    let joined = Some(JoinedAs { id: IncidentId::of(name), at: Timestamp::UNIX_EPOCH, revision });
    incident.findings.push(FindingSummary { joined, ..incident.finding.clone() });
}

fn names(holders: &Holders<'_>) -> Vec<IncidentId> {
    holders.names().cloned().collect()
}

#[test]
fn an_incident_that_nothing_joined_holds_and_is_released_under_its_own_name() {
    let incident = opened();
    assert_eq!(incident.holder(), Holder::Own(incident.id.clone()));
    for covers in [None, Some(0), Some(7)] {
        assert_eq!(names(&incident.holders(covers)), std::slice::from_ref(&incident.id));
    }
}

#[test]
fn an_answer_names_the_findings_that_its_ticket_showed_and_no_later_one() {
    let mut incident = opened();
    join(&mut incident, "two", Some(1));
    join(&mut incident, "a copy", None);
    join(&mut incident, "three", Some(2));
    let of = |named: &[&str]| named.iter().map(|name| IncidentId::of(name)).collect::<BTreeSet<_>>();
    let joined = |covers| names(&incident.holders(covers)).into_iter().skip(1).collect::<BTreeSet<_>>();
    assert_eq!(
        [Some(0), Some(1), Some(2), None].map(joined),
        [of(&[]), of(&["two"]), of(&["two", "three"]), of(&["two", "three"])]
    );
    assert_eq!(incident.holders(None).own(), &incident.id);
}

/// A set with a name twice is refused by the ledger.
#[test]
fn each_name_is_there_once_and_the_incidents_own_first() {
    let mut incident = opened();
    join(&mut incident, "two", Some(1));
    join(&mut incident, "two", Some(2));
    let own = JoinedAs { id: incident.id.clone(), at: Timestamp::UNIX_EPOCH, revision: Some(0) };
    incident.findings[0].joined = Some(own);
    assert_eq!(names(&incident.holders(Some(1))), [incident.id.clone(), IncidentId::of("two")]);
}

#[test]
fn the_execution_of_a_finding_that_joined_holds_under_its_own_name_also_where_only_facts_are_carried() {
    let finding = IncidentId::of("two");
    let carried = Carry::Facts.incident(Incident { joining: Some(finding.clone()), ..opened() });
    let read: Incident = serde_json::from_value(serde_json::json!(carried)).expect("JSON");
    assert_eq!(read.holder(), Holder::Joined(finding));
    assert_eq!(read.id, opened().id, "the incident is the one it joined");
}
