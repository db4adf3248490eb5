#![doc = include_str!("../README.md")]

mod budget;
mod confirm;
mod open;

use confirm::Confirmer;
use firebreak::coverage::{Coverage, Update};
use firebreak::fault::Fault;
use firebreak::ids::IncidentId;
use firebreak::incident::Incident;
use firebreak::plan::{AtSource, Circumstances, Plan, Verdict, plan_json};
use firebreak::policy::Policy;
use firebreak::stored_event::StoredEvent;
use firebreak_aws::ledger::{Claim, RawEvent};
use firebreak_aws::{Aws, Ledger, environment};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

/// What the state machine sends.
#[derive(Debug, Deserialize)]
pub struct Request {
    /// The event, untouched: it may be hostile, and it is evidence. Or the reference of a stored one.
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
    confirmer: Confirmer,
}

/// One invocation.
struct Delivery<'a> {
    execution_arn: &'a str,
    at: Timestamp,
    raw: RawEvent<'a>,
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
            confirmer: Confirmer::new(aws.own().clone()),
        })
    }

    /// Decides about one event and claims its finding.
    ///
    /// # Errors
    /// Only when the ledger or Step Functions do not answer: no event is an error.
    pub async fn handle(&self, request: Request) -> Result<Incident, Fault> {
        let stored = StoredEvent::referred_to_by(request.event.get());
        let fetched = match &stored {
            Some(stored) => Some(self.ledger.stored_event(stored).await?),
            None => None,
        };
        let event = fetched.as_deref().unwrap_or_else(|| request.event.get());
        let raw = stored.as_ref().map_or(RawEvent::Inline(request.event.get()), RawEvent::Stored);
        let delivery = Delivery { execution_arn: &request.execution_arn, at: request.started_at, raw };
        let plan = self.plan(event.as_bytes(), delivery.at).await?;
        let incident = self.respond(plan, &delivery).await?;
        tracing::info!(
            incident.id = %incident.id,
            finding.kind = incident.finding.finding_type.as_deref().unwrap_or("unknown"),
            verdict = ?incident.verdict,
            decisions = incident.decisions.len(),
            "triaged"
        );
        Ok(incident)
    }

    /// Decides, and asks GuardDuty first when a containment would follow at once.
    async fn plan(&self, event: &[u8], now: Timestamp) -> Result<Plan, Fault> {
        // The time is the execution's: a second try decides the same.
        let under = |at_source| {
            let circumstances = Circumstances { at_source, ..Circumstances::new(&self.policy, now) };
            plan_json(event, &circumstances).map_err(|error| Fault::malformed(error.to_string()))
        };
        let at_best = under(AtSource::Active)?;
        let at_source = self.confirmer.ask(&at_best, self.policy.confirmation).await;
        if at_source == AtSource::Active { Ok(at_best) } else { under(at_source) }
    }

    /// Claims the finding and answers what is new about it.
    async fn respond(&self, plan: Plan, delivery: &Delivery<'_>) -> Result<Incident, Fault> {
        let id = IncidentId::of(&plan.dedupe_key);
        let coverage = Coverage::of(&plan);
        let claim = self.ledger.claim(&id, delivery.execution_arn, delivery.at, &coverage).await?;
        let Claim::Held { execution_arn: holder } = claim else {
            return self.open(plan, None, delivery).await;
        };
        let known = self.ledger.coverage(&id).await?;
        let stale = known.is_ahead_of(&plan);
        if !stale && self.abandoned(&id, &plan, &holder).await? {
            return if self.ledger.take_over(&id, &holder, delivery.execution_arn, delivery.at).await? {
                self.ledger.cover(&id, &coverage).await?;
                self.open(plan, None, delivery).await
            } else {
                self.repeated(plan, &id, &format!("{holder} works on it"), delivery).await
            };
        }
        self.update(plan, &id, &known, &holder, delivery).await
    }

    /// Answers an update of a finding that another execution works on, or worked on.
    async fn update(
        &self,
        plan: Plan,
        first: &IncidentId,
        known: &Coverage,
        holder: &str,
        delivery: &Delivery<'_>,
    ) -> Result<Incident, Fault> {
        let coverage = Coverage::of(&plan);
        let follow_up = IncidentId::of(&firebreak::coverage::follow_up_key(&plan));
        match known.update(plan.clone(), first) {
            Update::Nothing(why) => {
                // An earlier attempt of this execution may have opened the follow-up and died before it could say so.
                if let Some(record) =
                    self.ledger.record(&follow_up).await?.filter(|r| r.incident.execution_arn == delivery.execution_arn)
                {
                    return Ok(record.incident);
                }
                self.ledger.cover(first, &Coverage { decided: [].into(), ..coverage }).await?;
                self.repeated(plan, first, &format!("{why}; {holder} works on it"), delivery).await
            }
            Update::FollowUp(update) => {
                let of_update = Coverage::of(&update);
                let claim = self.ledger.claim(&follow_up, delivery.execution_arn, delivery.at, &of_update).await?;
                if let Claim::Held { execution_arn } = claim {
                    return self.repeated(plan, first, &format!("{execution_arn} works on this update"), delivery).await;
                }
                let incident = self.open(*update, Some(first.clone()), delivery).await?;
                // Last: an attempt that dies before this does everything again, and nothing twice.
                self.ledger.cover(first, &coverage).await?;
                Ok(incident)
            }
        }
    }

    /// A delivery that calls for nothing: counted, and remembered on the finding's first incident.
    async fn repeated(&self, plan: Plan, id: &IncidentId, why: &str, delivery: &Delivery<'_>) -> Result<Incident, Fault> {
        self.ledger.count_delivery(id, delivery.at).await?;
        let version = plan.finding.updated_at.map_or_else(String::new, |at| format!(" as of {at}"));
        self.note(id, delivery.at, &format!("delivered again{version}")).await;
        let plan = Plan {
            verdict: Verdict::Ignore,
            reason: Some(format!("delivered before: {why}")),
            decisions: vec![],
            findings: vec![],
            ..plan
        };
        Ok(Incident::new(plan, &self.policy, delivery.execution_arn.to_owned(), delivery.at))
    }

    /// The timeline is for people: a line that is missing stops nothing.
    async fn note(&self, id: &IncidentId, at: Timestamp, line: &str) {
        if let Err(fault) = self.ledger.note(id, at, line).await {
            tracing::warn!(fault.message = %fault.message, "timeline not written");
        }
    }
}
