//! What the newest ticket of an incident showed: an answer is about that, and about nothing that was decided later.

use super::{Item, Ledger, lost, number, sortable, string, text};
use firebreak::fault::Fault;
use firebreak::ids::IncidentId;
use firebreak::review::GateMessage;
use firebreak::revision::Shown;
use firebreak_aws::classify::OrFault;
use jiff::Timestamp;

/// What is known of the newest ticket that the waiting execution had written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ticket {
    /// None is out yet.
    NotOut,
    /// It is out, and the version of Firebreak that wrote it kept nothing of what it showed.
    OfEarlierVersion,
    /// It is out, and showed this.
    Out(Shown),
}

impl Ticket {
    pub(super) fn of(item: &Item) -> Self {
        match integer(item, "shown_revision") {
            Some(revision) => Self::Out(Shown { digest: string(item, "shown").map(str::to_owned), revision }),
            None if item.contains_key("announced") => Self::OfEarlierVersion,
            None => Self::NotOut,
        }
    }
}

impl Ledger {
    /// Notes what the ticket of a gate showed, once it is out. Nothing happens when the gate was answered or opened again meanwhile.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub async fn ticket_is_out(&self, message: &GateMessage, shown: &Shown, at: Timestamp) -> Result<(), Fault> {
        self.newer_ticket_is_out(&message.incident.id, &message.task_token, shown, at).await
    }

    /// The same for the gate with this token: another ticket than that of its own message can go out while it is open.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub async fn newer_ticket_is_out(
        &self,
        incident: &IncidentId,
        task_token: &str,
        shown: &Shown,
        at: Timestamp,
    ) -> Result<(), Fault> {
        let set = "SET shown_revision = :revision, announced_at = :at";
        let expression = if shown.digest.is_some() { format!("{set}, shown = :shown") } else { format!("{set} REMOVE shown") };
        let mut update = self
            .update_about(incident, "review", expression)
            .condition_expression("task_token = :token")
            .expression_attribute_values(":token", text(task_token))
            .expression_attribute_values(":revision", number(shown.revision))
            .expression_attribute_values(":at", text(sortable(at)));
        if let Some(digest) = &shown.digest {
            update = update.expression_attribute_values(":shown", text(digest));
        }
        let noted = update.send().await;
        if lost(&noted) {
            return Ok(());
        }
        noted.or_fault("ledger: note what the ticket showed")?;
        Ok(())
    }
}

/// A number of a row.
pub(super) fn integer(item: &Item, name: &str) -> Option<u32> {
    item.get(name)?.as_n().ok()?.parse().ok()
}
