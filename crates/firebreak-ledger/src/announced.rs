//! Findings that people are only told about: so many per account and minute, the others counted.
//!
//! Two rows per account, and as many for the findings of AWS's own products in it. That of a minute counts what is told. The row
//! `excess` counts what is not, in windows: the notice about a window closes it, and the next finding opens another one. A window
//! that was closed keeps its tally in `told_*`, so that a notice that is tried again says the same. A window that nobody closes is
//! asked for again: `asked_at` is when its notice was last asked for.
//!
//! One more row counts what is told over all accounts, in slots of a few seconds.

use super::{Item, Ledger, lost, number, sortable, string, text};
use firebreak::fault::{Fault, FaultKind};
use firebreak::flood::{AT_ONCE_SECONDS, Announced, Excess, KEPT_FOR_AWS, TOLD_AT_ONCE, Tally};
use firebreak::policy::Flood;
use firebreak_aws::classify::OrFault;
use jiff::Timestamp;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How long a counted row is kept, in seconds: two days, for whoever looks into a flood.
const KEPT_SECONDS: i64 = 2 * 24 * 3600;
/// Writers that open and close windows at the same time.
const ATTEMPTS: usize = 8;
/// No window has this name.
const NONE: &str = "none";
/// A notice that was asked for has so many seconds to close its window, after those that it waits.
const TO_CLOSE_SECONDS: i64 = 600;
/// The row of what is told over all accounts. No account has this name.
const EVERYBODY: &str = "announced#everybody";
/// A process remembers so many rows that are full.
const MAX_REMEMBERED: usize = 1_000;

/// Whether a finding is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Announcement {
    /// It is one of the minute's.
    Told,
    /// It was counted.
    Counted {
        /// The window that counts it.
        excess: Excess,
        /// Nobody has asked for the window's notice in good time: the caller does, and then calls [`Ledger::summary_asked`].
        ask: bool,
    },
}

/// Which rows had their number, by their partition keys: the last sort key of each. A flood writes to one row of the ledger, which
/// takes a thousand writes a second; a write that is bound to lose is one of them.
#[derive(Debug, Default)]
pub(crate) struct Full(Mutex<HashMap<String, String>>);

impl Full {
    fn is(&self, pk: &str, sk: &str) -> bool {
        self.rows().get(pk).is_some_and(|full| full == sk)
    }

    fn remember(&self, pk: &str, sk: &str) {
        let mut rows = self.rows();
        if rows.len() >= MAX_REMEMBERED {
            rows.clear();
        }
        rows.insert(pk.to_owned(), sk.to_owned());
    }

    fn rows(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ledger {
    /// Counts one finding that can only be announced. So many of an account's are told in a minute, and [`TOLD_AT_ONCE`] over all
    /// accounts in [`AT_ONCE_SECONDS`].
    ///
    /// A delivery that comes again is counted again. What is too much for all accounts has used up one of its account's.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub async fn announce(&self, finding: &Announced, flood: &Flood, at: Timestamp) -> Result<Announcement, Fault> {
        let minute = at.strftime("%Y-%m-%dT%H:%M").to_string();
        let slot = format!("{}s", at.as_second().div_euclid(AT_ONCE_SECONDS) * AT_ONCE_SECONDS);
        let is_told = self.one_of(&key(&finding.account, finding.by_aws), &minute, flood.announced_per_minute, at).await?
            && match finding.by_aws {
                true => self.one_of(&format!("{EVERYBODY}#aws"), &slot, KEPT_FOR_AWS, at).await?,
                false => self.one_of(EVERYBODY, &slot, TOLD_AT_ONCE - KEPT_FOR_AWS, at).await?,
            };
        if is_told { Ok(Announcement::Told) } else { self.count_excess(finding, flood, at).await }
    }

    /// Whether what is told now is one of the `limit` that a row takes.
    async fn one_of(&self, pk: &str, sk: &str, limit: u32, at: Timestamp) -> Result<bool, Fault> {
        if limit == 0 || self.full.is(pk, sk) {
            return Ok(false);
        }
        let written = self
            .update(text(pk), text(sk))
            .update_expression("SET expires_at = :expires ADD told :one")
            .condition_expression("attribute_not_exists(told) OR told < :limit")
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":limit", number(limit))
            .expression_attribute_values(":expires", number(at.as_second() + KEPT_SECONDS))
            .send()
            .await;
        if lost(&written) {
            self.full.remember(pk, sk);
            return Ok(false);
        }
        written.or_fault("ledger: count a finding that is announced")?;
        Ok(true)
    }

    async fn count_excess(&self, finding: &Announced, flood: &Flood, at: Timestamp) -> Result<Announcement, Fault> {
        for _ in 0..ATTEMPTS {
            let written = self
                .update(text(key(&finding.account, finding.by_aws)), text("excess"))
                .update_expression("SET expires_at = :expires ADD counted :one, critical :critical")
                .condition_expression("attribute_exists(pk) AND closed <> window_id")
                .expression_attribute_values(":one", number(1))
                .expression_attribute_values(":critical", number(u8::from(finding.critical)))
                .expression_attribute_values(":expires", number(at.as_second() + KEPT_SECONDS))
                .return_values(aws_sdk_dynamodb::types::ReturnValue::AllNew)
                .send()
                .await;
            if !lost(&written) {
                let row = written.or_fault("ledger: count a finding that is not told")?.attributes.unwrap_or_default();
                return counted(finding, &row, at.as_second() - i64::from(flood.summary_after_seconds) - TO_CLOSE_SECONDS);
            }
            if let Some(first) = self.open_window(finding, at).await? {
                return Ok(first);
            }
        }
        Err(Fault::new(FaultKind::Transient, "ledger: others opened and closed the window at the same time"))
    }

    /// Opens a window with this finding as its first. Nothing: somebody else opened one just now.
    async fn open_window(&self, finding: &Announced, at: Timestamp) -> Result<Option<Announcement>, Fault> {
        let excess = Excess { account: finding.account.clone(), window: at.as_millisecond().to_string(), by_aws: finding.by_aws };
        let written = self
            .update(text(key(&finding.account, finding.by_aws)), text("excess"))
            .update_expression(
                "SET window_id = :window, counted = :one, critical = :critical, since = :at, first_title = :title, closed = :none, \
                 expires_at = :expires REMOVE asked_at",
            )
            .condition_expression("attribute_not_exists(pk) OR (closed = window_id AND window_id <> :window)")
            .expression_attribute_values(":window", text(excess.window.as_str()))
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":critical", number(u8::from(finding.critical)))
            .expression_attribute_values(":at", text(sortable(at)))
            .expression_attribute_values(":title", text(finding.title.as_str()))
            .expression_attribute_values(":none", text(NONE))
            .expression_attribute_values(":expires", number(at.as_second() + KEPT_SECONDS))
            .send()
            .await;
        if lost(&written) {
            return Ok(None);
        }
        written.or_fault("ledger: count a finding that is not told")?;
        Ok(Some(Announcement::Counted { excess, ask: true }))
    }

    /// Notes that an execution was started that tells of the window. It is asked for again when that has not closed the window in
    /// good time.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub async fn summary_asked(&self, excess: &Excess, at: Timestamp) -> Result<(), Fault> {
        let written = self
            .update(text(key(&excess.account, excess.by_aws)), text("excess"))
            .update_expression("SET asked_at = :at")
            .condition_expression("window_id = :window")
            .expression_attribute_values(":at", text(sortable(at)))
            .expression_attribute_values(":window", text(excess.window.as_str()))
            .send()
            .await;
        // Lost: the window was closed meanwhile, and a newer one is open.
        if !lost(&written) {
            written.or_fault("ledger: note that a summary was asked for")?;
        }
        Ok(())
    }

    /// Closes a window, and says how many it counted. Nothing: the ledger has neither it nor its tally any more.
    ///
    /// # Errors
    /// The ledger could not be written or read.
    pub async fn close_excess(&self, excess: &Excess) -> Result<Option<Tally>, Fault> {
        let written = self
            .update(text(key(&excess.account, excess.by_aws)), text("excess"))
            // A window that an earlier version opened has no `critical`.
            .update_expression(
                "SET closed = window_id, told_window = window_id, told_counted = counted, told_since = since, \
                 told_title = first_title, told_critical = if_not_exists(critical, :zero)",
            )
            .condition_expression("window_id = :window AND closed <> window_id")
            .expression_attribute_values(":window", text(excess.window.as_str()))
            .expression_attribute_values(":zero", number(0))
            .send()
            .await;
        if !lost(&written) {
            written.or_fault("ledger: close the count of findings that were not told")?;
        }
        let row =
            self.get(key(&excess.account, excess.by_aws), "excess").send().await.or_fault("ledger: read what was counted")?.item;
        Ok(row.filter(|row| string(row, "told_window") == Some(excess.window.as_str())).as_ref().and_then(tally))
    }
}

fn key(account: &str, by_aws: bool) -> String {
    let pool = if by_aws { "#aws" } else { "" };
    format!("announced#{account}{pool}")
}

/// A notice that was asked for before `in_time`, a Unix time in seconds, is asked for again.
fn counted(finding: &Announced, row: &Item, in_time: i64) -> Result<Announcement, Fault> {
    let Some(window) = string(row, "window_id").map(str::to_owned) else {
        return Err(Fault::bug("ledger: a count of findings has no window"));
    };
    let asked = string(row, "asked_at").and_then(|asked| asked.parse::<Timestamp>().ok());
    let ask = asked.is_none_or(|asked| asked.as_second() < in_time);
    Ok(Announcement::Counted { excess: Excess { account: finding.account.clone(), window, by_aws: finding.by_aws }, ask })
}

fn tally(row: &Item) -> Option<Tally> {
    Some(Tally {
        count: numeric(row, "told_counted")?,
        critical: numeric(row, "told_critical").unwrap_or_default(),
        since: string(row, "told_since")?.parse().ok()?,
        first: string(row, "told_title").unwrap_or_default().to_owned(),
    })
}

fn numeric(row: &Item, name: &str) -> Option<u64> {
    row.get(name)?.as_n().ok()?.parse().ok()
}
