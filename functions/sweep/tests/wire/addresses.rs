//! An isolated instance that may talk on with the addresses of the finding.

use crate::stages::look;
use crate::{Stage, receipt};
use firebreak::containment::Containment;
use firebreak::decision::{Decision, Mode};
use firebreak::incident::Incident;
use firebreak::plan::FindingSummary;
use firebreak::receipt::{Outcome, Receipt, Status, Step};
use firebreak::target::{Scope, Target, TargetKind};
use firebreak_testkit::room;
use std::collections::BTreeSet;
use std::net::IpAddr;
use sweep::Stage as Look;

#[tokio::test]
async fn open_connections_of_an_isolated_instance_ask_a_person_once_for_a_network_acl() {
    let mut stage = Stage::start().await;
    let instance = room::target(TargetKind::Ec2Instance, "i-0123456789abcdef0");
    let change = |known: &mut Incident| {
        let address: IpAddr = "203.0.113.7".parse().expect("an address");
        known.finding.remote = BTreeSet::from([address]);
        let suspect = known.decisions[0].clone();
        known.decisions.push(Decision { target: instance.clone(), containment: Some(Containment::IsolateEc2), ..suspect });
    };
    let amended = stage.ledger().amend(&stage.incident.id, change).await;
    stage.incident = amended.expect("the ledger takes it").expect("an incident");
    let started_at = stage.incident.opened_at;
    let step = |name: &str, outcome| Step { name: name.to_owned().into(), outcome, error: None, digest: None, started_at, ms: 1 };
    let steps = vec![step("isolate-interface eni-1", Outcome::Applied), step("cut-tracked eni-1", Outcome::Skipped)];
    let isolated = Receipt { containment: Some(Containment::IsolateEc2), steps, ..receipt(&instance, Status::Contained) };
    stage.report.containment.receipts.push(isolated);
    let answer = look(&stage, Look::First).await.expect("an answer");
    let asked = of_addresses(&answer.incident.decisions);
    assert_eq!(asked.len(), 1, "{:?}", answer.incident.decisions);
    assert_eq!((asked[0].mode, asked[0].containment), (Mode::Gate, Some(Containment::IsolateEc2)));
    assert_eq!(asked[0].target.addresses, answer.incident.finding.remote);
    let is_about = |target: &Target| target.scope == Scope::RemoteAddresses;
    assert!(!answer.watch.contain.iter().any(|next| is_about(&next.target)), "{:?}", answer.watch.contain);
    (stage.incident, stage.report) = (answer.incident, answer.report);
    let again = look(&stage, Look::Watch).await.expect("an answer");
    assert_eq!(of_addresses(&again.incident.decisions).len(), 1, "a later look does not ask again");
    // The suspect moves on, and another finding says so.
    let moved: IpAddr = "198.51.100.9".parse().expect("an address");
    let join =
        |known: &mut Incident| known.findings = vec![FindingSummary { remote: BTreeSet::from([moved]), ..known.finding.clone() }];
    stage.ledger().amend(&stage.incident.id, join).await.expect("the ledger takes it");
    (stage.incident, stage.report) = (again.incident, again.report);
    let later = look(&stage, Look::Watch).await.expect("an answer");
    let asked = of_addresses(&later.incident.decisions);
    assert_eq!((asked.len(), &asked[1].target.addresses), (2, &BTreeSet::from([moved])), "{asked:?}");
}

fn of_addresses(decisions: &[Decision]) -> Vec<&Decision> {
    decisions.iter().filter(|decision| decision.target.scope == Scope::RemoteAddresses).collect()
}
