//! Turns at CloudTrail: one request a second for all incidents together, of the two that an account has in a Region. The other one is
//! the customer's.
//!
//! A row says from when on its trail is free. Whoever takes turns moves that time, by one conditional write: nobody reads first.

use super::{Ledger, lost, number, text};
use aws_sdk_dynamodb::types::ReturnValue;
use firebreak::fault::Fault;
use firebreak::trail::TrailPlace;
use firebreak_aws::classify::OrFault;
use jiff::{SignedDuration, Timestamp};

/// How long a row outlives its last turn, in seconds.
const KEPT_SECONDS: i64 = 3600;

/// Turns that somebody wants, one after the other.
#[derive(Debug, Clone, Copy)]
pub struct TurnsWanted {
    /// How many.
    pub count: u32,
    /// From one to the next.
    pub pace: SignedDuration,
    /// The first one is not before this.
    pub at: Timestamp,
    /// The first one is not after this.
    pub latest: Timestamp,
}

impl Ledger {
    /// Takes turns at a trail, and says when the first one is. Nothing: others have the trail until later.
    ///
    /// A write whose answer got lost is repeated and takes turns that nobody uses.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub async fn take_turns(&self, (account, region): &TrailPlace, wanted: TurnsWanted) -> Result<Option<Timestamp>, Fault> {
        let TurnsWanted { count, pace, at, latest } = wanted;
        let (now, taken) = (at.as_millisecond(), milliseconds(pace).saturating_mul(i64::from(count)));
        let row = || self.update(text(format!("lookups#{account}#{region}")), text("lookups"));
        let expires = number(at.as_second() + KEPT_SECONDS);
        let free = row()
            .update_expression("SET free_at = :next, expires_at = :expires")
            .condition_expression("attribute_not_exists(free_at) OR free_at <= :now")
            .expression_attribute_values(":next", number(now.saturating_add(taken)))
            .expression_attribute_values(":now", number(now))
            .expression_attribute_values(":expires", expires.clone())
            .send()
            .await;
        if !lost(&free) {
            free.or_fault("ledger: take turns at CloudTrail")?;
            return Ok(Some(at));
        }
        let behind = row()
            .update_expression("SET expires_at = :expires ADD free_at :taken")
            .condition_expression("free_at > :now AND free_at <= :latest")
            .expression_attribute_values(":taken", number(taken))
            .expression_attribute_values(":now", number(now))
            .expression_attribute_values(":latest", number(latest.as_millisecond()))
            .expression_attribute_values(":expires", expires)
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        // It became free meanwhile, or is taken for longer than the caller can wait.
        if lost(&behind) {
            return Ok(None);
        }
        let row = behind.or_fault("ledger: take turns at CloudTrail")?.attributes.unwrap_or_default();
        let next: Option<i64> = row.get("free_at").and_then(|next| next.as_n().ok()).and_then(|next| next.parse().ok());
        let first = next.and_then(|next| Timestamp::from_millisecond(next.saturating_sub(taken)).ok());
        first.map(Some).ok_or_else(|| Fault::bug("ledger: a trail's row has no time"))
    }
}

fn milliseconds(duration: SignedDuration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
