//! Follows one execution of the state machine and says what each state did.

mod answered;

use answered::{closed, released};

use crate::CommandError;
use crate::screen::{Activity, Screen};
use aws_sdk_sfn::Client;
use aws_sdk_sfn::types::{ExecutionStatus, HistoryEvent};
use console::style;
use firebreak::containment::Containment;
use firebreak::incident::Incident;
use firebreak::plan::Verdict;
use firebreak::receipt::{Outcome, Receipt, Step, Verification};
use firebreak::report::{Branch, Report};
use firebreak::step::StepKind;
use firebreak::text::inert;
use firebreak_aws::classify::OrFault;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// Where an execution is when following ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It waits for an analyst.
    AtGate,
    /// It succeeded.
    Succeeded,
    /// It failed, timed out or was stopped.
    Failed,
}

impl End {
    /// The word in JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::AtGate => "awaiting-review",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }
}

/// One execution as it was seen so far.
pub struct Follower<'a> {
    sfn: &'a Client,
    screen: &'a Screen,
    arn: String,
    label: String,
    seen: i64,
    under_way: BTreeMap<String, VecDeque<(Timestamp, Activity)>>,
    /// What functions answered, by the event that says so: a state keeps only a part of it.
    answers: BTreeMap<i64, String>,
    stop_at_gate: bool,
    /// What triage decided, once it has.
    pub incident: Option<Incident>,
    /// What the containments answered.
    pub receipts: Vec<Receipt>,
    /// When the containments' states were left, in the order of `receipts`.
    pub contained_at: Vec<Timestamp>,
}

/// States that say something to a person; the rest is plumbing.
const TOLD: [(&str, &str); 14] = [
    ("Triage", "deciding"),
    ("NotifyOnly", "sending a mail"),
    ("NotifyOpened", "sending a mail"),
    ("StartEvidence", "starting to collect evidence"),
    ("VerifyTarget", "checking whether it is in place"),
    ("Sweep", "looking in CloudTrail for what else the suspect did"),
    ("ContainDerivedTarget", "containing what the suspect created or assumed"),
    ("SealEvidence", "closing the evidence list"),
    ("AskAgain", "asking for another ticket of the open incident"),
    ("ReviewOverdue", "escalating: nobody answered"),
    ("ContainTarget", "containing what waited for approval"),
    ("Release", "putting everything back"),
    ("NotifyClosed", "sending a mail"),
    ("FailureNotice", "sounding the alarm: the incident cannot be finished"),
];

/// The containment that a state runs at once.
fn containment(state: &str) -> Option<Containment> {
    Containment::ALL.iter().copied().find(|containment| containment.state() == state)
}

/// What happens in a state, if it says something to a person.
fn doing(state: &str) -> Option<&'static str> {
    let told = TOLD.iter().find(|(name, _)| *name == state).map(|(_, doing)| *doing);
    told.or_else(|| containment(state).map(|containment| containment.declaration().doing))
}

impl<'a> Follower<'a> {
    /// Follows `arn`. `label` stands before every line, for several executions at once.
    #[must_use]
    pub fn new(sfn: &'a Client, screen: &'a Screen, arn: String, label: String) -> Self {
        let (under_way, answers) = (BTreeMap::new(), BTreeMap::new());
        let (incident, receipts, contained_at) = (None, vec![], vec![]);
        Self { sfn, screen, arn, label, seen: 0, under_way, answers, stop_at_gate: true, incident, receipts, contained_at }
    }

    /// Shows progress until the execution ends or reaches the review gate.
    ///
    /// # Errors
    /// When Step Functions does not answer.
    pub async fn to_gate(&mut self) -> Result<End, CommandError> {
        self.stop_at_gate = true;
        self.run().await
    }

    /// Shows progress until the execution ends, through the gate. An answer that could not be carried out leads back to the gate:
    /// then it ends there.
    ///
    /// # Errors
    /// When Step Functions does not answer.
    pub async fn to_end(&mut self) -> Result<End, CommandError> {
        self.stop_at_gate = false;
        self.run().await
    }

    async fn run(&mut self) -> Result<End, CommandError> {
        let mut pause = Duration::from_millis(200);
        loop {
            let (news, at_gate, asked_again) = self.read().await?;
            if at_gate && (self.stop_at_gate || asked_again) {
                return Ok(End::AtGate);
            }
            if !news {
                let status = self
                    .sfn
                    .describe_execution()
                    .execution_arn(&self.arn)
                    .send()
                    .await
                    .or_fault("states:DescribeExecution")?
                    .status;
                match status {
                    ExecutionStatus::Running | ExecutionStatus::PendingRedrive => {}
                    // The last states may have been written since the history was read.
                    ended => {
                        self.read().await?;
                        return Ok(if ended == ExecutionStatus::Succeeded { End::Succeeded } else { End::Failed });
                    }
                }
                pause = (pause * 2).min(Duration::from_secs(2));
            } else {
                pause = Duration::from_millis(200);
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// Reads new history. Returns whether there was any, whether the execution now waits at the gate, and whether it came back there
    /// because an answer could not be carried out.
    async fn read(&mut self) -> Result<(bool, bool, bool), CommandError> {
        let mut pages = self.sfn.get_execution_history().execution_arn(&self.arn).into_paginator().items().send();
        let (mut news, mut at_gate, mut asked_again) = (false, false, false);
        while let Some(event) = pages.next().await {
            let event = event.or_fault("states:GetExecutionHistory")?;
            let name =
                event.state_entered_event_details().map(|d| d.name()).or(event.state_exited_event_details().map(|d| d.name()));
            match name {
                Some("ReviewGate") => at_gate = event.state_entered_event_details().is_some(),
                Some("ReviewOverdue") => at_gate = false,
                Some("ReleaseIncomplete" | "ApprovalIncomplete") => asked_again = true,
                _ => {}
            }
            if event.id() > self.seen {
                self.seen = event.id();
                news = true;
                self.tell(&event);
            }
        }
        Ok((news, at_gate, asked_again))
    }

    fn tell(&mut self, event: &HistoryEvent) {
        let at = event.timestamp();
        let at = Timestamp::new(at.secs(), i32::try_from(at.subsec_nanos()).unwrap_or(0)).unwrap_or_default();
        if let Some(entered) = event.state_entered_event_details() {
            if let Some(doing) = doing(entered.name()) {
                let activity = self.screen.begin(&format!("{}{doing}", self.label));
                self.under_way.entry(entered.name().to_owned()).or_default().push_back((at, activity));
            }
        } else if let Some(succeeded) = event.task_succeeded_event_details() {
            self.answers.extend(payload(succeeded.output().unwrap_or("null")).map(|answer| (event.id(), answer)));
        } else if let Some(exited) = event.state_exited_event_details() {
            let answer = self.answers.remove(&event.previous_event_id());
            let Some((began, activity)) = self.under_way.get_mut(exited.name()).and_then(VecDeque::pop_front) else { return };
            drop(activity);
            let ms = at.duration_since(began).as_millis();
            let text = self.finished(exited.name(), exited.output().unwrap_or("null"), answer.as_deref(), at);
            self.screen.line(&format!("  {}{text} {}", self.label, style(format!("{ms} ms")).dim()));
        }
    }

    /// What a state did. `answer`: what its function said, if a function said something.
    fn finished(&mut self, state: &str, output: &str, answer: Option<&str>, at: Timestamp) -> String {
        match state {
            "Triage" => self.triaged(output),
            "ContainTarget" | "ContainDerivedTarget" => self.contained(state, answer.unwrap_or(output), at),
            _ if containment(state).is_some() => self.contained(state, answer.unwrap_or(output), at),
            "StartEvidence" => evidence(output),
            "VerifyTarget" => verified(output),
            "Sweep" => swept(output),
            "SealEvidence" => sealed(output),
            "AskAgain" => "another ticket of the open incident was asked for".to_owned(),
            "NotifyOpened" => "mail sent: what was decided".to_owned(),
            "NotifyOnly" => "mail sent; nothing is contained".to_owned(),
            "NotifyClosed" => closed(output),
            "ReviewOverdue" => style("nobody answered; mail sent, the incident is asked about again").yellow().to_string(),
            "Release" => released(answer.unwrap_or(output)),
            _ => style("Firebreak could not finish; the failure topic was told").red().bold().to_string(),
        }
    }

    fn triaged(&mut self, output: &str) -> String {
        let Some(incident) = field::<Incident>(output, "/incident") else { return failed("triage", output) };
        let text = match incident.verdict {
            Verdict::Respond => {
                let kind = inert(incident.finding.finding_type.as_deref().unwrap_or("unknown finding"), 80);
                let how = if incident.joining.is_some() { "is open already, and one more finding joins:" } else { "responds:" };
                format!("{} {} {kind}", style(incident.id.as_str()).bold(), style(how).red().bold())
            }
            Verdict::Notify | Verdict::Ignore => {
                let word = if incident.verdict == Verdict::Notify { "for information:" } else { "ignored:" };
                let reason = incident.reason.as_deref().unwrap_or("no reason");
                format!("{} {} {}", style(incident.id.as_str()).bold(), style(word).yellow(), inert(reason, 200))
            }
        };
        self.incident = Some(incident);
        text
    }

    fn contained(&mut self, state: &str, output: &str, at: Timestamp) -> String {
        let Ok(receipt) = serde_json::from_str::<Receipt>(output) else { return failed(state, output) };
        let done =
            if receipt.changed_nothing() { "it was so before: nothing had to change".to_owned() } else { applied(&receipt) };
        let text = format!("{} {} {}", crate::paint::status(receipt.status), receipt.target, style(done).dim());
        self.contained_at.push(receipt.finished_at.unwrap_or(at));
        self.receipts.push(receipt);
        text
    }
}

/// What was changed, with a number where it was done to several parts: `denied everything by policy; made inactive: access key x2`.
fn applied(receipt: &Receipt) -> String {
    let mut kinds: Vec<(&str, usize)> = Vec::new();
    let is_record = |step: &&Step| step.kind().is_some_and(StepKind::is_bookkeeping);
    for step in receipt.steps.iter().filter(|step| step.outcome == Outcome::Applied && !is_record(step)) {
        let word = step.kind().and_then(StepKind::done).unwrap_or_else(|| step.name.as_str());
        match kinds.iter_mut().find(|(kind, _)| *kind == word) {
            Some((_, count)) => *count += 1,
            None => kinds.push((word, 1)),
        }
    }
    let shown = kinds.iter().map(|(kind, count)| if *count > 1 { format!("{kind} x{count}") } else { (*kind).to_owned() });
    inert(&shown.collect::<Vec<_>>().join("; "), 200)
}

fn evidence(output: &str) -> String {
    match serde_json::from_str::<Branch>(output) {
        Ok(branch) if branch.status == "started" => "evidence is being collected".to_owned(),
        _ => failed("evidence", output),
    }
}

fn verified(output: &str) -> String {
    match serde_json::from_str::<Verification>(output) {
        Ok(check) if !check.reverted.is_empty() => {
            let what = inert(&check.reverted.join("; "), 200);
            format!("{} {}: {what}; written again", style("REVERTED by somebody").red().bold(), check.target)
        }
        Ok(check) if check.holds && !check.notes.is_empty() => {
            let left = inert(&check.notes.join("; "), 500);
            // Of an instance a look tells what it saw; of a principal, what somebody made.
            let whose = if check.containment == Some(Containment::IsolateEc2) { "seen" } else { "left to you" };
            format!("{} {}; {}: {left}", style("in place").green(), check.target, style(whose).yellow())
        }
        Ok(check) if check.holds => format!("{} {}", style("in place").green(), check.target),
        Ok(check) => {
            format!("{} {}: {}", style("NO LONGER IN PLACE").red().bold(), check.target, inert(&check.problems.join("; "), 200))
        }
        Err(_) => failed("the check", output),
    }
}

fn swept(output: &str) -> String {
    let Some(report) = field::<Report>(output, "/report") else { return failed("looking in CloudTrail", output) };
    let says = report.sweep.says();
    let quiet = report.sweep.found.is_empty() && report.sweep.missing.is_empty();
    if quiet { says } else { style(says).yellow().to_string() }
}

fn sealed(output: &str) -> String {
    match field::<u64>(output, "/report/seal/count") {
        Some(count) => format!("evidence list closed: {count} items, hash kept"),
        None => failed("closing the evidence list", output),
    }
}

/// What a Lambda function answered, from the result of the task that called it.
fn payload(result: &str) -> Option<String> {
    field::<Value>(result, "/Payload").map(|payload| payload.to_string())
}

/// A state that was left through its `Catch`: the output carries the error's name.
fn failed(what: &str, output: &str) -> String {
    let error = field::<String>(output, "/failure/Error")
        .or_else(|| field(output, "/Error"))
        .unwrap_or_else(|| "unknown error".to_owned());
    let text = format!("{what} failed: {}", inert(&error, 100));
    style(text).red().bold().to_string()
}

fn field<T: DeserializeOwned>(output: &str, pointer: &str) -> Option<T> {
    let value: Value = serde_json::from_str(output).ok()?;
    serde_json::from_value(value.pointer(pointer)?.clone()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_sfn::types::{HistoryEventType, StateEnteredEventDetails, StateExitedEventDetails, TaskSucceededEventDetails};
    use serde_json::json;

    /// The events of one task, as Step Functions writes them: what the function answered, and the facts that the state kept.
    fn events(state: &str, answer: &Value, kept: &Value) -> Vec<HistoryEvent> {
        let event = |id: i64, kind| {
            let at = aws_sdk_sfn::primitives::DateTime::from_secs(id);
            HistoryEvent::builder().id(id).previous_event_id(id - 1).r#type(kind).timestamp(at)
        };
        let entered = StateEnteredEventDetails::builder().name(state).build().expect("details");
        let succeeded = TaskSucceededEventDetails::builder().resource_type("lambda").resource("invoke");
        let succeeded = succeeded.output(json!({ "Payload": answer, "StatusCode": 200 }).to_string()).build().expect("details");
        let exited = StateExitedEventDetails::builder().name(state).output(kept.to_string()).build().expect("details");
        vec![
            event(1, HistoryEventType::TaskStateEntered).state_entered_event_details(entered).build().expect("an event"),
            event(2, HistoryEventType::TaskSucceeded).task_succeeded_event_details(succeeded).build().expect("an event"),
            event(3, HistoryEventType::TaskStateExited).state_exited_event_details(exited).build().expect("an event"),
        ]
    }

    fn receipt(steps: &Value) -> Value {
        json!({ "target": { "kind": "iam-user", "id": "alice", "account": "111122223333", "region": "eu-central-1", "partition": "aws" },
            "containment": "quarantine-iam", "status": "contained", "steps": steps, "finished_at": "2026-11-21T02:00:02Z" })
    }

    #[test]
    fn a_containment_is_shown_with_its_steps_although_the_state_keeps_facts() {
        let config = aws_sdk_sfn::Config::builder().behavior_version(firebreak_aws::clients::behavior_version()).build();
        let (client, screen) = (Client::from_conf(config), Screen::silent());
        let mut follower = Follower::new(&client, &screen, "arn".to_owned(), String::new());
        let step = json!([{ "name": "attach-deny", "outcome": "applied", "started_at": "2026-11-21T02:00:01Z", "ms": 1 }]);
        for event in events("QuarantineIam", &receipt(&step), &receipt(&json!([]))) {
            follower.tell(&event);
        }
        assert_eq!(applied(&follower.receipts[0]), "denied everything by policy");
    }

    #[test]
    fn nothing_is_said_of_cloudtrail_that_was_not_asked() {
        let said = |sweep: Value| swept(&json!({ "report": { "sweep": sweep } }).to_string());
        assert_eq!(said(json!({ "status": "ok", "suspects": 0 })), "CloudTrail was not asked: no principal is contained");
        let asked = json!({ "status": "ok", "suspects": 2, "asked": { "places": 3, "since": "2026-11-21T01:00:00Z" } });
        let where_ = "CloudTrail (3 pair(s) of account and Region, since 2026-11-21 01:00 UTC): nothing more was found";
        assert_eq!(said(asked), where_);
    }

    #[test]
    fn what_a_function_answered_stands_in_the_payload() {
        assert_eq!(payload(r#"{"Payload":{"status":"ok"}}"#).as_deref(), Some(r#"{"status":"ok"}"#));
    }
}
