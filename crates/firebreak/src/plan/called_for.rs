//! Whether a finding as its source has it calls for what an event wants contained.
//!
//! An event names a finding by an id that can be borrowed. So the finding of that id goes through the same plan, and only what both call
//! for is contained without a person: not another target, and not the true target under a severity, a role (`ACTOR`) or tags that the
//! source never gave it. What follows from a finding (the instance after which a session is named, the user whose key it is) follows
//! on both sides.

use super::Plan;
use crate::decision::{Decision, Mode};

impl Plan {
    /// Whether `source`, the plan of the same finding as GuardDuty itself has it, contains at once all that this plan would contain
    /// at once. GuardDuty may name more: an update can have come since.
    #[must_use]
    pub fn is_called_for_by(&self, source: &Self) -> bool {
        let at_once = |decision: &&Decision| decision.mode == Mode::Auto;
        let mut wanted = self.decisions.iter().filter(at_once);
        wanted.all(|decision| source.decisions.iter().filter(at_once).any(|known| is_same(decision, known)))
    }
}

/// One containment of one target, and nothing about the target that the source does not know.
fn is_same(wanted: &Decision, known: &Decision) -> bool {
    let (target, of_source) = (&wanted.target, &known.target);
    // An id that only the event has is compared with IAM's before anything is written.
    let contradicts = target.principal_id.is_some() && of_source.principal_id.is_some();
    wanted.containment == known.containment
        && target.merge_key() == of_source.merge_key()
        && (!contradicts || target.principal_id == of_source.principal_id)
        // Keys and sessions are what the looks search CloudTrail for.
        && target.keys().all(|key| of_source.keys().any(|known| known == key))
        && (target.session.is_none() || target.session == of_source.session)
        // A look denies what the profile leads to.
        && (target.profile.is_none() || target.profile == of_source.profile)
}
