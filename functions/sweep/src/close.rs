//! The end of an answer that releases nothing: carried out in full it is settled, and the incident closes when nothing is left.

use crate::{Function, SweepInput, SweepOutput};
use firebreak::fault::Fault;
use firebreak::incident::IncidentStatus;
use firebreak_aws::clock;

impl Function {
    /// Settles, and closes or asks again.
    ///
    /// # Errors
    /// The ledger could not be read or written; `Gone` when it knows no incident to close.
    pub(crate) async fn close(&self, request: SweepInput) -> Result<SweepOutput, Fault> {
        let SweepInput { mut incident, mut report, passing, .. } = request;
        let status = match passing.decided().filter(|_| !report.containment.status.is_empty()) {
            Some(decided) => {
                self.ledger.gather(&mut incident, &mut report).await?;
                self.ledger.settle(&incident.id, &decided, &report, clock::now()).await?
            }
            // An earlier definition sends no report, and asks only when everything was carried out. It knows no answer about some targets.
            None => {
                let (id, closed) = (&incident.id, IncidentStatus::Closed);
                let is_closed = self.ledger.finish(id, closed, clock::now(), passing.covers()).await?;
                if is_closed { closed } else { IncidentStatus::AwaitingReview }
            }
        };
        Ok(SweepOutput::Closed { status })
    }
}
