#![doc = include_str!("../README.md")]

mod confirm;
mod deliveries;
mod identity;
mod joins;
mod open;
mod running;

use crate::running::Running;
use aws_config::SdkConfig;
use confirm::{Answer, Confirmer};
use firebreak::arrival;
use firebreak::diagnosis::{ConfiguredAccount, Diagnosis, Places};
use firebreak::fault::Fault;
use firebreak::flood::{Excess, Summary};
use firebreak::ids::{AccountId, IncidentId};
use firebreak::incident::{Incident, IncidentStatus};
use firebreak::pause::Pauses;
use firebreak::plan::{AtSource, Circumstances, Identities, Plan, plan_json};
use firebreak::playbook::Playbook;
use firebreak::policy::Policy;
use firebreak::stored_event::StoredEvent;
use firebreak_aws::Aws;
use firebreak_aws::clients::MemberRole;
use firebreak_function::diagnosis::member_accounts;
use firebreak_function::{about, environment};
use firebreak_ledger::Ledger;
use firebreak_ledger::RawEvent;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::time::Duration;

/// The account has this long to say who its principals are: people and containments wait for it.
const PATIENCE: Duration = Duration::from_secs(3);

/// What the state machine sends.
#[derive(Debug, Deserialize)]
pub struct TriageInput {
    /// The event, untouched: it may be hostile, and it is evidence. Or the reference of a stored one.
    pub event: Box<RawValue>,
    /// The execution that asks.
    pub execution_arn: String,
    /// When that execution started.
    pub started_at: Timestamp,
    /// Whether the execution knows what to do with an incident that the finding joined. Those of an earlier definition do not.
    #[serde(default)]
    pub joins: bool,
}

/// The function and what it needs.
pub struct Function {
    policy: Policy,
    aws: Aws,
    ledger: Ledger,
    executions: aws_sdk_sfn::Client,
    confirmer: Confirmer,
    running: Running,
    patience: Duration,
}

/// One invocation.
struct Delivery<'a> {
    execution_arn: &'a str,
    at: Timestamp,
    raw: RawEvent<'a>,
    joins: bool,
    /// What is paused where something would be contained at once. Read with the claim.
    pauses: Pauses,
}

impl Function {
    /// Reads the environment and the response policy.
    ///
    /// # Errors
    /// A fault that names the variable or the line of the policy.
    pub async fn load() -> Result<Self, Fault> {
        let aws = environment::members().await?;
        let policy = environment::response_policy()?;
        for doubt in policy.doubtful(Playbook::shipped()) {
            tracing::warn!(doubt, "the response policy may have a slip");
        }
        for asked in arrival::out_of_reach(&policy, Playbook::shipped()) {
            tracing::warn!(asked, "the response policy asks for what does not arrive");
        }
        let ledger = environment::ledger(&aws)?;
        Ok(Self::new(aws, ledger, policy))
    }

    /// Decides under `policy`. `aws` must be able to assume member roles.
    #[must_use]
    pub fn new(aws: Aws, ledger: Ledger, policy: Policy) -> Self {
        let executions = aws_sdk_sfn::Client::new(aws.own());
        let running = Running::new(executions.clone());
        Self { policy, ledger, executions, confirmer: Confirmer::new(aws.own().clone()), running, aws, patience: PATIENCE }
    }

    /// The same, waiting so long for an account to say who its principals are. By default 3 seconds.
    #[must_use]
    pub fn patient_for(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// For `firebreak doctor`: the member role and what it may read, and which accounts the response policy names.
    ///
    /// # Errors
    /// There is nothing to look into.
    pub async fn diagnose(&self, places: Places) -> Result<Diagnosis, Fault> {
        let sees = async |account: &AccountId, session: SdkConfig| identity::sees(account, session).await;
        let observations = member_accounts(&self.aws, &places, MemberRole::Triage, &["iam:ListUsers"], sees).await?;
        Ok(Diagnosis {
            observations,
            accounts: ConfiguredAccount::all(&self.policy),
            own_types: arrival::own_types(&self.policy, Playbook::shipped()).into_iter().map(str::to_owned).collect(),
            listed_products: arrival::listed_products(&self.policy).into_iter().map(str::to_owned).collect(),
            protected: Some(self.policy.protected.clone()),
            default_mode: Some(self.policy.default_mode),
        })
    }

    /// Decides about one event and claims its finding.
    ///
    /// # Errors
    /// Only when the ledger or Step Functions do not answer: no event is an error.
    pub async fn handle(&self, request: TriageInput) -> Result<Incident, Fault> {
        if let Some(excess) = Excess::referred_to_by(request.event.get()) {
            return self.summary(excess, &request).await;
        }
        let stored = StoredEvent::referred_to_by(request.event.get());
        let fetched = match &stored {
            Some(stored) => Some(self.ledger.stored_event(stored).await?),
            None => None,
        };
        let event = fetched.as_deref().unwrap_or_else(|| request.event.get());
        let raw = stored.as_ref().map_or(RawEvent::Inline(request.event.get()), RawEvent::Stored);
        let (execution_arn, at, joins) = (request.execution_arn.as_str(), request.started_at, request.joins);
        let delivery = Delivery { execution_arn, at, raw, joins, pauses: Pauses::default() };
        let plan = self.plan(event.as_bytes(), delivery.at).await?;
        about::incident(&IncidentId::of(&plan.dedupe_key));
        let incident = self.respond(plan, &delivery).await?;
        // An update of a finding is an incident of its own.
        about::incident(&incident.id);
        tracing::info!(
            finding.kind = incident.finding.finding_type.as_deref().unwrap_or("unknown"),
            verdict = ?incident.verdict,
            decisions = incident.decisions.len(),
            "triaged"
        );
        Ok(incident)
    }

    /// Opens the incident that tells of findings that `ingest` only counted. How many, `notify` finds out when the waiting is over.
    async fn summary(&self, excess: Excess, request: &TriageInput) -> Result<Incident, Fault> {
        let plan = excess.plan(&self.policy);
        let opened = Incident::new(plan, &self.policy, request.execution_arn.clone(), request.started_at);
        let wait_seconds = self.policy.flood.summary_after_seconds;
        let incident = Incident { excess: Some(Summary { of: excess, wait_seconds }), ..opened };
        about::incident(&incident.id);
        self.ledger.open_incident(&incident, IncidentStatus::Notified, &RawEvent::Inline(request.event.get())).await?;
        tracing::info!(verdict = ?incident.verdict, "findings of an account are only counted");
        Ok(incident)
    }

    /// Decides. Asks the account who the principals are and, side by side, GuardDuty whether the finding still stands.
    async fn plan(&self, event: &[u8], now: Timestamp) -> Result<Plan, Fault> {
        // The time is the execution's: a second try decides the same.
        let of = |event: &[u8], at_source, identities: Option<&Identities>| {
            let circumstances = Circumstances { at_source, identities, ..Circumstances::new(&self.policy, now) };
            plan_json(event, &circumstances).map_err(|error| Fault::malformed(error.to_string()))
        };
        let unasked = of(event, AtSource::Active, None)?;
        let asked = Box::pin(identity::ask(&self.aws, &unasked, now, self.patience));
        let confirmed = Box::pin(self.confirmer.ask(&unasked, self.policy.confirmation));
        let (known, heard) = futures::join!(asked, confirmed);
        let known = known.as_ref();
        let at_best = if known.is_some() { of(event, AtSource::Active, known)? } else { unasked };
        let at_source = match heard.about(&at_best) {
            Answer::NotAsked => AtSource::NotAsked,
            Answer::Settled => AtSource::Settled,
            Answer::Unknown => AtSource::Unknown,
            Answer::Stands(source) => {
                let source = of(source.to_string().as_bytes(), AtSource::Active, known)?;
                let confirmed = at_best.without_other_profiles(&source);
                if confirmed.is_called_for_by(&source) {
                    return Ok(confirmed);
                }
                tracing::warn!("GuardDuty's own finding does not call for what this event would have contained at once");
                AtSource::Unknown
            }
        };
        of(event, at_source, known)
    }
}
