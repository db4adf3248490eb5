//! Events, and the function that takes them.

use crate::executions::Executions;
use firebreak::fault::Fault;
use firebreak_testkit::room;
use firebreak_testkit::scripted::ScriptedAws;
use ingest::Function;
use serde_json::value::RawValue;
use serde_json::{Value, json};

pub(crate) const STATE_MACHINE: &str = "arn:aws:states:eu-central-1:123456789012:stateMachine:firebreak-incident-response";

/// A server without executions and with an empty ledger.
pub(crate) async fn stage() -> (ScriptedAws, Executions) {
    let aws = ScriptedAws::start().await.expect("a port");
    let executions = Executions::of(&aws);
    (aws, executions)
}

/// Delivers an event as EventBridge does; returns the ARNs of the executions that work on it.
pub(crate) async fn deliver(aws: &ScriptedAws, event: &str) -> Result<Vec<String>, Fault> {
    let event = RawValue::from_string(event.to_owned()).expect("JSON");
    let function = Function::new(&aws.aws(), room::ledger(aws), STATE_MACHINE.to_owned(), None);
    Ok(Box::pin(function.handle(event)).await?.executions)
}

/// An event of GuardDuty. Its spaces and its number are not as a program would write them.
pub(crate) const ONE: &str =
    r#"{ "id":"e-1", "detail-type": "GuardDuty Finding",  "source":"aws.guardduty","detail":{"severity":8.50,"id":"f"} }"#;

/// An event of Security Hub with findings of these ids.
pub(crate) fn several(ids: &[&str]) -> String {
    let findings: Vec<Value> = ids.iter().map(|id| json!({ "Id": id, "Title": "odd" })).collect();
    let event = json!({
        "id": "e-2", "source": "aws.securityhub", "detail-type": "Security Hub Findings - Imported",
        "detail": { "findings": findings }
    });
    event.to_string()
}
