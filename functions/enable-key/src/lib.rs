#![doc = include_str!("../README.md")]

mod base;
mod contain;
mod key;
mod late;
mod release;
mod state;
mod verify;

pub use base::BaseState;
pub use release::release;

use firebreak::containment::Containment;
use firebreak::diagnosis::{Diagnosis, Places};
use firebreak::fault::Fault;
use firebreak::holders::Holder;
use firebreak::ids::KmsKeyId;
use firebreak::target::Target;
use firebreak::task::{TaskInput, TaskOutput};
use firebreak_aws::clients::MemberRole;
use firebreak_function::containment::{Attempt, Call, Responder, Task};
use firebreak_function::diagnosis::member_role;
use firebreak_ledger::Ledger;

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

    /// For `firebreak doctor`: the member role.
    ///
    /// # Errors
    /// There is nothing to look into.
    pub async fn diagnose(&self, places: Places) -> Result<Diagnosis, Fault> {
        member_role(self.responder.aws(), &places, MemberRole::EnableKey).await.map(Diagnosis::from)
    }

    /// Enables one key, or verifies that it is enabled.
    ///
    /// # Errors
    /// When nothing could be tried; see [`Responder::handle`].
    pub async fn handle(&self, request: TaskInput) -> Result<TaskOutput, Fault> {
        let task = Task { containment: Containment::EnableKey, at: None };
        // Nothing is changed before the base is recorded, so the ledger need not know earlier.
        let prepare = async |_: &Ledger, _: &Holder, _: &Target| ();
        let contain = async |call: &Call, (): ()| contained(call).await;
        self.responder.handle(request, task, prepare, contain, verify::verify).await
    }
}

async fn contained(call: &Call) -> Result<Attempt, Fault> {
    // An alias could lead to another key.
    KmsKeyId::parse(&call.target.id).map_err(|error| Fault::malformed(format!("{}: {error}", call.target)))?;
    Box::pin(contain::contain(call)).await
}
