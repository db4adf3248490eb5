//! Pauses: until when everything automatic waits for a person, everywhere or in one account.
//!
//! One row for each account that was ever paused, and one for all accounts. No row is deleted: who ends a pause is written beside it.
//! Whoever is about to act alone reads two rows, as they are now, beside a call that it makes anyway.

use super::{Item, Ledger, lost, sortable, string, text};
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use firebreak::fault::{Fault, FaultKind};
use firebreak::ids::AccountId;
use firebreak::pause::{Pause, Pauses, Resumed};
use firebreak_aws::classify::OrFault;
use futures::future::try_join_all;
use jiff::Timestamp;
use std::collections::BTreeSet;

/// The row of a pause.
const PAUSE: &str = "pause";
/// The row, beside the pause of all accounts, that names the accounts with a row of their own.
const ACCOUNTS: &str = "accounts";

impl Ledger {
    /// What is paused at `at` in one of `accounts`, or everywhere. Its reads are one round trip.
    ///
    /// A record that is refused, or has an unknown form, counts as a pause ([`Pause::unread`]): a decision then waits, and no
    /// finding is lost.
    ///
    /// # Errors
    /// `Transient` alone: the ledger did not answer, and the caller is tried again.
    pub async fn pauses(&self, accounts: &BTreeSet<AccountId>, at: Timestamp) -> Result<Pauses, Fault> {
        let places = accounts.iter().map(Some).chain([None]);
        let read = try_join_all(places.map(async |account| {
            let row = self.pause_row(account).await;
            match row.and_then(|row| row.map_or(Ok(None), |row| in_force(account, &row, at))) {
                Err(fault) if fault.kind != FaultKind::Transient => {
                    tracing::error!(fault.message = %fault.message, "whether it is paused is not known");
                    Ok(Some(Pause::unread(account.cloned(), at)))
                }
                known => known,
            }
        }));
        Ok(read.await?.into_iter().flatten().collect())
    }

    /// Everything that is paused at `at`.
    ///
    /// # Errors
    /// The ledger could not be read.
    pub async fn pauses_everywhere(&self, at: Timestamp) -> Result<Pauses, Fault> {
        let row = self.get(key(None), ACCOUNTS).send().await.or_fault("ledger: read which accounts were paused")?.item;
        let named = row.as_ref().and_then(|row| row.get("accounts")).and_then(|names| names.as_ss().ok());
        let accounts: BTreeSet<AccountId> =
            named.into_iter().flatten().filter_map(|number| AccountId::parse(number).ok()).collect();
        self.pauses(&accounts, at).await
    }

    /// Pauses until `pause.until`, whatever an earlier pause of the same place said.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub async fn pause(&self, pause: &Pause) -> Result<(), Fault> {
        if let Some(account) = &pause.account {
            // First: whatever is in force can be found.
            let noted = self
                .update(text(key(None)), text(ACCOUNTS))
                .update_expression("ADD accounts :account")
                .expression_attribute_values(":account", AttributeValue::Ss(vec![account.to_string()]))
                .send()
                .await;
            noted.or_fault("ledger: note a paused account")?;
        }
        let written = self
            .update_pause(pause.account.as_ref())
            .update_expression(
                "SET #since = :since, #until = :until, #by = :by, #reason = :reason REMOVE resumed_at, resumed_by, told_at",
            )
            .expression_attribute_names("#since", "since")
            .expression_attribute_names("#until", "until")
            .expression_attribute_names("#by", "by")
            .expression_attribute_names("#reason", "reason")
            .expression_attribute_values(":since", text(sortable(pause.since)))
            .expression_attribute_values(":until", text(sortable(pause.until)))
            .expression_attribute_values(":by", text(&pause.by))
            .expression_attribute_values(":reason", text(&pause.reason))
            .send()
            .await;
        written.or_fault("ledger: pause")?;
        Ok(())
    }

    /// Ends the pause of an account, or that of all. Returns what ended, also when it ended before and nobody was told
    /// ([`pause_is_told`](Self::pause_is_told)); nothing when nothing was paused there.
    ///
    /// # Errors
    /// The ledger could not be written or read.
    pub async fn resume(&self, account: Option<&AccountId>, by: &str, at: Timestamp) -> Result<Option<Resumed>, Fault> {
        let ended = self
            .update_pause(account)
            .update_expression("SET resumed_at = :at, resumed_by = :by REMOVE told_at")
            // The SDK repeats a call whose answer got lost: it finds its own time.
            .condition_expression("#until > :at AND (attribute_not_exists(resumed_at) OR resumed_at = :at)")
            .expression_attribute_names("#until", "until")
            .expression_attribute_values(":at", text(sortable(at)))
            .expression_attribute_values(":by", text(by))
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        if lost(&ended) {
            let row = self.pause_row(account).await?.filter(|row| !row.contains_key("told_at"));
            return row.as_ref().map_or(Ok(None), |row| resumed(account, row));
        }
        let row = ended.or_fault("ledger: resume")?.attributes.unwrap_or_default();
        resumed(account, &row)
    }

    /// Remembers that people were told of the pause of an account, or of all, and of its end where it has ended.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub async fn pause_is_told(&self, account: Option<&AccountId>, at: Timestamp) -> Result<(), Fault> {
        let told = self
            .update_pause(account)
            .update_expression("SET told_at = :at")
            .expression_attribute_values(":at", text(sortable(at)))
            .send()
            .await;
        told.or_fault("ledger: remember that a pause was told")?;
        Ok(())
    }

    fn update_pause(&self, account: Option<&AccountId>) -> UpdateItemFluentBuilder {
        self.update(text(key(account)), text(PAUSE))
    }

    async fn pause_row(&self, account: Option<&AccountId>) -> Result<Option<Item>, Fault> {
        Ok(self.get(key(account), PAUSE).send().await.or_fault("ledger: read what is paused")?.item)
    }
}

fn key(account: Option<&AccountId>) -> String {
    format!("pause#{}", account.map_or("all", AccountId::as_str))
}

fn in_force(account: Option<&AccountId>, row: &Item, at: Timestamp) -> Result<Option<Pause>, Fault> {
    if row.contains_key("resumed_at") {
        return Ok(None);
    }
    let pause = pause_of(account, row)?;
    Ok((pause.until > at).then_some(pause))
}

/// The pause of a row, and who ended it; nothing where nobody has.
fn resumed(account: Option<&AccountId>, row: &Item) -> Result<Option<Resumed>, Fault> {
    if !row.contains_key("resumed_at") {
        return Ok(None);
    }
    let pause = pause_of(account, row)?;
    Ok(Some(Resumed { pause, by: word(row, "resumed_by")?, at: time(row, "resumed_at")? }))
}

fn pause_of(account: Option<&AccountId>, row: &Item) -> Result<Pause, Fault> {
    let (since, until) = (time(row, "since")?, time(row, "until")?);
    let (by, reason) = (word(row, "by")?, word(row, "reason")?);
    Ok(Pause { account: account.cloned(), since, until, by, reason, not_known: false })
}

fn word(row: &Item, name: &str) -> Result<String, Fault> {
    string(row, name).map(str::to_owned).ok_or_else(unknown)
}

fn time(row: &Item, name: &str) -> Result<Timestamp, Fault> {
    string(row, name).and_then(|at| at.parse().ok()).ok_or_else(unknown)
}

fn unknown() -> Fault {
    Fault::bug("ledger: a pause has an unknown form")
}
