#![doc = include_str!("../README.md")]

mod ask_again;
mod message;

use crate::message::Message;
use firebreak::answer::Decided;
use firebreak::fault::Fault;
use firebreak::incident::{Incident, IncidentStatus};
use firebreak::notice::{self, Notice};
use firebreak::pause::Pauses;
use firebreak::receipt::Status;
use firebreak::review::GateMessage;
use firebreak::revision::Shown;
use firebreak_aws::classify::OrFault;
use firebreak_aws::{Aws, clock};
use firebreak_function::{about, environment};
use firebreak_gate::{HandOver, hand_over};
use firebreak_ledger::Ledger;
use firebreak_ledger::OpenedGate;
use serde::{Deserialize, Serialize};
use tracing::Instrument as _;
use tracing::field::Empty;

/// An SQS batch, as an event source mapping delivers it (Lambda developer guide, "Using Lambda with Amazon SQS").
#[derive(Deserialize)]
pub struct Batch {
    /// The messages.
    #[serde(rename = "Records")]
    pub records: Vec<Record>,
}

/// One message. Its body holds a task token: no `Debug`.
#[derive(Deserialize)]
pub struct Record {
    /// What a failed message is reported by.
    #[serde(rename = "messageId")]
    pub message_id: String,
    /// A [`GateMessage`], or an [`AsksAgain`](firebreak::review::AsksAgain), as JSON.
    pub body: String,
    /// What SQS says about the message.
    #[serde(default)]
    pub attributes: Attributes,
}

/// What SQS says about a message (SQS API reference, `ReceiveMessage`).
#[derive(Debug, Default, Deserialize)]
pub struct Attributes {
    /// How often the message was received, this time included; a number as text.
    #[serde(default, rename = "ApproximateReceiveCount")]
    pub received: String,
}

impl Attributes {
    /// Whether SQS hands the message over again before it goes to the dead letters (after 5 times).
    fn comes_again(&self) -> bool {
        self.received.parse::<u32>().is_ok_and(|received| received < PATIENT_TIMES)
    }
}

/// So often the ledger gets a chance before a ticket is written without it.
const PATIENT_TIMES: u32 = 3;

/// Which messages must come again (`ReportBatchItemFailures`). An empty list means all were taken.
#[derive(Debug, Serialize)]
pub struct BatchFailures {
    /// The failed ones.
    #[serde(rename = "batchItemFailures")]
    pub failures: Vec<ItemFailure>,
}

/// One failed message.
#[derive(Debug, Serialize)]
pub struct ItemFailure {
    /// Its id.
    #[serde(rename = "itemIdentifier")]
    pub message_id: String,
}

/// The function and what it needs.
pub struct Function {
    sns: aws_sdk_sns::Client,
    executions: aws_sdk_sfn::Client,
    ledger: Ledger,
    topic: String,
}

impl Function {
    /// Reads the environment.
    ///
    /// # Errors
    /// A fault that names the missing variable.
    pub async fn load() -> Result<Self, Fault> {
        let aws = Aws::load().await;
        let ledger = environment::ledger(&aws)?;
        Ok(Self::new(&aws, ledger, environment::required(environment::TICKETS_TOPIC_ARN)?))
    }

    /// Publishes to `topic`, an ARN.
    #[must_use]
    pub fn new(aws: &Aws, ledger: Ledger, topic: String) -> Self {
        Self { sns: aws_sdk_sns::Client::new(aws.own()), executions: aws_sdk_sfn::Client::new(aws.own()), ledger, topic }
    }

    /// Takes each message of the batch on its own; the ones that fail come again and end in the dead-letter queue.
    ///
    /// # Errors
    /// Never: a failure belongs to its message.
    pub async fn handle(&self, batch: Batch) -> Result<BatchFailures, Fault> {
        let mut failures = Vec::new();
        for record in batch.records {
            let span = tracing::error_span!("gate", incident = Empty, sqs.message_id = %record.message_id);
            if let Err(fault) = self.open(&record).instrument(span.clone()).await {
                span.in_scope(|| tracing::error!(fault.message = %fault.message, "gate message not taken"));
                failures.push(ItemFailure { message_id: record.message_id });
            }
        }
        Ok(BatchFailures { failures })
    }

    async fn open(&self, record: &Record) -> Result<(), Fault> {
        let comes_again = record.attributes.comes_again();
        match Message::read(&record.body)? {
            Message::Gate(message) => Box::pin(self.open_gate(&message, comes_again)).await,
            Message::AsksAgain(message) => Box::pin(self.ask_again(&message, comes_again)).await,
        }
    }

    async fn open_gate(&self, message: &GateMessage, comes_again: bool) -> Result<(), Fault> {
        let id = &message.incident.id;
        about::incident(id);
        match self.ledger.open_gate(message).await? {
            OpenedGate::Stale => Ok(()),
            OpenedGate::Answered(decided) => self.answer(message, &decided).await,
            OpenedGate::Waiting => {
                self.keep_machine_receipts(message).await?;
                let shown = self.publish_ticket(message, comes_again).await?;
                // Before the incident waits for an answer: an answer is about what a ticket showed.
                self.ledger.ticket_is_out(message, &shown, clock::now()).await?;
                // A gate that opened again after an answer waits, whatever the function that carried it out wrote last.
                let over = [IncidentStatus::Failed, IncidentStatus::Closed, IncidentStatus::Released];
                let over = if message.after_answer { &over[..1] } else { &over[..] };
                self.ledger.set_status(id, IncidentStatus::AwaitingReview, over).await?;
                self.ledger.note(id, message.entered_at, &format!("review opened, round {}", message.round)).await?;
                self.ledger.gate_announced(message).await
            }
        }
    }

    /// Receipts that the state machine wrote for functions that failed exist nowhere else. One that the function itself left says more.
    async fn keep_machine_receipts(&self, message: &GateMessage) -> Result<(), Fault> {
        let written = message.report.containment.receipts.iter().filter(|receipt| receipt.finished_at.is_none());
        // After an answer, that a decision waited for it is no news any more: what came of the answer may stand in its place.
        let written = written.filter(|receipt| !(message.after_answer && receipt.status == Status::Skipped));
        for receipt in written {
            self.ledger.keep_machine_receipt(&message.incident.id, &receipt.dated(message.entered_at)).await?;
        }
        Ok(())
    }

    /// The ticket says what the ledger knows: decisions can have been appended, and receipts corrected, since the state machine read them.
    ///
    /// What an approval carries out stands only there: the message comes again before a ticket is written without it. Returns what
    /// the ticket showed.
    async fn publish_ticket(&self, message: &GateMessage, comes_again: bool) -> Result<Shown, Fault> {
        let (mut incident, mut report) = (message.incident.clone(), message.report.clone());
        let mut is_read = true;
        if let Err(fault) = self.ledger.gather(&mut incident, &mut report).await {
            if comes_again {
                return Err(fault);
            }
            // A person must be asked all the same: the message says what the state machine knew.
            tracing::error!(fault.message = %fault.message, "the ticket is written without the ledger");
            let lacks = "this ticket does NOT list what an approval carries out: the ledger could not be read";
            report.verify.missing.push(format!("{lacks}; before you answer: firebreak incidents show {}", incident.id));
            is_read = false;
        }
        report.pauses = self.pauses(&incident).await;
        let mut ticket = notice::ticket(&incident, &report, message.round).for_gate(&message.takes);
        ticket.code = ticket.code.filter(|_| is_read);
        self.publish(&ticket).await?;
        Ok(if is_read { Shown::of(&incident) } else { Shown::WITHOUT_LEDGER })
    }

    /// What is paused where the incident's targets are. A ticket that lacks it asks the same.
    async fn pauses(&self, incident: &Incident) -> Pauses {
        self.ledger.pauses(&incident.accounts(), clock::now()).await.unwrap_or_else(|fault| {
            tracing::error!(fault.message = %fault.message, "the ticket is written without what is paused");
            Pauses::default()
        })
    }

    async fn publish(&self, ticket: &Notice) -> Result<(), Fault> {
        let ticket = notice::mail(ticket);
        let publish = self.sns.publish().topic_arn(&self.topic).subject(ticket.subject).message(ticket.body);
        publish.send().await.or_fault("sns:Publish of the ticket")?;
        Ok(())
    }

    /// An analyst answered while the last gate timed out: hand that answer to this one.
    async fn answer(&self, message: &GateMessage, decided: &Decided) -> Result<(), Fault> {
        // An earlier run of this message handed the answer over, or the gate has closed again and the next one takes it.
        if hand_over(&self.executions, &message.task_token, decided).await? == HandOver::Closed {
            return Ok(());
        }
        self.ledger.answer_delivered(&message.incident.id, &message.task_token).await?;
        self.ledger.note(&message.incident.id, clock::now(), "the recorded answer was handed to the reopened gate").await
    }
}
