//! Whether an instance may be isolated now: what its own tags say, and how many hosts its groups may lose.
//!
//! A finding is hours old, and the tags in it are, too. Nothing is changed before the answer. What an earlier run has begun goes on
//! whatever the tags say since: half an isolation helps nobody, and whoever has the host could stop it with a tag.

use crate::admission::{Admission, has_begun};
use crate::base::BaseState;
use crate::interfaces::is_isolated;
use crate::read::Seen;
use crate::{balancers, fleet};
use firebreak::decision::{ReasonCode, Waits};
use firebreak::fault::Fault;
use firebreak::policy::Policy;
use firebreak_function::containment::Call;
use std::collections::BTreeSet;

/// Asks the instance's own tags, then its Auto Scaling group, or else the target groups that have it. An approval overrules all but
/// protection. What is found in target groups is in `seen` then.
///
/// # Errors
/// The ledger did not answer. Nothing was changed.
pub(crate) async fn admit(call: &Call, policy: &Policy, seen: &mut Seen) -> Result<Admission, Fault> {
    if let Some(refused) = by_tags(call, policy, &seen.base)
        && !has_begun(call).await?
    {
        return Ok(refused);
    }
    if seen.base.scaling.is_some() || is_cut_off(seen) {
        return Box::pin(fleet::reserve(call, policy, &seen.base)).await;
    }
    let listed = std::mem::take(&mut seen.targets);
    let vpcs: BTreeSet<&str> = seen.base.interfaces.iter().map(|interface| interface.vpc.as_str()).collect();
    let looked = Box::pin(balancers::look(call, &seen.addresses, &vpcs, listed)).await;
    // Recorded with the rest of the base, before the first change: a release gives back the places that are taken here.
    seen.base.registrations = looked.registrations().to_vec();
    seen.targets = looked;
    Box::pin(fleet::reserve_in_target_groups(call, policy, &seen.targets)).await
}

/// Whether nothing is left to be held back: an earlier run has isolated every interface.
fn is_cut_off(seen: &Seen) -> bool {
    let (interfaces, groups) = (&seen.base.interfaces, seen.groups.as_deref().unwrap_or_default());
    !interfaces.is_empty() && interfaces.iter().all(|interface| is_isolated(interface, groups))
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
