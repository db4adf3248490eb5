//! Opening an incident, and knowing when a claim may be taken over.

use crate::{Delivery, Function};
use aws_sdk_sfn::types::ExecutionStatus;
use firebreak::answer::{Answer, Decided};
use firebreak::coverage::{Coverage, Responsible};
use firebreak::decision::{Decision, Mode, ReasonCode};
use firebreak::fault::{Fault, FaultKind};
use firebreak::finding::SeverityBand;
use firebreak::ids::IncidentId;
use firebreak::incident::{Incident, IncidentStatus};
use firebreak::pause::Pauses;
use firebreak::plan::{FindingSummary, Plan, Verdict};
use firebreak_aws::classify::OrFault;
use firebreak_ledger::{Commit, Gate, RawEvent};

/// Which incident an execution opens.
pub(crate) struct Opening {
    /// Its id.
    pub(crate) id: IncidentId,
    /// The first incident of the same finding, when this one answers an update.
    pub(crate) follows: Option<IncidentId>,
    /// What the ledger has of it, when an execution broke down.
    pub(crate) before: Option<Incident>,
}

impl Opening {
    /// One that nobody has opened before.
    pub(crate) fn of(id: IncidentId, follows: Option<IncidentId>) -> Self {
        Self { id, follows, before: None }
    }

    /// Whether the incident was opened for another finding than that of `plan`, and its execution broke down.
    pub(crate) fn is_of_other(&self, plan: &Plan) -> bool {
        let of_update = format!("{}#", plan.dedupe_key);
        self.before.as_ref().is_some_and(|b| b.dedupe_key != plan.dedupe_key && !b.dedupe_key.starts_with(&of_update))
    }
}

impl Function {
    /// Writes the incident of a plan to the ledger. What is new and paused, or exceeds the budget, waits for a person.
    pub(crate) async fn open(&self, plan: Plan, opening: Opening, delivery: &Delivery<'_>) -> Result<Incident, Fault> {
        let is_of_other = opening.is_of_other(&plan);
        let Opening { id, follows, before } = opening;
        let dedupe_key = before.as_ref().map_or_else(|| plan.dedupe_key.clone(), |before| before.dedupe_key.clone());
        let new = Incident::new(plan, &self.policy, delivery.execution_arn.to_owned(), delivery.at);
        let mut incident = Incident { id, follows, dedupe_key, ..new };
        // What a broken response decided may be contained: its containment asks about the pause itself, and keeps what holds. What is
        // new beside it, the commit has lowered.
        let nothing = Pauses::default();
        let pauses = if before.is_some() { &nothing } else { &delivery.pauses };
        // The claim, or the commit, has reserved them.
        let first = incident.follows.as_ref().unwrap_or(&incident.id);
        let commit = Commit { pauses, ..self.commit(first, &incident.id, &incident.finding, delivery) };
        let committed = self.ledger.count(commit, std::mem::take(&mut incident.decisions)).await?;
        (incident.decisions, incident.over_budget) = (committed.decisions, committed.over_budget);
        self.told_in_one_summary(&mut incident, delivery).await?;
        if let Some(before) = before {
            incident = incident.taken_over_from(before, !is_of_other);
        }
        let status = match incident.verdict {
            Verdict::Respond => IncidentStatus::Triaged,
            Verdict::Notify => IncidentStatus::Notified,
            Verdict::Ignore => IncidentStatus::Ignored,
        };
        let raw = if is_of_other { &RawEvent::Kept } else { &delivery.raw };
        if !self.ledger.open_incident(&incident, status, raw).await? {
            return self.changed_meanwhile(&incident.id, delivery).await;
        }
        self.ledger.note_or_warn(&incident.id, incident.opened_at, &format!("triaged: {}", verdict_line(&incident))).await;
        if let Some(first) = &incident.follows {
            self.ledger.note_or_warn(first, incident.opened_at, &format!("an update is answered by {}", incident.id)).await;
        }
        Ok(incident)
    }

    /// A finding joined since this execution read the incident, or since an earlier attempt of this execution wrote it.
    async fn changed_meanwhile(&self, id: &IncidentId, delivery: &Delivery<'_>) -> Result<Incident, Fault> {
        let known = self.ledger.record(id).await?.map(|record| record.incident);
        known
            .filter(|incident| incident.execution_arn == delivery.execution_arn)
            .ok_or_else(|| Fault::new(FaultKind::Transient, "a finding joined the incident meanwhile"))
    }

    /// Of findings beyond what people can be asked about in an hour, the first one is told for all of them; the others are on record.
    async fn told_in_one_summary(&self, incident: &mut Incident, delivery: &Delivery<'_>) -> Result<(), Fault> {
        let beyond = |d: &Decision| d.mode == Mode::Notify && d.code == ReasonCode::OverBudget;
        let is_critical = incident.finding.severity_band == Some(SeverityBand::Critical);
        let has_more = incident.decisions.iter().any(|decision| !beyond(decision));
        let Some(account) = incident.decisions.iter().find(|d| beyond(d)).map(|d| d.target.account.clone()) else {
            return Ok(());
        };
        // What else the finding says is told as always, and so is the worst that can be.
        if has_more || is_critical || incident.verdict != Verdict::Respond {
            return Ok(());
        }
        let hour = delivery.at.strftime("%Y-%m-%dT%H").to_string();
        let summary = IncidentId::of(&format!("unread#{account}#{hour}"));
        let owner = Responsible { incident: incident.id.clone(), told_only: true };
        let first = self.ledger.reserve(&summary, "summary", &owner).await?;
        let limit = self.policy.unread_per_hour.0;
        let why = format!("more than {limit} findings of account {account} this hour could not be understood");
        incident.verdict = if first { Verdict::Notify } else { Verdict::Ignore };
        let reason =
            if first { "this mail stands for all of them: firebreak incidents" } else { "one mail was sent for all of them" };
        incident.reason = Some(format!("{why}; {reason}"));
        Ok(())
    }

    /// Whose decisions are committed, under which pauses and which budget.
    pub(crate) fn commit<'a>(
        &'a self,
        first: &'a IncidentId,
        incident: &'a IncidentId,
        finding: &FindingSummary,
        delivery: &'a Delivery<'_>,
    ) -> Commit<'a> {
        let (unread, vouched) = (self.policy.unread_per_hour.0, finding.is_vouched());
        let (budget, pauses) = (&self.policy.budget, &delivery.pauses);
        Commit { first, incident, budget, unread, vouched, at: delivery.at, pauses }
    }

    /// True when the claim's holder did not handle the finding: its response broke down, it only announced what now calls for more, or
    /// somebody closed it with a target that was not contained. Such a finding must not be taken for handled.
    pub(crate) async fn abandoned(&self, id: &IncidentId, plan: &Plan, known: &Coverage, holder: &str) -> Result<bool, Fault> {
        // An older version calls for nothing that a newer one has taken back. Of a response that broke down, any version will do.
        let calls_for_more = !known.is_ahead_of(plan) && self.calls_for_more(id, plan, holder).await?;
        Ok(calls_for_more || self.broke_down(id, holder).await? || self.ended_open(id, plan).await?)
    }

    /// True when the incident was closed although a target was open, and the finding has a later version since: it goes on. Of a
    /// finding that joined, the incident is the one that it joined.
    async fn ended_open(&self, id: &IncidentId, plan: &Plan) -> Result<bool, Fault> {
        let joined = self.joined_by(id).await?;
        let id = joined.as_ref().map_or(id, |joined| &joined.incident.id);
        let Some(decided) = self.ledger.gate(id).await?.and_then(|gate| gate.decision) else { return Ok(false) };
        let later = plan.finding.updated_at.is_some_and(|version| version > decided.at);
        if decided.accept_open.is_empty() || !later || plan.verdict != Verdict::Respond {
            return Ok(false);
        }
        Ok(self.ledger.record(id).await?.is_some_and(|record| record.status == IncidentStatus::Closed))
    }

    /// True when the finding now calls for a response and the execution that holds the claim only announced or ignored it.
    async fn calls_for_more(&self, id: &IncidentId, plan: &Plan, holder: &str) -> Result<bool, Fault> {
        if plan.verdict != Verdict::Respond {
            return Ok(false);
        }
        let before = self.ledger.record(id).await?;
        // A holder that has just taken over has not written its incident yet: what is there is not its verdict.
        Ok(before.is_some_and(|record| {
            record.incident.execution_arn == holder && matches!(record.status, IncidentStatus::Notified | IncidentStatus::Ignored)
        }))
    }

    /// True when the execution that holds the claim ended without finishing. What an analyst released must not be contained
    /// again by the next delivery of the same finding.
    pub(crate) async fn broke_down(&self, id: &IncidentId, execution_arn: &str) -> Result<bool, Fault> {
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
        // Of a part of the targets: the others must stay answerable. What was released waits then (`Incident::taken_over_from`).
        let is_whole = |decided: Decided| decided.answer == Answer::Release && decided.targets.is_all();
        let released = |gate: Gate| gate.delivered && gate.decision.is_some_and(is_whole);
        // Of a finding that joined, the incident is the one that it joined: there the analyst has let go of it.
        let joined = self.joined_by(id).await?;
        if joined.as_ref().is_some_and(|joined| joined.status == IncidentStatus::Released) {
            return Ok(false);
        }
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
