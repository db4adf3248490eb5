//! What every containment does around its own calls.
//!
//! The function's crate says what to change; this says when it may, with whose credentials, and what is remembered.

use crate::clients::MemberRole;
use crate::{Aws, Ledger, clock, environment};
use aws_config::SdkConfig;
use firebreak::decision::{Containment, Target};
use firebreak::fault::{Fault, FaultKind};
use firebreak::ids::IncidentId;
use firebreak::incident::IncidentStatus;
use firebreak::policy::built_in_protection;
use firebreak::receipt::{Outcome, Receipt, Step, Verification};
use firebreak::task::{Answer, Phase, Request};

/// One target of one incident, with credentials for its account.
#[derive(Debug, Clone)]
pub struct Call {
    /// Credentials and Region of the target.
    pub config: SdkConfig,
    /// The ledger.
    pub ledger: Ledger,
    /// The incident.
    pub incident: IncidentId,
    /// The target.
    pub target: Target,
    /// Steps of the containment that failed, by name: what they would have changed is not ours to undo. Only set for a release.
    pub failed_steps: Vec<String>,
}

/// The parts all containment functions share.
#[derive(Debug, Clone)]
pub struct Responder {
    aws: Aws,
    ledger: Ledger,
}

impl Responder {
    /// Reads the environment.
    ///
    /// # Errors
    /// A fault that names the missing variable.
    pub async fn load() -> Result<Self, Fault> {
        let aws = Aws::load().await;
        environment::required(environment::EXTERNAL_ID)?;
        let ledger = Ledger::new(aws.own(), environment::required(environment::TABLE)?);
        Ok(Self { aws, ledger })
    }

    /// The ledger.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Assumes `role` for one target.
    ///
    /// # Errors
    /// The member account refused, or STS did not answer.
    pub async fn call(&self, target: &Target, role: MemberRole, incident: &IncidentId) -> Result<Call, Fault> {
        let config = self.aws.member(target, role, incident).await?;
        let (ledger, incident, target) = (self.ledger.clone(), incident.clone(), target.clone());
        Ok(Call { config, ledger, incident, target, failed_steps: vec![] })
    }

    /// Runs one task of the state machine.
    ///
    /// `decisive` names the steps without which the target is not contained.
    ///
    /// # Errors
    /// `Protected` before any call, whatever kept `contain` from trying anything, and `Transient` when a decisive step failed on a
    /// passing fault, so that the state machine tries again. Any other containment that got anywhere is a receipt, not an error.
    pub async fn handle(
        &self,
        request: Request,
        containment: Containment,
        role: MemberRole,
        decisive: &[&str],
        contain: impl AsyncFn(&Call) -> Result<Vec<Step>, Fault>,
        verify: impl AsyncFn(&Call) -> Result<Vec<String>, Fault>,
    ) -> Result<Answer, Fault> {
        let (incident, target) = (&request.incident.id, &request.target);
        if let Some(why) = built_in_protection(target) {
            return Err(Fault::protected(format!("{target} is {why}")));
        }
        let call = self.call(target, role, incident).await?;
        match request.phase {
            Phase::Contain => {
                let over = [IncidentStatus::AwaitingReview, IncidentStatus::Closed, IncidentStatus::Released];
                let (status, steps) =
                    futures::join!(self.ledger.set_status(incident, IncidentStatus::Containing, &over), contain(&call));
                log_unless_ok(status);
                let steps = steps?;
                let passing = passing_fault(&steps, decisive);
                let receipt = receipt(target, containment, steps, decisive);
                self.remember(&call, &receipt).await;
                // Containing again converges, so a passing fault at a step that decides is worth another try.
                passing.map_or(Ok(Answer::Receipt(receipt)), Err)
            }
            Phase::Verify => {
                let problems = verify(&call).await?;
                let (target, containment) = (target.clone(), Some(containment));
                let check = Verification { target, containment, holds: problems.is_empty(), problems };
                log_unless_ok(self.ledger.keep_verification(incident, &check).await);
                Ok(Answer::Verification(check))
            }
        }
    }

    /// The receipt also travels in the state machine, whose history is durable: a ledger that does not answer loses no containment.
    async fn remember(&self, call: &Call, receipt: &Receipt) {
        log_unless_ok(self.ledger.keep_receipt(&call.incident, receipt).await);
        let word = serde_json::to_value(receipt.status).ok();
        let word = word.as_ref().and_then(|v| v.as_str()).unwrap_or("unknown");
        log_unless_ok(self.ledger.note(&call.incident, clock::now(), &format!("{}: {word}", receipt.target)).await);
    }
}

/// Steps that others wait for: without the record of a base nothing else is tried.
const GROUNDWORK: [&str; 3] = ["mark-held", "read-base", "record-base"];

fn passing_fault(steps: &[Step], decisive: &[&str]) -> Option<Fault> {
    let decisive = steps.iter().filter(|step| decisive.contains(&step.kind()) || GROUNDWORK.contains(&step.kind()));
    decisive.filter_map(|step| step.error.clone()).find(|fault| fault.kind == FaultKind::Transient)
}

fn receipt(target: &Target, containment: Containment, steps: Vec<Step>, decisive: &[&str]) -> Receipt {
    let status = Receipt::status_of(&steps, decisive);
    let (target, containment) = (target.clone(), Some(containment));
    Receipt { target, containment, status, steps, error: None, finished_at: Some(clock::now()) }
}

/// The restorable tags: what a tag had before, or that it was absent.
#[must_use]
pub fn tags(incident: &IncidentId, state: &str) -> [(String, String); 3] {
    [
        ("firebreak-state".to_owned(), state.to_owned()),
        ("firebreak-incident".to_owned(), incident.to_string()),
        ("firebreak-at".to_owned(), clock::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
    ]
}

/// The keys of [`tags`].
pub const TAG_KEYS: [&str; 3] = ["firebreak-state", "firebreak-incident", "firebreak-at"];

/// A tag is a label, not a control: a resource that has no room for one more is contained all the same.
///
/// # Errors
/// Every other fault.
pub fn tag_outcome(result: Result<(), (Option<String>, Fault)>) -> Result<Outcome, Fault> {
    match result {
        Ok(()) => Ok(Outcome::Applied),
        Err((Some(code), _)) if matches!(code.as_str(), "LimitExceeded" | "TagLimitExceeded") => Ok(Outcome::Skipped),
        Err((_, fault)) => Err(fault),
    }
}

fn log_unless_ok(result: Result<(), Fault>) {
    if let Err(fault) = result {
        tracing::error!(fault.message = %fault.message, "the ledger did not take a record");
    }
}
