//! Claims: one execution per finding, however often the finding is delivered.

use super::{Item, Ledger, lost, number, sortable, string, text};
use aws_sdk_dynamodb::types::AttributeValue;
use firebreak::coverage::{Coverage, Responsible};
use firebreak::fault::Fault;
use firebreak::finding::SeverityBand;
use firebreak::ids::IncidentId;
use firebreak_aws::classify::OrFault;
use jiff::Timestamp;

/// Who works on a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// The asking execution, just now: what it decides was written with the claim.
    Ours,
    /// The asking execution, since an earlier attempt or a take-over.
    StillOurs,
    /// Another execution.
    Held {
        /// Its ARN.
        execution_arn: String,
    },
}

impl Ledger {
    /// Claims a finding for an execution, and remembers what that execution decides. The first one wins; asking again with the same
    /// execution wins again.
    ///
    /// # Errors
    /// The ledger could not be written or read.
    pub async fn claim(
        &self,
        incident: &IncidentId,
        execution_arn: &str,
        at: Timestamp,
        coverage: &Coverage,
    ) -> Result<Claim, Fault> {
        let mut put = self
            .put_about(incident, "claim")
            .item("execution_arn", text(execution_arn))
            .item("claimed_at", text(sortable(at)))
            .item("deliveries", number(1))
            .condition_expression("attribute_not_exists(pk)");
        if let Some(version) = coverage.version {
            put = put.item("version", text(sortable(version)));
        }
        if let Some(band) = coverage.band {
            put = put.item("band", number(rank(band)));
        }
        let keys = |told_only| coverage.decided.iter().filter(move |(_, owner)| owner.told_only == told_only);
        for (name, told_only) in [("decided", false), ("told", true)] {
            let keys: Vec<String> = keys(told_only).map(|(key, _)| key.clone()).collect();
            if !keys.is_empty() {
                put = put.item(name, AttributeValue::Ss(keys));
            }
        }
        let written = put.send().await;
        if !lost(&written) {
            written.or_fault("ledger: claim")?;
            return Ok(Claim::Ours);
        }
        Ok(match self.claimant(incident).await? {
            Some(holder) if holder != execution_arn => Claim::Held { execution_arn: holder },
            _ => Claim::StillOurs,
        })
    }

    /// Takes the claim over from an execution that no longer works on the finding. False when somebody else did so first.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub async fn take_over(&self, incident: &IncidentId, from: &str, to: &str, at: Timestamp) -> Result<bool, Fault> {
        let written = self
            .update_about(incident, "claim", "SET execution_arn = :to, claimed_at = :at ADD deliveries :one")
            .condition_expression("execution_arn = :from")
            .expression_attribute_values(":to", text(to))
            .expression_attribute_values(":from", text(from))
            .expression_attribute_values(":at", text(sortable(at)))
            .expression_attribute_values(":one", number(1))
            .send()
            .await;
        if lost(&written) {
            // An earlier attempt whose answer was lost may have won.
            return Ok(self.claimant(incident).await?.as_deref() == Some(to));
        }
        written.or_fault("ledger: take over claim")?;
        Ok(true)
    }

    /// What is known of a finding.
    ///
    /// # Errors
    /// The ledger could not be read.
    pub async fn coverage(&self, first: &IncidentId) -> Result<Coverage, Fault> {
        let (claim, reserved) = futures::join!(self.item(first, "claim"), self.reserved(first));
        let item = claim?.unwrap_or_default();
        let bands = [SeverityBand::Low, SeverityBand::Medium, SeverityBand::High, SeverityBand::Critical];
        let known = item.get("band").and_then(|band| band.as_n().ok());
        let of_first = |name: &str, told_only: bool| {
            let owner = Responsible { incident: first.clone(), told_only };
            texts(&item, name).map(|key| (key.clone(), owner.clone())).collect::<Vec<_>>()
        };
        // A reservation is newer than the claim.
        let decided = of_first("told", true).into_iter().chain(of_first("decided", false)).chain(reserved?);
        Ok(Coverage {
            version: string(&item, "version").and_then(|version| version.parse().ok()),
            band: known.and_then(|known| bands.into_iter().find(|band| rank(*band).to_string() == *known)),
            decided: decided.collect(),
        })
    }

    /// Remembers that a version of a finding was seen. Versions and bands only ever rise, whatever the order of the writers.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub async fn seen(&self, first: &IncidentId, version: Option<Timestamp>, band: Option<SeverityBand>) -> Result<(), Fault> {
        if let Some(band) = band {
            let condition = "attribute_not_exists(band) OR band < :new";
            self.raise(first, "SET band = :new", condition, number(rank(band))).await?;
        }
        if let Some(version) = version {
            let condition = "attribute_not_exists(version) OR version < :new";
            self.raise(first, "SET version = :new", condition, text(sortable(version))).await?;
        }
        Ok(())
    }

    async fn raise(&self, incident: &IncidentId, update: &str, condition: &str, new: AttributeValue) -> Result<(), Fault> {
        let written = self
            .update_about(incident, "claim", update)
            .condition_expression(condition)
            .expression_attribute_values(":new", new)
            .send()
            .await;
        if lost(&written) {
            return Ok(());
        }
        written.or_fault("ledger: remember the version")?;
        Ok(())
    }

    /// The execution that works on an incident, if one does.
    ///
    /// # Errors
    /// The ledger could not be read.
    pub async fn claimant(&self, incident: &IncidentId) -> Result<Option<String>, Fault> {
        let item = self.item(incident, "claim").await?.unwrap_or_default();
        Ok(string(&item, "execution_arn").map(str::to_owned))
    }

    /// Counts one more delivery of a finding that somebody works on already.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub async fn count_delivery(&self, incident: &IncidentId, at: Timestamp) -> Result<(), Fault> {
        self.update_about(incident, "claim", "SET last_delivery_at = :at ADD deliveries :one")
            .expression_attribute_values(":at", text(sortable(at)))
            .expression_attribute_values(":one", number(1))
            .send()
            .await
            .or_fault("ledger: count delivery")?;
        Ok(())
    }
}

fn texts<'a>(item: &'a Item, name: &str) -> impl Iterator<Item = &'a String> {
    item.get(name).and_then(|set| set.as_ss().ok()).into_iter().flatten()
}

fn rank(band: SeverityBand) -> u8 {
    match band {
        SeverityBand::Low => 1,
        SeverityBand::Medium => 2,
        SeverityBand::High => 3,
        SeverityBand::Critical => 4,
    }
}
