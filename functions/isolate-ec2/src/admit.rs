//! Whether an instance may be isolated now: what its own tags say, and how many hosts its group may lose.
//!
//! A finding is hours old, and the tags in it are, too. Nothing is changed before the answer. What an earlier run has begun goes on
//! whatever the tags say since: half an isolation helps nobody, and whoever has the host could stop it with a tag.

use crate::admission::{Admission, has_begun};
use crate::base::BaseState;
use crate::fleet;
use firebreak::decision::{ReasonCode, Waits};
use firebreak::fault::Fault;
use firebreak::policy::Policy;
use firebreak_function::containment::Call;

/// Asks the instance's own tags, then its group. An approval overrules all but protection.
///
/// # Errors
/// The ledger did not answer. Nothing was changed.
pub(crate) async fn admit(call: &Call, policy: &Policy, base: &BaseState) -> Result<Admission, Fault> {
    match by_tags(call, policy, base) {
        Some(refused) if !has_begun(call).await? => Ok(refused),
        _ => Box::pin(fleet::reserve(call, policy, base)).await,
    }
}

fn by_tags(call: &Call, policy: &Policy, base: &BaseState) -> Option<Admission> {
    let tags: Vec<(String, String)> = base.tags.clone().into_iter().collect();
    if let Some(protection) = policy.protected.covers(&call.target, &tags, false) {
        let fault = Fault::protected(format!("{}: nothing was changed, a person must decide", protection.why));
        return Some(Admission::Protected(fault));
    }
    let critical = policy.instances.critical_tag(&tags).filter(|_| !call.approved)?;
    let impact = format!("the instance has the tag {}={}, which policy calls critical", critical.key, critical.value);
    Some(Admission::Waits(Waits { code: ReasonCode::Impact, impact }))
}
