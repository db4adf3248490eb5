#![doc = include_str!("../README.md")]

mod base;
mod contain;
mod diagnose;
mod document;
mod entry;
mod list;
mod organization;
mod release;
mod scp;
mod turn;
mod verify;

pub use base::BaseState;
pub use organization::Organization;
pub use release::release;

use entry::Entry;
use firebreak::containment::Containment;
use firebreak::diagnosis::{Diagnosis, Places};
use firebreak::fault::Fault;
use firebreak::holders::Holder;
use firebreak::target::Target;
use firebreak::task::{TaskInput, TaskOutput};
use firebreak_function::containment::{Attempt, Call, Responder, Task};
use firebreak_ledger::Ledger;

/// The function and what it needs.
pub struct Function {
    responder: Responder,
    organization: Organization,
}

impl Function {
    /// Reads the environment.
    ///
    /// # Errors
    /// A fault that names the missing or wrong variable.
    pub async fn load() -> Result<Self, Fault> {
        Ok(Self::new(Responder::load().await?, Organization::load()?))
    }

    /// Writes the policy of `organization`, with the credentials and the ledger of `responder`.
    #[must_use]
    pub fn new(responder: Responder, organization: Organization) -> Self {
        Self { responder, organization }
    }

    /// For `firebreak doctor`: the role in the management account, the quarantine policy and whether it is attached.
    ///
    /// # Errors
    /// There is nothing to look into.
    pub async fn diagnose(&self, places: Places) -> Result<Diagnosis, Fault> {
        diagnose::diagnose(self.responder.aws(), &places, &self.organization).await.map(Diagnosis::from)
    }

    /// Denies everything to one principal, or verifies that.
    ///
    /// # Errors
    /// When nothing could be tried; see [`Responder::handle`].
    pub async fn handle(&self, request: TaskInput) -> Result<TaskOutput, Fault> {
        let organization = &self.organization;
        // What cannot be written must not cost a call in the management account.
        let entry = &Entry::of(&request.target)?;
        organization.check_reach(&request.target)?;
        let place = organization.place(&request.target)?;
        let task = Task { containment: Containment::QuarantineScp, at: Some(&place) };
        // Nothing is changed before the base is recorded, so the ledger need not know earlier.
        let prepare = async |_: &Ledger, _: &Holder, _: &Target| ();
        let contain = async |call: &Call, (): ()| contain::contain(call, organization, entry).await.map(Attempt::from);
        let verify = async |call: &Call| verify::verify(call, organization, entry).await;
        self.responder.handle(request, task, prepare, contain, verify).await
    }
}
