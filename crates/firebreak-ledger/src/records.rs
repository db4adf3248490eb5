//! What was done about an incident's targets, and when: receipts, verifications, releases, looks, the timeline.

use super::view::look_row;
use super::{Ledger, from_doc, lost, sortable, string, text, to_doc};
use aws_sdk_dynamodb::types::AttributeValue;
use firebreak::containment::Containment;
use firebreak::fault::{Fault, FaultKind};
use firebreak::ids::IncidentId;
use firebreak::receipt::{Receipt, Standing, Status, Verification};
use firebreak::report::SweepBranch;
use firebreak::target::Target;
use firebreak_aws::classify::OrFault;
use jiff::Timestamp;
use serde::Serialize;

/// The receipt that says more, with the access keys of both where both hold. What a release touched since says nothing any more.
fn better(known: Receipt, new: &Receipt, releases: &[Receipt]) -> Receipt {
    let is_stale = known.standing(releases).is_touched_by_a_release();
    let (mut kept, other) = if !is_stale && known.is_better_than(new) { (known, new.clone()) } else { (new.clone(), known) };
    if kept.holds_something() && other.holds_something() && !is_stale {
        kept.target.absorb(&other.target);
    }
    kept
}

/// Executions of one incident can contain one target at the same time.
const ATTEMPTS: usize = 4;

impl Ledger {
    /// Keeps what a containment did to one target.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub async fn keep_receipt(&self, incident: &IncidentId, receipt: &Receipt) -> Result<(), Fault> {
        self.keep("receipt", incident, receipt.containment, &receipt.target, receipt).await
    }

    /// Keeps what a containment of another execution did to one target of the incident that it joined, unless by the receipt that is
    /// there more of the target is contained ([`Receipt::is_better_than`]): a release goes by it.
    ///
    /// # Errors
    /// The ledger could not be read or written; `Transient` when others kept receipts of the target all the time.
    pub async fn keep_better_receipt(&self, incident: &IncidentId, receipt: &Receipt) -> Result<(), Fault> {
        let sk = about("receipt", receipt.containment, &receipt.target);
        let released = self.item(incident, &about("release", receipt.containment, &receipt.target)).await?;
        let released: Vec<Receipt> = released.as_ref().map(from_doc).transpose()?.into_iter().collect();
        for _ in 0..ATTEMPTS {
            let known = self.item(incident, &sk).await?;
            let kept = match &known {
                None => receipt.clone(),
                Some(item) => better(from_doc(item)?, receipt, &released),
            };
            let put = self.put_about(incident, sk.as_str()).item("doc", to_doc(&kept)?);
            let put = match &known {
                None => put.condition_expression("attribute_not_exists(pk)"),
                Some(item) => put
                    .condition_expression("doc = :known")
                    .expression_attribute_values(":known", text(string(item, "doc").unwrap_or_default())),
            };
            let kept = put.send().await;
            if !lost(&kept) {
                kept.or_fault("ledger: keep receipt")?;
                return Ok(());
            }
        }
        Err(Fault::new(FaultKind::Transient, "ledger: others kept a receipt of the target at the same time"))
    }

    /// Keeps a receipt that the state machine wrote. One that a function left about this target says more and stays. So does a dated
    /// one, which says what failed, where the new one has no date.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub async fn keep_machine_receipt(&self, incident: &IncidentId, receipt: &Receipt) -> Result<(), Fault> {
        let put = self
            .put_about(incident, about("receipt", receipt.containment, &receipt.target))
            .item("doc", to_doc(receipt)?)
            .item("machine", AttributeValue::Bool(true));
        let put = match receipt.finished_at {
            Some(at) => put
                .item("machine_at", text(sortable(at)))
                .condition_expression("attribute_not_exists(pk) OR attribute_exists(machine)"),
            None => put.condition_expression(
                "attribute_not_exists(pk) OR (attribute_exists(machine) AND attribute_not_exists(machine_at))",
            ),
        };
        let kept = put.send().await;
        if lost(&kept) {
            return Ok(());
        }
        kept.or_fault("ledger: keep receipt")?;
        Ok(())
    }

    /// Keeps what was undone at one target.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub async fn keep_release(&self, incident: &IncidentId, receipt: &Receipt) -> Result<(), Fault> {
        self.keep("release", incident, receipt.containment, &receipt.target, receipt).await
    }

    /// Keeps what AWS said about one target after containment.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub async fn keep_verification(&self, incident: &IncidentId, check: &Verification) -> Result<(), Fault> {
        self.keep("verification", incident, check.containment, &check.target, check).await
    }

    /// Keeps what the looks of one execution found so far in CloudTrail. `joining` is the finding that it works on, where that
    /// finding joined the incident: each execution has a row of its own.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub async fn keep_sweep(
        &self,
        incident: &IncidentId,
        joining: Option<&IncidentId>,
        sweep: &SweepBranch,
    ) -> Result<(), Fault> {
        let row = look_row(joining.map(IncidentId::as_str));
        let put = self.put_about(incident, row).item("doc", to_doc(sweep)?);
        put.send().await.or_fault("ledger: keep what CloudTrail showed")?;
        Ok(())
    }

    /// What a containment did to one target, if it has been there.
    ///
    /// # Errors
    /// The ledger could not be read.
    pub async fn receipt(
        &self,
        incident: &IncidentId,
        containment: Containment,
        target: &Target,
    ) -> Result<Option<Receipt>, Fault> {
        let item = self.item(incident, &about("receipt", Some(containment), target)).await?;
        item.as_ref().map(from_doc).transpose()
    }

    /// What holds a target contained for an incident, in whole or in part: the receipt, when no release has touched it since.
    ///
    /// # Errors
    /// The ledger could not be read.
    pub async fn holding(
        &self,
        incident: &IncidentId,
        containment: Containment,
        target: &Target,
    ) -> Result<Option<Receipt>, Fault> {
        let release = about("release", Some(containment), target);
        let (receipt, released) = futures::try_join!(self.receipt(incident, containment, target), self.item(incident, &release))?;
        let releases: Vec<Receipt> = released.as_ref().map(from_doc).transpose()?.into_iter().collect();
        let is_there = |receipt: &Receipt| matches!(receipt.status, Status::Contained | Status::Partial);
        let holds = |receipt: &Receipt| is_there(receipt) && receipt.standing(&releases) == Standing::Held;
        Ok(receipt.filter(holds))
    }

    /// What AWS said about one target at an earlier look, if there was one.
    ///
    /// # Errors
    /// The ledger could not be read.
    pub async fn verification(
        &self,
        incident: &IncidentId,
        containment: Containment,
        target: &Target,
    ) -> Result<Option<Verification>, Fault> {
        let item = self.item(incident, &about("verification", Some(containment), target)).await?;
        item.as_ref().map(from_doc).transpose()
    }

    /// Adds a line to the timeline. Writing the same line of the same time again changes nothing.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub async fn note(&self, incident: &IncidentId, at: Timestamp, what: &str) -> Result<(), Fault> {
        // Part of the sort key, which DynamoDB bounds at 1,024 bytes.
        let what = firebreak::text::inert(what, 200);
        self.put_about(incident, format!("timeline#{}#{what}", sortable(at)))
            .item("at", text(sortable(at)))
            .item("what", text(what))
            .send()
            .await
            .or_fault("ledger: note")?;
        Ok(())
    }

    /// As [`note`](Self::note). The timeline is for people: a line that is missing stops nothing.
    pub async fn note_or_warn(&self, incident: &IncidentId, at: Timestamp, what: &str) {
        if let Err(fault) = self.note(incident, at, what).await {
            tracing::warn!(incident.id = %incident, fault.message = %fault.message, "timeline not written");
        }
    }

    async fn keep<T: Serialize>(
        &self,
        what: &str,
        incident: &IncidentId,
        containment: Option<Containment>,
        target: &Target,
        value: &T,
    ) -> Result<(), Fault> {
        let put = self.put_about(incident, about(what, containment, target)).item("doc", to_doc(value)?);
        put.send().await.or_fault(&format!("ledger: keep {what}"))?;
        Ok(())
    }
}

/// The sort key of a record about one target. Within an incident a target goes by name, as people and other executions of it know it.
fn about(what: &str, containment: Option<Containment>, target: &Target) -> String {
    format!("{what}#{}#{}", containment.map_or("none", Containment::name), target.by_name().scoped_key())
}
