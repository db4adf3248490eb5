//! Rows about one principal: it has one by its immutable id, and can have others by a name, of findings without an id and of earlier
//! versions. Whoever undoes one of them looks at the others first.

use super::releases::is_being_contained;
use super::{Held, SKEW, names, set_of, state_of};
use crate::{Item, Ledger, lost, number, sortable, string, text, to_doc};
use aws_sdk_dynamodb::types::AttributeValue;
use firebreak::fault::{Fault, FaultKind};
use firebreak::holders::Holder;
use firebreak::ids::PrincipalId;
use firebreak::target::Target;
use firebreak_aws::classify::OrFault;
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeSet;

/// What one row says of a target.
#[derive(Debug, Clone, Default)]
pub struct Row {
    /// The immutable id of the resource, once its state was recorded.
    pub identity: Option<String>,
    /// The incidents, and findings that joined one, which hold the target.
    pub holders: Vec<String>,
    /// Those that let go of the target.
    pub released_by: Vec<String>,
    /// Who contains the target at this moment: findings that joined, and looks that write again.
    pub containing: Vec<String>,
    /// Somebody is putting the target back at this moment.
    pub is_releasing: bool,
    /// When the base was read, as the ledger writes times.
    pub captured_at: Option<String>,
    /// In whose name the base was read.
    pub captured_by: Option<String>,
    /// Credentials that a suspect made and that stay inactive.
    pub exposed: Vec<String>,
    /// Of a row by name: which holder saw which immutable id under the name.
    pub principals: Vec<(String, String)>,
    item: Item,
}

impl Row {
    fn of(item: Item, at: Timestamp) -> Self {
        let of = |name: &str| string(&item, name).map(str::to_owned);
        let under_way = if is_being_contained(&item, at) { names(&item, "containing") } else { vec![] };
        // The guard of a look has its time behind the name.
        let containing = under_way.iter().filter_map(|name| name.split(' ').next()).map(str::to_owned).collect();
        Self {
            identity: of("identity"),
            holders: names(&item, "holders"),
            released_by: names(&item, "released_by"),
            containing,
            is_releasing: string(&item, "releasing_until").is_some_and(|until| until >= sortable(at).as_str()),
            captured_at: of("captured_at"),
            captured_by: of("captured_by"),
            exposed: names(&item, "exposed"),
            principals: names(&item, "principals").iter().filter_map(|seen| pair(seen)).collect(),
            item,
        }
    }

    /// The recorded state.
    ///
    /// # Errors
    /// Its form is unknown.
    pub fn base<T: DeserializeOwned>(&self) -> Result<Option<T>, Fault> {
        state_of(&self.item)
    }

    /// The target under each immutable id that one of these names saw under the row's name.
    #[must_use]
    pub fn leads(&self, is_own: impl Fn(&str) -> bool, target: &Target) -> Vec<Target> {
        let own = self.principals.iter().filter(|(holder, _)| is_own(holder));
        let ids: BTreeSet<&str> = own.map(|(_, id)| id.as_str()).collect();
        let known = ids.into_iter().filter_map(|id| PrincipalId::parse(id).ok());
        known.map(|id| Target { principal_id: Some(id), by_identity: true, ..target.clone() }).collect()
    }

    /// Whether a state is recorded.
    #[must_use]
    pub fn has_base(&self) -> bool {
        self.item.contains_key("doc")
    }

    /// Whether the target is being put back, or was since `began_at`: what was read meanwhile can be the contained state.
    #[must_use]
    pub fn is_settling(&self, began_at: Timestamp) -> bool {
        let since = sortable(began_at - SKEW);
        let is_fresh = string(&self.item, "released_at").is_some_and(|at| at >= since.as_str());
        self.is_releasing || is_fresh && !self.has_base()
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
        Ok(Row::of(self.base_item(held).await?, at))
    }

    /// Reads the rows of the target's other parts of the same kind, such as other sets of remote addresses.
    ///
    /// # Errors
    /// The ledger could not be read.
    pub async fn rows_beside(&self, held: Held<'_>, at: Timestamp) -> Result<Vec<Row>, Fault> {
        let (target, own) = held.key();
        let front = own.rsplit_once('/').map_or("base#", |(front, _)| front);
        let rows = self.rows_below(&target, &format!("{front}/"), at).await?;
        Ok(rows.into_iter().filter(|(key, _)| *key != own).map(|(_, row)| row).collect())
    }

    /// Reads the rows of the whole target and of every part of it, this one's among them. Each comes with the second half of
    /// [`Held::key`], by which the caller knows the part. Only for a containment whose base is the target's.
    ///
    /// # Errors
    /// The ledger could not be read.
    pub async fn rows_of(&self, held: Held<'_>, at: Timestamp) -> Result<Vec<(String, Row)>, Fault> {
        let (target, _) = held.key();
        let rows = self.rows_below(&target, "base", at).await?;
        Ok(rows.into_iter().filter(|(key, _)| key == "base" || key.starts_with("base#/")).collect())
    }

    /// The rows of a target whose sort key begins with `front`.
    async fn rows_below(&self, target: &str, front: &str, at: Timestamp) -> Result<Vec<(String, Row)>, Fault> {
        let mut pages = self
            .dynamodb
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":pk", text(format!("target#{target}")))
            .expression_attribute_values(":prefix", text(front))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        let mut rows = Vec::new();
        while let Some(item) = pages.next().await {
            let item = item.or_fault("ledger: read the base states of a target")?;
            let key = string(&item, "sk").unwrap_or_default().to_owned();
            rows.push((key, Row::of(item, at)));
        }
        Ok(rows)
    }

    /// Remembers in a row by name whom the name meant: a release finds by it the row of that principal.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub async fn lead(&self, held: Held<'_>, holder: &Holder, identity: &str) -> Result<(), Fault> {
        let seen = AttributeValue::Ss(vec![format!("{} {identity}", holder.id())]);
        let write = self.update_base(held).update_expression("ADD principals :seen").expression_attribute_values(":seen", seen);
        write.send().await.or_fault("ledger: remember whom a name meant")?;
        Ok(())
    }

    /// Takes a mark out of a row that turned out to be about somebody else. Nothing happens where nobody else holds what is recorded there:
    /// whoever is recorded must not be forgotten. A containment for a finding that joined stays under way there until it ends.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub async fn leave(&self, held: Held<'_>, holder: &Holder) -> Result<(), Fault> {
        let left = self
            .update_base(held)
            .update_expression("DELETE holders :me")
            .condition_expression("(attribute_not_exists(doc) OR size(holders) > :one)")
            .expression_attribute_values(":me", set_of(holder))
            .expression_attribute_values(":one", number(1))
            .send()
            .await;
        if !lost(&left) {
            left.or_fault("ledger: leave a row")?;
        }
        Ok(())
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

/// A holder and the id that it saw.
fn pair(seen: &str) -> Option<(String, String)> {
    seen.split_once(' ').map(|(holder, id)| (holder.to_owned(), id.to_owned()))
}
