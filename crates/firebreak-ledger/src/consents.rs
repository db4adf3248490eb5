//! What waits for a second person: each wish about an incident's gate has a row of its own, and so has its restore.

use super::incidents::ATTEMPTS;
use super::{Item, Ledger, ReviewState, from_doc, incident_pk, lost, string, text, to_doc};
use firebreak::digest::sha256_hex;
use firebreak::fault::{Fault, FaultKind};
use firebreak::ids::IncidentId;
use firebreak::two_persons::{Asked, is_one_person};
use firebreak_aws::classify::OrFault;

/// The front of the rows about a gate. An earlier version had one row of this name.
const REVIEW: &str = "second#review";
/// The row about a restore: there is one kind of it.
const RESTORE: &str = "second#restore";

/// What came of a wish that two persons must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Consent {
    /// The wish waits for another person, since this person first had it.
    Waits(Asked),
    /// Another person asked for the same before.
    Given(Asked),
}

impl Ledger {
    /// Asks for an answer that two persons must give. What was asked for before the last recorded answer is spent, and so is what
    /// somebody asked for who may not ask any more, as `may` says of an ARN.
    ///
    /// # Errors
    /// The ledger could not be read or written; `Transient` when others asked all the time.
    pub async fn consent_to_answer(&self, id: &IncidentId, wish: &Asked, may: impl Fn(&str) -> bool) -> Result<Consent, Fault> {
        let review = self.item(id, "review").await?.as_ref().map(ReviewState::of).transpose()?;
        let answered = review.and_then(|review| review.answers.iter().map(|answer| answer.at).max());
        let digest: String = sha256_hex(wish.means.as_ref().unwrap_or(&wish.what).as_bytes()).chars().take(16).collect();
        let counts = |asked: &Asked| asked.counts(wish.at, answered) && may(&asked.by);
        self.consent(id, (REVIEW, &format!("{REVIEW}#{digest}")), wish, counts).await
    }

    /// Asks for a restore that two persons must ask for. What was asked for before the last recorded restore is spent, and so is what
    /// somebody asked for who may not ask any more, as `may` says of an ARN.
    ///
    /// # Errors
    /// The ledger could not be read or written; `Transient` when others asked all the time.
    pub async fn consent_to_restore(&self, id: &IncidentId, wish: &Asked, may: impl Fn(&str) -> bool) -> Result<Consent, Fault> {
        let restored = self.restores(id).await?.iter().map(|restore| restore.at).max();
        let counts = |asked: &Asked| asked.counts(wish.at, restored) && may(&asked.by);
        self.consent(id, (RESTORE, RESTORE), wish, counts).await
    }

    async fn consent(
        &self,
        id: &IncidentId,
        (front, row): (&str, &str),
        wish: &Asked,
        counts: impl Fn(&Asked) -> bool,
    ) -> Result<Consent, Fault> {
        for _ in 0..ATTEMPTS {
            let items = self.wishes(id, front).await?;
            let all: Vec<Asked> = items.iter().map(from_doc).collect::<Result<_, Fault>>()?;
            let live: Vec<&Asked> = all.iter().filter(|asked| counts(asked)).collect();
            // Who asks for something else takes back what that person asked for before.
            let is_taken_back =
                |first: &Asked| live.iter().any(|other| other.at > first.at && is_one_person(&other.by, &first.by));
            let same: Vec<&Asked> = live.iter().copied().filter(|first| first.is_same(wish) && !is_taken_back(first)).collect();
            if let Some(first) = same.iter().find(|first| !is_one_person(&first.by, &wish.by)) {
                return Ok(Consent::Given((*first).clone()));
            }
            if let Some(first) = same.first() {
                return Ok(Consent::Waits((*first).clone()));
            }
            let put = self.put_about(id, row).item("doc", to_doc(wish)?);
            let put = match items.iter().find(|item| string(item, "sk") == Some(row)) {
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

    /// The rows of wishes that begin so.
    async fn wishes(&self, id: &IncidentId, front: &str) -> Result<Vec<Item>, Fault> {
        let mut pages = self
            .dynamodb
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":pk", incident_pk(id))
            .expression_attribute_values(":prefix", text(front))
            .projection_expression("sk, doc")
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        let mut wishes = Vec::new();
        while let Some(item) = pages.next().await {
            wishes.push(item.or_fault("ledger: read what waits for a second person")?);
        }
        Ok(wishes)
    }
}
