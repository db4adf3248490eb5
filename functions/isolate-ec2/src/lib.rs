#![doc = include_str!("../README.md")]

mod admission;
mod admit;
mod again;
mod balancers;
mod base;
mod before;
mod contain;
mod deadline;
mod diagnose;
mod fleet;
mod flows;
mod impact;
mod interfaces;
mod isolation_group;
mod prepare;
mod protections;
mod read;
mod release;
mod scaling;
mod shells;
mod slots;
mod termination;
mod tracked;
mod verify;
mod volatile;

pub use balancers::{Balancer, Registration};
pub use base::{BaseState, NetworkInterface, Protections, Volume};
pub use release::release;
pub use scaling::Scaling;

use firebreak::containment::Containment;
use firebreak::diagnosis::{Diagnosis, Places};
use firebreak::fault::Fault;
use firebreak::holders::Holder;
use firebreak::policy::{CutTracked, Policy};
use firebreak::preparation::Prepared;
use firebreak::target::{Scope, Target};
use firebreak::task::{Hits, Phase, TaskInput, TaskOutput};
use firebreak_function::containment::{Call, Responder, Task};
use firebreak_function::environment;
use firebreak_ledger::Ledger;
use serde::Serialize;
use std::time::Duration;

/// How long slots of other instances are looked after beside an isolation.
const SLOTS: Duration = Duration::from_secs(10);

/// What the function answers.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// A task of the state machine or of a look.
    Task(Box<TaskOutput>),
    /// What an isolation would hit.
    Hits(Hits),
}

/// The function and what it needs.
pub struct Function {
    responder: Responder,
    policy: Policy,
}

impl Function {
    /// Reads the environment.
    ///
    /// # Errors
    /// A fault that names the missing variable, or what is wrong in the policy.
    pub async fn load() -> Result<Self, Fault> {
        let policy = environment::response_policy()?;
        Ok(Self::new(Responder::load().await?, policy))
    }

    /// Works with the credentials and the ledger of `responder`, under `policy`.
    #[must_use]
    pub fn new(responder: Responder, policy: Policy) -> Self {
        Self { responder, policy }
    }

    /// For `firebreak doctor`: the member role and the isolation groups.
    ///
    /// # Errors
    /// There is nothing to look into.
    pub async fn diagnose(&self, places: Places) -> Result<Diagnosis, Fault> {
        diagnose::diagnose(self.responder.aws(), &places).await.map(Diagnosis::from)
    }

    /// For `firebreak prepare`: the security groups of every VPC.
    ///
    /// # Errors
    /// There is nowhere to prepare.
    pub async fn prepare(&self, places: Places) -> Result<Prepared, Fault> {
        let cuts = self.policy.instances.cut_tracked != CutTracked::Never;
        prepare::prepare(self.responder.aws(), &places, cuts).await
    }

    /// Does what [`handle`](Self::handle) does, or says what an isolation would hit.
    ///
    /// # Errors
    /// As `handle`; and when nothing could be read about the instance.
    pub async fn answer(&self, request: TaskInput) -> Result<Answer, Fault> {
        if request.phase == Phase::Impact {
            return impact::impact(&self.responder, &request).await.map(Answer::Hits);
        }
        self.handle(request).await.map(Box::new).map(Answer::Task)
    }

    /// Contains or verifies one instance.
    ///
    /// # Errors
    /// When nothing could be tried; see [`Responder::handle`].
    pub async fn handle(&self, request: TaskInput) -> Result<TaskOutput, Fault> {
        if request.phase == Phase::Contain && request.target.scope == Scope::RemoteAddresses {
            return Err(Fault::bug("deny-addresses denies remote addresses, not isolate-ec2"));
        }
        let task = Task { containment: Containment::IsolateEc2, at: None };
        // Nothing is changed before the base is recorded, so the ledger need not know earlier.
        let prepare = async |_: &Ledger, _: &Holder, _: &Target| ();
        let roles = slots::roles(&request);
        let contain = async |call: &Call, (): ()| {
            // The receipt waits for no slot for long.
            let slots = tokio::time::timeout(SLOTS, slots::end_gone(call, &roles));
            let (attempt, _) = futures::join!(Box::pin(contain::contain(call, &self.policy)), slots);
            attempt
        };
        let verify = async |call: &Call| match call.target.scope {
            Scope::RemoteAddresses => deny_addresses::verify(call).await,
            _ => Box::pin(verify::verify(call)).await,
        };
        self.responder.handle(request, task, prepare, contain, verify).await
    }
}
