#![doc = include_str!("../README.md")]

mod base;
mod contain;
mod network;
mod release;
mod shared;
mod verify;

pub use base::{Acl, BaseState, Entry};
pub use release::release;
pub use verify::verify;

use firebreak::containment::Containment;
use firebreak::diagnosis::{Diagnosis, Places};
use firebreak::fault::Fault;
use firebreak::holders::Holder;
use firebreak::target::{Scope, Target};
use firebreak::task::{Phase, TaskInput, TaskOutput};
use firebreak_aws::clients::MemberRole;
use firebreak_function::containment::{Call, Checked, Responder, Task};
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
        member_role(self.responder.aws(), &places, MemberRole::DenyAddresses).await.map(Diagnosis::from)
    }

    /// Denies the remote addresses of one instance.
    ///
    /// # Errors
    /// `Bug` for anything else, before any call. When nothing could be tried; see [`Responder::handle`].
    pub async fn handle(&self, request: TaskInput) -> Result<TaskOutput, Fault> {
        if (request.phase, request.target.scope) != (Phase::Contain, Scope::RemoteAddresses) {
            return Err(Fault::bug("deny-addresses denies remote addresses and does nothing else: isolate-ec2 does the rest"));
        }
        let task = Task { containment: Containment::IsolateEc2, at: None };
        // Nothing is changed before the base is recorded, so the ledger need not know earlier.
        let prepare = async |_: &Ledger, _: &Holder, _: &Target| ();
        let contain = async |call: &Call, (): ()| contain::contain(call).await;
        let verify = async |_: &Call| Err::<Checked, Fault>(Fault::bug("isolate-ec2 looks"));
        self.responder.handle(request, task, prepare, contain, verify).await
    }
}
