#![doc = include_str!("../README.md")]

mod collect;
mod seal;
mod snapshots;
mod store;
mod targets;
mod transcript;

use firebreak::fault::Fault;
use firebreak::incident::{Branch, Incident, Report};
use firebreak_aws::{Aws, Ledger, environment};
use serde::Deserialize;
use store::Store;

/// What the state machine sends.
#[derive(Debug, Deserialize)]
pub struct Request {
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
    aws: Aws,
    store: Store,
}

impl Function {
    /// Reads the environment.
    ///
    /// # Errors
    /// A fault that names the missing variable.
    pub async fn load() -> Result<Self, Fault> {
        let aws = Aws::load().await;
        environment::required(environment::EXTERNAL_ID)?;
        let ledger = Ledger::new(aws.own(), environment::required(environment::TABLE)?);
        let store = Store::new(aws.own(), ledger, environment::required(environment::EVIDENCE_BUCKET)?);
        Ok(Self { aws, store })
    }

    /// Collects or seals.
    ///
    /// # Errors
    /// When the ledger or the evidence bucket does not take anything. What could not be collected is not an error: it is listed.
    pub async fn handle(&self, request: Request) -> Result<Branch, Fault> {
        match request.phase {
            Phase::Collect => collect::collect(&self.aws, &self.store, &request.incident).await,
            Phase::Seal => seal::seal(&self.store, &request.incident, &request.report).await,
        }
    }
}
