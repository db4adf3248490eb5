//! Which incident an execution worked on: what it began with says so, by the keys under which the ledger keeps findings.

use crate::{Change, Function};
use firebreak::fault::{Fault, FaultKind};
use firebreak::flood::Excess;
use firebreak::ids::IncidentId;
use firebreak::incident::IncidentStatus;
use firebreak::names::{EVIDENCE_STATE_MACHINE, RESTORE_STATE_MACHINE, WATCH_STATE_MACHINE};
use firebreak::plan::{Circumstances, plan_json};
use firebreak::policy::Policy;
use firebreak::stored_event::StoredEvent;
use firebreak_aws::classify::OrFault;
use firebreak_aws::clock;
use serde::Deserialize;
use std::collections::BTreeSet;

/// Whose an execution is.
pub(crate) enum Whose {
    /// The one that works on the incident of this status.
    Incident(IncidentId, IncidentStatus),
    /// Its finding joined this incident, which has an execution of its own.
    JoinedBy(IncidentId),
    /// It worked beside the one of this incident: it collected evidence, looked again, or put it back. The incident stays as it is.
    Beside {
        /// Which state machine.
        machine: String,
        /// Nothing: it began with something else.
        incident: Option<IncidentId>,
    },
    /// It was to tell how many findings were only counted.
    Summary {
        /// Whose findings.
        account: String,
        /// The incident that stands for them, once there is one, and its status.
        incident: Option<(IncidentId, IncidentStatus)>,
    },
    /// No incident names it, as far as anybody could look: what kept Firebreak from looking will not pass.
    Nobodys(Option<FaultKind>),
}

/// What an execution beside the main one begins with: the incident, or its id.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Begun {
    incident_id: Option<IncidentId>,
    incident: Option<Named>,
}

#[derive(Deserialize)]
struct Named {
    id: IncidentId,
}

fn begun_for(input: &str) -> Option<IncidentId> {
    let begun: Begun = serde_json::from_str(input).unwrap_or_default();
    begun.incident_id.or(begun.incident.map(|named| named.id))
}

/// The state machine of an execution, unless it is the main one: `arn:…:execution:<state machine>:<name>`.
fn beside(execution_arn: &str) -> Option<&str> {
    let known = [EVIDENCE_STATE_MACHINE, WATCH_STATE_MACHINE, RESTORE_STATE_MACHINE];
    execution_arn.split(':').nth(6).filter(|machine| known.contains(machine))
}

impl Whose {
    /// The incident that is in the hands of the execution, and its status.
    pub(crate) fn incident(&self) -> Option<(&IncidentId, IncidentStatus)> {
        match self {
            Self::Incident(id, status) | Self::Summary { incident: Some((id, status)), .. } => Some((id, *status)),
            Self::Summary { incident: None, .. } | Self::Beside { .. } | Self::JoinedBy(_) | Self::Nobodys(_) => None,
        }
    }
}

impl Function {
    /// Finds the incident. A fault that does not pass is part of the answer: people must be told all the same.
    ///
    /// # Errors
    /// `Transient`: the ledger or Step Functions do not answer.
    pub(crate) async fn whose(&self, change: &Change) -> Result<Whose, Fault> {
        match self.known(change).await {
            Err(fault) if fault.kind != FaultKind::Transient => {
                tracing::error!(fault.message = %fault.message, "whose an execution was is not known");
                Ok(Whose::Nobodys(Some(fault.kind)))
            }
            known => known,
        }
    }

    /// The first incident that answers the finding, one that answers an update of it, or one that it joined.
    async fn known(&self, change: &Change) -> Result<Whose, Fault> {
        let input = self.input(change).await?;
        if let Some(machine) = beside(&change.execution_arn) {
            return Ok(Whose::Beside { machine: machine.to_owned(), incident: begun_for(&input) });
        }
        if let Some(excess) = Excess::referred_to_by(&input) {
            let id = IncidentId::of(&excess.plan(&Policy::default()).dedupe_key);
            let incident = self.in_its_hands(&id, change).await?.map(|status| (id, status));
            return Ok(Whose::Summary { account: excess.account, incident });
        }
        let Some(first) = self.first(&input).await? else { return Ok(Whose::Nobodys(None)) };
        let decided = self.ledger.coverage(&first).await?.decided;
        let mut candidates: BTreeSet<IncidentId> = decided.into_values().map(|owner| owner.incident).collect();
        candidates.insert(first.clone());
        for id in candidates {
            if let Some(status) = self.in_its_hands(&id, change).await? {
                return Ok(Whose::Incident(id, status));
            }
        }
        let joined = self.ledger.joined(&first).await?.filter(|joining| joining.by == change.execution_arn);
        Ok(joined.map_or(Whose::Nobodys(None), |joining| Whose::JoinedBy(joining.incident)))
    }

    /// The status of an incident, if the execution works on it.
    async fn in_its_hands(&self, id: &IncidentId, change: &Change) -> Result<Option<IncidentStatus>, Fault> {
        let record = self.ledger.record(id).await?;
        Ok(record.filter(|record| record.incident.execution_arn == change.execution_arn).map(|record| record.status))
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
        let fetched = match StoredEvent::referred_to_by(input) {
            Some(stored) => Some(self.ledger.stored_event(&stored).await?),
            None => None,
        };
        // A finding has the same key under every policy.
        let plan = plan_json(fetched.as_deref().unwrap_or(input).as_bytes(), &Circumstances::new(&policy, clock::now()));
        Ok(plan.ok().map(|plan| IncidentId::of(&plan.dedupe_key)))
    }
}
