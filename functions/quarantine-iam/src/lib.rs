#![doc = include_str!("../README.md")]

mod base;
mod contain;
mod release;
mod verify;

pub use base::{AccessKey, BaseState};
pub use release::release;

use firebreak::decision::{Containment, Target};
use firebreak::fault::Fault;
use firebreak::task::{Answer, Request};
use firebreak_aws::clients::MemberRole;
use firebreak_aws::containment::Responder;

/// The customer managed policy that denies everything. It is provisioned with the member account, never written by a function.
pub const QUARANTINE_POLICY: &str = "firebreak/FirebreakQuarantineDenyAll";

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
        Ok(Self { responder: Responder::load().await? })
    }

    /// Contains or verifies one principal.
    ///
    /// # Errors
    /// When nothing could be tried; see [`Responder::handle`].
    pub async fn handle(&self, request: Request) -> Result<Answer, Fault> {
        let (containment, role) = (Containment::QuarantineIam, MemberRole::QuarantineIam);
        self.responder.handle(request, containment, role, &["attach-deny"], contain::contain, verify::verify).await
    }
}

fn quarantine_policy_arn(target: &Target) -> String {
    format!("arn:{}:iam::{}:policy/{QUARANTINE_POLICY}", target.partition, target.account)
}
