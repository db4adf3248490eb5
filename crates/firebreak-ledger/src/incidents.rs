//! Incidents: opened once, amended while they run, found again.

use super::view::{IncidentRecord, IncidentView, record, view};
use super::{Item, Ledger, RawEvent, feed, from_doc, incident_pk, lost, number, sortable, string, text, to_doc};
use firebreak::containment::Containment;
use firebreak::decision::{Decision, Mode, Waits};
use firebreak::fault::{Fault, FaultKind};
use firebreak::ids::IncidentId;
use firebreak::incident::{Incident, IncidentStatus};
use firebreak::target::Target;
use firebreak::watch::is_watched;
use firebreak_aws::classify::OrFault;
use jiff::Timestamp;

/// Several functions amend an incident at the same time: the targets of one incident are contained side by side.
pub(super) const ATTEMPTS: usize = 16;

/// What analysts may read of the rows of an incident.
pub(super) const SHOWN: &str =
    "sk, doc, #status, #at, what, decision, answers, round, entered_at, delivered, shown, shown_revision, announced_at, more";

/// What came of a change that is not made to an incident that is over.
#[derive(Debug)]
pub enum Amended {
    /// The incident as it is now.
    Now(Box<Incident>),
    /// The incident is over, and as it was.
    Over(Box<Incident>),
    /// The ledger does not know it.
    Unknown,
}

impl Ledger {
    /// Writes the raw event and then the incident. A new execution of the same finding replaces both. False when the ledger has a
    /// later revision of the incident, which stays: a finding joined since the caller read it.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub async fn open_incident(&self, incident: &Incident, status: IncidentStatus, raw: &RawEvent<'_>) -> Result<bool, Fault> {
        self.keep_raw(&incident.id, raw).await?;
        let written = self
            .put_about(&incident.id, "incident")
            .item("feed", text(feed::partition(&incident.id)))
            .item("opened_at", text(sortable(incident.opened_at)))
            .item("status", text(status.word()))
            .item("doc", to_doc(incident)?)
            .item("revision", number(incident.revision))
            .condition_expression("attribute_not_exists(pk) OR attribute_not_exists(revision) OR revision <= :revision")
            .expression_attribute_values(":revision", number(incident.revision))
            .send()
            .await;
        if lost(&written) {
            return Ok(false);
        }
        written.or_fault("ledger: open incident")?;
        Ok(true)
    }

    /// Changes an incident as `change` says, whoever else changes it at the same time. Returns it as it is now; nothing when the ledger
    /// does not know it. A change of decisions raises the revision ([`Incident::stamp`]), whoever calls.
    ///
    /// `change` may be called several times: each time with what the ledger knows then.
    ///
    /// # Errors
    /// The ledger could not be read or written; `Transient` when others changed the incident all the time.
    pub async fn amend(&self, id: &IncidentId, change: impl Fn(&mut Incident)) -> Result<Option<Incident>, Fault> {
        match self.amend_while(id, None, change).await? {
            Amended::Now(incident) | Amended::Over(incident) => Ok(Some(*incident)),
            Amended::Unknown => Ok(None),
        }
    }

    /// As [`amend`](Self::amend), but only while somebody looks after the incident ([`is_watched`]): whoever ends it at the same time has
    /// either seen the change or is first.
    ///
    /// # Errors
    /// Those of [`amend`](Self::amend).
    pub async fn amend_watched(&self, id: &IncidentId, change: impl Fn(&mut Incident)) -> Result<Amended, Fault> {
        self.amend_while(id, Some(is_watched), change).await
    }

    async fn amend_while(
        &self,
        id: &IncidentId,
        may: Option<fn(IncidentStatus) -> bool>,
        change: impl Fn(&mut Incident),
    ) -> Result<Amended, Fault> {
        for _ in 0..ATTEMPTS {
            let Some(item) = self.item(id, "incident").await? else { return Ok(Amended::Unknown) };
            let known: Incident = from_doc(&item)?;
            let status = may.map(|may| record(&item).map(|record| (record.status, may(record.status)))).transpose()?;
            if status.is_some_and(|(_, may)| !may) {
                return Ok(Amended::Over(Box::new(known)));
            }
            let mut changed = known.clone();
            change(&mut changed);
            changed.stamp(&known);
            if changed == known {
                return Ok(Amended::Now(Box::new(known)));
            }
            let write = self
                .update_about(
                    id,
                    "incident",
                    "SET doc = :doc, revision = :revision, amended = if_not_exists(amended, :zero) + :one",
                )
                .expression_attribute_values(":doc", to_doc(&changed)?)
                .expression_attribute_values(":revision", number(changed.revision))
                .expression_attribute_values(":known", text(string(&item, "doc").unwrap_or_default()))
                .expression_attribute_values(":zero", number(0))
                .expression_attribute_values(":one", number(1));
            // The text as it was read: another version of Firebreak may have written the same incident in other words.
            let write = match status {
                None => write.condition_expression("doc = :known"),
                Some((status, _)) => write
                    .condition_expression("doc = :known AND #status = :status")
                    .expression_attribute_names("#status", "status")
                    .expression_attribute_values(":status", text(status.word())),
            };
            let written = write.send().await;
            if !lost(&written) {
                written.or_fault("ledger: amend incident")?;
                return Ok(Amended::Now(Box::new(changed)));
            }
        }
        Err(Fault::new(FaultKind::Transient, "ledger: others amended the incident at the same time"))
    }

    /// Makes the decision about `target` one that waits for a person.
    ///
    /// # Errors
    /// Those of [`amend`](Self::amend); `Gone` when the ledger knows no such incident, or the incident no such decision.
    pub async fn wait_for_approval(
        &self,
        id: &IncidentId,
        containment: Containment,
        target: &Target,
        waits: &Waits,
    ) -> Result<(), Fault> {
        // By name: the execution of a finding that joined can know the immutable id, and the incident not.
        let is_meant =
            |decision: &Decision| decision.containment == Some(containment) && decision.target.merge_key() == target.merge_key();
        let amended = self
            .amend(id, |incident| {
                for decision in incident.decisions.iter_mut().filter(|decision| is_meant(decision) && decision.mode == Mode::Auto)
                {
                    *decision = decision.clone().waiting(waits);
                }
            })
            .await?;
        let waits = amended.is_some_and(|incident| incident.decisions.iter().any(|d| is_meant(d) && d.mode == Mode::Gate));
        if waits { Ok(()) } else { Err(Fault::gone(format!("ledger: no decision about {target} could be made to wait"))) }
    }

    /// Moves an incident to `status` unless it is in one of the statuses in `unless`.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub async fn set_status(
        &self,
        incident: &IncidentId,
        status: IncidentStatus,
        unless: &[IncidentStatus],
    ) -> Result<(), Fault> {
        let mut update = self
            .update_about(incident, "incident", "SET #status = :status")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":status", text(status.word()));
        let mut condition = "attribute_exists(pk)".to_owned();
        for (i, status) in unless.iter().enumerate() {
            condition.push_str(&format!(" AND #status <> :not{i}"));
            update = update.expression_attribute_values(format!(":not{i}"), text(status.word()));
        }
        let written = update.condition_expression(condition).send().await;
        if lost(&written) {
            return Ok(());
        }
        written.or_fault("ledger: set status")?;
        Ok(())
    }

    /// Notes how an incident ended, and when. An answer that was carried out counts, whatever the status was before.
    ///
    /// `covers` is the revision up to which the answer counts; without one it counts for everything. False when more was decided
    /// than it covers: nothing is noted then.
    ///
    /// # Errors
    /// The ledger could not be written or read; `Gone` when it does not know the incident.
    pub async fn finish(
        &self,
        incident: &IncidentId,
        status: IncidentStatus,
        at: Timestamp,
        covers: Option<u32>,
    ) -> Result<bool, Fault> {
        let update = self
            .update_about(incident, "incident", "SET #status = :status, finished_at = :at")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":status", text(status.word()))
            .expression_attribute_values(":at", text(sortable(at)));
        let update = match covers {
            None => update.condition_expression("attribute_exists(pk)"),
            Some(covers) => update
                .condition_expression("attribute_exists(pk) AND (attribute_not_exists(revision) OR revision <= :covers)")
                .expression_attribute_values(":covers", number(covers)),
        };
        let written = update.send().await;
        if lost(&written) {
            if covers.is_some() && self.item(incident, "incident").await?.is_some() {
                return Ok(false);
            }
            return Err(Fault::gone(format!("ledger: no incident {incident} could be finished")));
        }
        written.or_fault("ledger: finish incident")?;
        Ok(true)
    }

    /// Records that an incident failed because its execution ended before it did. False when the incident is over, is in the hands of
    /// another execution, or is unknown: nothing is written then.
    ///
    /// # Errors
    /// The ledger could not be read or written; `Transient` when others changed the incident all the time.
    pub async fn broke_down(&self, id: &IncidentId, execution_arn: &str, at: Timestamp) -> Result<bool, Fault> {
        for _ in 0..ATTEMPTS {
            let Some(item) = self.item(id, "incident").await? else { return Ok(false) };
            let known = record(&item)?;
            if known.status.is_over() || known.incident.execution_arn != execution_arn {
                return Ok(false);
            }
            let written = self
                .update_about(id, "incident", "SET #status = :failed, finished_at = :at")
                // The execution is named in the document: whoever takes the incident over writes another one.
                .condition_expression("doc = :known AND #status = :status")
                .expression_attribute_names("#status", "status")
                .expression_attribute_values(":failed", text(IncidentStatus::Failed.word()))
                .expression_attribute_values(":at", text(sortable(at)))
                .expression_attribute_values(":known", text(string(&item, "doc").unwrap_or_default()))
                .expression_attribute_values(":status", text(known.status.word()))
                .send()
                .await;
            if !lost(&written) {
                written.or_fault("ledger: record that an execution broke down")?;
                return Ok(true);
            }
        }
        Err(Fault::new(FaultKind::Transient, "ledger: others changed the incident at the same time"))
    }

    /// An incident and its status, or nothing when the ledger does not know it.
    ///
    /// # Errors
    /// The ledger could not be read.
    pub async fn record(&self, incident: &IncidentId) -> Result<Option<IncidentRecord>, Fault> {
        self.record_at(&format!("incident#{incident}"), "incident").await
    }

    /// The same, by its key. Analysts may read these attributes, and no whole row.
    pub(super) async fn record_at(&self, pk: &str, sk: &str) -> Result<Option<IncidentRecord>, Fault> {
        let get = self.get(pk, sk).projection_expression("doc, #status").expression_attribute_names("#status", "status");
        get.send().await.or_fault("ledger: read incident")?.item.as_ref().map(record).transpose()
    }

    /// Everything about one incident, or nothing when the ledger does not know it.
    ///
    /// # Errors
    /// The ledger could not be read.
    pub async fn incident(&self, incident: &IncidentId) -> Result<Option<IncidentView>, Fault> {
        view(&self.rows(incident).await?)
    }

    /// All rows of an incident, without the gate's token and the raw event.
    pub(super) async fn rows(&self, incident: &IncidentId) -> Result<Vec<Item>, Fault> {
        let mut items: Vec<Item> = Vec::new();
        let mut pages = self
            .dynamodb
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", incident_pk(incident))
            // The gate's token and the raw event stay in the table.
            .projection_expression(SHOWN)
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#at", "at")
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        while let Some(item) = pages.next().await {
            items.push(item.or_fault("ledger: read incident")?);
        }
        Ok(items)
    }

    pub(super) async fn item(&self, incident: &IncidentId, sk: &str) -> Result<Option<Item>, Fault> {
        let get = self.get(format!("incident#{incident}"), sk);
        let answer = get.send().await.or_fault(&format!("ledger: read {sk}"))?;
        Ok(answer.item)
    }
}
