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

/// When the function runs.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Beside the containment: the finding, configuration, snapshots.
    Collect,
    /// After it: base states, receipts, and the manifest as the last object.
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

    /// Collects or seals.
    ///
    /// # Errors
    /// When the ledger or the evidence bucket does not take anything. What could not be collected is not an error: it is listed.
    pub async fn handle(&self, request: EvidenceInput) -> Result<Branch, Fault> {
        match request.phase {
            Phase::Collect => collect::collect(&self.responder, &self.store, &request.incident).await,
            Phase::Seal => seal::seal(&self.store, &request.incident, &request.report).await,
        }
    }
}
