#![doc = include_str!("../README.md")]

mod base;
mod contain;
mod find;
mod release;
mod replaced;
mod seen;
mod shared;
mod statement;
mod tags;
mod turn;
mod verify;

pub use base::{BaseState, Known};

use firebreak::containment::Containment;
use firebreak::diagnosis::{Diagnosis, Places};
use firebreak::fault::Fault;
use firebreak::holders::Holder;
use firebreak::receipt::Step;
use firebreak::target::{Scope, Target, TargetKind};
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
        member_role(self.responder.aws(), &places, MemberRole::QuarantineObject).await.map(Diagnosis::from)
    }

    /// Quarantines or verifies objects of one bucket.
    ///
    /// # Errors
    /// When nothing could be tried; see [`Responder::handle`].
    pub async fn handle(&self, request: TaskInput) -> Result<TaskOutput, Fault> {
        let task = Task { containment: Containment::QuarantineObject, at: None };
        // Nothing is changed before the base is recorded, so the ledger need not know earlier.
        let prepare = async |_: &Ledger, _: &Holder, _: &Target| ();
        let contain = async |call: &Call, (): ()| contained(call).await;
        self.responder.handle(request, task, prepare, contain, verify::verify).await
    }
}

async fn contained(call: &Call) -> Result<Attempt, Fault> {
    let target = &call.target;
    if (target.kind, target.scope) != (TargetKind::S3Object, Scope::Objects) || target.objects.is_empty() {
        return Err(Fault::malformed(format!("{target} names no objects that could be quarantined")));
    }
    Box::pin(turn::alone(call, async || Box::pin(contain::contain(call)).await)).await
}

/// Gives the objects of `call.target` back down to `base`. Without a base nothing was changed.
///
/// # Errors
/// The bucket or the ledger could not be read, or somebody else changes the bucket. What S3 does not take is a failed step.
pub async fn release(call: &Call, base: Option<&BaseState>) -> Result<Vec<Step>, Fault> {
    let Some(base) = base else { return Ok(vec![]) };
    Box::pin(turn::alone(call, async || Box::pin(release::release(call, base)).await)).await
}
