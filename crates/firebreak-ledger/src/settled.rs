//! What came of an answer, target by target, and the end of an incident.

use super::Ledger;
use firebreak::answer::Decided;
use firebreak::decision::Decision;
use firebreak::fault::Fault;
use firebreak::ids::IncidentId;
use firebreak::incident::IncidentStatus;
use firebreak::report::Report;
use jiff::Timestamp;

impl Ledger {
    /// Settles what an answer asked for, if `report` says that all of it was carried out. Ends the incident when nothing is left to
    /// answer. Returns how it ended, or `AwaitingReview`: something is asked again. A second run changes nothing.
    ///
    /// # Errors
    /// The ledger could not be written or read; `Gone` when it does not know the incident.
    pub async fn settle(
        &self,
        id: &IncidentId,
        decided: &Decided,
        report: &Report,
        at: Timestamp,
    ) -> Result<IncidentStatus, Fault> {
        let is_done = |decision: &Decision| report.is_carried_out(decision, decided);
        let after = self.amend(id, |incident| incident.settle(decided, is_done)).await?;
        let after = after.ok_or_else(|| Fault::gone(format!("ledger: no incident {id} could be settled")))?;
        if after.unanswered().next().is_some() {
            return Ok(IncidentStatus::AwaitingReview);
        }
        let end = after.end(decided.answer);
        if !self.finish(id, end, at, decided.covers).await? {
            return Ok(IncidentStatus::AwaitingReview);
        }
        if let Some(line) = after.answered_mixed() {
            self.note_or_warn(id, at, &line).await;
        }
        Ok(end)
    }
}
