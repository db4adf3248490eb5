//! What the instance's own tags say before anything is changed.

use crate::{INSTANCE, base, contain, responder, stage};
use firebreak::containment::Containment;
use firebreak::decision::{Decision, Mode, ReasonCode};
use firebreak::fault::{Fault, FaultKind};
use firebreak::incident::{Incident, IncidentStatus};
use firebreak::policy::Policy;
use firebreak::receipt::{Receipt, Status};
use firebreak::target::TargetKind;
use firebreak::task::{Phase, TaskInput, TaskOutput};
use firebreak_ledger::RawEvent;
use firebreak_testkit::room;
use firebreak_testkit::scripted::ScriptedAws;
use isolate_ec2::Function;
use serde_json::json;

const TAGS: &str = r#"
[protected]
tags = [{ key = "keep", value = "always" }]
[instances]
critical = [{ key = "criticality", value = "high" }]
"#;

/// Opens the incident in which the instance is to be isolated at once.
pub(crate) async fn open(aws: &ScriptedAws) {
    open_about(aws, "one", INSTANCE).await;
}

/// Opens an incident in which the instance of this id is to be isolated at once.
pub(crate) async fn open_about(aws: &ScriptedAws, incident: &str, id: &str) {
    let target = room::target(TargetKind::Ec2Instance, id);
    let decision = json!({ "target": target, "containment": "isolate-ec2", "mode": "auto", "reason": "a test" });
    let incident = Incident { decisions: vec![serde_json::from_value(decision).expect("a decision")], ..room::opened(incident) };
    let opened = room::ledger(aws).open_incident(&incident, IncidentStatus::Triaged, &RawEvent::Inline("{}")).await;
    opened.expect("written");
}

/// Contains the instance for the incident under a policy.
pub(crate) async fn contain_under(aws: &ScriptedAws, policy: &str, approved: bool) -> Result<Receipt, Fault> {
    let target = room::target(TargetKind::Ec2Instance, INSTANCE);
    let request = TaskInput { approved, ..room::request(Phase::Contain, "one", target) };
    Box::pin(carry_out(aws, policy, request)).await
}

/// Carries out what the state machine asks for.
pub(crate) async fn carry_out(aws: &ScriptedAws, policy: &str, request: TaskInput) -> Result<Receipt, Fault> {
    let function = Function::new(responder(aws), Policy::parse(policy).expect("a policy"));
    let TaskOutput::Receipt(receipt) = Box::pin(function.handle(request)).await? else {
        unreachable!("a containment answers with a receipt")
    };
    Ok(receipt)
}

/// The decision about the instance, as the ledger has it.
pub(crate) async fn decision(aws: &ScriptedAws) -> Decision {
    let record = room::ledger(aws).record(&room::incident("one")).await.expect("read").expect("an incident");
    record.incident.decisions[0].clone()
}

fn tag(key: &str, value: &str) -> (String, String) {
    (key.to_owned(), value.to_owned())
}

#[tokio::test]
async fn an_instance_that_is_protected_by_now_is_left_alone_also_when_approved() {
    let (aws, ec2) = stage().await;
    open(&aws).await;
    ec2.change_instance(|instance| instance.tags.extend([tag("keep", "always"), tag("criticality", "high")]));
    for approved in [false, true] {
        let receipt = contain_under(&aws, TAGS, approved).await.expect("a receipt");
        assert_eq!((receipt.status, receipt.fault_kind()), (Status::Skipped, Some(FaultKind::Protected)));
        assert!(receipt.told().is_some_and(|told| told.contains("its tag is protected")), "{receipt:?}");
        assert_eq!((aws.changes(), base(&aws)), (vec![], None));
    }
    assert_eq!(decision(&aws).await.containment, Some(Containment::IsolateEc2));
}

#[tokio::test]
async fn a_critical_instance_waits_and_an_approval_isolates_it() {
    let (aws, ec2) = stage().await;
    open(&aws).await;
    ec2.change_instance(|instance| instance.tags.extend([tag("criticality", "high")]));
    let receipt = contain_under(&aws, TAGS, false).await.expect("a receipt");
    assert_eq!(receipt.status, Status::Waits);
    assert_eq!((aws.changes(), base(&aws)), (vec![], None), "nothing is touched");
    let waiting = decision(&aws).await;
    assert_eq!((waiting.mode, waiting.code), (Mode::Gate, ReasonCode::Impact));
    assert!(waiting.reason.contains("criticality=high"), "{}", waiting.reason);
    contain_under(&aws, TAGS, true).await.expect("a receipt");
    assert!(ec2.now().is_cut_off());
}

#[tokio::test]
async fn a_tag_that_somebody_sets_meanwhile_stops_no_isolation_halfway() {
    let (aws, ec2) = stage().await;
    open(&aws).await;
    let killed = aws.kill_at("ec2:ModifyNetworkInterfaceAttribute", 1, true, contain(&aws, "one")).await;
    assert!(killed.is_none() && base(&aws).is_some());
    ec2.change_instance(|instance| instance.tags.extend([tag("keep", "always"), tag("criticality", "high")]));
    let receipt = contain_under(&aws, TAGS, false).await.expect("a receipt");
    assert!(receipt.holds_something() && ec2.now().is_cut_off(), "{receipt:?}");
}
