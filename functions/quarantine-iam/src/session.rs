//! One session of a role: it is denied by its name, for ever; every other session keeps working.
//!
//! The policy is the same for all roles and compares the session's name with tags of the role, so nothing but a tag has to be
//! written for a new session. EC2 and Lambda give a workload the same session name at every refresh: credentials that are issued
//! later are denied, too.

use crate::base::{self, BaseState};
use crate::deny::{self, Attached};
use crate::policies::SESSION_TAG;
use crate::record::{check_identity, check_path, is_held, record};
use crate::tried::Tried;
use crate::{rows, tags, take_off, trust, whom};
use aws_sdk_iam::Client;
use firebreak::fault::{Fault, FaultKind};
use firebreak::ids::SessionName;
use firebreak::receipt::{Outcome, Step};
use firebreak::step::StepKind;
use firebreak::target::Target;
use firebreak_function::containment::Call;
use firebreak_function::step::{skipped, step, unrecorded};

/// Policy, tag and reads go out together: the policy is inert without the tag, the tag without the policy.
pub(crate) async fn contain(call: &Call, iam: &Client, slot: Result<usize, Fault>) -> Result<Tried, Fault> {
    let session = session_name(&call.target)?;
    let ours: Vec<_> = slot.iter().map(|slot| tags::session_tag(*slot, session.as_str())).collect();
    let tagged = async {
        match &slot {
            Ok(_) => tags::put(call, iam, &ours).await,
            Err(fault) => Err(fault.clone()),
        }
    };
    let quiet = rows::is_quiet(call, whom::id(call, None));
    let (attached, tagged, read, quiet) = futures::join!(deny::attach(call, iam), tagged, base::read(iam, &call.target), quiet);
    let current = match read {
        Ok((current, _)) => current,
        Err(fault) => {
            return Ok(vec![deny(&attached, &tagged).await, step(StepKind::ReadBase, async { Err(fault) }).await].into());
        }
    };
    if let Err(fault) = check_path(call, &current).and_then(|()| check_identity(call, &current)) {
        // AWS refuses changes of its own roles; what was written on a namesake is taken back.
        let (denied, attached) = (deny(&attached, &tagged).await, matches!(attached, Ok(Attached::Done)));
        let ours = take_off::Ours { tag: ours.first(), attached, tagged: tagged.is_ok() };
        return Ok(take_off::session(call, iam, &current, &ours, denied, fault).await.into());
    }
    let recorded = record(call, &current, &[], quiet).await;
    let held = is_held(&recorded);
    let mut steps = vec![recorded];
    match (&attached, &tagged) {
        (Ok(Attached::NoRoom(fault)), Ok(())) => {
            steps.push(skipped(StepKind::AttachDeny, fault.clone()));
            let boundary = async { if held { deny::put_boundary(call, iam, &current).await } else { Err(unrecorded()) } };
            steps.push(step(StepKind::DenySession, boundary).await);
        }
        _ => steps.push(deny(&attached, &tagged).await),
    }
    steps.extend(evadable(&current));
    steps.extend(clear_foreign_slots(call, iam, &current, &ours).await);
    if held {
        return Ok(Tried { steps, late: Some(tags::late(call, iam)) });
    }
    steps.push(tags::label(call, iam, held).await);
    Ok(steps.into())
}

/// Tags that somebody set in advance would be names of denied sessions as soon as the policy is attached: those that the ledger did
/// not give out are made to name nobody. `ours` is written already: the read beside it may show who had the slot before. The tag of a
/// slot that somebody has by now is left to whoever has it: another incident may have written it since the read.
async fn clear_foreign_slots(call: &Call, iam: &Client, current: &BaseState, ours: &[(String, String)]) -> Option<Step> {
    let nobody_s = [tags::NOBODY, call.target.session.as_deref().unwrap_or_default()];
    let set = current.tags.iter().flatten().filter(|(key, name)| tags::is_slot(key) && !nobody_s.contains(&name.as_str()));
    let set: Vec<_> = set.filter(|(key, _)| ours.iter().all(|(own, _)| own != *key)).collect();
    if set.is_empty() {
        return None;
    }
    let slots = match call.ledger.session_slots(&rows::identified(&call.target, &current.principal_id)).await {
        Ok(slots) => slots,
        Err(fault) => return Some(step(StepKind::ClearForeignSlots, async { Err(fault) }).await),
    };
    let is_given = |key: &String, name: &String| {
        slots.iter().any(|slot| slot.session == *name || tags::session_tag(slot.slot, name).0 == *key)
    };
    let foreign = set.into_iter().filter(|(key, name)| !is_given(key, name));
    let foreign: Vec<_> = foreign.map(|(key, _)| (key.clone(), tags::NOBODY.to_owned())).collect();
    if foreign.is_empty() {
        return None;
    }
    Some(step(StepKind::ClearForeignSlots, async { tags::put(call, iam, &foreign).await.map(|()| Outcome::Applied) }).await)
}

/// The step as a whole: half of it denies nothing.
async fn deny(attached: &Result<Attached, Fault>, tagged: &Result<(), Fault>) -> Step {
    let whole = match (attached, tagged) {
        (Ok(Attached::Done), Ok(())) => Ok(Outcome::Applied),
        (Err(fault) | Ok(Attached::NoRoom(fault)), Ok(())) | (Ok(_), Err(fault)) => Err(fault.clone()),
        // Both failed: the one that may pass decides whether it is tried again.
        (Err(one), Err(other)) => Err(if one.kind == FaultKind::Transient { one } else { other }.clone()),
    };
    step(StepKind::DenySession, async { whole }).await
}

/// A session's own tag overrides the role's (IAM user guide, "Passing session tags"): whoever may set tags at `AssumeRole` could
/// take the name away. The guards forbid it; where they are not attached, people must know.
fn evadable(current: &BaseState) -> Option<Step> {
    let trust = current.trust_policy.as_deref()?;
    let why = format!("its trust policy lets callers set session tags, which override {SESSION_TAG}*: only the guards stop that");
    trust::may_tag_sessions(trust).then(|| skipped(StepKind::NeedsWholeRole, Fault::malformed(why)))
}

/// Whether another session has the slot of this one: that its tag is gone is nobody's doing.
pub(crate) async fn was_replaced(call: &Call) -> Result<bool, Fault> {
    let session = session_name(&call.target)?;
    call.ledger.session_was_replaced(call.held(), session.as_str()).await
}

/// The session's name, checked again: it becomes the value of a tag that a policy compares with.
pub(crate) fn session_name(target: &Target) -> Result<SessionName, Fault> {
    let name = target.session.as_deref().and_then(|name| SessionName::parse(name).ok());
    name.ok_or_else(|| Fault::malformed(format!("{target} has no session name that could be denied alone")))
}
