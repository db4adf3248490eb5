#![doc = include_str!("../README.md")]

mod message;
mod whose;

use firebreak::fault::{Fault, UNHEARD};
use firebreak::ids::IncidentId;
use firebreak::text::inert;
use firebreak_aws::classify::OrFault;
use firebreak_aws::{Aws, clock};
use firebreak_function::{about, environment};
use firebreak_ledger::Ledger;
use serde::{Deserialize, Serialize};
use whose::Whose;

/// What EventBridge delivers (Step Functions developer guide, "Automating Step Functions event delivery with EventBridge").
#[derive(Debug, Deserialize)]
pub struct Event {
    /// The change.
    pub detail: Change,
}

/// An execution ended, and not well.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// The execution.
    pub execution_arn: String,
    /// `FAILED`, `TIMED_OUT` or `ABORTED`.
    pub status: String,
    /// What it began with; nothing when that is too large for the event.
    #[serde(default)]
    pub input: Option<String>,
    /// The name of the error.
    #[serde(default)]
    pub error: Option<String>,
    /// Its cause, which may quote a finding.
    #[serde(default)]
    pub cause: Option<String>,
}

/// What was done about it.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Done {
    /// The execution told people itself, and recorded its end where there is an incident.
    Nothing,
    /// People were told. The incident, if there is one of that execution, is recorded as failed.
    Told,
}

/// The function and what it needs.
pub struct Function {
    executions: aws_sdk_sfn::Client,
    sns: aws_sdk_sns::Client,
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
        Ok(Self::new(&aws, ledger, environment::required(environment::FAILURES_TOPIC_ARN)?))
    }

    /// Publishes to `topic`, an ARN.
    #[must_use]
    pub fn new(aws: &Aws, ledger: Ledger, topic: String) -> Self {
        let (executions, sns) = (aws_sdk_sfn::Client::new(aws.own()), aws_sdk_sns::Client::new(aws.own()));
        Self { executions, sns, ledger, topic }
    }

    /// Tells people of an incident whose execution is gone, and then records that it failed.
    ///
    /// # Errors
    /// When SNS, the ledger or Step Functions do not answer. Lambda tries the event again: told twice is better than not told. Whose
    /// the execution was can stay unknown for good: that is no error.
    pub async fn handle(&self, event: Event) -> Result<Done, Fault> {
        let change = event.detail;
        let whose = self.whose(&change).await?;
        let incident = whose.incident();
        if let Some((id, _)) = incident {
            about::incident(id);
        }
        if incident.map_or_else(|| was_told(&change), |(_, status)| status.is_over()) {
            return Ok(Done::Nothing);
        }
        self.tell(&change, &whose).await?;
        if let Some((id, _)) = incident {
            self.record(id, &change).await?;
        }
        Ok(Done::Told)
    }

    async fn record(&self, id: &IncidentId, change: &Change) -> Result<(), Fault> {
        let now = clock::now();
        // A new execution may have taken the incident over meanwhile: the incident is alive.
        if self.ledger.broke_down(id, &change.execution_arn, now).await? {
            let line = format!("its execution ended without a word: {}", inert(&change.status, 20));
            self.ledger.note_or_warn(id, now, &line).await;
        }
        Ok(())
    }

    async fn tell(&self, change: &Change, whose: &Whose) -> Result<(), Fault> {
        let (subject, message) = (message::subject(&change.status), message::message(change, whose).to_string());
        let publish = self.sns.publish().topic_arn(&self.topic).subject(subject).message(message);
        publish.send().await.or_fault("sns:Publish")?;
        tracing::warn!(execution.status = inert(&change.status, 20), "an execution ended before its incident did");
        Ok(())
    }
}

/// Whether the execution told people itself: it reached its state `Failed`, which raises the error that `FailureNotice` has told of.
/// Errors of Step Functions may have passed every `Catch`.
fn was_told(change: &Change) -> bool {
    let is_told = |error: &str| error != UNHEARD && !error.starts_with("States.");
    change.status == "FAILED" && change.error.as_deref().is_some_and(is_told)
}
