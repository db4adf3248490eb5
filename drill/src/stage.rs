//! A running Firebreak in the local AWS, and the ways in from outside: events, answers, inboxes, the ledger.

use crate::{Notice, Result, inbox};
use aws_config::SdkConfig;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use aws_smithy_types::DateTime;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use firebreak::answer::Answer;
use firebreak::ids::IncidentId;
use firebreak::incident::{Incident, IncidentStatus};
use firebreak::names;
use firebreak::review::{DecideOutcome, DecideRequest};
use firebreak_cli::signed;
use firebreak_ledger::IncidentView;
use firebreak_ledger::Ledger;
use firebreak_testkit::{LocalAws, Options, REGION, SECURITY_ACCOUNT, eventually};
use serde_json::Value;
use std::sync::Mutex;
use std::time::Duration;

/// What a function answered.
#[derive(Debug, Clone)]
pub struct Invoked {
    /// The type of its error, if it failed.
    pub error: Option<String>,
    /// Its answer, or its error.
    pub answer: Value,
}

/// How long anything may take on a busy machine with two cores.
/// The inboxes of what people are told and asked.
const PEOPLE: [&str; 2] = ["firebreak-notices-inbox", "firebreak-tickets-inbox"];
const PATIENCE: Duration = Duration::from_secs(60);

/// The local AWS with Firebreak in it.
pub struct Stage {
    /// The process.
    pub aws: LocalAws,
    /// Step Functions in the security account.
    pub sfn: aws_sdk_sfn::Client,
    /// The ledger.
    pub ledger: Ledger,
    config: SdkConfig,
    told: Mutex<Vec<Notice>>,
}

impl Stage {
    /// Starts the local AWS and connects to it.
    ///
    /// # Errors
    /// It does not start.
    pub async fn set(options: &Options) -> Result<Self> {
        let aws = LocalAws::start(options)?;
        let config = aws.administrator(SECURITY_ACCOUNT).await?;
        let ledger = Ledger::new(&config, names::LEDGER_TABLE.to_owned());
        Ok(Self { sfn: aws_sdk_sfn::Client::new(&config), ledger, aws, config, told: Mutex::default() })
    }

    /// SDK configuration of an administrator of the security account.
    #[must_use]
    pub fn config(&self) -> &SdkConfig {
        &self.config
    }

    /// The state machine's ARN.
    #[must_use]
    pub fn state_machine_arn(&self) -> String {
        format!("arn:aws:states:{REGION}:{SECURITY_ACCOUNT}:stateMachine:{}", names::STATE_MACHINE)
    }

    /// Sends an event through EventBridge, and waits until `ingest` has started an execution for each of its findings. Returns
    /// them: none when no rule matches.
    ///
    /// # Errors
    /// AWS refuses, or `ingest` does not start them in time.
    pub async fn send(&self, event: &Value) -> Result<Vec<String>> {
        let before = self.executions().await?;
        let findings = event.pointer("/detail/findings").and_then(Value::as_array).map_or(1, Vec::len);
        let expected = self.matching_rules(event).await?.len() * findings;
        let text = |field: &str| event[field].as_str().unwrap_or_default().to_owned();
        let entry = PutEventsRequestEntry::builder()
            .source(text("source"))
            .detail_type(text("detail-type"))
            .detail(event["detail"].to_string())
            .time(DateTime::from_secs(firebreak_aws::clock::now().as_second()))
            .build();
        aws_sdk_eventbridge::Client::new(&self.config).put_events().entries(entry).send().await?;
        Ok(eventually(&format!("{expected} execution(s) of the event"), PATIENCE, async || {
            let mut started = self.executions().await.ok()?;
            started.retain(|arn| !before.contains(arn));
            (started.len() >= expected).then_some(started)
        })
        .await?)
    }

    /// The names of the deployed rules that an event matches, as EventBridge itself says.
    ///
    /// # Errors
    /// AWS refuses.
    pub async fn matching_rules(&self, event: &Value) -> Result<Vec<String>> {
        let events = aws_sdk_eventbridge::Client::new(&self.config);
        let mut whole = event.clone();
        // TestEventPattern wants the fields that EventBridge adds by itself.
        for (field, value) in
            [("id", "test"), ("account", SECURITY_ACCOUNT), ("region", REGION), ("time", "2026-11-20T02:05:00Z")]
        {
            whole[field] = value.into();
        }
        whole["resources"] = Value::Array(vec![]);
        let event = whole.to_string();
        let mut matching = Vec::new();
        for rule in events.list_rules().name_prefix("firebreak-").send().await?.rules() {
            let (Some(name), Some(pattern)) = (rule.name(), rule.event_pattern()) else { continue };
            if events.test_event_pattern().event_pattern(pattern).event(&event).send().await?.result {
                matching.push(name.to_owned());
            }
        }
        Ok(matching)
    }

    /// Starts the state machine with any input.
    ///
    /// # Errors
    /// AWS refuses.
    pub async fn start(&self, input: &str) -> Result<String> {
        let started = self.sfn.start_execution().state_machine_arn(self.state_machine_arn()).input(input);
        let name = format!("drill-{}", firebreak_aws::clock::now().as_nanosecond());
        Ok(started.name(name).send().await?.execution_arn)
    }

    async fn executions(&self) -> Result<Vec<String>> {
        let list = self.sfn.list_executions().state_machine_arn(self.state_machine_arn()).send().await?;
        Ok(list.executions.into_iter().map(|execution| execution.execution_arn).collect())
    }

    /// Waits until an execution has ended; returns its status.
    ///
    /// # Errors
    /// It does not end in time.
    pub async fn ended(&self, arn: &str) -> Result<String> {
        let ended = eventually(&format!("the end of {arn}"), PATIENCE, async || {
            let status = self.sfn.describe_execution().execution_arn(arn).send().await.ok()?.status;
            (status.as_str() != "RUNNING").then(|| status.as_str().to_owned())
        })
        .await;
        match ended {
            Ok(status) => Ok(status),
            Err(late) => Err(format!("{late}; its last events: {}", self.last_events(arn).await).into()),
        }
    }

    /// Where an execution hangs: a test that waited in vain must say it.
    async fn last_events(&self, arn: &str) -> String {
        let asked = self.sfn.get_execution_history().execution_arn(arn).reverse_order(true).max_results(12).send().await;
        match asked {
            Ok(history) => history.events().iter().rev().map(|event| format!("\n{event:?}")).collect(),
            Err(error) => format!("not read: {error}"),
        }
    }

    /// Waits until an incident has a status; returns everything about it.
    ///
    /// # Errors
    /// It does not get there in time.
    pub async fn reaches(&self, id: &IncidentId, status: IncidentStatus) -> Result<IncidentView> {
        self.incident_when(id, &format!("{id} to be {}", status.word()), |view| view.record.status == status).await
    }

    /// Waits for the incident that answers an update of `first`.
    ///
    /// # Errors
    /// None comes in time.
    pub async fn follow_up(&self, first: &IncidentId) -> Result<IncidentId> {
        self.incident_id(&format!("an update of {first}"), |incident| incident.follows.as_ref() == Some(first)).await
    }

    /// Waits for the incident that an execution works on.
    ///
    /// # Errors
    /// None comes in time.
    pub async fn incident_of_execution(&self, arn: &str) -> Result<IncidentId> {
        self.incident_id(&format!("the incident of {arn}"), |incident| incident.execution_arn == arn).await
    }

    /// Waits until an execution works on an incident of its own, or has ended without one.
    ///
    /// # Errors
    /// Neither comes in time.
    pub async fn incident_or_end(&self, arn: &str) -> Result<Option<IncidentId>> {
        Ok(eventually(&format!("{arn} to work on an incident, or to end"), PATIENCE, async || {
            let all = self.ledger.incidents(100).await.ok()?;
            if let Some(record) = all.into_iter().find(|record| record.incident.execution_arn == arn) {
                return Some(Some(record.incident.id));
            }
            let status = self.sfn.describe_execution().execution_arn(arn).send().await.ok()?.status;
            (status.as_str() != "RUNNING").then_some(None)
        })
        .await?)
    }

    async fn incident_id(&self, what: &str, is_it: impl Fn(&Incident) -> bool) -> Result<IncidentId> {
        Ok(eventually(what, PATIENCE, async || {
            let all = self.ledger.incidents(100).await.ok()?;
            all.into_iter().find(|record| is_it(&record.incident)).map(|record| record.incident.id)
        })
        .await?)
    }

    /// Waits until an incident is as `condition` says; returns everything about it.
    ///
    /// # Errors
    /// It does not get there in time.
    pub async fn incident_when(
        &self,
        id: &IncidentId,
        what: &str,
        condition: impl Fn(&IncidentView) -> bool,
    ) -> Result<IncidentView> {
        Ok(eventually(what, PATIENCE, async || self.ledger.incident(id).await.ok().flatten().filter(|view| condition(view)))
            .await?)
    }

    /// Answers the review gate as an analyst does.
    ///
    /// # Errors
    /// The function fails.
    pub async fn answer(&self, id: &IncidentId, answer: Answer) -> Result<DecideOutcome> {
        self.decide(&DecideRequest::new(id.clone(), answer, "the drill answers")).await
    }

    /// Asks `decide-review`, as the command does.
    ///
    /// # Errors
    /// The function failed.
    pub async fn decide(&self, request: &DecideRequest) -> Result<DecideOutcome> {
        Ok(signed::call_with(&self.config, "decide-review", request).await?)
    }

    /// Invokes a function as the state machine does, and waits for its answer.
    ///
    /// # Errors
    /// AWS refuses; the function's own error is part of the answer.
    pub async fn invoke(&self, function: &str, input: &Value) -> Result<Invoked> {
        // Once, and for as long as it takes: a second invocation would hide what became of the first.
        let patient = aws_sdk_lambda::config::Builder::from(&self.config)
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::builder().operation_attempt_timeout(PATIENCE).operation_timeout(PATIENCE).build())
            .build();
        let invoked = aws_sdk_lambda::Client::from_conf(patient)
            .invoke()
            .function_name(names::function(function))
            .payload(aws_sdk_lambda::primitives::Blob::new(serde_json::to_vec(input)?))
            .send()
            .await?;
        let payload = invoked.payload.map(aws_sdk_lambda::primitives::Blob::into_inner).unwrap_or_default();
        let answer: Value = serde_json::from_slice(&payload)?;
        let error = invoked.function_error.map(|_| answer["errorType"].as_str().unwrap_or("unknown").to_owned());
        Ok(Invoked { error, answer })
    }

    /// Waits for a message to people whose subject or body contains `words`.
    ///
    /// # Errors
    /// None arrives in time.
    pub async fn told(&self, words: &str) -> Result<Notice> {
        self.told_through(&PEOPLE, words, PATIENCE).await
    }

    /// The same, at most so long.
    ///
    /// # Errors
    /// None arrives in time.
    pub async fn told_within(&self, words: &str, patience: Duration) -> Result<Notice> {
        self.told_through(&PEOPLE, words, patience).await
    }

    /// Waits for a message in the topic of last resort.
    ///
    /// # Errors
    /// None arrives in time.
    pub async fn alarmed(&self, words: &str) -> Result<Notice> {
        self.told_through(&["firebreak-failures-inbox"], words, PATIENCE).await
    }

    async fn told_through(&self, queues: &[&str], words: &str, patience: Duration) -> Result<Notice> {
        let sqs = aws_sdk_sqs::Client::new(&self.config);
        let found = eventually(&format!("a message with {words:?}"), patience, async || {
            let mut new = Vec::new();
            for queue in queues {
                new.extend(inbox::take(&sqs, queue).await.unwrap_or_default());
            }
            let mut told = self.told.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            told.extend(new);
            told.iter().find(|notice| notice.subject.contains(words) || notice.body.contains(words)).cloned()
        })
        .await;
        Ok(found?)
    }

    /// Every message seen so far by [`told`](Self::told) and [`alarmed`](Self::alarmed).
    #[must_use]
    pub fn all_told(&self) -> Vec<Notice> {
        self.told.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// Waits until the list of an incident's evidence was closed so many times: after each first look, and after each collection, of which
    /// every execution has one. Nobody else waits for that.
    ///
    /// # Errors
    /// It is not in time.
    pub async fn sealed(&self, id: &IncidentId, times: usize) -> Result<IncidentView> {
        let is_closed = |view: &IncidentView| {
            view.timeline.iter().filter(|event| event.what.starts_with("evidence list closed")).count() >= times
        };
        self.incident_when(id, "the list of the evidence", is_closed).await
    }

    /// Keys of an incident's evidence, in the order S3 lists them.
    ///
    /// # Errors
    /// AWS refuses.
    pub async fn evidence(&self, id: &IncidentId) -> Result<Vec<String>> {
        let s3 = aws_sdk_s3::Client::new(&self.config);
        let prefix = firebreak::evidence::prefix(id);
        let list = s3.list_objects_v2().bucket(names::evidence_bucket(SECURITY_ACCOUNT)).prefix(prefix).send().await?;
        Ok(list.contents().iter().filter_map(|object| object.key().map(str::to_owned)).collect())
    }

    /// One object of the evidence bucket.
    ///
    /// # Errors
    /// AWS refuses.
    pub async fn evidence_object(&self, key: &str) -> Result<Vec<u8>> {
        let s3 = aws_sdk_s3::Client::new(&self.config);
        let object = s3.get_object().bucket(names::evidence_bucket(SECURITY_ACCOUNT)).key(key).send().await?;
        Ok(object.body.collect().await?.to_vec())
    }
}
