#![doc = include_str!("../README.md")]

mod ask;
mod collect;
mod diagnose;
mod kinds;
mod seal;
mod snapshots;
mod store;
mod transcript;

use firebreak::diagnosis::{Diagnosis, Places};
use firebreak::digest::sha256_hex;
use firebreak::fault::Fault;
use firebreak::incident::Incident;
use firebreak::report::{Branch, Report};
use firebreak_function::containment::Responder;
use firebreak_function::environment;
use serde::Deserialize;
use store::Store;

/// What the state machine sends.
#[derive(Debug, Deserialize)]
pub struct EvidenceInput {
    /// Beside the containment or after it.
    pub phase: Phase,
    /// The incident.
    pub incident: Incident,
    /// What was done, once it was.
    #[serde(default)]
    pub report: Report,
}

/// A short name of the execution that works on a finding, for what it leaves.
fn execution_of(incident: &Incident) -> String {
    sha256_hex(incident.execution_arn.as_bytes())[..8].to_owned()
}

/// When the function runs.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Beside the containment, in an execution of its own: the finding, configuration, snapshots.
    Collect,
    /// After the first look, and after the collection: base states, receipts, and the list of everything.
    Seal,
}

/// The function and what it needs.
pub struct Function {
    responder: Responder,
    store: Store,
    bucket: String,
}

impl Function {
    /// Reads the environment.
    ///
    /// # Errors
    /// A fault that names the missing variable.
    pub async fn load() -> Result<Self, Fault> {
        let responder = Responder::load().await?;
        Ok(Self::new(responder, environment::required(environment::EVIDENCE_BUCKET)?))
    }

    /// Writes evidence into `bucket`.
    #[must_use]
    pub fn new(responder: Responder, bucket: String) -> Self {
        let store = Store::new(responder.aws().own(), responder.ledger().clone(), bucket.clone());
        Self { responder, store, bucket }
    }

    /// For `firebreak doctor`: the member role and the evidence bucket.
    ///
    /// # Errors
    /// There is nothing to look into.
    pub async fn diagnose(&self, places: Places) -> Result<Diagnosis, Fault> {
        diagnose::diagnose(self.responder.aws(), &places, &self.bucket).await.map(Diagnosis::from)
    }

    /// Collects, and says in the ledger how far it is: nobody waits for it.
    async fn collect(&self, incident: &Incident) -> Result<Branch, Fault> {
        let (ledger, execution) = (self.responder.ledger(), execution_of(incident));
        let started = Branch { status: "started".to_owned(), ..Branch::default() };
        ledger.keep_collection(&incident.id, &execution, &started).await?;
        let collected = collect::collect(&self.responder, &self.store, incident).await?;
        ledger.keep_missing(&incident.id, &execution, &collected.missing).await?;
        ledger.keep_collection(&incident.id, &execution, &collected).await?;
        Ok(collected)
    }

    /// Collects or seals.
    ///
    /// # Errors
    /// When the ledger or the evidence bucket does not take anything. What could not be collected is not an error: it is listed.
    pub async fn handle(&self, request: EvidenceInput) -> Result<Branch, Fault> {
        match request.phase {
            Phase::Collect => self.collect(&request.incident).await,
            Phase::Seal => seal::seal(&self.store, &request.incident, &request.report).await,
        }
    }
}
