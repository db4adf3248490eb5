#![doc = include_str!("../README.md")]

use firebreak::decision::{Containment, Target};
use firebreak::fault::Fault;
use firebreak::incident::Incident;
use firebreak::receipt::{Outcome, Receipt, Status, Step};
use firebreak_aws::clients::MemberRole;
use firebreak_aws::clock;
use firebreak_aws::containment::{Call, Responder};
use futures::FutureExt as _;
use futures::future::join_all;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// What the state machine sends.
#[derive(Debug, Deserialize)]
pub struct Request {
    /// The incident to undo.
    pub incident: Incident,
}

/// What the function answers.
#[derive(Debug, Serialize)]
pub struct Released {
    /// `ok` when every target is back as it was, else `failed`.
    pub status: &'static str,
    /// One receipt per target: `skipped` when nothing was held or another incident still holds it.
    pub receipts: Vec<Receipt>,
}

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

    /// Puts every target of the incident back as its base says, each on its own.
    ///
    /// # Errors
    /// Only when the ledger cannot be read. A target that could not be put back is a failed receipt.
    pub async fn handle(&self, request: Request) -> Result<Released, Fault> {
        let incident = &request.incident;
        let known = self.responder.ledger().incident(&incident.id).await?;
        let receipts = known.map(|view| view.receipts).unwrap_or_default();
        let targets = incident.decisions.iter().filter_map(|d| Some((d.containment?, &d.target)));
        let released =
            join_all(targets.map(|(containment, target)| {
                self.release(incident, containment, target, failed_steps(&receipts, target)).boxed()
            }))
            .await;
        let ok = released.iter().all(|receipt| receipt.status != Status::Failed && receipt.status != Status::Partial);
        Ok(Released { status: if ok { "ok" } else { "failed" }, receipts: released })
    }

    async fn release(&self, incident: &Incident, containment: Containment, target: &Target, failed: Vec<String>) -> Receipt {
        let undone = match containment {
            Containment::QuarantineIam => {
                self.undo(incident, target, failed, async |c, b| quarantine_iam::release(c, b).await).await
            }
            Containment::IsolateEc2 => self.undo(incident, target, failed, async |c, b| isolate_ec2::release(c, b).await).await,
            Containment::LockdownS3 => self.undo(incident, target, failed, async |c, b| lockdown_s3::release(c, b).await).await,
        };
        let (status, steps, error) = match undone {
            Ok(Undone::Nothing(why)) => (Status::Skipped, vec![], Some(why)),
            Ok(Undone::Steps(steps)) if steps.iter().all(|step| step.outcome != Outcome::Failed) => {
                (Status::Contained, steps, None)
            }
            Ok(Undone::Steps(steps)) => (Status::Partial, steps, None),
            Err(fault) => (Status::Failed, vec![], Some(fault.to_string())),
        };
        let (target, containment) = (target.clone(), Some(containment));
        let receipt = Receipt { target, containment, status, steps, error, finished_at: Some(clock::now()) };
        if let Err(fault) = self.responder.ledger().keep_release(&incident.id, &receipt).await {
            tracing::error!(fault.message = %fault.message, "the ledger did not take a record");
        }
        receipt
    }

    /// Runs one containment's release when this incident is the last that holds the target.
    ///
    /// The hold ends after the target is back: a run that is killed in between is simply run again.
    async fn undo<B: DeserializeOwned>(
        &self,
        incident: &Incident,
        target: &Target,
        failed_steps: Vec<String>,
        release: impl AsyncFn(&Call, &B) -> Result<Vec<Step>, Fault>,
    ) -> Result<Undone, Fault> {
        let ledger = self.responder.ledger();
        let Some(base) = ledger.base::<B>(target).await? else { return Ok(Undone::Nothing("nothing was changed".to_owned())) };
        if !base.holders.iter().any(|holder| holder == incident.id.as_str()) {
            return Ok(Undone::Nothing("this incident does not hold it".to_owned()));
        }
        if let Some(other) = base.holders.iter().find(|holder| *holder != incident.id.as_str()) {
            let why = format!("still contained for incident {other}");
            ledger.let_go(target, &incident.id).await?;
            return Ok(Undone::Nothing(why));
        }
        let call = self.responder.call(target, MemberRole::Release, &incident.id).await?;
        let steps = release(&Call { failed_steps, ..call }, &base.state).await?;
        if steps.iter().all(|step| step.outcome != Outcome::Failed) {
            ledger.let_go(target, &incident.id).await?;
        }
        Ok(Undone::Steps(steps))
    }
}

enum Undone {
    Nothing(String),
    Steps(Vec<Step>),
}

fn failed_steps(receipts: &[Receipt], target: &Target) -> Vec<String> {
    let of_target = receipts.iter().filter(|receipt| receipt.target.ledger_key() == target.ledger_key());
    of_target.flat_map(|r| &r.steps).filter(|s| s.outcome == Outcome::Failed).map(|s| s.name.clone()).collect()
}
