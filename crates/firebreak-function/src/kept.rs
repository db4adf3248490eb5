//! What the ledger keeps of a run.

use crate::call::LateStep;
use crate::containment::{Responder, log_unless_ok, passing_fault, receipt};
use firebreak::fault::Fault;
use firebreak::ids::IncidentId;
use firebreak::incident::Incident;
use firebreak::receipt::{Outcome, Receipt, Status, Step};
use firebreak::step::StepKind;
use firebreak_aws::clock;
use firebreak_ledger::{Held, Mark};

impl Responder {
    /// The receipt of a containment that came after the release which answered its finding: nothing is changed.
    pub(crate) async fn answered(&self, incident: &IncidentId, held: Held<'_>) -> Result<Receipt, Fault> {
        let (target, containment) = (held.target, held.containment);
        let error = Mark::Answered.held(target).err().map(|fault| fault.message);
        let receipt =
            Receipt { error, finished_at: Some(clock::now()), ..Receipt::of(target.clone(), containment, Status::Skipped) };
        // What the incident did to the target before says more.
        if self.ledger().receipt(incident, containment, target).await?.is_none() {
            self.ledger().keep_receipt(incident, &receipt).await?;
        }
        Ok(receipt)
    }

    /// What was tried, as the state machine and the ledger get it. A late step is made beside the record and is in the answer; the ledger
    /// learns of one that came to nothing.
    pub(crate) async fn tried(
        &self,
        incident: &Incident,
        held: Held<'_>,
        (mut steps, late): (Vec<Step>, Option<LateStep>),
        decisive: &'static [StepKind],
    ) -> Result<Receipt, Fault> {
        let passing = passing_fault(&steps, decisive);
        let mut receipt_of = receipt(held.target, held.containment, steps.clone(), decisive);
        if let Some(LateStep(late)) = late {
            let (kept, late) = futures::join!(self.remember(incident, &receipt_of), late);
            kept?;
            let is_done = late.outcome == Outcome::Applied;
            steps.push(late);
            let with_late = receipt(held.target, held.containment, steps, decisive);
            if is_done {
                // The kept receipt's time: a report takes the ledger's steps only where they are not older than the answer.
                receipt_of = Receipt { finished_at: receipt_of.finished_at, ..with_late };
            } else {
                self.remember(incident, &with_late).await?;
                receipt_of = with_late;
            }
        } else {
            self.remember(incident, &receipt_of).await?;
        }
        // Containing again converges, so a passing fault at a step that decides is worth another try.
        passing.map_or(Ok(receipt_of), Err)
    }

    /// The state machine keeps facts of a receipt, and the looks decide by its steps: a receipt that the ledger does not take is a
    /// fault, and the containment is done again. What it changed stays. The timeline is for people and goes out beside the receipt.
    ///
    /// A finding that joined may find its target contained: what fails now does not unsay what holds. A release goes by the receipt.
    pub(crate) async fn remember(&self, incident: &Incident, receipt: &Receipt) -> Result<(), Fault> {
        let kept = async {
            match incident.joining {
                // What waits has changed nothing: what an attempt before it changed must stay releasable.
                None if receipt.status != Status::Waits => self.ledger().keep_receipt(&incident.id, receipt).await,
                _ => self.ledger().keep_better_receipt(&incident.id, receipt).await,
            }
        };
        let word = serde_json::to_value(receipt.status).ok();
        let line = format!("{}: {}", receipt.target, word.as_ref().and_then(|word| word.as_str()).unwrap_or("unknown"));
        let (kept, noted) = futures::join!(kept, self.ledger().note(&incident.id, clock::now(), &line));
        log_unless_ok(noted);
        kept
    }
}
