#![doc = include_str!("../README.md")]

mod base;
mod contain;
mod credentials;
mod deny;
mod diagnose;
mod document;
mod drift;
mod policies;
mod record;
mod release;
mod revoke;
mod role;
mod session;
mod tags;
mod user;
mod verify;
mod written;

pub use base::{BaseState, Credential, CredentialKind};
pub use policies::{DENY_ALL, DENY_TAGGED_SESSION, DENY_TAGGED_SESSION_BOUNDARY};
pub use release::release;

use firebreak::containment::Containment;
use firebreak::diagnosis::{Diagnosis, Places};
use firebreak::fault::Fault;
use firebreak::task::{TaskInput, TaskOutput};
use firebreak_function::containment::{Responder, Task};

/// The function and what it needs.
pub struct Function {
    responder: Responder,
}

impl Function {
    /// Reads the environment.
    ///
    /// # Errors
    /// A fault that names the missing variable.
    pub async fn load() -> Result<Self, Fault> {
        Ok(Self::new(Responder::load().await?))
    }

    /// Works with the credentials and the ledger of `responder`.
    #[must_use]
    pub fn new(responder: Responder) -> Self {
        Self { responder }
    }

    /// For `firebreak doctor`: the member roles and the quarantine policies.
    ///
    /// # Errors
    /// There is nothing to look into.
    pub async fn diagnose(&self, places: Places) -> Result<Diagnosis, Fault> {
        diagnose::diagnose(self.responder.aws(), &places).await.map(Diagnosis::from)
    }

    /// Contains or verifies one principal.
    ///
    /// # Errors
    /// When nothing could be tried; see [`Responder::handle`].
    pub async fn handle(&self, request: TaskInput) -> Result<TaskOutput, Fault> {
        let task = Task { containment: Containment::QuarantineIam, at: None };
        self.responder.handle(request, task, contain::prepare, contain::contain, verify::verify).await
    }
}
