//! Which sessions of a role are denied, and by which of the role's tags.
//!
//! The quarantine policy compares a session's name with five tags of the role. The ledger gives out the tags, so that two incidents
//! can never take the same one, and a containment need not read the role's tags first.

use super::{Item, Ledger, lost, number, text};
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use firebreak::fault::{Fault, FaultKind};
use firebreak::ids::SessionName;
use firebreak::target::Target;
use firebreak_aws::classify::OrFault;

/// As many sessions of one role can be denied at once: the quarantine policy compares with that many tags.
pub const SESSION_SLOTS: usize = 5;
/// A slot that nobody has; no session can have this name.
const FREE: &str = "-";

impl Ledger {
    /// Gives a session of a role its slot, from 1: the one it has, or a free one.
    ///
    /// # Errors
    /// The ledger could not be written; `Malformed` when all slots are taken; `Transient` when others took the free ones meanwhile.
    pub async fn name_session(&self, role: &Target, session: &SessionName) -> Result<usize, Fault> {
        let appended = self
            .update_sessions(role)
            .update_expression("SET slots = list_append(if_not_exists(slots, :none), :one)")
            .condition_expression("attribute_not_exists(slots) OR (NOT contains(slots, :session) AND size(slots) < :count)")
            .expression_attribute_values(":none", AttributeValue::L(vec![]))
            .expression_attribute_values(":one", AttributeValue::L(vec![text(session.as_str())]))
            .expression_attribute_values(":session", text(session.as_str()))
            .expression_attribute_values(":count", number(SESSION_SLOTS))
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        if !lost(&appended) {
            let item = appended.or_fault("ledger: name the session")?.attributes.unwrap_or_default();
            return slot(&item, session.as_str()).ok_or_else(|| Fault::bug("ledger: the session was not written"));
        }
        let item = self.sessions_item(role).await?;
        if let Some(slot) = slot(&item, session.as_str()) {
            return Ok(slot);
        }
        let Some(free) = slot(&item, FREE) else {
            return Err(Fault::malformed(format!(
                "{SESSION_SLOTS} sessions of this role are denied already: only the whole role can be"
            )));
        };
        let taken = self.exchange(role, free, FREE, session.as_str()).await?;
        let again = || Fault::new(FaultKind::Transient, "ledger: another incident took the free slot for a session");
        taken.then_some(free).ok_or_else(again)
    }

    /// The sessions of a role that are denied.
    ///
    /// # Errors
    /// The ledger could not be read.
    pub async fn named_sessions(&self, role: &Target) -> Result<Vec<String>, Fault> {
        let item = self.sessions_item(role).await?;
        Ok(slots(&item).filter(|name| *name != FREE).map(str::to_owned).collect())
    }

    /// Gives a session's slot back.
    ///
    /// # Errors
    /// The ledger could not be read or written.
    pub async fn free_session(&self, role: &Target, session: &str) -> Result<(), Fault> {
        match slot(&self.sessions_item(role).await?, session) {
            Some(slot) => self.exchange(role, slot, session, FREE).await.map(|_| ()),
            None => Ok(()),
        }
    }

    /// Writes a slot, if it still holds what was read.
    async fn exchange(&self, role: &Target, slot: usize, from: &str, to: &str) -> Result<bool, Fault> {
        let at = slot - 1;
        let written = self
            .update_sessions(role)
            .update_expression(format!("SET slots[{at}] = :to"))
            .condition_expression(format!("slots[{at}] = :from"))
            .expression_attribute_values(":to", text(to))
            .expression_attribute_values(":from", text(from))
            .send()
            .await;
        if lost(&written) {
            return Ok(false);
        }
        written.or_fault("ledger: change a session's slot")?;
        Ok(true)
    }

    fn update_sessions(&self, role: &Target) -> UpdateItemFluentBuilder {
        self.update(text(format!("target#{}", role.ledger_key())), text("sessions"))
    }

    async fn sessions_item(&self, role: &Target) -> Result<Item, Fault> {
        let get = self.get(format!("target#{}", role.ledger_key()), "sessions");
        Ok(get.send().await.or_fault("ledger: read the denied sessions")?.item.unwrap_or_default())
    }
}

fn slots(item: &Item) -> impl Iterator<Item = &str> {
    let list = item.get("slots").and_then(|list| list.as_l().ok()).into_iter().flatten();
    list.filter_map(|session| session.as_s().ok().map(String::as_str))
}

fn slot(item: &Item, session: &str) -> Option<usize> {
    slots(item).position(|named| named == session).map(|at| at + 1)
}
