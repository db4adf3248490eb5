//! Guards of looks: no release begins between the moment at which a look knows that it may write and the end of its writes.

use super::{Held, LEASE};
use crate::{Ledger, lost, sortable, text};
use aws_sdk_dynamodb::types::AttributeValue;
use firebreak::fault::Fault;
use firebreak_aws::classify::OrFault;
use jiff::Timestamp;

/// Nobody else contains the target at this moment. Whoever is named there all the same has died: left there, it would last as long as
/// each later one.
pub(super) const NOBODY_ELSE: &str = " AND (attribute_not_exists(containing) OR containing_until < :now)";

/// What keeps releases from beginning. It ends by itself where the look dies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guard(String);

impl Ledger {
    /// Keeps releases of `held` from beginning, as a containment for a finding that joined does. Nothing where `name` does not hold the
    /// target, or somebody puts the target back.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub async fn guard(&self, held: Held<'_>, name: &str, at: Timestamp) -> Result<Option<Guard>, Fault> {
        // Two looks of one incident can write at the same time, and each ends its own.
        let guard = format!("{name} {at}");
        let write = |expression: &str, more: &str| {
            let holds = "contains(holders, :name) AND (attribute_not_exists(releasing_until) OR releasing_until < :now)";
            self.update_base(held)
                .update_expression(expression)
                .condition_expression(format!("{holds}{more}"))
                .expression_attribute_values(":guard", AttributeValue::Ss(vec![guard.clone()]))
                .expression_attribute_values(":lease", text(sortable(at + LEASE)))
                .expression_attribute_values(":name", text(name))
                .expression_attribute_values(":now", text(sortable(at)))
        };
        let alone = write("SET containing = :guard, containing_until = :lease", NOBODY_ELSE).send().await;
        let guarded =
            if lost(&alone) { write("SET containing_until = :lease ADD containing :guard", "").send().await } else { alone };
        if lost(&guarded) {
            return Ok(None);
        }
        guarded.or_fault("ledger: guard a look")?;
        Ok(Some(Guard(guard)))
    }

    /// Ends a guard: a release need not wait any more.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub async fn end_guard(&self, held: Held<'_>, guard: &Guard) -> Result<(), Fault> {
        let write = self.update_base(held).update_expression("DELETE containing :guard");
        let ended = write.expression_attribute_values(":guard", AttributeValue::Ss(vec![guard.0.clone()])).send().await;
        ended.or_fault("ledger: end the guard of a look")?;
        Ok(())
    }
}
