//! What waits for a second person. One wish at a time waits for the gate of an incident, and one for its restore.

use super::incidents::ATTEMPTS;
use super::{Ledger, ReviewState, from_doc, lost, string, text, to_doc};
use firebreak::fault::{Fault, FaultKind};
use firebreak::ids::IncidentId;
use firebreak::two_persons::{Asked, is_one_person};
use firebreak_aws::classify::OrFault;
use jiff::Timestamp;

/// What came of a wish that two persons must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Consent {
    /// This waits for another person: the wish itself, or what somebody asked for before.
    Waits(Asked),
    /// Another person asked for the same before.
    Given(Asked),
}

impl Ledger {
    /// Asks for an answer that two persons must give. What was asked for before the last recorded answer is spent.
    ///
    /// # Errors
    /// The ledger could not be read or written; `Transient` when others asked all the time.
    pub async fn consent_to_answer(&self, incident: &IncidentId, wish: &Asked) -> Result<Consent, Fault> {
        let review = self.item(incident, "review").await?.as_ref().map(ReviewState::of).transpose()?;
        let answered = review.and_then(|review| review.answers.iter().map(|answer| answer.at).max());
        self.consent(incident, "second#review", wish, answered).await
    }

    /// Asks for a restore that two persons must ask for. What was asked for before the last recorded restore is spent.
    ///
    /// # Errors
    /// The ledger could not be read or written; `Transient` when others asked all the time.
    pub async fn consent_to_restore(&self, incident: &IncidentId, wish: &Asked) -> Result<Consent, Fault> {
        let restored = self.restores(incident).await?.iter().map(|restore| restore.at).max();
        self.consent(incident, "second#restore", wish, restored).await
    }

    async fn consent(&self, id: &IncidentId, row: &str, wish: &Asked, spent: Option<Timestamp>) -> Result<Consent, Fault> {
        for _ in 0..ATTEMPTS {
            let item = self.item(id, row).await?;
            let known: Option<Asked> = item.as_ref().map(from_doc).transpose()?;
            if let Some(first) = known.filter(|first| first.counts(wish.at, spent)) {
                let is_same = first.what == wish.what;
                if !is_one_person(&first.by, &wish.by) {
                    return Ok(if is_same { Consent::Given(first) } else { Consent::Waits(first) });
                }
                // Whoever asked first may ask for something else instead; nobody else may.
                if is_same {
                    return Ok(Consent::Waits(first));
                }
            }
            let put = self.put_about(id, row).item("doc", to_doc(wish)?);
            let put = match &item {
                None => put.condition_expression("attribute_not_exists(pk)"),
                Some(item) => put
                    .condition_expression("doc = :known")
                    .expression_attribute_values(":known", text(string(item, "doc").unwrap_or_default())),
            };
            let written = put.send().await;
            if !lost(&written) {
                written.or_fault("ledger: record what waits for a second person")?;
                return Ok(Consent::Waits(wish.clone()));
            }
        }
        Err(Fault::new(FaultKind::Transient, "ledger: others asked at the same time"))
    }
}
