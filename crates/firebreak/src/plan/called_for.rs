//! Whether a finding as its source has it calls for what an event wants contained.
//!
//! An event names a finding by an id that can be borrowed. So the finding of that id goes through the same plan, and only what both call
//! for is contained without a person: not another target, and not the true target under a severity, a role (`ACTOR`) or tags that the
//! source never gave it. What follows from a finding (the instance after which a session is named, the user whose key it is) follows
//! on both sides.

use super::Plan;
use super::host::is_of_host;
use crate::containment::Containment;
use crate::decision::{Decision, Mode};
use crate::target::Target;
use std::collections::BTreeSet;

impl Plan {
    /// Whether `source`, the plan of the same finding as GuardDuty itself has it, contains at once all that this plan would contain
    /// at once. GuardDuty may name more: an update can have come since.
    #[must_use]
    pub fn is_called_for_by(&self, source: &Self) -> bool {
        let at_once = |decision: &&Decision| decision.mode == Mode::Auto;
        let mut wanted = self.decisions.iter().filter(at_once);
        wanted.all(|decision| source.decisions.iter().filter(at_once).any(|known| is_same(decision, known)))
    }

    /// The same, without the profile of an instance where `source` has another one, and without the session that follows from it. The
    /// profile can have changed since the event. The instance is what both are about, and a look reads the profile itself.
    #[must_use]
    pub fn without_other_profiles(mut self, source: &Self) -> Self {
        let mut others: BTreeSet<String> = BTreeSet::new();
        for Decision { target, .. } in self.decisions.iter_mut().filter(|decision| isolates(decision)) {
            let key = target.merge_key();
            let mut of_source = source.decisions.iter().filter(|known| isolates(known) && known.target.merge_key() == key);
            if of_source.any(|known| known.target.profile != target.profile) {
                target.profile = None;
                others.insert(target.id.clone());
            }
        }
        let is_other = |target: &Target| target.session.as_ref().is_some_and(|name| others.contains(name));
        self.decisions.retain(|decision| !is_of_host(&decision.target) || !is_other(&decision.target));
        self
    }
}

fn isolates(decision: &Decision) -> bool {
    decision.containment == Some(Containment::IsolateEc2) && decision.target.scope.is_whole()
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
