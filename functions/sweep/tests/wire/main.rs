//! The sweep over the wire: the real SDK, against a CloudTrail that the tests write.
#![expect(clippy::expect_used, reason = "a test may fail where it stands")]

mod addresses;
mod buckets;
mod carried;
mod faults;
mod gather;
mod hosts;
mod impact;
mod joins;
mod look;
mod looked;
mod parts;
mod pause;
mod raised;
mod stages;
mod trail;

use firebreak::containment::Containment;
use firebreak::coverage::Coverage;
use firebreak::decision::{Decision, Mode};
use firebreak::facts::Carry;
use firebreak::fault::Fault;
use firebreak::incident::{Incident, IncidentStatus};
use firebreak::plan::{Circumstances, plan_json};
use firebreak::policy::Policy;
use firebreak::receipt::{Receipt, Status};
use firebreak::report::Report;
use firebreak::target::Target;
use firebreak_aws::clock;
use firebreak_ledger::{IncidentView, Ledger, RawEvent};
use firebreak_testkit::dynamodb::Value as Attribute;
use firebreak_testkit::scripted::ScriptedAws;
use firebreak_testkit::{fixture, room};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::time::Duration;
use sweep::{Function, NextContainment, Phase, Round, SweepInput, SweepOutput, SweptState};
use trail::Trail;

/// The suspect: the user whose credentials the finding is about, and the key that was seen.
const SUSPECT: &str = "svc-659353";
const KEY: &str = "AKIA8EAD6FD1811981E9";

const EXECUTION: &str = "arn:aws:states:eu-central-1:123456789012:execution:firebreak:one";

/// Every account is contained at once.
const AUTO: &str = "default_mode = \"auto\"\n";
/// The same, with one question to CloudTrail: about the suspect, in the Region of IAM.
const ONE_PAGE: &str = "default_mode = \"auto\"\n[sweep]\npages = 1\n";

/// An incident whose suspect is contained, as the ledger and as the state machine have it.
struct Stage {
    aws: ScriptedAws,
    trail: Trail,
    incident: Incident,
    report: Report,
    /// From one request to CloudTrail to the next.
    pace: Duration,
}

impl Stage {
    async fn start() -> Self {
        Self::opened_at(clock::now()).await
    }

    async fn opened_at(opened: Timestamp) -> Self {
        let aws = ScriptedAws::start().await.expect("a port");
        impact::serve(&aws);
        let (trail, ledger) = (Trail::start(&aws, opened), room::ledger(&aws));
        let mut event = fixture::load("guardduty/exfiltration-iam-user").expect("a fixture");
        fixture::personalise(&mut event, room::ACCOUNT, "f1", opened);
        let (raw, policy) = (event.to_string(), policy(AUTO));
        let plan = plan_json(raw.as_bytes(), &Circumstances::new(&policy, opened)).expect("JSON");
        let coverage = Coverage::of(&plan);
        let mut incident = Incident::new(plan, &policy, EXECUTION.to_owned(), opened);
        // The look then begins a day before the incident, whenever the fixture was written.
        incident.finding.first_seen = None;
        ledger.claim(&incident.id, EXECUTION, opened, &coverage).await.expect("the ledger takes it");
        ledger.open_incident(&incident, IncidentStatus::Containing, &RawEvent::Inline(&raw)).await.expect("the ledger takes it");
        let mut report = Report::default();
        "ok".clone_into(&mut report.containment.status);
        report.containment.receipts = vec![receipt(&incident.decisions[0].target, Status::Contained)];
        Self { aws, trail, incident, report, pace: Duration::from_millis(1) }
    }

    fn ledger(&self) -> Ledger {
        room::ledger(&self.aws)
    }

    /// What the state machine asks for, all of the incident and the report carried along.
    async fn run(&self, phase: Phase, rules: &str) -> Result<SweptState, Fault> {
        self.ask(self.request(phase), rules).await
    }

    fn request(&self, phase: Phase) -> SweepInput {
        let (incident, report) = (self.incident.clone(), self.report.clone());
        let watch = Round { round: 1 };
        SweepInput { phase, stage: None, incident, report, watch, carry: Carry::default(), passing: sweep::Passing::default() }
    }

    async fn ask(&self, request: SweepInput, rules: &str) -> Result<SweptState, Fault> {
        match self.reply(request, rules).await? {
            SweepOutput::SweptState(answer) => Ok(*answer),
            closed @ SweepOutput::Closed { .. } => panic!("{closed:?}"),
        }
    }

    async fn reply(&self, request: SweepInput, rules: &str) -> Result<SweepOutput, Fault> {
        let function = Function::new(self.aws.aws(), self.ledger(), policy(rules)).paced(self.pace);
        Box::pin(function.handle(request)).await
    }

    /// Everything that the ledger knows of the incident.
    async fn view(&self) -> IncidentView {
        self.ledger().incident(&self.incident.id).await.expect("the ledger answers").expect("an incident")
    }

    /// A decision like the one about the suspect, about another user of the account.
    fn decision(&self, user: &str, mode: Mode) -> Decision {
        self.decision_like(&self.incident, user, mode)
    }

    /// The same, where the state machine carries no decision.
    fn decision_like(&self, incident: &Incident, user: &str, mode: Mode) -> Decision {
        let suspect = &incident.decisions[0];
        let target = Target { id: user.to_owned(), principal_id: None, access_key_id: None, ..suspect.target.clone() };
        Decision { target, mode, ..suspect.clone() }
    }

    /// Somebody decides more, in the ledger.
    async fn append(&self, decisions: &[Decision]) {
        let ledger = self.ledger();
        let amended = ledger.amend(&self.incident.id, |known| known.decisions.extend(decisions.iter().cloned()));
        amended.await.expect("the ledger takes it").expect("an incident");
    }

    /// The targets that were counted against the budget, in any hour.
    fn counted(&self) -> BTreeSet<String> {
        let of_hour = |item: &firebreak_testkit::dynamodb::Item| match item.get("targets") {
            Some(Attribute::Ss(targets)) => targets.clone(),
            _ => BTreeSet::new(),
        };
        self.aws.table().items().filter(|((pk, _), _)| *pk == "budget#organization").flat_map(|(_, item)| of_hour(item)).collect()
    }
}

fn policy(text: &str) -> Policy {
    Policy::parse(text).expect("a policy")
}

fn receipt(target: &Target, status: Status) -> Receipt {
    let finished_at = Some(firebreak_aws::clock::now());
    Receipt { finished_at, ..Receipt::of(target.clone(), Containment::QuarantineIam, status) }
}

/// Whom decisions are about, and how far they go.
fn modes(decisions: &[Decision]) -> Vec<(&str, Mode)> {
    decisions.iter().map(|decision| (decision.target.id.as_str(), decision.mode)).collect()
}

/// Whom the state machine contains next.
fn names(wanted: &[NextContainment]) -> Vec<&str> {
    wanted.iter().map(|wanted| wanted.target.id.as_str()).collect()
}

/// A user as the budget counts it.
fn key(user: &str) -> String {
    format!("{}/iam-user/{user}", room::ACCOUNT)
}
