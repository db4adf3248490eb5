//! Puts a principal back as it was.
//!
//! Credentials first, the deny after them, labels last: as long as anything is unfinished the principal stays harmless. What the
//! finding exposed stays inactive, what somebody else changed stays as it is, and nothing is recreated.
#![expect(clippy::disallowed_methods, reason = "this is the release of the quarantine")]

use crate::base::{self, BaseState, Credential, Unread};
use crate::rows::Left;
use crate::take_off::undone;
use crate::whom::{self, Read, is_other_than};
use crate::written::Written;
use crate::{credentials, drift, policies, rows, tags, take_off};
use aws_sdk_iam::Client;
use aws_sdk_iam::types::StatusType;
use firebreak::decision::Decision;
use firebreak::fault::{Fault, FaultKind};
use firebreak::ids::{AccessKeyId, IncidentId};
use firebreak::incident::IncidentStatus;
use firebreak::receipt::{Outcome, Step};
use firebreak::step::{StepKind, StepName};
use firebreak::target::{Scope, Target, TargetKind};
use firebreak_aws::classify::OrFault;
use firebreak_aws::clock;
use firebreak_function::containment::Call;
use firebreak_function::drift::Change;
use firebreak_function::step::{skipped, step};
use futures::future::join_all;

/// What came of a release.
#[derive(Debug)]
pub enum Released {
    /// What was tried.
    Steps(Vec<Step>),
    /// The principal stays as it is: somebody else holds it in another row, and has the base now.
    StillHeld {
        /// An incident, or a finding that joined one.
        by: String,
        /// What was done about whoever has the name of the decision.
        steps: Vec<Step>,
    },
}

impl From<Vec<Step>> for Released {
    fn from(steps: Vec<Step>) -> Self {
        Self::Steps(steps)
    }
}

/// Undoes the quarantine of `call.target` down to `base`. Without a base only the deny and the labels were written, and only they are
/// taken away.
///
/// When somebody changed the principal since, nothing is done the first time: the step `check-drift` says what, for the analyst. A
/// release that is asked for after that takes back what is Firebreak's and leaves the rest.
///
/// A renamed user is put back under its present name. Whoever has the name of the decision, and was hit by mistake, is freed.
///
/// # Errors
/// `Gone` when the principal no longer exists, also under another name, and read errors. Nothing was changed then.
pub async fn release(call: &Call, base: Option<&BaseState>) -> Result<Released, Fault> {
    let iam = Client::new(&call.config);
    let read = base::read(&iam, &call.present).await;
    let id = whom::id(call, base);
    let is_other = is_other_than(id, &read);
    let found = if is_other { Box::pin(whom::follow(call, &iam, id)).await? } else { None };
    if let Some(there) = found {
        return Box::pin(renamed(call, &iam, &there, base, &read)).await;
    }
    let (now, unread) = read?;
    // Without a base whoever has the name may have the deny.
    if base.is_some() && is_other {
        let freed = Box::pin(free_bystander(call, &iam, &now)).await;
        if !freed.is_empty() {
            return Ok(freed.into());
        }
        return Err(Fault::gone(format!(
            "{} was deleted and created anew since the containment; the new one is left as it is",
            call.target
        )));
    }
    put_back(call, &iam, base, &now, &unread).await
}

/// Puts a user back who has another name now, and then whoever was hit by mistake and still has the deny.
async fn renamed(call: &Call, iam: &Client, there: &Call, base: Option<&BaseState>, read: &Read) -> Result<Released, Fault> {
    let client = Client::new(&there.config);
    let found = base::read(&client, &there.present).await;
    if is_other_than(whom::id(call, base), &found) {
        // Not gone: the id was there a moment ago.
        return Err(Fault::new(FaultKind::Transient, format!("{} was renamed once more meanwhile", call.target)));
    }
    let (now, unread) = found?;
    let mut released = put_back(there, &client, base, &now, &unread).await?;
    let (Released::Steps(steps) | Released::StillHeld { steps, .. }) = &mut released;
    // While a change is new to the analyst nothing else is tried.
    if steps.is_empty() || !steps.iter().all(|step| step.is(StepKind::CheckDrift)) {
        steps.push(whom::note(there));
        if let Ok((namesake, _)) = read {
            steps.extend(Box::pin(free_bystander(call, iam, namesake)).await);
        }
    }
    Ok(released)
}

/// Takes Firebreak's deny and labels off a user who has the name of the decision and another id, unless an incident contains that user.
/// What IAM shows counts, not the receipt: a containment that was killed has none, and an earlier version wrote another one.
async fn free_bystander(call: &Call, iam: &Client, namesake: &BaseState) -> Vec<Step> {
    if (call.target.kind, call.target.scope) != (TargetKind::IamUser, Scope::Principal) {
        return vec![];
    }
    let Some(is_denied) = namesake.has_policy(&policies::deny(&call.target)) else {
        let why = format!("the policies of {} ({}) could not be read", call.present, namesake.principal_id);
        return vec![step(StepKind::TakeOffDeny, async { Err(Fault::new(FaultKind::Transient, why)) }).await];
    };
    let labels: Vec<String> =
        namesake.tags.iter().flatten().map(|(key, _)| key).filter(|key| tags::is_label(key)).cloned().collect();
    if !is_denied && labels.is_empty() {
        return vec![];
    }
    let theirs = match take_off::is_theirs(call, namesake).await {
        Ok(false) => is_labelled_for_another(call, namesake).await,
        known => known,
    };
    let is_nobodys = theirs.as_ref().is_ok_and(|theirs| !theirs);
    let mut steps = Vec::new();
    if is_denied {
        steps.push(take_off::user(call, iam, namesake, theirs).await);
    }
    if is_nobodys && !labels.is_empty() && steps.iter().all(|step| step.outcome != Outcome::Failed) {
        let labels = Written { labels, ..Written::default() };
        steps.push(step(StepKind::RestoreTags, untag_all(call, iam, namesake, &labels)).await);
    }
    steps
}

/// Whether the label names another incident that can hold this user: one whose row goes by a name that the user had before. A label proves
/// nothing by itself: that incident must have decided about such a user, and nobody must have released it.
async fn is_labelled_for_another(call: &Call, namesake: &BaseState) -> Result<bool, Fault> {
    let label = namesake.tags.as_ref().and_then(|tags| tags.get(tags::INCIDENT));
    let Some(id) = label.and_then(|label| IncidentId::parse(label).ok()).filter(|id| !call.is_own(id.as_str())) else {
        return Ok(false);
    };
    let Some(record) = call.ledger.record(&id).await? else { return Ok(false) };
    let whom = rows::identified(&call.target, &namesake.principal_id);
    let can_hold = |decision: &Decision| {
        let is_user = (decision.target.kind, &decision.target.account) == (TargetKind::IamUser, &call.target.account);
        decision.containment == Some(call.containment) && is_user && !decision.target.contradicts(&whom)
    };
    Ok(record.status != IncidentStatus::Released && record.incident.decisions.iter().any(can_hold))
}

async fn put_back(
    call: &Call,
    iam: &Client,
    base: Option<&BaseState>,
    now: &BaseState,
    unread: &[Unread],
) -> Result<Released, Fault> {
    let base = match Box::pin(rows::hand_over(call, base, now)).await? {
        Left::To(by) => return Ok(Released::StillHeld { by, steps: vec![] }),
        Left::Free(base) => base,
    };
    Box::pin(restored(call, iam, base.as_deref(), now, unread)).await.map(Released::Steps)
}

async fn restored(
    call: &Call,
    iam: &Client,
    base: Option<&BaseState>,
    now: &BaseState,
    unread: &[Unread],
) -> Result<Vec<Step>, Fault> {
    let mut steps = Vec::new();
    let drift = base.map(|base| drifted(call, base, now)).unwrap_or_default();
    let is_seen = drift.iter().all(|change| change.is_seen(call));
    if !is_seen {
        return Ok(join_all(drift.into_iter().map(Change::shown)).await);
    }
    steps.extend(join_all(drift.into_iter().map(|change| change.told(call))).await);
    let ours = |base: &BaseState| base.credentials.iter().filter(|c| base.deactivated.contains(&c.id)).cloned().collect();
    let known: Vec<Credential> = base.map(ours).unwrap_or_default();
    // The decision names what findings exposed, also one whose containment never got here.
    let is_named = |c: &Credential| call.target.keys().any(|key| key.as_str() == c.id);
    let exposed =
        |c: &Credential| call.exposed.contains(&c.id) || is_named(c) || base.is_some_and(|base| base.exposed.contains(&c.id));
    let unread = |c: &Credential| unread.iter().find(|missing| missing.kind == c.kind).map(|missing| missing.fault.clone());
    let restored = known.iter().map(|c| restore(call, iam, c, (now, unread(c)), exposed(c)));
    steps.extend(join_all(restored).await);
    if let Some(failed) = steps.iter().find(|step| step.outcome == Outcome::Failed) {
        let why = format!("not tried: as long as {} is unfinished the deny stays", failed.name);
        steps.push(step(StepKind::DetachDeny, async { Err(Fault::malformed(why)) }).await);
        return Ok(steps);
    }
    // Whoever came meanwhile marked a row first, and sees the lease, or is seen here.
    Box::pin(rows::is_free(call, now)).await?;
    if let Some(failed) = leave_slot(call).await {
        steps.push(failed);
        return Ok(steps);
    }
    let taken = take_away(call, iam, base, now).await;
    let is_done = taken.as_ref().is_ok_and(|steps| steps.iter().all(|step| step.outcome != Outcome::Failed));
    if !is_done {
        keep_slot(call).await;
    }
    steps.extend(taken?);
    if is_done {
        steps.extend(free_slot(call).await);
    }
    Ok(steps)
}

/// Takes away what Firebreak wrote. Without it the principal is let in.
async fn take_away(call: &Call, iam: &Client, base: Option<&BaseState>, now: &BaseState) -> Result<Vec<Step>, Fault> {
    let written = Written::of(call, now).await?;
    let (boundary, revocations, denies) = futures::join!(
        restore_boundary(call, iam, base, now, &written),
        delete_revocations(call, iam, &written),
        detach(call, iam, &written)
    );
    let mut steps: Vec<Step> = boundary.into_iter().chain(revocations).chain(denies).collect();
    // The guard of the organization recognises a quarantined principal by its tags: they go when the deny is gone.
    if steps.iter().all(|step| step.outcome != Outcome::Failed) {
        steps.extend(untag(call, iam, now, &written).await);
    }
    Ok(steps)
}

fn drifted(call: &Call, base: &BaseState, now: &BaseState) -> Vec<Change> {
    drift::since(base, now, call).iter().map(|line| Change::of(line)).collect()
}

async fn restore(
    call: &Call,
    iam: &Client,
    credential: &Credential,
    (now, unread): (&BaseState, Option<Fault>),
    exposed: bool,
) -> Step {
    let (word, id) = (credential.kind.word(), &credential.id);
    if let Some(fault) = unread {
        return step(StepName::about(credential.kind.reactivate(), id), async { Err(fault) }).await;
    }
    if exposed {
        let works = now.credentials.iter().any(|c| c.id == *id && c.active);
        if works {
            return step(
                StepName::about(StepKind::KeepInactive, id),
                credentials::set(iam, &call.present.id, credential, StatusType::Inactive),
            )
            .await;
        }
        let why = format!("{word} {id} was exposed: it stays inactive, replace it");
        return skipped(StepName::about(StepKind::KeepInactive, id), Fault::malformed(why));
    }
    step(StepName::about(credential.kind.reactivate(), id), async {
        let Some(current) = now.credentials.iter().find(|c| c.id == *id) else { return Ok(Outcome::Skipped) };
        if current.active == credential.active {
            return Ok(Outcome::Already);
        }
        let not_ours = call.failed_steps.contains(&credentials::step_name(credential));
        if !credential.active || not_ours {
            // Active now and not before, or made inactive by somebody else: not Firebreak's to change.
            return Ok(Outcome::Skipped);
        }
        if is_held_alone(call, credential, now).await? {
            return Ok(Outcome::Skipped);
        }
        credentials::set(iam, &call.present.id, credential, StatusType::Active).await
    })
    .await
}

/// Whether an incident holds just this access key.
async fn is_held_alone(call: &Call, credential: &Credential, now: &BaseState) -> Result<bool, Fault> {
    let Ok(key) = AccessKeyId::parse(&credential.id) else { return Ok(false) };
    if call.target.scope != Scope::Principal {
        return Ok(false);
    }
    let alone = Target { scope: Scope::AccessKey, access_key_id: Some(key), ..call.target.clone() };
    rows::is_held(call, &alone, &now.principal_id).await
}

/// Only where Firebreak's policy is the boundary now.
async fn restore_boundary(call: &Call, iam: &Client, base: Option<&BaseState>, now: &BaseState, ours: &Written) -> Option<Step> {
    now.boundary.as_ref().filter(|boundary| ours.boundary.as_ref() == Some(boundary))?;
    let name = &call.present.id;
    let is_role = call.target.kind == TargetKind::IamRole;
    let restored = async {
        let Some(base) = base else {
            return Err(Fault::bug("the boundary before the containment was not recorded; put it back by hand"));
        };
        match &base.boundary {
            Some(before) if is_role => {
                let put = iam.put_role_permissions_boundary().role_name(name).permissions_boundary(before).send().await;
                put.or_fault("iam:PutRolePermissionsBoundary")?;
            }
            Some(before) => {
                let put = iam.put_user_permissions_boundary().user_name(name).permissions_boundary(before).send().await;
                put.or_fault("iam:PutUserPermissionsBoundary")?;
            }
            None if is_role => {
                let delete = iam.delete_role_permissions_boundary().role_name(name).send().await;
                return undone("iam:DeleteRolePermissionsBoundary", delete);
            }
            None => {
                let delete = iam.delete_user_permissions_boundary().user_name(name).send().await;
                return undone("iam:DeleteUserPermissionsBoundary", delete);
            }
        }
        Ok(Outcome::Applied)
    };
    Some(step(StepKind::RestoreBoundary, restored).await)
}

async fn delete_revocations(call: &Call, iam: &Client, ours: &Written) -> Vec<Step> {
    join_all(ours.revocations.iter().map(|name| {
        step(StepKind::DeleteRevocation, async move {
            let delete = iam.delete_role_policy().role_name(&call.present.id).policy_name(name).send().await;
            undone("iam:DeleteRolePolicy", delete)
        })
    }))
    .await
}

async fn detach(call: &Call, iam: &Client, ours: &Written) -> Option<Step> {
    let policy = ours.policy.as_ref()?;
    let name = &call.present.id;
    let detached = async {
        match call.target.kind {
            TargetKind::IamRole => {
                undone("iam:DetachRolePolicy", iam.detach_role_policy().role_name(name).policy_arn(policy).send().await)
            }
            _ => undone("iam:DetachUserPolicy", iam.detach_user_policy().user_name(name).policy_arn(policy).send().await),
        }
    };
    Some(step(StepKind::DetachDeny, detached).await)
}

/// Takes Firebreak's tags away: those of this part, and the labels when nothing of Firebreak is left on the principal.
async fn untag(call: &Call, iam: &Client, now: &BaseState, ours: &Written) -> Vec<Step> {
    let mut steps = Vec::new();
    if !(ours.own_tags.is_empty() && ours.labels.is_empty()) || now.tags.is_none() {
        steps.push(step(StepKind::RestoreTags, untag_all(call, iam, now, ours)).await);
    }
    steps
}

fn session_of(call: &Call) -> Option<&str> {
    call.target.session.as_deref().filter(|_| call.target.scope == Scope::Session)
}

/// Before the look at what other sessions need: of two that are released at once, the later look sees neither. A step only where that
/// fails.
async fn leave_slot(call: &Call) -> Option<Step> {
    let left = call.ledger.leave_session(&call.target, session_of(call)?, clock::now()).await;
    let fault = left.err()?;
    Some(step(StepKind::FreeSlot, async { Err(fault) }).await)
}

/// Last: whoever gets the slot writes a tag of the same key, and a session that stays held must not lose its slot.
async fn free_slot(call: &Call) -> Option<Step> {
    let freed = call.ledger.free_session(&call.target, session_of(call)?).await.map(|()| Outcome::Applied);
    Some(step(StepKind::FreeSlot, async { freed }).await)
}

/// What could not be taken away is needed further on. The mark of [`leave_slot`] ends by itself, too.
async fn keep_slot(call: &Call) {
    let Some(session) = session_of(call) else { return };
    if let Err(fault) = call.ledger.keep_session(&call.target, session).await {
        tracing::warn!(fault.message = %fault.message, "not written that the session keeps its slot");
    }
}

async fn untag_all(call: &Call, iam: &Client, now: &BaseState, ours: &Written) -> Result<Outcome, Fault> {
    if now.tags.is_none() {
        return Err(Fault::new(FaultKind::Denied, "the tags could not be read"));
    }
    let name = &call.present.id;
    let keys = Some(ours.own_tags.iter().chain(&ours.labels).cloned().collect());
    match call.target.kind {
        TargetKind::IamRole => {
            iam.untag_role().role_name(name).set_tag_keys(keys).send().await.map(|_| ()).or_fault("iam:UntagRole")?;
        }
        _ => iam.untag_user().user_name(name).set_tag_keys(keys).send().await.map(|_| ()).or_fault("iam:UntagUser")?,
    }
    Ok(Outcome::Applied)
}
