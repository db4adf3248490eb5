//! An incident whose gate is open, and people who answer it.

use crate::execution::Execution;
use decide_review::{Approvers, Function};
use firebreak::answer::{Answer, Decided};
use firebreak::fault::Fault;
use firebreak::incident::IncidentStatus;
use firebreak::review::{DecideOutcome, DecideRequest, GateMessage};
use firebreak_function::signed::Caller;
use firebreak_ledger::{Gate, RawEvent};
use firebreak_testkit::room;
use firebreak_testkit::scripted::ScriptedAws;
use serde_json::{Value, json};

pub(crate) const TOKEN: &str = "AQCgAAAAKgAAAAIAAAAAAAAAAX9tVPQ+secret/token==";
const EXECUTION: &str = "arn:aws:states:eu-central-1:123456789012:execution:firebreak-incident-response:one";

/// A server whose ledger knows the incident and its open gate, at which an execution waits.
pub(crate) async fn stage() -> (ScriptedAws, Execution) {
    let aws = ScriptedAws::start().await.expect("a port");
    let execution = Execution::waiting(&aws, TOKEN);
    let (ledger, incident) = (room::ledger(&aws), room::opened("one"));
    let opened = Box::pin(ledger.open_incident(&incident, IncidentStatus::AwaitingReview, &RawEvent::Inline("{}"))).await;
    opened.expect("the ledger takes it");
    let message = message();
    Box::pin(ledger.open_gate(&message)).await.expect("the ledger takes it");
    Box::pin(ledger.gate_announced(&message)).await.expect("the ledger takes it");
    aws.forget();
    (aws, execution)
}

/// The message of the gate that is open.
pub(crate) fn message() -> GateMessage {
    let message = json!({
        "task_token": TOKEN, "execution_arn": EXECUTION, "entered_at": "2026-11-21T02:00:00Z", "round": 1,
        "incident": room::opened("one")
    });
    serde_json::from_value(message).expect("a gate's message")
}

/// A session of this role, or what else follows `assumed-role/`.
pub(crate) fn caller(role: &str, session: &str) -> Caller {
    let account = "123456789012";
    Caller { arn: format!("arn:aws:sts::{account}:assumed-role/{role}/{session}"), account: account.to_owned() }
}

/// The ARN of one who may approve.
pub(crate) fn arn(name: &str) -> String {
    caller("FirebreakApprover", name).arn
}

/// Somebody who may approve answers, and says why.
pub(crate) async fn ask(aws: &ScriptedAws, answer: Answer, by: &str, comment: &str) -> Result<DecideOutcome, Fault> {
    let request = json!({ "incident_id": room::incident("one"), "answer": answer, "comment": comment });
    send_as(aws, &caller("FirebreakApprover", by), request).await
}

/// A request of Ann arrives, who may approve.
pub(crate) async fn send(aws: &ScriptedAws, request: Value) -> Result<DecideOutcome, Fault> {
    send_as(aws, &caller("FirebreakApprover", "ann"), request).await
}

/// A request arrives that somebody signed.
pub(crate) async fn send_as(aws: &ScriptedAws, caller: &Caller, request: Value) -> Result<DecideOutcome, Fault> {
    send_where(aws, "", caller, request).await
}

/// The same, where others may approve, too.
pub(crate) async fn send_where(aws: &ScriptedAws, approvers: &str, by: &Caller, request: Value) -> Result<DecideOutcome, Fault> {
    let request: DecideRequest = serde_json::from_value(request).expect("a request");
    let function = Function::new(&aws.aws(), room::ledger(aws), Approvers::parse(approvers));
    Box::pin(function.handle(by, request)).await
}

/// Ann approves.
pub(crate) async fn approve(aws: &ScriptedAws) -> Result<DecideOutcome, Fault> {
    ask(aws, Answer::Approve, "ann", "it was right").await
}

/// Bob, who comes second, releases.
pub(crate) async fn release(aws: &ScriptedAws) -> Result<DecideOutcome, Fault> {
    ask(aws, Answer::Release, "bob", "it was wrong").await
}

/// What an outcome says was decided.
pub(crate) fn decision(outcome: &DecideOutcome) -> &Decided {
    match outcome {
        DecideOutcome::Accepted { decision }
        | DecideOutcome::Queued { decision }
        | DecideOutcome::AlreadyDecided { decision } => decision,
        DecideOutcome::TooLate | DecideOutcome::NoReview | DecideOutcome::NeedsSecond { .. } | DecideOutcome::Changed { .. } => {
            panic!("nothing was decided: {outcome:?}")
        }
    }
}

pub(crate) async fn gate(aws: &ScriptedAws) -> Gate {
    let (ledger, id) = (room::ledger(aws), room::incident("one"));
    Box::pin(ledger.gate(&id)).await.expect("the ledger answers").expect("a gate")
}

/// The lines of the timeline.
pub(crate) async fn timeline(aws: &ScriptedAws) -> Vec<String> {
    let (ledger, id) = (room::ledger(aws), room::incident("one"));
    let view = Box::pin(ledger.incident(&id)).await.expect("the ledger answers").expect("an incident");
    view.timeline.into_iter().map(|event| event.what).collect()
}
