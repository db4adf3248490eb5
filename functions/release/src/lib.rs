#![doc = include_str!("../README.md")]

mod end;
mod freed;
mod holds;
mod past;
mod rows;
mod still_held;
mod undone;

use end::{asked_again, how_it_ended};
use firebreak::answer::Decided;
use firebreak::containment::Containment;
use firebreak::decision::Decision;
use firebreak::diagnosis::{Diagnosis, Places};
use firebreak::facts::Carry;
use firebreak::fault::{Fault, FaultKind};
use firebreak::holders::Holders;
use firebreak::incident::Incident;
use firebreak::receipt::{Receipt, Status};
use firebreak::step::StepKind;
use firebreak::target::{Scope, Target};
use firebreak_aws::clients::MemberRole;
use firebreak_aws::clock;
use firebreak_function::about;
use firebreak_function::containment::{Call, Responder};
use firebreak_function::diagnosis::member_role;
use firebreak_ledger::{Held, ReleaseClaim};
use futures::FutureExt as _;
use futures::future::join_all;
use holds::Leased;
use past::Past;
use quarantine_scp::Organization;
use rows::{Principal, grouped};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tracing::Instrument as _;
use undone::{Begun, Undone, is_done};

/// What the state machine sends.
#[derive(Debug, Deserialize)]
pub struct ReleaseInput {
    /// The incident to undo.
    pub incident: Incident,
    /// The analyst's answer. What a release before it reported as changed by somebody counts as seen.
    #[serde(default)]
    pub answer: Option<Decided>,
    /// How much of the receipts goes back. The ledger has all of them.
    #[serde(default)]
    pub carry: Carry,
    /// Which restore of a closed incident it is; nothing at a gate.
    #[serde(default)]
    pub restore: Option<u32>,
}

/// What the function answers.
#[derive(Debug, Serialize)]
pub struct Released {
    /// `ok` when every target is back as it was; `failed` when one is not; `not-covered` when all are back that the answer covers,
    /// and others are unanswered or more was decided since: the state machine asks again.
    pub status: &'static str,
    /// One receipt per target: `skipped` when nothing was held or another incident still holds it, `waits` when the answer does not
    /// cover it.
    pub receipts: Vec<Receipt>,
    /// How many exposed credentials stay inactive: people replace them.
    pub kept_inactive: usize,
    /// How many changes of somebody else it found, and left as they are.
    pub drifted: usize,
}

/// The function and what it needs.
pub struct Function {
    responder: Responder,
    /// Where the second tier is; the fault says which variable is missing where there is none.
    organization: Result<Organization, Fault>,
}

impl Function {
    /// Reads the environment.
    ///
    /// # Errors
    /// A fault that names the missing variable.
    pub async fn load() -> Result<Self, Fault> {
        Ok(Self::new(Responder::load().await?, Organization::load()))
    }

    /// Works with the credentials and the ledger of `responder`. `organization` may be missing: only what was denied by it needs it.
    #[must_use]
    pub fn new(responder: Responder, organization: Result<Organization, Fault>) -> Self {
        Self { responder, organization }
    }

    /// For `firebreak doctor`: the roles that undo, in member accounts and, where there is a second tier, in the management account.
    ///
    /// # Errors
    /// There is nothing to look into.
    pub async fn diagnose(&self, places: Places) -> Result<Diagnosis, Fault> {
        let mut seen = member_role(self.responder.aws(), &places, MemberRole::Release).await?;
        if let Ok(management) =
            self.organization.as_ref().map_err(Fault::clone).and_then(|o| o.management_account(&places.partition))
        {
            seen.extend(member_role(self.responder.aws(), &management, MemberRole::QuarantineScp).await?);
        }
        Ok(seen.into())
    }

    /// Puts every target of the incident that the answer covers back as its base says, each on its own.
    ///
    /// # Errors
    /// When the ledger cannot be read, or the end not be written, and `Transient` when a step failed on a passing fault, or such a fault kept a
    /// frozen bucket from letting go of somebody: the state machine tries again, and every step that is done says so. Any other target that
    /// could not be put back is a failed receipt.
    pub async fn handle(&self, request: ReleaseInput) -> Result<Released, Fault> {
        let incident = &request.incident;
        let known = self.responder.ledger().incident(&incident.id).await?;
        let is_known = known.is_some();
        if !is_known && incident.decisions.is_empty() {
            // Nothing to put back and nothing known must not look like everything put back.
            return Err(Fault::bug("the ledger does not know the incident, and the state machine names no target"));
        }
        let (decided, receipts, before) = match known {
            Some(view) => (view.record.incident, view.receipts, view.releases),
            None => (incident.clone(), vec![], vec![]),
        };
        let covers = request.answer.as_ref().and_then(|answer| answer.covers);
        // A restore undoes what an answer left contained.
        let is_left = |d: &Decision| match request.restore {
            Some(_) => !decided.is_released(&d.target),
            None => decided.settled(d).is_none(),
        };
        let is_asked =
            |d: &Decision| is_left(d) && request.answer.as_ref().is_none_or(|answer| answer.targets.includes(&d.target));
        // A finding that joined after the ticket goes on holding what it holds.
        let holders = decided.holders(covers);
        // What was appended since the state machine read the incident is put back, too, as far as the answer covers it.
        let targets = decided.decisions.iter().filter_map(|d| Some((d.containment?, d)));
        // Parts of one principal one after the other: what they share goes with the last of them.
        let released = join_all(grouped(targets).into_iter().map(|group| {
            let (receipts, before, answer, holders) = (&receipts, &before, request.answer.as_ref(), &holders);
            let is_asked = &is_asked;
            async move {
                let mut released = Vec::new();
                for (containment, decision) in group {
                    let target = &decision.target;
                    let past = Past::of(receipts, before, (containment, target), answer);
                    if !is_asked(decision) {
                        // Not part of this answer, or answered before: a release of then goes on counting.
                        released.extend(past.release.map(Ok));
                        continue;
                    }
                    if !decision.is_covered(covers) {
                        released.push(Ok(past.release.unwrap_or_else(|| asked_again(containment, target))));
                        continue;
                    }
                    let release = self.release(holders, containment, target, past);
                    released.push(release.instrument(about::target(target)).await);
                }
                released
            }
            .boxed_local()
        }))
        .await
        .into_iter()
        .flatten()
        .collect::<Result<Vec<Receipt>, Fault>>()?;
        let ended = how_it_ended(&released);
        // Here, so that nothing but this function is needed for a release to be known as one: a released finding is not taken over.
        let status = match request.restore {
            Some(number) => self.end_restore(&request, number, ended).await?,
            None if is_known => self.end(&request, &released, ended).await?,
            None => ended,
        };
        Box::pin(self.free_at_buckets(&decided, &released)).await?;
        let count = |kind| released.iter().flat_map(|receipt| &receipt.steps).filter(|step| step.is(kind)).count();
        let (kept_inactive, drifted) = (count(StepKind::KeepInactive), count(StepKind::CheckDrift));
        Ok(Released { status, receipts: request.carry.receipts(released), kept_inactive, drifted })
    }

    async fn release(
        &self,
        holders: &Holders<'_>,
        containment: Containment,
        target: &Target,
        past: Past,
    ) -> Result<Receipt, Fault> {
        let what = (containment, target);
        let undone = match containment {
            Containment::QuarantineIam => {
                self.undo(holders, what, past, async |c, b| quarantine_iam::release(c, b).await.map(Undone::from)).await
            }
            Containment::QuarantineScp => {
                let release = async |call: &Call, base: Option<&quarantine_scp::BaseState>| match &self.organization {
                    Ok(organization) => quarantine_scp::release(call, base, organization).await.map(Undone::Steps),
                    Err(fault) => Err(fault.clone()),
                };
                self.undo(holders, what, past, release).await
            }
            Containment::IsolateEc2 if target.scope == Scope::RemoteAddresses => {
                self.undo(holders, what, past, async |c, b| deny_addresses::release(c, b).await.map(Undone::Steps)).await
            }
            Containment::IsolateEc2 => {
                self.undo(holders, what, past, async |c, b| isolate_ec2::release(c, b).await.map(Undone::Steps)).await
            }
            Containment::LockdownS3 => {
                self.undo(holders, what, past, async |c, b| lockdown_s3::release(c, b).await.map(Undone::Steps)).await
            }
            Containment::QuarantineObject => {
                self.undo(holders, what, past, async |c, b| quarantine_object::release(c, b).await.map(Undone::Steps)).await
            }
            Containment::EnableKey => {
                self.undo(holders, what, past, async |c, b| enable_key::release(c, b).await.map(Undone::Steps)).await
            }
        };
        let of = |status| Receipt { finished_at: Some(clock::now()), ..Receipt::of(target.clone(), containment, status) };
        let receipt = match undone {
            Ok(Undone::Before(receipt)) => return Ok(*receipt),
            Ok(Undone::Nothing(why)) => Receipt { error: Some(why), ..of(Status::Skipped) },
            Ok(Undone::Gone(fault)) => {
                Receipt { error: Some(fault.told()), fault: Some(fault.kind.into()), ..of(Status::Skipped) }
            }
            // Of this incident: the gate opens again. Nothing is kept, as nothing is said about the target yet.
            Ok(Undone::StillHeld(by, _)) if holders.is_later(&by) => return Ok(asked_again(containment, target)),
            Ok(Undone::StillHeld(by, steps)) => {
                let status = if is_done(&steps) { Status::Skipped } else { Status::Partial };
                Receipt { steps, ..self.still_held(&by, of(status)).await }
            }
            Ok(Undone::Steps(steps)) => {
                let status = if is_done(&steps) { Status::Contained } else { Status::Partial };
                Receipt { steps, ..of(status) }
            }
            Err(fault) if fault.kind == FaultKind::Transient => return Err(fault),
            Err(fault) => Receipt { error: Some(fault.to_string()), fault: Some(fault.kind.into()), ..of(Status::Failed) },
        };
        let faults = receipt.steps.iter().filter_map(|step| step.error.clone());
        let passing = faults.into_iter().find(|fault| fault.kind == FaultKind::Transient);
        if let Err(fault) = self.responder.ledger().keep_release(holders.own(), &receipt).await {
            tracing::error!(fault.message = %fault.message, "the ledger did not take a record");
        }
        passing.map_or(Ok(receipt), Err)
    }

    /// Runs one containment's release when nobody but the names in `holders` holds the target. A decision that goes by a name can have
    /// contained several users: each is put back from its own rows.
    async fn undo<B: DeserializeOwned>(
        &self,
        holders: &Holders<'_>,
        (containment, target): (Containment, &Target),
        past: Past,
        release: impl AsyncFn(&Call, Option<&B>) -> Result<Undone, Fault>,
    ) -> Result<Undone, Fault> {
        let (over, found) = self.found(holders, containment, target).await?;
        let holders = &holders.clone().with(&over);
        self.bar(holders, containment, &found).await?;
        let mut undone: Option<Undone> = None;
        if found.is_strangers {
            // Nobody recorded whom this incident denied under the name: whoever has it and is not held. The mark stays until that is done.
            let begun = Begun { resumed: false, exposed: vec![], row: target.clone() };
            let freed = Box::pin(self.put_back(holders, (containment, target), past.clone(), (None, begun), &release)).await?;
            if freed.has_failed() {
                return Ok(freed);
            }
            undone = Some(freed);
        }
        for principal in &found.principals {
            let next = self.undo_one(holders, containment, (target, principal), past.clone(), &found.exposed, &release);
            let next = Box::pin(next).await?;
            undone = Some(match undone {
                Some(before) => before.and(next),
                None => next,
            });
        }
        Ok(undone.unwrap_or_else(|| Undone::Nothing("nothing was changed".to_owned())))
    }

    /// Releases what one principal's rows hold.
    ///
    /// The hold ends after the target is back: a run that is killed in between is simply run again.
    async fn undo_one<B: DeserializeOwned>(
        &self,
        holders: &Holders<'_>,
        containment: Containment,
        (decided, principal): (&Target, &Principal),
        past: Past,
        exposed: &[String],
        release: &impl AsyncFn(&Call, Option<&B>) -> Result<Undone, Fault>,
    ) -> Result<Undone, Fault> {
        let (ledger, target) = (self.responder.ledger(), principal.target(decided));
        let (row, others) = principal.rows.split_first().unwrap_or((target, principal.rows.as_slice()));
        let held = Held { target: row, containment };
        let (base, begun, leased) = match ledger.begin_release::<B>(held, holders, clock::now()).await? {
            ReleaseClaim::Ours { base, resumed, exposed: its, lease } => {
                let exposed = its.iter().chain(exposed).cloned().collect();
                (base, Begun { resumed, exposed, row: row.clone() }, Leased { held, lease, resumed, others })
            }
            ReleaseClaim::StillHeld { by } => {
                self.let_go::<B>(holders, containment, others, false).await?;
                return Ok(Undone::StillHeld(by, vec![]));
            }
            ReleaseClaim::Released => {
                // The first run's receipt says what it did; this run must not write over it.
                return Ok(past
                    .release
                    .map_or_else(|| Undone::Nothing("released before".to_owned()), |r| Undone::Before(Box::new(r))));
            }
            ReleaseClaim::NotHeld if past.changed => {
                return Err(Fault::bug("it was changed, but the ledger has no record of how it was; put it back by hand"));
            }
            ReleaseClaim::NotHeld => return Ok(Undone::Nothing("nothing was changed".to_owned())),
        };
        let undone = self.put_back(holders, (containment, target), past, (base, begun), release).await;
        self.end_hold::<B>(holders, target, &leased, &undone).await?;
        undone
    }

    async fn put_back<B>(
        &self,
        holders: &Holders<'_>,
        (containment, target): (Containment, &Target),
        past: Past,
        (base, begun): (Option<B>, Begun),
        release: &impl AsyncFn(&Call, Option<&B>) -> Result<Undone, Fault>,
    ) -> Result<Undone, Fault> {
        let (place, role) = match containment {
            Containment::QuarantineScp => {
                (self.organization.as_ref().map_err(Fault::clone)?.place(target)?, MemberRole::QuarantineScp)
            }
            _ => (target.clone(), MemberRole::Release),
        };
        let call = self.responder.call_at(&place, target, containment, role, holders.own()).await?;
        let (failed_steps, seen_drift) = (past.failed_steps, past.seen_drift);
        let joined = holders.names().map(ToString::to_string).collect();
        let (leased, Begun { resumed, exposed, .. }) = (Some(begun.row.clone()), begun);
        let call = Call { failed_steps, seen_drift, resumed, exposed, joined, leased, ..call };
        match release(&call, base.as_ref()).await {
            Ok(undone) => Ok(undone),
            Err(fault) if fault.kind == FaultKind::Gone => Ok(Undone::Gone(fault)),
            Err(fault) => Err(fault),
        }
    }
}
