//! What every containment does around its own calls.
//!
//! The function's crate says what to change; this says when it may, with whose credentials, and what is remembered.

use crate::call::seen;
pub use crate::call::{Attempt, Call, Checked, Guards, LateStep, without_base};
use crate::environment;
pub use crate::paused::NOT_WRITTEN_AGAIN;
use crate::paused::{Ran, ask_to_write_again, held_back, paused};

use aws_config::SdkConfig;
use firebreak::containment::Containment;
use firebreak::containment::declaration::Level;
use firebreak::decision::{Decision, Mode};
use firebreak::fault::{ErrorName, Fault, FaultKind};
use firebreak::holders::Holder;
use firebreak::ids::IncidentId;
use firebreak::incident::{Incident, IncidentStatus};
use firebreak::policy::built_in_protection;
use firebreak::receipt::{Outcome, Receipt, Status, Step, Verification};
use firebreak::step::StepKind;
use firebreak::target::{Look, Scope, Target};
use firebreak::task::{Phase, TaskInput, TaskOutput};
use firebreak_aws::clients::MemberRole;
use firebreak_aws::{Aws, clock};
use firebreak_ledger::{Held, Ledger, Mark};
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// What one run of a containment is about.
#[derive(Debug, Clone, Copy)]
pub struct Task<'a> {
    /// The containment: its declaration says which role it needs for which part of a target, and which steps are decisive.
    pub containment: Containment,
    /// Whose account and Region the credentials are for, when it is not the target's own.
    pub at: Option<&'a Target>,
}

impl Task<'_> {
    /// What is contained of `target`.
    fn level(self, target: &Target) -> Result<&'static Level, Fault> {
        let unknown = || Fault::malformed(format!("{} cannot contain {target}", self.containment));
        let declaration = self.containment.declaration();
        declaration.level(target.scope).filter(|_| declaration.targets.contains(&target.kind)).ok_or_else(unknown)
    }
}

/// The parts all containment functions share.
#[derive(Debug, Clone)]
pub struct Responder {
    aws: Aws,
    ledger: Ledger,
    settle: Duration,
}

/// How long a read of AWS may be behind a write (IAM user guide, "Changes that I make are not always immediately visible").
const SETTLE: Duration = Duration::from_secs(2);

impl Responder {
    /// Reads the environment.
    ///
    /// # Errors
    /// A fault that names the missing variable.
    pub async fn load() -> Result<Self, Fault> {
        let aws = environment::members().await?;
        let ledger = environment::ledger(&aws)?;
        Ok(Self::new(aws, ledger))
    }

    /// Works with `aws`, which must be able to assume member roles, and remembers in `ledger`.
    #[must_use]
    pub fn new(aws: Aws, ledger: Ledger) -> Self {
        Self { aws, ledger, settle: SETTLE }
    }

    /// The same, for an AWS whose reads are at most `settle` behind its writes.
    #[must_use]
    pub fn settling_in(self, settle: Duration) -> Self {
        Self { settle, ..self }
    }

    /// The ledger.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// AWS as the security account sees it.
    #[must_use]
    pub fn aws(&self) -> &Aws {
        &self.aws
    }

    /// Configuration for calls in the target's account, with `role`.
    ///
    /// # Errors
    /// The member account refused, or STS did not answer.
    pub async fn member(&self, target: &Target, role: MemberRole, incident: &IncidentId) -> Result<SdkConfig, Fault> {
        self.aws.member(target, role, incident).await
    }

    /// Assumes `role` for one target, to contain or release it.
    ///
    /// # Errors
    /// The member account refused, or STS did not answer.
    pub async fn call(
        &self,
        target: &Target,
        containment: Containment,
        role: MemberRole,
        incident: &IncidentId,
    ) -> Result<Call, Fault> {
        self.call_at(target, target, containment, role, incident).await
    }

    /// As [`call`](Self::call), with credentials for the account and Region of `place`.
    ///
    /// # Errors
    /// That account refused, or STS did not answer.
    pub async fn call_at(
        &self,
        place: &Target,
        target: &Target,
        containment: Containment,
        role: MemberRole,
        incident: &IncidentId,
    ) -> Result<Call, Fault> {
        let config = self.aws.member(place, role, incident).await?;
        let (ledger, incident, target) = (self.ledger.clone(), incident.clone(), target.clone());
        let look = target.kind.look();
        Ok(Call {
            config,
            aws: self.aws.clone(),
            role,
            ledger,
            holder: Holder::Own(incident.clone()),
            incident,
            present: target.clone(),
            target,
            containment,
            began_at: clock::now(),
            settle: self.settle,
            approved: false,
            look,
            failed_steps: vec![],
            seen_drift: vec![],
            resumed: false,
            exposed: vec![],
            joined: vec![],
            leased: None,
        })
    }

    /// Runs one task of the state machine.
    ///
    /// `prepare` is what the ledger must know first and needs no credentials of the account: it runs beside `AssumeRole`, so it costs
    /// no round trip of its own. Its result goes to `contain`.
    ///
    /// # Errors
    /// `Protected` and `Malformed` before any call, `Bug` for a level that needs an approval and has none, whatever kept `contain` from trying anything, and `Transient` when a decisive step failed on a
    /// passing fault, so that the state machine tries again. Any other containment that got anywhere is a receipt, not an error.
    pub async fn handle<P>(
        &self,
        request: TaskInput,
        task: Task<'_>,
        prepare: impl AsyncFn(&Ledger, &Holder, &Target) -> P,
        contain: impl AsyncFn(&Call, P) -> Result<Attempt, Fault>,
        verify: impl AsyncFn(&Call) -> Result<Checked, Fault>,
    ) -> Result<TaskOutput, Fault> {
        if let Some(why) = built_in_protection(&request.target) {
            return Err(Fault::protected(format!("{} is {why}", request.target)));
        }
        match request.phase {
            Phase::Contain => self.contain(&request, task, prepare, contain).await.map(TaskOutput::Receipt),
            Phase::Verify => self.verify(&request, task, verify).await.map(TaskOutput::Verification),
            Phase::Impact => Err(Fault::malformed(format!("{} does not say what it would hit", task.containment))),
        }
    }

    async fn contain<P>(
        &self,
        request: &TaskInput,
        task: Task<'_>,
        prepare: impl AsyncFn(&Ledger, &Holder, &Target) -> P,
        contain: impl AsyncFn(&Call, P) -> Result<Attempt, Fault>,
    ) -> Result<Receipt, Fault> {
        let (incident, target) = (&request.incident.id, &request.target);
        let level = task.level(target)?;
        let approved = is_approved(request, task.containment);
        if !level.automatic && !approved {
            return Err(Fault::bug(format!("{} of {target} needs an approval", task.containment)));
        }
        let (holder, held) = (request.incident.holder(), Held { target, containment: task.containment });
        // Whoever held it before this run may have changed it.
        let (was_held, is_tried) = (AtomicBool::new(true), AtomicBool::new(false));
        let attempted = async {
            let place = task.at.unwrap_or(target);
            let prepared = async {
                was_held.store(self.is_held_for(&holder, held).await, Relaxed);
                Ok::<_, Fault>(match self.mark_first(&holder, held).await? {
                    Mark::Held => Some(prepare(&self.ledger, &holder, target).await),
                    Mark::Answered => None,
                })
            };
            let assumed = self.call_at(place, target, task.containment, level.contains_as(), incident);
            let (call, prepared, paused) = futures::join!(assumed, prepared, paused(&self.ledger, target, approved));
            if let Some(waits) = paused? {
                if prepared.as_ref().map_err(Clone::clone)?.is_none() {
                    return Ok(None);
                }
                if let Some(ran) = held_back(&self.ledger, &holder, incident, held, waits).await? {
                    return Ok(Some(ran));
                }
            }
            let call = Call { approved, holder: holder.clone(), joined: names_of(&request.incident), ..call? };
            let Some(prepared) = prepared? else { return Ok(None) };
            is_tried.store(true, Relaxed);
            Ok::<_, Fault>(Some(Ran::Tried(contain(&call, prepared).await?)))
        };
        let (status, attempted) = futures::join!(self.begins(&request.incident), attempted);
        log_unless_ok(status);
        // What failed before anything was tried has changed nothing, and so has what waits. A session has its slot already.
        let is_untouched = match &attempted {
            Ok(Some(Ran::Holds(_))) => false,
            Ok(Some(Ran::Tried(Attempt::Waits(_)))) => true,
            Ok(Some(Ran::Tried(Attempt::Steps(steps)))) => Receipt::status_of(steps, level.decisive) == Status::Skipped,
            _ => !is_tried.load(Relaxed),
        };
        let answer = self.answer(&request.incident, held, attempted, (approved, level.decisive)).await;
        // Whatever came of it: nothing more is written, and a release need not wait. Not before the receipt, by which a release goes:
        // only a finding that joined has this call, and nothing waits for it but the state machine.
        log_unless_ok(self.ledger.end_containment(held, &holder).await);
        if is_untouched && !was_held.load(Relaxed) && target.scope != Scope::Session {
            log_unless_ok(self.ledger.unmark(held, &holder).await);
        }
        answer
    }

    /// What came of one run, as the state machine and the ledger get it.
    async fn answer(
        &self,
        incident: &Incident,
        held: Held<'_>,
        attempted: Result<Option<Ran>, Fault>,
        (approved, decisive): (bool, &'static [StepKind]),
    ) -> Result<Receipt, Fault> {
        let (target, containment) = (held.target, held.containment);
        match attempted? {
            None => self.answered(&incident.id, held).await,
            Some(Ran::Holds(receipt)) => Ok(*receipt),
            Some(Ran::Tried(Attempt::Steps(steps))) => self.tried(incident, held, (steps, None), decisive).await,
            Some(Ran::Tried(Attempt::Late(steps, late))) => self.tried(incident, held, (steps, Some(late)), decisive).await,
            Some(Ran::Tried(Attempt::Waits(waits))) if approved => {
                Err(Fault::bug(format!("{target} was approved and waits again: {}", waits.impact)))
            }
            Some(Ran::Tried(Attempt::Waits(waits))) => {
                // Before the answer: a decision that nobody waits for would be carried out by nobody.
                self.ledger.wait_for_approval(&incident.id, containment, target, &waits).await?;
                let receipt = Receipt::waiting(target.clone(), containment, waits, clock::now());
                self.remember(incident, &receipt).await?;
                Ok(receipt)
            }
        }
    }

    /// Whether a finding that joined holds the target since an earlier run. Where nobody knows, it may.
    async fn is_held_for(&self, holder: &Holder, held: Held<'_>) -> bool {
        match holder {
            Holder::Own(_) => true,
            Holder::Joined(_) => self.ledger.holds(held, holder, clock::now()).await.unwrap_or(true),
        }
    }

    /// A finding that joined holds every kind of target before anything is called: a release may have answered it already.
    async fn mark_first(&self, holder: &Holder, held: Held<'_>) -> Result<Mark, Fault> {
        match holder {
            Holder::Own(_) => Ok(Mark::Held),
            Holder::Joined(_) => self.ledger.mark_held(held, holder, clock::now()).await,
        }
    }

    async fn verify(
        &self,
        request: &TaskInput,
        task: Task<'_>,
        verify: impl AsyncFn(&Call) -> Result<Checked, Fault>,
    ) -> Result<Verification, Fault> {
        let (incident, target, containment) = (&request.incident.id, &request.target, task.containment);
        let role = task.level(target)?.role;
        let call = self.call_at(task.at.unwrap_or(target), target, containment, role, incident);
        let (call, paused) = futures::join!(call, paused(&self.ledger, target, request.approved));
        let call = Call { holder: request.incident.holder(), joined: names_of(&request.incident), ..call? };
        // To write a control again is automatic, too.
        let paused = paused?.filter(|_| call.look == Look::Reapply);
        let is_paused = paused.is_some();
        let call = if is_paused { Call { look: Look::Paused, ..call } } else { call };
        let before = self.ledger.verification(incident, containment, target);
        let (checked, before) = futures::join!(verify(&call), before);
        log_unless_ok(self.ledger.end_containment(call.held(), &call.holder).await);
        let Checked { problems, reverted: now, notes } = checked?;
        if let Some(waits) = paused.filter(|_| !now.is_empty()) {
            ask_to_write_again(&self.ledger, incident, call.held(), &waits).await?;
        }
        // What an earlier look saw is not forgotten: the ticket and the second tier depend on it.
        let before = match before {
            Ok(before) => before,
            // The look has written already: its own record is not written over the earlier ones.
            Err(_) => self.ledger.verification(incident, containment, target).await?,
        };
        let reverted = before.map(|check| check.reverted).unwrap_or_default();
        // What is not written again is seen at each look.
        let is_told = |line: &String| is_paused && reverted.iter().any(|known| known.starts_with(line.as_str()));
        let now: Vec<String> = now.into_iter().filter(|line| !is_told(line)).collect();
        let reverted = seen(reverted, &now);
        let (target, containment) = (target.clone(), Some(containment));
        let check = Verification { target, containment, holds: problems.is_empty(), problems, reverted, notes };
        log_unless_ok(self.ledger.keep_verification(incident, &check).await);
        for line in &now {
            let what = format!("REVERTED by somebody: {}: {line}", check.target);
            log_unless_ok(self.ledger.note(incident, clock::now(), &what).await);
        }
        Ok(check.bounded())
    }

    /// How an incident stands is told by the execution that opened it: it may be waiting for an answer while a finding that joined
    /// is contained.
    async fn begins(&self, incident: &Incident) -> Result<(), Fault> {
        if incident.joining.is_some() {
            return Ok(());
        }
        // A watch goes on after an execution that failed: nobody would say again that it did.
        let over = [IncidentStatus::AwaitingReview, IncidentStatus::Closed, IncidentStatus::Released, IncidentStatus::Failed];
        self.ledger.set_status(&incident.id, IncidentStatus::Containing, &over).await
    }
}

/// Whether an analyst agreed. An execution that began under an earlier definition does not say so; but only an approval has a decision
/// carried out that waits for one.
fn is_approved(request: &TaskInput, containment: Containment) -> bool {
    let key = request.target.merge_key();
    let waited = |d: &Decision| d.mode == Mode::Gate && d.containment == Some(containment) && d.target.merge_key() == key;
    request.approved || request.incident.decisions.iter().any(waited)
}

/// Every name in which the incident holds targets.
fn names_of(incident: &Incident) -> Vec<String> {
    incident.holders(None).names().map(ToString::to_string).collect()
}

pub(crate) fn passing_fault(steps: &[Step], decisive: &[StepKind]) -> Option<Fault> {
    let matters = |step: &&Step| step.kind().is_some_and(|kind| decisive.contains(&kind) || kind.is_tried_again());
    steps.iter().filter(matters).filter_map(|step| step.error.clone()).find(|fault| fault.kind == FaultKind::Transient)
}

pub(crate) fn receipt(target: &Target, containment: Containment, steps: Vec<Step>, decisive: &[StepKind]) -> Receipt {
    let status = Receipt::status_of(&steps, decisive);
    let mut faults = steps.iter().filter_map(|step| step.error.as_ref()).filter(|_| status == Status::Skipped);
    let why = faults.find(|fault| fault.kind == FaultKind::Protected);
    let (error, fault) = why.map(|fault| (fault.told(), ErrorName::from(fault.kind))).unzip();
    Receipt { steps, error, fault, finished_at: Some(clock::now()), ..Receipt::of(target.clone(), containment, status) }
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

pub(crate) fn log_unless_ok(result: Result<(), Fault>) {
    if let Err(fault) = result {
        tracing::error!(fault.message = %fault.message, "the ledger did not take a record");
    }
}
