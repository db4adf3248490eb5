//! Whose hold keeps a target contained, and whether anybody is still asked about it.

use crate::Function;
use firebreak::fault::Fault;
use firebreak::ids::IncidentId;
use firebreak::incident::IncidentStatus;
use firebreak::receipt::Receipt;

impl Function {
    /// The receipt of a target that `by` still holds. A closed incident keeps its hold, and no gate asks about it: the receipt names the
    /// incident to restore.
    pub(crate) async fn still_held(&self, by: &str, receipt: Receipt) -> Receipt {
        let held_by = IncidentId::parse(by).ok();
        let restore = match &held_by {
            Some(holder) => self.closed(holder).await.unwrap_or_else(|fault| {
                // The target stays contained whatever is said about it.
                tracing::error!(fault.message = %fault.message, "whether the incident that holds it is closed is not known");
                None
            }),
            None => None,
        };
        let receipt = Receipt { held_by, restore, ..receipt };
        let error = receipt.still_contained().or_else(|| Some(format!("still contained for incident {by}")));
        Receipt { error, ..receipt }
    }

    /// The closed incident that holds under this name: its own, or that of a finding that joined it.
    async fn closed(&self, holder: &IncidentId) -> Result<Option<IncidentId>, Fault> {
        let ledger = self.responder.ledger();
        let mut id = holder.clone();
        let mut record = ledger.record(&id).await?;
        if record.is_none()
            && let Some(joining) = ledger.joined(&id).await?
        {
            record = ledger.record(&joining.incident).await?;
            id = joining.incident;
        }
        Ok(record.filter(|record| record.status == IncidentStatus::Closed).map(|_| id))
    }
}
