#![doc = include_str!("../README.md")]

mod base;
mod contain;
mod diagnose;
mod isolation_group;
mod release;
mod slots;
mod verify;

pub use base::{BaseState, NetworkInterface};
pub use release::release;

use firebreak::containment::Containment;
use firebreak::diagnosis::{Diagnosis, Places};
use firebreak::fault::Fault;
use firebreak::holders::Holder;
use firebreak::target::Target;
use firebreak::task::{TaskInput, TaskOutput};
use firebreak_function::containment::{Call, Responder, Task};
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

    /// For `firebreak doctor`: the member role and the isolation groups.
    ///
    /// # Errors
    /// There is nothing to look into.
    pub async fn diagnose(&self, places: Places) -> Result<Diagnosis, Fault> {
        diagnose::diagnose(self.responder.aws(), &places).await.map(Diagnosis::from)
    }

    /// Contains or verifies one instance.
    ///
    /// # Errors
    /// When nothing could be tried; see [`Responder::handle`].
    pub async fn handle(&self, request: TaskInput) -> Result<TaskOutput, Fault> {
        let task = Task { containment: Containment::IsolateEc2, at: None };
        // Nothing is changed before the base is recorded, so the ledger need not know earlier.
        let prepare = async |_: &Ledger, _: &Holder, _: &Target| ();
        let roles = slots::roles(&request);
        let contain = async |call: &Call, (): ()| {
            let (attempt, ()) = futures::join!(contain::contain(call, ()), slots::end_gone(call, &roles));
            attempt
        };
        self.responder.handle(request, task, prepare, contain, verify::verify).await
    }
}
