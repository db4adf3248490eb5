#![doc = include_str!("../README.md")]

mod base;
mod bucket;
mod contain;
mod release;
mod verify;

pub use base::{BaseState, Grant, PublicAccessBlock};
pub use bucket::{Bucket, open};
pub use release::release;

use firebreak::decision::Containment;
use firebreak::fault::Fault;
use firebreak::task::{Answer, Request};
use firebreak_aws::clients::MemberRole;
use firebreak_aws::containment::Responder;

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

    /// Contains or verifies one bucket.
    ///
    /// # Errors
    /// When nothing could be tried; see [`Responder::handle`].
    pub async fn handle(&self, request: Request) -> Result<Answer, Fault> {
        let (containment, role) = (Containment::LockdownS3, MemberRole::LockdownS3);
        self.responder.handle(request, containment, role, &["block-public-access"], contain::contain, verify::verify).await
    }
}
