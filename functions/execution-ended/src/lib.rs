#![doc = include_str!("../README.md")]

mod whose;

use firebreak::fault::Fault;
use firebreak::ids::IncidentId;
use firebreak::incident::IncidentStatus;
use firebreak::text::inert;
use firebreak_aws::classify::OrFault;
use firebreak_aws::{Aws, clock};
use firebreak_function::{about, environment};
use firebreak_ledger::Ledger;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
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
    /// The execution had recorded its end itself, and told people.
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
    /// When the ledger, Step Functions or SNS do not answer. Lambda tries the event again: told twice is better than not told.
    pub async fn handle(&self, event: Event) -> Result<Done, Fault> {
        let change = event.detail;
        let whose = self.whose(&change).await?;
        match &whose {
            Whose::Incident(id, status) => {
                about::incident(id);
                if is_over(*status) {
                    return Ok(Done::Nothing);
                }
                self.tell(&change, &whose).await?;
                self.record(id, &change).await?;
            }
            Whose::JoinedBy(_) | Whose::Nobodys => self.tell(&change, &whose).await?,
        }
        Ok(Done::Told)
    }

    async fn record(&self, id: &IncidentId, change: &Change) -> Result<(), Fault> {
        self.ledger.set_status(id, IncidentStatus::Failed, &[IncidentStatus::Closed, IncidentStatus::Released]).await?;
        let line = format!("its execution ended without a word: {}", inert(&change.status, 20));
        self.ledger.note_or_warn(id, clock::now(), &line).await;
        Ok(())
    }

    async fn tell(&self, change: &Change, whose: &Whose) -> Result<(), Fault> {
        let message = message(change, whose);
        let publish = self.sns.publish().topic_arn(&self.topic).subject(subject(&change.status)).message(message.to_string());
        publish.send().await.or_fault("sns:Publish")?;
        tracing::warn!(execution.status = inert(&change.status, 20), "an execution ended before its incident did");
        Ok(())
    }
}

/// Whether people were told of the end, or somebody ended it.
fn is_over(status: IncidentStatus) -> bool {
    matches!(status, IncidentStatus::Closed | IncidentStatus::Released | IncidentStatus::Failed)
}

fn subject(status: &str) -> &'static str {
    match status {
        "ABORTED" => "Firebreak: somebody stopped an incident's execution",
        "TIMED_OUT" => "Firebreak: an incident's execution ran out of time",
        _ => "Firebreak: an incident's execution ended without a word",
    }
}

/// In the form of the state machine's own last resort.
fn message(change: &Change, whose: &Whose) -> Value {
    let (incident, what_now) = match whose {
        Whose::Incident(id, _) => (
            id.to_string(),
            format!(
                "Everything that was contained stays contained, and nobody is asked any more. What stands: firebreak incidents show {id}. \
                 Once the cause is mended, send the finding again with firebreak replay: a new execution takes over"
            ),
        ),
        Whose::JoinedBy(id) => (
            id.to_string(),
            format!(
                "A finding had joined the incident, and its execution is gone. The incident goes on. What it covers: firebreak incidents \
                 show {id}. A later delivery of the finding goes on with it"
            ),
        ),
        Whose::Nobodys => (
            "untriaged".to_owned(),
            "No incident is known of this execution: its finding may not have been looked at. The execution's input has it; send it \
             again with firebreak replay"
                .to_owned(),
        ),
    };
    json!({
        "incident": incident,
        "status": inert(&change.status, 20),
        "error": inert(change.error.as_deref().unwrap_or("none named"), 100),
        "cause": inert(change.cause.as_deref().unwrap_or("none given"), 300),
        "execution": inert(&change.execution_arn, 300),
        "what_now": what_now,
    })
}
