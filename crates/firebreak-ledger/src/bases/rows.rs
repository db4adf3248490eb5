//! Rows about one principal: it has one by its immutable id, and can have others by a name, of findings without an id and of earlier
//! versions. Whoever undoes one of them looks at the others first.

use super::{Held, names, state_of};
use crate::{Item, Ledger, lost, sortable, string, text, to_doc};
use firebreak::fault::{Fault, FaultKind};
use firebreak_aws::classify::OrFault;
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What one row says of a target.
#[derive(Debug, Clone, Default)]
pub struct Row {
    /// The immutable id of the resource, once its state was recorded.
    pub identity: Option<String>,
    /// The incidents, and findings that joined one, which hold the target.
    pub holders: Vec<String>,
    /// Those that let go of the target.
    pub released_by: Vec<String>,
    /// Somebody is putting the target back at this moment.
    pub is_releasing: bool,
    /// When the base was read, as the ledger writes times.
    pub captured_at: Option<String>,
    item: Item,
}

impl Row {
    /// The recorded state.
    ///
    /// # Errors
    /// Its form is unknown.
    pub fn base<T: DeserializeOwned>(&self) -> Result<Option<T>, Fault> {
        state_of(&self.item)
    }
}

/// A base that goes to a row of another incident.
#[derive(Debug)]
pub struct Handed<'a, T> {
    /// The immutable id of the resource.
    pub identity: &'a str,
    /// The state.
    pub state: &'a T,
    /// When it was read, as the ledger writes times.
    pub captured_at: Option<&'a str>,
    /// A holder of the row: nobody else gets the state.
    pub to: &'a str,
}

impl Ledger {
    /// Reads a row.
    ///
    /// # Errors
    /// The ledger could not be read.
    pub async fn row(&self, held: Held<'_>, at: Timestamp) -> Result<Row, Fault> {
        let item = self.base_item(held).await?;
        let of = |name: &str| string(&item, name).map(str::to_owned);
        Ok(Row {
            identity: of("identity"),
            holders: names(&item, "holders"),
            released_by: names(&item, "released_by"),
            is_releasing: string(&item, "releasing_until").is_some_and(|until| until >= sortable(at).as_str()),
            captured_at: of("captured_at"),
            item,
        })
    }

    /// Writes a base into a row that another incident holds, in the place of what `known` says.
    ///
    /// # Errors
    /// The ledger could not be written; `Transient` when the row is not as it was read, or is being released: that release could not
    /// know the new base.
    pub async fn hand_over<T: Serialize>(
        &self,
        held: Held<'_>,
        known: &Row,
        handed: &Handed<'_, T>,
        at: Timestamp,
    ) -> Result<(), Fault> {
        let before = string(&known.item, "doc");
        let is_known = if before.is_some() { "doc = :known" } else { "attribute_not_exists(doc)" };
        let now = sortable(at);
        let write = self
            .update_base(held)
            .update_expression(
                "SET doc = :doc, #id = :id, captured_at = :captured, captured_by = if_not_exists(captured_by, :to)",
            )
            .condition_expression(format!(
                "contains(holders, :to) AND {is_known} AND (attribute_not_exists(#id) OR #id = :id) \
                 AND (attribute_not_exists(releasing_until) OR releasing_until < :now)"
            ))
            .expression_attribute_names("#id", "identity")
            .expression_attribute_values(":doc", to_doc(handed.state)?)
            .expression_attribute_values(":id", text(handed.identity))
            .expression_attribute_values(":captured", text(handed.captured_at.unwrap_or(&now)))
            .expression_attribute_values(":to", text(handed.to))
            .expression_attribute_values(":now", text(now.as_str()));
        let write = match before {
            Some(doc) => write.expression_attribute_values(":known", text(doc)),
            None => write,
        };
        let written = write.send().await;
        if lost(&written) {
            return Err(Fault::new(FaultKind::Transient, format!("ledger: {} is changed for another incident", held.target)));
        }
        written.or_fault("ledger: hand the base over")?;
        Ok(())
    }
}
