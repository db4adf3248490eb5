//! How a release ended, and what that means for the incident.

use crate::{Function, ReleaseInput};
use firebreak::containment::Containment;
use firebreak::fault::Fault;
use firebreak::incident::IncidentStatus;
use firebreak::receipt::{Receipt, Status};
use firebreak::report::{ReleaseBranch, Report};
use firebreak::restore::RestoreEnd;
use firebreak::revision::LATER;
use firebreak::target::Target;
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

/// The receipt of a target that no ticket had shown when the release was asked for: nobody has judged it.
pub(crate) fn asked_again(containment: Containment, target: &Target) -> Receipt {
    let (error, finished_at) = (Some(LATER.to_owned()), Some(clock::now()));
    Receipt { error, finished_at, ..Receipt::of(target.clone(), containment, Status::Waits) }
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

    /// Writes how a restore of a closed incident ended. Only what is all back is released; else it stays closed.
    ///
    /// # Errors
    /// The ledger could not be written.
    pub(crate) async fn end_restore(
        &self,
        request: &ReleaseInput,
        number: u32,
        ended: &'static str,
    ) -> Result<&'static str, Fault> {
        let (ledger, id) = (self.responder.ledger(), &request.incident.id);
        let covers = request.answer.as_ref().and_then(|answer| answer.covers);
        let is_back = ended == OK && ledger.finish(id, IncidentStatus::Released, clock::now(), covers).await?;
        let status = if ended == OK && !is_back { NOT_COVERED } else { ended };
        ledger.end_restore(id, number, RestoreEnd { is_back, at: clock::now() }).await?;
        Ok(status)
    }
}
