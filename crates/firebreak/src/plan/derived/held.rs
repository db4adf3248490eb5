//! What earlier looks would have raised, and a pause or the budget held back.

use super::{Wanted, decide};
use crate::decision::{Decision, Mode};
use crate::plan::is_of_host;
use crate::policy::Policy;

/// Those that policy still lets be contained at once: it can be another one by now, and CloudTrail is not read again. The others wait as
/// before. The session of a host is not among them: each look decides anew about it, and only while its instance is held.
#[must_use]
pub fn still_at_once(held: Vec<Decision>, policy: &Policy) -> Vec<Decision> {
    let is_free = |decision: &Decision| {
        let Some(containment) = decision.containment else { return false };
        let now = decide(Wanted::found(containment, decision.mode, &decision.target, decision.code), policy);
        now.mode == Mode::Auto && now.containment == decision.containment
    };
    held.into_iter().filter(|decision| !is_of_host(&decision.target) && is_free(decision)).collect()
}
