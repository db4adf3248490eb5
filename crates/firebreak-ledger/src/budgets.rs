//! The blast radius: which targets were contained without a person, by level, account and hour, and in the whole organization.

use super::{Ledger, lost, number, text};
use aws_sdk_dynamodb::types::AttributeValue;
use firebreak::fault::Fault;
use firebreak::policy::{Allowance, Exceeded};
use firebreak::target::Target;
use firebreak_aws::classify::OrFault;
use jiff::Timestamp;

/// How long a counted hour is kept, in seconds: two days, for whoever looks into a flood.
const KEPT_SECONDS: i64 = 2 * 24 * 3600;
/// What is contained at once is counted here: all targets in `targets`, and those of one level in one account in an attribute of their
/// own. Two items would need a transaction, and transactions that meet are refused: a flood would hold up its own count.
const AT_ONCE: &str = "budget#organization";

impl Ledger {
    /// Counts `target` against two budgets: that of its level in its account, and that of the organization. Says which of them is spent
    /// on other targets.
    ///
    /// One conditional write: what one budget refuses is not counted in the other. A target that was counted before costs nothing, so a
    /// second try and a second finding about the same target are free.
    ///
    /// # Errors
    /// The ledger could not be written, or not be asked which budget refused.
    pub async fn spend_at_once(
        &self,
        target: &Target,
        level: Allowance,
        organization: u32,
        at: Timestamp,
    ) -> Result<Option<Exceeded>, Fault> {
        if level.limit == 0 {
            return Ok(Some(Exceeded::Level(level)));
        }
        if organization == 0 {
            return Ok(Some(Exceeded::Organization(organization)));
        }
        let (member, of_level) = (target.merge_key(), format!("{}#{}", target.account, level.name));
        let written = self
            .update(text(AT_ONCE), text(hour(at)))
            .update_expression("ADD targets :one, #level :one SET expires_at = :expires")
            .condition_expression(
                "(attribute_not_exists(#level) OR contains(#level, :target) OR size(#level) < :limit) AND \
                 (attribute_not_exists(targets) OR contains(targets, :target) OR size(targets) < :organization)",
            )
            .expression_attribute_names("#level", &of_level)
            .expression_attribute_values(":one", AttributeValue::Ss(vec![member.clone()]))
            .expression_attribute_values(":target", text(&member))
            .expression_attribute_values(":limit", number(level.limit))
            .expression_attribute_values(":organization", number(organization))
            .expression_attribute_values(":expires", number(at.as_second() + KEPT_SECONDS))
            .send()
            .await;
        if !lost(&written) {
            written.or_fault("ledger: spend budget")?;
            return Ok(None);
        }
        // Only the words depend on the answer: people are told which number of the policy is too small, or was reached by an attack.
        let counted = self.get(AT_ONCE, hour(at)).send().await.or_fault("ledger: read budget")?.item.unwrap_or_default();
        let limit = usize::try_from(level.limit).unwrap_or(usize::MAX);
        let of_level = counted.get(&of_level).and_then(|value| value.as_ss().ok());
        let is_spent = of_level.is_some_and(|targets| targets.len() >= limit && !targets.contains(&member));
        Ok(Some(if is_spent { Exceeded::Level(level) } else { Exceeded::Organization(organization) }))
    }

    /// Counts `target` against what people can be asked in an hour about findings of its account that nobody could read. False when that
    /// is spent on other targets.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub async fn spend(&self, target: &Target, pool: &str, limit: u32, at: Timestamp) -> Result<bool, Fault> {
        if limit == 0 {
            return Ok(false);
        }
        let member = target.merge_key();
        let written = self
            .update(text(format!("budget#{}#{pool}", target.account)), text(hour(at)))
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

/// The clock hour (UTC) that `at` is in.
fn hour(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H").to_string()
}
