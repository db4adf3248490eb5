//! An incident that holds a user and a bucket, and the functions that a look calls.

use firebreak::answer::Decided;
use firebreak::containment::Containment;
use firebreak::decision::{Decision, Mode};
use firebreak::fault::Fault;
use firebreak::incident::{Incident, IncidentStatus};
use firebreak::policy::Policy;
use firebreak::receipt::{Receipt, Status, Verification};
use firebreak::review::GateMessage;
use firebreak::target::{Target, TargetKind};
use firebreak::watch::{WatchInput, WatchOutput};
use firebreak_aws::clock;
use firebreak_ledger::{IncidentView, Ledger, RawEvent};
use firebreak_testkit::room;
use firebreak_testkit::scripted::{Answer, Call, ScriptedAws, ok};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use watch::Function;

/// Looks after 10 seconds, 20 seconds, and then each minute.
const POLICY: &str = "verify_after_seconds = 1\n[watch]\nafter_seconds = [10, 20]\nevery_seconds = 60\n";

pub(crate) fn user() -> Target {
    room::target(TargetKind::IamUser, "alice")
}

pub(crate) fn bucket() -> Target {
    room::target(TargetKind::S3Bucket, "acme-exports")
}

pub(crate) fn decision(target: &Target, containment: Containment, mode: Mode) -> Decision {
    let decision = json!({ "target": target, "containment": containment, "mode": mode, "reason": "a finding" });
    serde_json::from_value(decision).expect("a decision")
}

/// What the functions answer: by the name of the function and the phase, in turn; the last one for ever.
type Script = Arc<Mutex<Vec<(String, Answer)>>>;

pub(crate) struct Stage {
    pub(crate) aws: ScriptedAws,
    pub(crate) incident: Incident,
    script: Script,
}

impl Stage {
    /// Both are contained, and every control holds.
    pub(crate) async fn start() -> Self {
        let aws = ScriptedAws::start().await.expect("a port");
        let mut incident = room::opened("one");
        incident.opened_at = clock::now();
        incident.decisions = vec![
            decision(&user(), Containment::QuarantineIam, Mode::Auto),
            decision(&bucket(), Containment::LockdownS3, Mode::Gate),
        ];
        let ledger = room::ledger(&aws);
        let opened = ledger.open_incident(&incident, IncidentStatus::AwaitingReview, &RawEvent::Inline("{}")).await;
        opened.expect("the ledger takes it");
        for (target, containment) in [(user(), Containment::QuarantineIam), (bucket(), Containment::LockdownS3)] {
            let receipt = Receipt::of(target, containment, Status::Contained);
            let receipt = Receipt { finished_at: Some(clock::now()), ..receipt };
            ledger.keep_receipt(&incident.id, &receipt).await.expect("the ledger takes it");
        }
        let script = Script::default();
        let (served, known) = (script.clone(), incident.clone());
        aws.on("lambda:*", move |call| Some(answer(&served, call).unwrap_or_else(|| by_default(call, &known))));
        aws.forget();
        Self { aws, incident, script }
    }

    /// What a function answers from now on in a phase.
    pub(crate) fn answers(&self, function: &str, phase: &str, answer: Answer) {
        let mut script = self.script.lock().unwrap_or_else(PoisonError::into_inner);
        script.retain(|(known, _)| *known != format!("{function} {phase}"));
        script.push((format!("{function} {phase}"), answer));
    }

    pub(crate) fn ledger(&self) -> Ledger {
        room::ledger(&self.aws)
    }

    pub(crate) async fn view(&self) -> IncidentView {
        self.ledger().incident(&self.incident.id).await.expect("the ledger answers").expect("an incident")
    }

    /// The sweep has decided to quarantine somebody at once.
    pub(crate) async fn decides(&self, target: &Target) {
        let decided = decision(target, Containment::QuarantineIam, Mode::Auto);
        let amended = self.ledger().amend(&self.incident.id, |incident| incident.decisions.push(decided.clone())).await;
        amended.expect("the ledger takes it").expect("an incident");
    }

    /// An answer could not be carried out, and the gate is open again.
    pub(crate) async fn asks_again(&self) {
        self.opens_gate("another token", true).await;
    }

    async fn opens_gate(&self, token: &str, after_answer: bool) {
        let entered_at = clock::now() + Duration::from_secs(u64::from(after_answer));
        let message = json!({ "task_token": token, "execution_arn": self.incident.execution_arn, "entered_at": entered_at,
            "round": 1, "after_answer": after_answer, "incident": self.incident });
        let message: GateMessage = serde_json::from_value(message).expect("a message");
        self.ledger().open_gate(&message).await.expect("the ledger takes it");
    }

    /// A gate, and an answer to it that is so old.
    pub(crate) async fn answered(&self, answer: firebreak::answer::Answer, covers: Option<u32>, age: Duration) {
        self.says(&Decided { covers, ..Decided::new(answer, "ann", "because", clock::now() - age) }).await;
    }

    /// A gate, and this answer to it.
    pub(crate) async fn says(&self, decided: &Decided) {
        self.opens_gate("a token", false).await;
        assert!(self.ledger().decide(&self.incident.id, decided).await.expect("the ledger takes it"));
    }

    /// One look, so many seconds after the watch was started.
    pub(crate) async fn look(&self, look: u32, elapsed: u64) -> Result<WatchOutput, Fault> {
        let function = Function::new(&self.aws.aws(), self.ledger(), &Policy::parse(POLICY).expect("a policy"));
        let started_at = clock::now() - Duration::from_secs(elapsed);
        let (incident_id, execution_arn) = (self.incident.id.clone(), Some(self.incident.execution_arn.clone()));
        let input = WatchInput { incident_id, execution_arn, started_at, look, generation: 1 };
        Box::pin(function.handle(input)).await
    }

    /// The functions that were called: name and phase.
    pub(crate) fn called(&self) -> Vec<String> {
        self.aws.calls().iter().filter(|call| call.service == "lambda").map(function_and_phase).collect()
    }

    /// The payloads that a function got in a phase.
    pub(crate) fn payloads(&self, function_in_phase: &str) -> Vec<Value> {
        let calls = self.aws.calls().into_iter().filter(|call| call.service == "lambda");
        let meant = calls.filter(|call| function_and_phase(call) == function_in_phase);
        meant.map(|call| serde_json::from_str(&call.body).expect("JSON")).collect()
    }
}

fn function_and_phase(call: &Call) -> String {
    let name = call.path.split('/').nth(3).unwrap_or_default().trim_start_matches("firebreak-");
    let payload: Value = serde_json::from_str(&call.body).expect("JSON");
    format!("{name} {}", payload["phase"].as_str().unwrap_or_default())
}

fn answer(script: &Script, call: &Call) -> Option<Answer> {
    let script = script.lock().unwrap_or_else(PoisonError::into_inner);
    let meant = function_and_phase(call);
    script.iter().find(|(known, _)| *known == meant).map(|(_, answer)| answer.clone())
}

/// Every control holds, nothing was found, what is contained is contained.
fn by_default(call: &Call, incident: &Incident) -> Answer {
    let payload: Value = serde_json::from_str(&call.body).expect("JSON");
    let said = match function_and_phase(call).split_once(' ') {
        Some(("sweep", _)) => swept(incident, &payload, json!([]), false),
        Some((_, "verify")) => {
            json!({ "target": payload["target"], "containment": "quarantine-iam", "holds": true, "problems": [] })
        }
        _ => json!({ "target": payload["target"], "containment": "quarantine-iam", "status": "contained", "steps": [],
            "finished_at": "2026-11-30T00:00:00Z" }),
    };
    ok(said.to_string())
}

fn swept(incident: &Incident, payload: &Value, contain: Value, alarm: bool) -> Value {
    let watch = json!({ "round": 1, "contain": contain, "alarm": alarm, "idle": false });
    json!({ "incident": incident, "report": payload["report"], "watch": watch })
}

/// What the sweep answers when it found something.
pub(crate) fn found(incident: &Incident, contain: Value) -> Answer {
    ok(swept(incident, &json!({ "report": { "containment": { "status": "ok" } } }), contain, true).to_string())
}

/// A function that failed, as Lambda says it.
pub(crate) fn failed(error: &str) -> Answer {
    ok(json!({ "errorType": error, "errorMessage": "what went wrong" }).to_string())
        .with_header("x-amz-function-error", "Unhandled")
}

/// A control that somebody reverted, as a containment's look leaves it in the ledger.
pub(crate) fn reverted(at: &str) -> Verification {
    let reverted = vec![format!("the deny was detached (seen at {at})")];
    let (target, containment) = (user(), Some(Containment::QuarantineIam));
    Verification { target, containment, holds: true, problems: vec![], reverted, notes: vec![] }
}
