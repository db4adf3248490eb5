//! Which incident is open for a target, and how a finding joins it.
//!
//! One row per join key points at an incident. It is a hint: a row that is lost costs a join, nothing more. What decides between a
//! finding that joins and an answer that closes is one conditional write on the incident, by its document and its status.

use super::incidents::ATTEMPTS;
use super::view::record;
use super::{Item, Ledger, lost, number, sortable, string, text, to_doc};
use firebreak::fault::{Fault, FaultKind};
use firebreak::ids::IncidentId;
use firebreak::incident::{Incident, IncidentStatus};
use firebreak::joining::{Merge, Merged};
use firebreak_aws::classify::OrFault;
use jiff::Timestamp;

/// Seconds after which a pointer may go: a day longer than policy can let findings join.
const KEPT_SECONDS: i64 = 8 * 24 * 3600;

/// Which incident is open for a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pointer {
    /// The incident.
    pub incident: IncidentId,
    /// When it was opened.
    pub opened_at: Timestamp,
}

/// Where a key is to point.
#[derive(Debug, Clone, Copy)]
pub struct Pointing<'a> {
    /// The incident.
    pub to: &'a IncidentId,
    /// When it was opened, or is about to be.
    pub opened_at: Timestamp,
    /// A pointer to an incident that was opened before is out of date.
    pub not_before: Timestamp,
    /// An incident that is known to be over, dead or never opened: it gives its place up.
    pub from: Option<&'a IncidentId>,
}

/// Who has a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pointed {
    /// It points where it was to point.
    Ours,
    /// Another incident was first.
    Theirs(IncidentId),
}

/// What became of a finding that was to join.
#[derive(Debug, Clone, PartialEq)]
pub enum JoinEnd {
    /// It is part of the incident, now or since an earlier try.
    Joined(Box<Merged>),
    /// The incident cannot take it: why, in words for people.
    Apart(&'static str),
    /// The incident is over.
    Over,
    /// The ledger does not know the incident. Its triage may be about to write it.
    Unknown,
    /// Others changed the incident all the time.
    Busy,
}

/// Which incident a finding joined, or was about to join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joining {
    /// The incident. Whether it lists the finding, it says itself.
    pub incident: IncidentId,
    /// The execution that joined.
    pub by: String,
}

impl Ledger {
    /// Remembers beside the claim of a finding which incident it joins, before it does: whatever happens next, the next attempt looks
    /// there first. False when another execution has taken the claim over.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub async fn joins(&self, finding: &IncidentId, joining: &Joining) -> Result<bool, Fault> {
        let written = self
            .update_about(finding, "claim", "SET joined = :incident, joined_by = :me")
            .condition_expression("execution_arn = :me")
            .expression_attribute_values(":incident", text(joining.incident.as_str()))
            .expression_attribute_values(":me", text(joining.by.as_str()))
            .send()
            .await;
        if lost(&written) {
            return Ok(false);
        }
        written.or_fault("ledger: remember which incident a finding joins")?;
        Ok(true)
    }

    /// Which incident a finding joined, or was about to join.
    ///
    /// # Errors
    /// The ledger could not be read.
    pub async fn joined(&self, finding: &IncidentId) -> Result<Option<Joining>, Fault> {
        // Analysts may read these, and no whole row.
        let get = self.get(format!("incident#{finding}"), "claim").projection_expression("joined, joined_by");
        let claim = get.send().await.or_fault("ledger: read claim")?.item.unwrap_or_default();
        let incident = string(&claim, "joined").and_then(|id| IncidentId::parse(id).ok());
        let by = string(&claim, "joined_by").map(str::to_owned);
        Ok(incident.zip(by).map(|(incident, by)| Joining { incident, by }))
    }

    /// Whether whatever is held in this name is held for an incident that was released: nobody will ask for another release. A name that
    /// nobody knows is no such name.
    ///
    /// # Errors
    /// The ledger could not be read.
    pub async fn is_released(&self, name: &IncidentId) -> Result<bool, Fault> {
        if let Some(known) = self.record(name).await? {
            return Ok(known.status == IncidentStatus::Released);
        }
        let Some(Joining { incident, .. }) = self.joined(name).await? else { return Ok(false) };
        let Some(known) = self.record(&incident).await? else { return Ok(false) };
        let is_listed = known.incident.holders(None).names().any(|joined| joined == name);
        Ok(is_listed && known.status == IncidentStatus::Released)
    }

    /// The incident to which a join key points. It can be over, or not be opened yet.
    ///
    /// # Errors
    /// The ledger could not be read.
    pub async fn pointer(&self, key: &str) -> Result<Option<Pointer>, Fault> {
        let answer = self.get(pointer_pk(key), "open").send().await.or_fault("ledger: read a pointer")?;
        answer.item.as_ref().map(pointer).transpose()
    }

    /// Lets a join key point at an incident, unless another one has it. The first one wins, and wins again when it asks again.
    ///
    /// An incident that takes several keys takes them in sorted order: of two that want the same keys, each would have to be first at
    /// its smaller key to lose to the other.
    ///
    /// # Errors
    /// The ledger could not be written or read; `Transient` when the key changed hands all the time.
    pub async fn point(&self, key: &str, pointing: Pointing<'_>) -> Result<Pointed, Fault> {
        let Pointing { to, opened_at, not_before, from } = pointing;
        for _ in 0..ATTEMPTS {
            let free = "attribute_not_exists(pk) OR opened_at < :not_before OR incident = :to";
            let update = self
                .update(text(pointer_pk(key)), text("open"))
                .update_expression("SET incident = :to, opened_at = :opened_at, expires_at = :expires_at")
                .expression_attribute_values(":to", text(to.as_str()))
                .expression_attribute_values(":opened_at", text(sortable(opened_at)))
                .expression_attribute_values(":not_before", text(sortable(not_before)))
                .expression_attribute_values(":expires_at", number(opened_at.as_second().saturating_add(KEPT_SECONDS)));
            let update = match from {
                None => update.condition_expression(free),
                Some(from) => update
                    .condition_expression(format!("{free} OR incident = :from"))
                    .expression_attribute_values(":from", text(from.as_str())),
            };
            let written = update.send().await;
            if !lost(&written) {
                written.or_fault("ledger: point at an incident")?;
                return Ok(Pointed::Ours);
            }
            match self.pointer(key).await? {
                Some(known) if known.incident == *to => return Ok(Pointed::Ours),
                // Somebody gave the key to the very incident that gives it up.
                Some(known) if Some(&known.incident) == from => {}
                Some(known) => return Ok(Pointed::Theirs(known.incident)),
                // It has just expired.
                None => {}
            }
        }
        Err(Fault::new(FaultKind::Transient, "ledger: a pointer changed hands all the time"))
    }

    /// Makes a finding part of an open incident, as `merge` says. Like [`amend`](Self::amend), but only while the incident is open:
    /// whoever ends it at the same time has either seen the finding or is first.
    ///
    /// `merge` may be called several times: each time with what the ledger knows then. A finding that the incident lists already has
    /// joined, whatever became of the incident since.
    ///
    /// # Errors
    /// The ledger could not be read or written.
    pub async fn join(&self, id: &IncidentId, merge: impl Fn(&Incident) -> Merge) -> Result<JoinEnd, Fault> {
        for _ in 0..ATTEMPTS {
            let Some(item) = self.item(id, "incident").await? else { return Ok(JoinEnd::Unknown) };
            let known = record(&item)?;
            let merge = merge(&known.incident);
            let joined = matches!(&merge, Merge::Joins(merged) if merged.is_listed && merged.incident == known.incident);
            if !joined && !known.status.is_open() {
                return Ok(JoinEnd::Over);
            }
            let merged = match merge {
                Merge::Apart(why) => return Ok(JoinEnd::Apart(why)),
                Merge::Joins(merged) if merged.incident == known.incident => return Ok(JoinEnd::Joined(merged)),
                Merge::Joins(merged) => merged,
            };
            if self.write_joined(id, &item, &merged).await? {
                return Ok(JoinEnd::Joined(merged));
            }
        }
        Ok(JoinEnd::Busy)
    }

    /// False when the incident was changed or ended since it was read.
    async fn write_joined(&self, id: &IncidentId, known: &Item, merged: &Merged) -> Result<bool, Fault> {
        let mut update = self
            .update_about(id, "incident", "SET doc = :doc, revision = :revision, amended = if_not_exists(amended, :zero) + :one")
            .condition_expression("doc = :known AND #status IN (:open0, :open1, :open2)")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":doc", to_doc(&merged.incident)?)
            .expression_attribute_values(":revision", number(merged.incident.revision))
            // The text as it was read: another version of Firebreak may have written the same incident in other words.
            .expression_attribute_values(":known", text(string(known, "doc").unwrap_or_default()))
            .expression_attribute_values(":zero", number(0))
            .expression_attribute_values(":one", number(1));
        for (at, status) in IncidentStatus::OPEN.iter().enumerate() {
            update = update.expression_attribute_values(format!(":open{at}"), text(status.word()));
        }
        let written = update.send().await;
        if lost(&written) {
            return Ok(false);
        }
        written.or_fault("ledger: join an incident")?;
        Ok(true)
    }

    /// Counts a finding that adds nothing to an incident and has no place in its list.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub async fn count_joined(&self, id: &IncidentId) -> Result<(), Fault> {
        self.update_about(id, "joins", "ADD more :one")
            .expression_attribute_values(":one", number(1))
            .send()
            .await
            .or_fault("ledger: count a finding")?;
        Ok(())
    }
}

fn pointer_pk(key: &str) -> String {
    format!("open#{key}")
}

fn pointer(item: &Item) -> Result<Pointer, Fault> {
    let incident = string(item, "incident").and_then(|id| IncidentId::parse(id).ok());
    let opened_at = string(item, "opened_at").and_then(|at| at.parse().ok());
    let known = incident.zip(opened_at).map(|(incident, opened_at)| Pointer { incident, opened_at });
    known.ok_or_else(|| Fault::bug("ledger: a pointer has an unknown form"))
}
