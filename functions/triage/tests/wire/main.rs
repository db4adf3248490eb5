//! Triage over the wire: the real SDK, against a GuardDuty, a Step Functions, an IAM and a CloudTrail that the tests play.
#![expect(clippy::expect_used, reason = "a test may fail where it stands")]

mod budget;
mod claims;
mod confirm;
mod directory;
mod excess;
mod faults;
mod hosts;
mod identity;
mod joins;
mod joins_in_trouble;
mod owner;
mod pause;
mod services;
mod sessions;
mod take_over;
mod unread;

use firebreak::decision::Mode;
use firebreak::fault::Fault;
use firebreak::ids::IncidentId;
use firebreak::incident::Incident;
use firebreak::policy::Policy;
use firebreak_ledger::IncidentRecord;
use firebreak_testkit::dynamodb::{Item, Value as Attribute};
use firebreak_testkit::scripted::{ScriptedAws, error};
use firebreak_testkit::{fixture, room};
use jiff::Timestamp;
use serde_json::{Value, json};
use services::{Executions, GuardDuty};
use triage::{Function, TriageInput};

const ONE: &str = "arn:aws:states:eu-central-1:123456789012:execution:firebreak:one";
const TWO: &str = "arn:aws:states:eu-central-1:123456789012:execution:firebreak:two";
const THREE: &str = "arn:aws:states:eu-central-1:123456789012:execution:firebreak:three";

/// When every execution starts.
const AT: &str = "2026-11-20T02:10:00Z";
/// The hour that the budget is counted for then.
const HOUR: &str = "2026-11-20T02";

/// The user whose credentials the finding is about.
const USER: &str = "svc-659353";

/// Every account is contained at once.
const AUTO: &str = "default_mode = \"auto\"\n";

/// A server, and who answers there.
struct Stage {
    aws: ScriptedAws,
    guardduty: GuardDuty,
    executions: Executions,
}

impl Stage {
    /// GuardDuty knows what it is told, three executions are running, and the member account says nothing.
    async fn start() -> Self {
        let aws = ScriptedAws::start().await.expect("a port");
        let (guardduty, executions) = (GuardDuty::start(&aws), Executions::start(&aws));
        aws.answer("iam:*", error(403, "AccessDenied"));
        aws.answer("cloudtrail:*", error(400, "AccessDeniedException"));
        [ONE, TWO, THREE].into_iter().for_each(|arn| executions.set(arn, "RUNNING"));
        Self { aws, guardduty, executions }
    }

    /// A finding about the credentials of one user, which GuardDuty knows.
    fn finding(&self, serial: &str) -> Value {
        self.finding_of("guardduty/exfiltration-iam-user", serial)
    }

    /// The finding of a fixture, which GuardDuty knows.
    fn finding_of(&self, name: &str, serial: &str) -> Value {
        let mut event = fixture::load(name).expect("a fixture");
        fixture::personalise(&mut event, room::ACCOUNT, serial, at());
        self.guardduty.learn(&event);
        event
    }

    /// The same finding, about another user: GuardDuty knows it so.
    fn about(&self, mut event: Value, user: &str) -> Value {
        let details = &mut event["detail"]["resource"]["accessKeyDetails"];
        details["userName"] = json!(user);
        details["principalId"] = json!(format!("AIDAEXAMPLE000{}", user.to_uppercase()));
        self.guardduty.learn(&event);
        event
    }
}

fn at() -> Timestamp {
    AT.parse().expect("a time")
}

fn function(aws: &ScriptedAws, policy: &str) -> Function {
    Function::new(aws.aws(), room::ledger(aws), Policy::parse(policy).expect("a policy"))
}

/// What the state machine sends.
fn request(event: &Value, execution: &str) -> TriageInput {
    let request = json!({ "event": event, "execution_arn": execution, "started_at": AT });
    serde_json::from_str(&request.to_string()).expect("a request")
}

/// Lets an execution ask about an event.
async fn deliver(aws: &ScriptedAws, policy: &str, event: &Value, execution: &str) -> Result<Incident, Fault> {
    Box::pin(function(aws, policy).handle(request(event, execution))).await
}

/// Whom an incident is about, and what is done.
fn modes(incident: &Incident) -> Vec<(&str, Mode)> {
    incident.decisions.iter().map(|decision| (decision.target.id.as_str(), decision.mode)).collect()
}

/// An incident as the ledger has it.
async fn stored(aws: &ScriptedAws, incident: &IncidentId) -> Option<IncidentRecord> {
    room::ledger(aws).record(incident).await.expect("the ledger answers")
}

/// A row about an incident.
fn row(aws: &ScriptedAws, incident: &IncidentId, sk: &str) -> Item {
    aws.table().item(&format!("incident#{incident}"), sk).cloned().expect(sk)
}

/// The users that were counted against the hour's budget for quarantines.
fn counted(aws: &ScriptedAws) -> Vec<String> {
    counted_in(aws, &format!("{}#quarantine-iam-user", room::ACCOUNT))
}

/// The targets that were counted against one budget of the hour.
fn counted_in(aws: &ScriptedAws, budget: &str) -> Vec<String> {
    let table = aws.table();
    match table.item("budget#organization", HOUR).and_then(|item| item.get(budget)) {
        Some(Attribute::Ss(targets)) => targets.iter().cloned().collect(),
        _ => vec![],
    }
}

/// A user as the budget counts it.
fn key(user: &str) -> String {
    format!("{}/iam-user/{user}", room::ACCOUNT)
}
