//! The blast radius: which targets were contained without a person, by account, containment and hour.

use super::{Ledger, lost, number, text};
use aws_sdk_dynamodb::types::AttributeValue;
use firebreak::fault::Fault;
use firebreak::target::Target;
use firebreak_aws::classify::OrFault;
use jiff::Timestamp;

/// How long a counted hour is kept, in seconds: two days, for whoever looks into a flood.
const KEPT_SECONDS: i64 = 2 * 24 * 3600;

impl Ledger {
    /// Counts `target` against a budget of its account, the one for `what`: a containment, or gates that nobody could read. False
    /// when the hour's budget is spent on other targets.
    ///
    /// One conditional write: a target that was counted before costs nothing, so a second try and a second finding about the same
    /// target are free.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub async fn spend(&self, target: &Target, what: &str, limit: u32, at: Timestamp) -> Result<bool, Fault> {
        if limit == 0 {
            return Ok(false);
        }
        let member = target.merge_key();
        let written = self
            .update(text(format!("budget#{}#{what}", target.account)), text(at.strftime("%Y-%m-%dT%H").to_string()))
            .update_expression("ADD targets :one SET expires_at = :expires")
            .condition_expression("attribute_not_exists(targets) OR contains(targets, :target) OR size(targets) < :limit")
            .expression_attribute_values(":one", AttributeValue::Ss(vec![member.clone()]))
            .expression_attribute_values(":target", text(member))
            .expression_attribute_values(":limit", number(limit))
            .expression_attribute_values(":expires", number(at.as_second() + KEPT_SECONDS))
            .send()
            .await;
        if lost(&written) {
            return Ok(false);
        }
        written.or_fault("ledger: spend budget")?;
        Ok(true)
    }
}
