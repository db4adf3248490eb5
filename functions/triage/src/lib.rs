#![doc = include_str!("../README.md")]

use aws_sdk_sfn::types::ExecutionStatus;
use firebreak::fault::{Fault, FaultKind};
use firebreak::ids::IncidentId;
use firebreak::incident::{Incident, IncidentStatus};
use firebreak::plan::{self, Verdict};
use firebreak::playbook::Playbook;
use firebreak::policy::Policy;
use firebreak::review::Answer;
use firebreak_aws::classify::OrFault;
use firebreak_aws::ledger::{Claim, Gate};
use firebreak_aws::{Aws, Ledger, environment};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

/// What the state machine sends.
#[derive(Debug, Deserialize)]
pub struct Request {
    /// The event, untouched: it may be hostile, and it is evidence.
    pub event: Box<RawValue>,
    /// The execution that asks.
    pub execution_arn: String,
    /// When that execution started.
    pub started_at: Timestamp,
}

/// The function and what it needs.
pub struct Function {
    policy: Policy,
    ledger: Ledger,
    executions: aws_sdk_sfn::Client,
}

impl Function {
    /// Reads the environment and the response policy.
    ///
    /// # Errors
    /// A fault that names the variable or the line of the policy.
    pub async fn load() -> Result<Self, Fault> {
        let aws = Aws::load().await;
        let file = environment::required(environment::POLICY_FILE)?;
        let text =
            std::fs::read_to_string(&file).map_err(|error| Fault::bug(format!("cannot read the policy {file}: {error}")))?;
        Ok(Self {
            policy: Policy::parse(&text).map_err(|error| Fault::bug(format!("{file}: {error}")))?,
            ledger: Ledger::new(aws.own(), environment::required(environment::TABLE)?),
            executions: aws_sdk_sfn::Client::new(aws.own()),
        })
    }

    /// Decides about one event and claims its finding.
    ///
    /// # Errors
    /// Only when the ledger or Step Functions do not answer: no event is an error.
    pub async fn handle(&self, request: Request) -> Result<Incident, Fault> {
        let decided = plan::plan_json(request.event.get().as_bytes(), Playbook::shipped(), &self.policy)
            .map_err(|error| Fault::malformed(error.to_string()))?;
        let mut incident = Incident::new(decided, &self.policy, request.execution_arn, request.started_at);
        match self.claim(&incident).await? {
            Claim::Ours => self.open(&incident, request.event.get()).await?,
            Claim::Held { execution_arn } => {
                self.ledger.count_delivery(&incident.id, request.started_at).await?;
                incident.verdict = Verdict::Ignore;
                incident.reason = Some(format!("delivered before; {execution_arn} works on it"));
                incident.decisions.clear();
            }
        }
        tracing::info!(
            incident.id = %incident.id,
            finding.kind = incident.finding.finding_type.as_deref().unwrap_or("unknown"),
            verdict = ?incident.verdict,
            decisions = incident.decisions.len(),
            "triaged"
        );
        Ok(incident)
    }

    async fn open(&self, incident: &Incident, raw_event: &str) -> Result<(), Fault> {
        let status = match incident.verdict {
            Verdict::Respond => IncidentStatus::Triaged,
            Verdict::Notify => IncidentStatus::Notified,
            Verdict::Ignore => IncidentStatus::Ignored,
        };
        self.ledger.open_incident(incident, status, raw_event).await?;
        let line = format!("triaged: {}", verdict_line(incident));
        if let Err(fault) = self.ledger.note(&incident.id, incident.opened_at, &line).await {
            tracing::warn!(fault.message = %fault.message, "timeline not written");
        }
        Ok(())
    }

    /// Claims the finding, also from an execution that did not handle it: a finding whose first response broke down, or that was only
    /// announced when it called for no more, must not be taken for handled.
    async fn claim(&self, incident: &Incident) -> Result<Claim, Fault> {
        let (id, ours, at) = (&incident.id, &incident.execution_arn, incident.opened_at);
        let claim = self.ledger.claim(id, ours, at).await?;
        let Claim::Held { execution_arn } = &claim else { return Ok(claim) };
        if !self.calls_for_more(incident, execution_arn).await? && !self.broke_down(id, execution_arn).await? {
            return Ok(claim);
        }
        let taken = self.ledger.take_over(id, execution_arn, ours, at).await?;
        Ok(if taken { Claim::Ours } else { claim })
    }

    /// True when the finding now calls for a response and the execution that holds the claim only announced or ignored it.
    async fn calls_for_more(&self, incident: &Incident, holder: &str) -> Result<bool, Fault> {
        if incident.verdict != Verdict::Respond {
            return Ok(false);
        }
        let before = self.ledger.record(&incident.id).await?;
        // A holder that has just taken over has not written its incident yet: what is there is not its verdict.
        Ok(before.is_some_and(|record| {
            record.incident.execution_arn == holder && matches!(record.status, IncidentStatus::Notified | IncidentStatus::Ignored)
        }))
    }

    /// True when the execution that holds the claim ended without finishing. What an analyst released must not be contained
    /// again by the next delivery of the same finding.
    async fn broke_down(&self, id: &IncidentId, execution_arn: &str) -> Result<bool, Fault> {
        let described = self.executions.describe_execution().execution_arn(execution_arn).send().await;
        let failed = match described.or_fault("states:DescribeExecution") {
            Ok(execution) => {
                matches!(execution.status, ExecutionStatus::Failed | ExecutionStatus::TimedOut | ExecutionStatus::Aborted)
            }
            // Step Functions forgets executions after 90 days; the ledger remembers how they ended.
            Err(fault) if fault.kind == FaultKind::Gone => {
                self.ledger.record(id).await?.is_some_and(|record| record.status == IncidentStatus::Failed)
            }
            Err(fault) => return Err(fault),
        };
        if !failed {
            return Ok(false);
        }
        let released = |gate: Gate| gate.delivered && gate.decision.is_some_and(|decided| decided.answer == Answer::Release);
        Ok(!self.ledger.gate(id).await?.is_some_and(released))
    }
}

fn verdict_line(incident: &Incident) -> String {
    match (incident.verdict, &incident.reason) {
        (Verdict::Respond, _) => format!("respond, {} decision(s)", incident.decisions.len()),
        (Verdict::Notify, reason) => format!("notify: {}", reason.as_deref().unwrap_or("no reason")),
        (Verdict::Ignore, reason) => format!("ignore: {}", reason.as_deref().unwrap_or("no reason")),
    }
}
