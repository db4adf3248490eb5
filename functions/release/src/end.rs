//! How a release ended, and what that means for the incident.

use crate::{Function, ReleaseInput};
use firebreak::fault::Fault;
use firebreak::incident::IncidentStatus;
use firebreak::receipt::{Receipt, Status};
use firebreak::report::{ReleaseBranch, Report};
use firebreak_aws::clock;

/// Everything is back.
const OK: &str = "ok";
/// Something is not back.
const FAILED: &str = "failed";
/// What the answer covers is back. Other targets are unanswered, or more was decided since.
const NOT_COVERED: &str = "not-covered";

pub(crate) fn how_it_ended(released: &[Receipt]) -> &'static str {
    if released.iter().any(|receipt| matches!(receipt.status, Status::Failed | Status::Partial)) {
        FAILED
    } else if released.iter().any(|receipt| receipt.status == Status::Waits) {
        NOT_COVERED
    } else {
        OK
    }
}

impl Function {
    /// Settles the answer if all that it asked for is back, and ends the incident when nothing is left to answer.
    ///
    /// # Errors
    /// The ledger could not be read or written.
    pub(crate) async fn end(
        &self,
        request: &ReleaseInput,
        released: &[Receipt],
        ended: &'static str,
    ) -> Result<&'static str, Fault> {
        let (ledger, id) = (self.responder.ledger(), &request.incident.id);
        let release = ReleaseBranch { receipts: released.to_vec(), ..ReleaseBranch::default() };
        let report = Report { release, ..Report::default() };
        let is_over = match &request.answer {
            Some(answer) if ended == OK => {
                ledger.settle(id, answer, &report, clock::now()).await? != IncidentStatus::AwaitingReview
            }
            Some(answer) => {
                ledger.amend(id, |incident| incident.settle(answer, |d| report.is_carried_out(d, answer))).await?;
                false
            }
            None => ended == OK && ledger.finish(id, IncidentStatus::Released, clock::now(), None).await?,
        };
        Ok(if ended == OK && !is_over { NOT_COVERED } else { ended })
    }
}
