//! Which incident an execution worked on: what it began with says so, by the keys under which the ledger keeps findings.

use crate::{Change, Function};
use firebreak::fault::Fault;
use firebreak::flood::Excess;
use firebreak::ids::IncidentId;
use firebreak::incident::IncidentStatus;
use firebreak::plan::{Circumstances, plan_json};
use firebreak::policy::Policy;
use firebreak::stored_event::StoredEvent;
use firebreak_aws::classify::OrFault;
use firebreak_aws::clock;
use std::collections::BTreeSet;

/// Whose an execution is.
pub(crate) enum Whose {
    /// The one that works on the incident of this status.
    Incident(IncidentId, IncidentStatus),
    /// Its finding joined this incident, which has an execution of its own.
    JoinedBy(IncidentId),
    /// No incident names it.
    Nobodys,
}

impl Function {
    /// Finds the incident. The first one that answers a finding, one that answers an update of it, or one that it joined.
    ///
    /// # Errors
    /// The ledger or Step Functions do not answer.
    pub(crate) async fn whose(&self, change: &Change) -> Result<Whose, Fault> {
        let Some(first) = self.first(&self.input(change).await?).await? else { return Ok(Whose::Nobodys) };
        let decided = self.ledger.coverage(&first).await?.decided;
        let mut candidates: BTreeSet<IncidentId> = decided.into_values().map(|owner| owner.incident).collect();
        candidates.insert(first.clone());
        for id in candidates {
            let record = self.ledger.record(&id).await?;
            if let Some(record) = record.filter(|record| record.incident.execution_arn == change.execution_arn) {
                return Ok(Whose::Incident(id, record.status));
            }
        }
        let joined = self.ledger.joined(&first).await?.filter(|joining| joining.by == change.execution_arn);
        Ok(joined.map_or(Whose::Nobodys, |joining| Whose::JoinedBy(joining.incident)))
    }

    /// What the execution began with.
    async fn input(&self, change: &Change) -> Result<String, Fault> {
        if let Some(input) = &change.input {
            return Ok(input.clone());
        }
        let described = self.executions.describe_execution().execution_arn(&change.execution_arn).send().await;
        Ok(described.or_fault("states:DescribeExecution")?.input.unwrap_or_default())
    }

    /// The first incident of the finding in an input; nothing when no finding can be read in it.
    async fn first(&self, input: &str) -> Result<Option<IncidentId>, Fault> {
        let policy = Policy::default();
        if let Some(excess) = Excess::referred_to_by(input) {
            return Ok(Some(IncidentId::of(&excess.plan(&policy).dedupe_key)));
        }
        let fetched = match StoredEvent::referred_to_by(input) {
            Some(stored) => Some(self.ledger.stored_event(&stored).await?),
            None => None,
        };
        // A finding has the same key under every policy.
        let plan = plan_json(fetched.as_deref().unwrap_or(input).as_bytes(), &Circumstances::new(&policy, clock::now()));
        Ok(plan.ok().map(|plan| IncidentId::of(&plan.dedupe_key)))
    }
}
