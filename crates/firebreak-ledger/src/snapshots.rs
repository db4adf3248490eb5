//! Whose turn it is to copy an instance's volumes: one set of snapshots in six hours, however many findings name the host.
//!
//! An intruder who trips forty types on a host of 16 TiB must not cost forty copies. The ledger decides, not the snapshots' tags:
//! whoever administers the account can write those.

use super::{Ledger, lost, sortable, string, text};
use aws_sdk_dynamodb::types::AttributeValue;
use firebreak::fault::Fault;
use firebreak::ids::IncidentId;
use firebreak::target::Target;
use firebreak_aws::classify::OrFault;
use jiff::{SignedDuration, Timestamp};

/// How long a set of snapshots counts for later incidents.
const WINDOW: SignedDuration = SignedDuration::from_hours(6);
/// So long whoever has the turn is waited for; a killed function loses it.
const TURN: SignedDuration = SignedDuration::from_mins(2);

/// What the ledger says about the snapshots of one instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SnapshotTurn {
    /// The caller makes them.
    Ours,
    /// Somebody made them within the window.
    Made {
        /// For which incident.
        of: String,
        /// When: the snapshots show the disks as they were then.
        at: Timestamp,
        /// Snapshot ids.
        ids: Vec<String>,
    },
    /// Somebody is making them.
    Underway,
}

impl Ledger {
    /// Asks for the turn to make the snapshots of `target` for `incident`.
    ///
    /// # Errors
    /// The ledger could not be read or written. The caller makes snapshots all the same.
    pub async fn snapshot_turn(&self, target: &Target, incident: &IncidentId, now: Timestamp) -> Result<SnapshotTurn, Fault> {
        let asked = self
            .update(snapshots_pk(target), text("set"))
            .update_expression("SET taken_by = :me, taken_at = :now REMOVE snapshots")
            .condition_expression(
                "attribute_not_exists(pk) OR taken_at < :window \
                 OR (attribute_not_exists(snapshots) AND (taken_by = :me OR taken_at < :turn))",
            )
            .expression_attribute_values(":me", text(incident.as_str()))
            .expression_attribute_values(":now", text(sortable(now)))
            .expression_attribute_values(":window", text(sortable(now - WINDOW)))
            .expression_attribute_values(":turn", text(sortable(now - TURN)))
            .send()
            .await;
        if !lost(&asked) {
            asked.or_fault("ledger: take the turn to snapshot")?;
            return Ok(SnapshotTurn::Ours);
        }
        let item = self.get(format!("snapshots#{}", target.ledger_key()), "set").send().await;
        let item = item.or_fault("ledger: read who snapshots")?.item.unwrap_or_default();
        let ids = item.get("snapshots").and_then(|ids| ids.as_ss().ok()).cloned().unwrap_or_default();
        let at = string(&item, "taken_at").and_then(|at| at.parse().ok()).filter(|_| !ids.is_empty());
        let Some(at) = at else { return Ok(SnapshotTurn::Underway) };
        Ok(SnapshotTurn::Made { of: string(&item, "taken_by").unwrap_or_default().to_owned(), at, ids })
    }

    /// Says which snapshots came of the turn of `incident`, or that nothing did: the next one who asks has the turn.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub async fn end_snapshot_turn(&self, target: &Target, incident: &IncidentId, ids: &[String]) -> Result<(), Fault> {
        let update = self.update(snapshots_pk(target), text("set"));
        let update = if ids.is_empty() {
            // Older than any window.
            update.update_expression("SET taken_at = :never").expression_attribute_values(":never", text(""))
        } else {
            let set = update.update_expression("SET snapshots = :ids");
            set.expression_attribute_values(":ids", AttributeValue::Ss(ids.to_vec()))
        };
        let mine = update.condition_expression("taken_by = :me").expression_attribute_values(":me", text(incident.as_str()));
        let ended = mine.send().await;
        if !lost(&ended) {
            ended.or_fault("ledger: end the turn to snapshot")?;
        }
        Ok(())
    }
}

fn snapshots_pk(target: &Target) -> AttributeValue {
    text(format!("snapshots#{}", target.ledger_key()))
}
