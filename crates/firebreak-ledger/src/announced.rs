//! Findings that people are only told about: so many per account and minute, the others counted.
//!
//! Two rows per account. That of a minute counts what is told. The row `excess` counts what is not, in windows: the notice about a
//! window closes it, and the next finding opens another one. A window that was closed keeps its tally in `told_*`, so that a notice
//! that is tried again says the same.

use super::{Item, Ledger, lost, number, sortable, string, text};
use firebreak::fault::{Fault, FaultKind};
use firebreak::flood::{Announced, Excess, Tally};
use firebreak_aws::classify::OrFault;
use jiff::Timestamp;

/// How long a counted row is kept, in seconds: two days, for whoever looks into a flood.
const KEPT_SECONDS: i64 = 2 * 24 * 3600;
/// Writers that open and close windows at the same time.
const ATTEMPTS: usize = 8;
/// No window has this name.
const NONE: &str = "none";

/// Whether a finding is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Announcement {
    /// It is one of the minute's.
    Told,
    /// It was counted.
    Counted {
        /// The window that counts it.
        excess: Excess,
        /// Its place in the window, from 1.
        place: u64,
    },
}

impl Ledger {
    /// Counts one finding that can only be announced; `limit` of an account's are told in a minute.
    ///
    /// A delivery that comes again is counted again.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub async fn announce(&self, finding: &Announced, limit: u32, at: Timestamp) -> Result<Announcement, Fault> {
        let minute = at.strftime("%Y-%m-%dT%H:%M").to_string();
        if limit > 0 {
            let written = self
                .update(text(key(&finding.account)), text(minute))
                .update_expression("SET expires_at = :expires ADD told :one")
                .condition_expression("attribute_not_exists(told) OR told < :limit")
                .expression_attribute_values(":one", number(1))
                .expression_attribute_values(":limit", number(limit))
                .expression_attribute_values(":expires", number(at.as_second() + KEPT_SECONDS))
                .send()
                .await;
            if !lost(&written) {
                written.or_fault("ledger: count a finding that is announced")?;
                return Ok(Announcement::Told);
            }
        }
        self.count_excess(finding, at).await
    }

    async fn count_excess(&self, finding: &Announced, at: Timestamp) -> Result<Announcement, Fault> {
        for _ in 0..ATTEMPTS {
            let written = self
                .update(text(key(&finding.account)), text("excess"))
                .update_expression("SET expires_at = :expires ADD counted :one")
                .condition_expression("attribute_exists(pk) AND closed <> window_id")
                .expression_attribute_values(":one", number(1))
                .expression_attribute_values(":expires", number(at.as_second() + KEPT_SECONDS))
                .return_values(aws_sdk_dynamodb::types::ReturnValue::AllNew)
                .send()
                .await;
            if !lost(&written) {
                let row = written.or_fault("ledger: count a finding that is not told")?.attributes.unwrap_or_default();
                return counted(&finding.account, &row);
            }
            if let Some(first) = self.open_window(finding, at).await? {
                return Ok(first);
            }
        }
        Err(Fault::new(FaultKind::Transient, "ledger: others opened and closed the window at the same time"))
    }

    /// Opens a window with this finding as its first. Nothing: somebody else opened one just now.
    async fn open_window(&self, finding: &Announced, at: Timestamp) -> Result<Option<Announcement>, Fault> {
        let excess = Excess { account: finding.account.clone(), window: at.as_millisecond().to_string() };
        let written = self
            .update(text(key(&finding.account)), text("excess"))
            .update_expression(
                "SET window_id = :window, counted = :one, since = :at, first_title = :title, closed = :none, expires_at = :expires",
            )
            .condition_expression("attribute_not_exists(pk) OR (closed = window_id AND window_id <> :window)")
            .expression_attribute_values(":window", text(excess.window.as_str()))
            .expression_attribute_values(":one", number(1))
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
        Ok(Some(Announcement::Counted { excess, place: 1 }))
    }

    /// Closes a window, and says how many it counted. Nothing: the ledger has neither it nor its tally any more.
    ///
    /// # Errors
    /// The ledger could not be written or read.
    pub async fn close_excess(&self, excess: &Excess) -> Result<Option<Tally>, Fault> {
        let written = self
            .update(text(key(&excess.account)), text("excess"))
            .update_expression(
                "SET closed = window_id, told_window = window_id, told_counted = counted, told_since = since, told_title = first_title",
            )
            .condition_expression("window_id = :window AND closed <> window_id")
            .expression_attribute_values(":window", text(excess.window.as_str()))
            .send()
            .await;
        if !lost(&written) {
            written.or_fault("ledger: close the count of findings that were not told")?;
        }
        let row = self.get(key(&excess.account), "excess").send().await.or_fault("ledger: read what was counted")?.item;
        Ok(row.filter(|row| string(row, "told_window") == Some(excess.window.as_str())).as_ref().and_then(tally))
    }
}

fn key(account: &str) -> String {
    format!("announced#{account}")
}

fn counted(account: &str, row: &Item) -> Result<Announcement, Fault> {
    let place = row.get("counted").and_then(|counted| counted.as_n().ok()?.parse().ok());
    let window = string(row, "window_id").map(str::to_owned);
    let (Some(place), Some(window)) = (place, window) else {
        return Err(Fault::bug("ledger: a count of findings has no window"));
    };
    Ok(Announcement::Counted { excess: Excess { account: account.to_owned(), window }, place })
}

fn tally(row: &Item) -> Option<Tally> {
    Some(Tally {
        count: row.get("told_counted")?.as_n().ok()?.parse().ok()?,
        since: string(row, "told_since")?.parse().ok()?,
        first: string(row, "told_title").unwrap_or_default().to_owned(),
    })
}
