#![doc = include_str!("../README.md")]

mod base;
mod by_hand;
mod contain;
mod credentials;
mod deny;
mod diagnose;
mod document;
mod drift;
mod key;
mod policies;
mod record;
mod release;
mod revoke;
mod role;
mod rows;
mod session;
mod tags;
mod take_off;
mod tried;
mod trust;
mod user;
mod verify;
mod whom;
mod written;

pub use base::{BaseState, Credential, CredentialKind};
pub use policies::{DENY_ALL, DENY_TAGGED_SESSION, DENY_TAGGED_SESSION_BOUNDARY};
pub use release::{Released, release};
pub use revoke::end_older_sessions;

use firebreak::containment::Containment;
use firebreak::diagnosis::{Diagnosis, Places};
use firebreak::fault::Fault;
use firebreak::target::Scope;
use firebreak::task::{Phase, TaskInput, TaskOutput};
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

    /// For `firebreak doctor`: the member role and the quarantine policies.
    ///
    /// # Errors
    /// There is nothing to look into.
    pub async fn diagnose(&self, places: Places) -> Result<Diagnosis, Fault> {
        diagnose::diagnose(self.responder.aws(), &places).await.map(Diagnosis::from)
    }

    /// Contains or verifies one principal. Older sessions are only looked at: `revoke-sessions` ends them.
    ///
    /// # Errors
    /// When nothing could be tried; see [`Responder::handle`].
    pub async fn handle(&self, request: TaskInput) -> Result<TaskOutput, Fault> {
        if request.phase == Phase::Contain && request.target.scope == Scope::OlderSessions {
            return Err(Fault::bug("older sessions are ended by revoke-sessions: this function has no role for it"));
        }
        let task = Task { containment: Containment::QuarantineIam, at: None };
        self.responder.handle(request, task, contain::prepare, contain::contain, verify::verify).await
    }
}
