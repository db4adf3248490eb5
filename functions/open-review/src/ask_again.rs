//! A finding joined an incident whose gate is open, or the watch found more: people are asked again, and the gate's token stays valid.
//!
//! The answer to an older ticket covers only what that one showed, and what joined since opens the gate again. So a ticket that goes
//! out twice, or that the gate's own ticket already made needless, harms nobody.

use crate::Function;
use firebreak::fault::{Fault, FaultKind};
use firebreak::incident::{Incident, IncidentStatus};
use firebreak::notice;
use firebreak::receipt::{Receipt, Status};
use firebreak::review::AsksAgain;
use firebreak::revision::Shown;
use firebreak_aws::clock;
use firebreak_function::about;
use firebreak_ledger::{Gate, IncidentRecord, Ticket};

impl Function {
    /// Publishes a ticket about the incident as it is now, unless the gate's own ticket says it, or will.
    ///
    /// # Errors
    /// The ledger or the topic did not take it; `Transient` while the gate's own ticket is on its way. The message comes again.
    pub(crate) async fn ask_again(&self, message: &AsksAgain, comes_again: bool) -> Result<(), Fault> {
        let id = &message.incident.id;
        about::incident(id);
        for receipt in failures(message) {
            self.ledger.keep_machine_receipt(id, &receipt.dated(message.entered_at)).await?;
        }
        let Some((gate, IncidentRecord { incident: known, .. })) = self.open_gate_of(message).await? else { return Ok(()) };
        if !gate.announced && comes_again {
            return Err(Fault::new(FaultKind::Transient, "the gate's own ticket is not out yet"));
        }
        if is_shown(&gate, &known, message) {
            return Ok(());
        }
        let mut incident = Incident { joining: message.incident.joining.clone(), ..known };
        // What functions wrote is in the ledger, where the better of two receipts stays.
        let mut report = message.report.clone();
        report.containment.receipts.retain(|receipt| receipt.finished_at.is_none());
        report.derived.retain(|receipt| receipt.finished_at.is_none());
        // What an approval carries out stands only in the ledger: without it there is no new ticket, and the older one is open.
        self.ledger.gather_answered(&mut incident, &mut report).await?;
        report.pauses = self.pauses(&incident).await;
        let shown = Shown::of(&incident);
        self.publish(&notice::ticket(&incident, &report, gate.round).for_gate(&gate.takes)).await?;
        // After the ticket: an answer covers what somebody could read. Killed in between, the ticket comes twice.
        self.ledger.newer_ticket_is_out(id, &gate.task_token, &shown, clock::now()).await?;
        let why = if message.incident.joining.is_some() { "a finding joined" } else { "the watch found more" };
        self.ledger.note(id, message.entered_at, &format!("review asked again: {why}")).await
    }

    /// The gate that waits for an answer, and its incident. Nothing: no gate is open, and the next ticket says everything, or none
    /// comes because the incident is over.
    async fn open_gate_of(&self, message: &AsksAgain) -> Result<Option<(Gate, IncidentRecord)>, Fault> {
        let id = &message.incident.id;
        let Some(gate) = self.ledger.gate(id).await? else { return Ok(None) };
        let Some(record) = self.ledger.record(id).await? else { return Ok(None) };
        let is_over = matches!(record.status, IncidentStatus::Failed | IncidentStatus::Closed | IncidentStatus::Released);
        // Another execution has taken over, and its gate is still to come.
        let is_left = gate.execution_arn != record.incident.execution_arn;
        Ok((!is_over && !is_left && gate.decision.is_none()).then_some((gate, record)))
    }
}

/// What exists nowhere else: functions of the joining execution that failed as a whole. Those that a look started can stand apart.
fn failures(message: &AsksAgain) -> impl Iterator<Item = &Receipt> {
    let report = &message.report;
    let written = report.containment.receipts.iter().chain(&report.derived);
    written.filter(|receipt| receipt.finished_at.is_none() && receipt.status == Status::Failed)
}

/// Whether a ticket that went out since shows all of it. Of many findings that join at once the first message makes a ticket. That a
/// ticket shows a failure that is kept only now, nobody knows.
fn is_shown(gate: &Gate, known: &Incident, message: &AsksAgain) -> bool {
    let Ticket::Out(Shown { digest: Some(_), revision }) = &gate.ticket else { return false };
    let is_later = gate.ticket_at.is_some_and(|at| at > message.entered_at);
    is_later && *revision >= known.revision && failures(message).next().is_none()
}
