#![doc = include_str!("../README.md")]

mod addresses;
mod append;
mod close;
mod cloudtrail;
mod gather;
mod hold;
mod hosts;
mod impact;
mod look;
mod looked;
mod raise;
mod search;
mod suspects;
mod turns;

use firebreak::answer::Decided;
use firebreak::decision::Decision;
use firebreak::diagnosis::{ConfiguredAccount, Diagnosis, Places};
use firebreak::facts::Carry;
use firebreak::fault::Fault;
use firebreak::incident::{Incident, IncidentStatus};
use firebreak::policy::Policy;
use firebreak::report::Report;
use firebreak::target::Target;
use firebreak_aws::Aws;
use firebreak_aws::clients::MemberRole;
use firebreak_function::diagnosis::member_role;
use firebreak_function::environment;
use firebreak_ledger::Ledger;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What the state machine sends.
#[derive(Debug, Deserialize)]
pub struct SweepInput {
    /// Before or after what a look found was contained.
    pub phase: Phase,
    /// Which look it is. Nothing: an earlier definition asks.
    #[serde(default)]
    pub stage: Option<Stage>,
    /// The incident.
    pub incident: Incident,
    /// What was done so far.
    #[serde(default)]
    pub report: Report,
    /// Which round it is.
    #[serde(default)]
    pub watch: Round,
    /// How much of the incident and the report goes back.
    #[serde(default)]
    pub carry: Carry,
    /// The gate and its answer, which pass through a gathering as they are: the state machine must not hold everything twice.
    #[serde(flatten)]
    pub passing: Passing,
}

/// What the state machine gets back as it was.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Passing {
    /// Which gate it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<serde_json::Value>,
    /// What was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<serde_json::Value>,
}

impl Passing {
    /// The revision up to which the answer counts. Nothing: it counts for everything, or there is none.
    fn covers(&self) -> Option<u32> {
        let covers = self.answer.as_ref()?.get("covers")?.as_u64()?;
        Some(u32::try_from(covers).unwrap_or(u32::MAX))
    }

    /// The answer. Nothing: there is none, or an earlier version wrote it in another form.
    fn decided(&self) -> Option<Decided> {
        serde_json::from_value(self.answer.clone()?).ok()
    }
}

/// What the function shall do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Look into CloudTrail and decide.
    Look,
    /// Add the receipts of what the last look had contained, and what the ledger knows besides.
    Gather,
    /// Write down what came of `keep` or `approve`, and that the incident is over when nothing is left to answer.
    Close,
}

/// Which look it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// The one for which the gate waits: what matters most, in seconds.
    First,
    /// While the gate waits.
    Watch,
    /// After an approval.
    Approved,
}

/// The state machine's counter. It also carries the seconds it waited, which matter to nobody here.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub struct Round {
    /// Counted by the state machine.
    #[serde(default)]
    pub round: u32,
}

/// What the state machine gets.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum SweepOutput {
    /// Of a look and of a gathering.
    SweptState(Box<SweptState>),
    /// Of a closing.
    Closed {
        /// `closed`; `awaiting-review` when something was not carried out, other targets are unanswered, or more was decided than the
        /// answer covers: the state machine asks again.
        status: IncidentStatus,
    },
}

/// What goes back.
#[derive(Debug, Serialize)]
pub struct SweptState {
    /// The incident, with what was decided now.
    pub incident: Incident,
    /// The report, with what was found.
    pub report: Report,
    /// What to do next.
    pub watch: Watch,
    /// What passed through.
    #[serde(flatten)]
    pub passing: Passing,
}

/// What the state machine does next.
#[derive(Debug, Serialize)]
pub struct Watch {
    /// As it came.
    pub round: u32,
    /// What is contained now, before the next look; of a gathering: what an approval carries out.
    pub contain: Vec<NextContainment>,
    /// Something is new: it is worth another look, and people are told.
    pub alarm: bool,
    /// Nothing is contained and nobody can be looked for: the gate need not wait.
    pub idle: bool,
}

impl SweptState {
    /// The same, as the state machine carries it on. What the ledger does not know is carried whole.
    fn carried(self, carry: Carry, known: bool) -> Self {
        let carry = if known { carry } else { Carry::Everything };
        Self { incident: carry.incident(self.incident), report: carry.report(self.report), ..self }
    }
}

/// A containment that the state machine starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NextContainment {
    /// Of which target.
    pub target: Target,
    /// By which function. The state machine calls it `containment`, which it is but for a level that is apart.
    #[serde(rename = "containment")]
    pub function: &'static str,
}

impl NextContainment {
    /// A decision that a function can carry out; nothing for one that only people can.
    fn of(decision: &Decision) -> Option<Self> {
        let function = decision.containment?.function(decision.target.scope);
        Some(Self { target: decision.target.clone(), function })
    }
}

/// The function and what it needs.
pub struct Function {
    aws: Aws,
    ledger: Ledger,
    policy: Policy,
    /// From one request to CloudTrail to the next.
    pace: Duration,
}

impl Function {
    /// Reads the environment and the response policy.
    ///
    /// # Errors
    /// A fault that names the variable or the line of the policy.
    pub async fn load() -> Result<Self, Fault> {
        let aws = environment::members().await?;
        let ledger = environment::ledger(&aws)?;
        let function = Self::new(aws, ledger, environment::response_policy()?);
        Ok(match environment::optional(environment::LOOKUP_PAUSE_MS).parse() {
            Ok(pause) => function.paced(Duration::from_millis(pause)),
            Err(_) => function,
        })
    }

    /// Decides under `policy`. `aws` must be able to assume member roles.
    #[must_use]
    pub fn new(aws: Aws, ledger: Ledger, policy: Policy) -> Self {
        Self { aws, ledger, policy, pace: turns::PACE }
    }

    /// The same, asking CloudTrail at another pace: a test has no time.
    #[must_use]
    pub fn paced(self, pace: Duration) -> Self {
        Self { pace, ..self }
    }

    /// For `firebreak doctor`: the member role, and which accounts the response policy names.
    ///
    /// # Errors
    /// There is nothing to look into.
    pub async fn diagnose(&self, places: Places) -> Result<Diagnosis, Fault> {
        let observations = member_role(&self.aws, &places, MemberRole::Sweep).await?;
        Ok(Diagnosis {
            protected: None,
            observations,
            accounts: ConfiguredAccount::all(&self.policy),
            own_types: vec![],
            listed_products: vec![],
            default_mode: Some(self.policy.default_mode),
        })
    }

    /// Looks, gathers, or closes.
    ///
    /// # Errors
    /// When the ledger does not answer: what nobody reserves and counts is not decided. What CloudTrail does not say is no error, it
    /// is listed. `Gone` when the ledger knows no incident to close.
    pub async fn handle(&self, request: SweepInput) -> Result<SweepOutput, Fault> {
        match request.phase {
            Phase::Look => {
                // A look after an answer: the gate and the answer pass through it, too.
                let passing = request.passing.clone();
                Ok(SweepOutput::SweptState(Box::new(SweptState { passing, ..self.look(request).await? })))
            }
            Phase::Gather => Ok(SweepOutput::SweptState(Box::new(self.gather(request).await?))),
            Phase::Close => self.close(request).await,
        }
    }
}
