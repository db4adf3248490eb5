#![doc = include_str!("../README.md")]

mod metrics;

use firebreak::answer::Decided;
use firebreak::fault::{Fault, FaultKind};
use firebreak::incident::Incident;
use firebreak::notice::{self, NoticeKind};
use firebreak::pause::Pauses;
use firebreak::receipt::Status;
use firebreak::report::Report;
use firebreak::review::Takes;
use firebreak_aws::classify::OrFault;
use firebreak_aws::{Aws, clock};
use firebreak_function::environment;
use firebreak_ledger::Ledger;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tokio::time::timeout;

/// What the state machine sends.
#[derive(Debug, Deserialize)]
pub struct NoticeInput {
    /// What to tell.
    pub kind: NoticeKind,
    /// About which incident.
    pub incident: Incident,
    /// What was done so far.
    #[serde(default)]
    pub report: Report,
    /// The analyst's answer, once there is one.
    #[serde(default)]
    pub answer: Option<Decided>,
    /// Which gate timed out.
    #[serde(default)]
    pub round: u32,
    /// Which answers that gate takes.
    #[serde(flatten)]
    pub takes: Takes,
}

/// What the function answers.
#[derive(Debug, Serialize)]
pub struct Sent {
    /// SNS's id of the message.
    pub message_id: String,
    /// How many things the answer asked for and that were not carried out, and how many it does not cover. The state machine closes
    /// the incident only at 0.
    pub unfinished: usize,
}

/// The function and what it needs.
pub struct Function {
    sns: aws_sdk_sns::Client,
    ledger: Ledger,
    topic: String,
    patience: Duration,
}

/// How long the ledger has to answer. The function has 30 seconds, and the message comes after it.
const PATIENCE: Duration = Duration::from_secs(8);

impl Function {
    /// Reads the environment.
    ///
    /// # Errors
    /// A fault that names the missing variable.
    pub async fn load() -> Result<Self, Fault> {
        let aws = Aws::load().await;
        let ledger = environment::ledger(&aws)?;
        Ok(Self::new(&aws, ledger, environment::required(environment::NOTICES_TOPIC_ARN)?))
    }

    /// Publishes to `topic`, an ARN.
    #[must_use]
    pub fn new(aws: &Aws, ledger: Ledger, topic: String) -> Self {
        Self { sns: aws_sdk_sns::Client::new(aws.own()), ledger, topic, patience: PATIENCE }
    }

    /// The same, waiting so long for the ledger before people are told without it. By default 8 seconds.
    #[must_use]
    pub fn patient_for(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Publishes one message.
    ///
    /// # Errors
    /// When SNS does not take it, or the ledger does not say how many findings were only counted: their window would stay open, and
    /// what comes after it be told by nobody.
    pub async fn handle(&self, mut request: NoticeInput) -> Result<Sent, Fault> {
        // First, so that an alarm rings even when people cannot be told. A line of its own: CloudWatch takes no metric from inside another.
        if let Some(line) = metrics::line(request.kind, &request.incident, &request.report, clock::now()) {
            println!("{line}");
        }
        self.gather(&mut request).await;
        self.tally(&mut request.incident).await?;
        request.report.pauses = self.pauses(&request.incident).await;
        let told = notice::notice(request.kind, &request.incident, &request.report, request.answer.as_ref(), request.round);
        let message = notice::mail(&told.for_gate(&request.takes));
        let sent = self
            .sns
            .publish()
            .topic_arn(&self.topic)
            .subject(&message.subject)
            .message(message.body)
            .send()
            .await
            .or_fault("sns:Publish")?;
        let left = |decided: &Decided| {
            // Every decision of a closed incident is settled: the receipts alone tell what is not back.
            if request.kind == NoticeKind::Restored {
                return request.report.unfinished(decided.answer).len();
            }
            let unfinished = request.report.unfinished_of(&request.incident, decided).len();
            unfinished + request.incident.beyond(decided).len() + request.incident.left_by(decided).len()
        };
        let unfinished = request.answer.as_ref().map_or(0, left);
        // The message is out: a timeline that misses a line is no reason to send it twice.
        if let Err(fault) = self.ledger.note(&request.incident.id, clock::now(), &format!("mail sent: {}", message.subject)).await
        {
            tracing::warn!(fault.message = %fault.message, "timeline not written");
        }
        // Receipts that the state machine wrote for approved containments that failed exist nowhere else.
        for receipt in
            request.report.gated.iter().filter(|receipt| receipt.status == Status::Failed && receipt.finished_at.is_none())
        {
            // With a date, or no other execution of the incident would show it.
            let dated = receipt.dated(clock::now());
            if let Err(fault) = self.ledger.keep_machine_receipt(&request.incident.id, &dated).await {
                tracing::warn!(fault.message = %fault.message, "receipt not written");
            }
        }
        Ok(Sent { message_id: sent.message_id.unwrap_or_default(), unfinished })
    }

    /// Closes the window of findings that the incident stands for, and says how many they are, also on its timeline.
    async fn tally(&self, incident: &mut Incident) -> Result<(), Fault> {
        let Some(summary) = incident.excess.clone() else { return Ok(()) };
        let tallied = timeout(self.patience, self.ledger.close_excess(&summary.of)).await;
        let tallied = tallied.unwrap_or_else(|_| Err(Fault::new(FaultKind::Transient, "ledger: it did not answer in time")));
        let known = incident.reason.take().unwrap_or_default();
        let count = if let Some(tally) = tallied? {
            let sentence = tally.sentence(&summary.of);
            self.ledger.note_or_warn(&incident.id, clock::now(), &sentence).await;
            sentence
        } else {
            "how many, the ledger does not know any more".to_owned()
        };
        incident.reason = Some(format!("{known}; {count}"));
        Ok(())
    }

    /// Lays the ledger's decisions and receipts over what the state machine carries. At the opening it carries everything itself.
    async fn gather(&self, request: &mut NoticeInput) {
        if matches!(request.kind, NoticeKind::Noticed | NoticeKind::Opened) {
            return;
        }
        let gather = async {
            // A restore has an execution of its own, which carries nothing of what answers led to.
            if request.kind == NoticeKind::Restored {
                return self.ledger.gather_answered(&mut request.incident, &mut request.report).await;
            }
            self.ledger.gather(&mut request.incident, &mut request.report).await
        };
        let gathered = timeout(self.patience, gather).await;
        let gathered = gathered.unwrap_or_else(|_| Err(Fault::new(FaultKind::Transient, "ledger: it did not answer in time")));
        if let Err(fault) = gathered {
            // People must be told all the same: how each containment ended, the state machine knows.
            tracing::error!(fault.message = %fault.message, "told without the ledger");
            request.report.unread = true;
        }
    }

    /// What is paused where the incident's targets are. Without an answer in time people are told all the same.
    async fn pauses(&self, incident: &Incident) -> Pauses {
        let accounts = incident.accounts();
        match timeout(self.patience, self.ledger.pauses(&accounts, clock::now())).await {
            Ok(Ok(pauses)) => pauses,
            Ok(Err(fault)) => {
                tracing::error!(fault.message = %fault.message, "told without what is paused");
                Pauses::default()
            }
            Err(_) => {
                tracing::error!("told without what is paused: the ledger did not answer in time");
                Pauses::default()
            }
        }
    }
}
