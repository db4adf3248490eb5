//! What goes back to the state machine: small facts where the definition asks for them, the whole receipts to an earlier one.

use crate::{MANAGEMENT, POLICY, contained, kept, responder, stage, undo};
use firebreak::facts::Carry;
use firebreak::incident::{Incident, IncidentStatus};
use firebreak::receipt::Status;
use firebreak_testkit::room;
use firebreak_testkit::scripted::{ScriptedAws, error};
use quarantine_scp::Organization;
use release::{Function, ReleaseInput};
use serde_json::json;

#[tokio::test]
async fn facts_go_back_and_an_earlier_definition_gets_the_steps() {
    let (aws, _) = stage(&["acme"]).await;
    let incident = contained(&aws, "one", &["acme"]).await;
    let facts = json!({ "incident": Carry::Facts.incident(incident.clone()), "answer": null, "carry": "facts" });
    let earlier = json!({ "incident": incident, "answer": null });
    let mut answers = Vec::new();
    for request in [facts, earlier] {
        let request: ReleaseInput = serde_json::from_value(request).expect("a request");
        let function = Function::new(responder(&aws), Organization::new(POLICY, MANAGEMENT));
        let released = Box::pin(function.handle(request)).await.expect("an answer");
        assert_eq!(released.status, "ok");
        answers.extend(released.receipts);
    }
    let kept = kept(&aws, &incident).await;
    let [fact, whole] = answers.as_slice() else { panic!("{answers:?}") };
    assert_eq!((fact.status, fact.steps.len(), fact.finished_at), (Status::Contained, 0, kept[0].finished_at));
    assert_eq!(std::slice::from_ref(whole), kept, "what the first run wrote, with its steps");
    assert!(!whole.steps.is_empty());
}

#[tokio::test]
async fn that_everything_is_back_is_written_and_what_is_not_back_is_never_called_released() {
    let (aws, buckets) = stage(&["acme", "logs"]).await;
    let incident = contained(&aws, "one", &["acme", "logs"]).await;
    aws.always("s3:DeletePublicAccessBlock", error(403, "AccessDenied"));
    assert_eq!(undo(&aws, &incident).await.expect("an answer").status, "failed");
    assert_eq!(status(&aws, &incident).await, IncidentStatus::Containing, "a new execution may take over");
    aws.mend();
    assert_eq!(undo(&aws, &incident).await.expect("an answer").status, "ok");
    assert_eq!((buckets.block("acme"), status(&aws, &incident).await), (None, IncidentStatus::Released));
}

#[tokio::test]
async fn an_incident_that_nobody_knows_is_never_called_released() {
    let (aws, _) = stage(&["acme"]).await;
    let unknown = Incident { id: room::incident("lost"), ..contained(&aws, "one", &["acme"]).await };
    let fault = undo(&aws, &Carry::Facts.incident(unknown)).await.expect_err("nothing was put back");
    assert_eq!(fault.kind, firebreak::fault::FaultKind::Bug, "{fault}");
}

async fn status(aws: &ScriptedAws, incident: &Incident) -> IncidentStatus {
    room::ledger(aws).record(&incident.id).await.expect("the ledger answers").expect("an incident").status
}
