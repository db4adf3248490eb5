//! What earlier runs and other incidents did at the same level.

use super::Others;
use crate::base::{BaseState, Part};
use firebreak::fault::Fault;
use firebreak::ids::IncidentId;
use firebreak::receipt::{Outcome, Receipt};
use firebreak::step::StepName;
use firebreak::target::Scope;
use firebreak_function::containment::Call;
use firebreak_s3::policy::Document;
use jiff::Timestamp;

impl Others {
    /// Whether an earlier run knew whom the level hits, and went on. One that could not read the policy, or did not understand it, has
    /// asked nobody about that.
    pub(crate) fn has_begun(&self, level: Scope) -> bool {
        let knew = |own: &BaseState| !own.unknown.contains(&Part::Policy) && Document::parse(own.policy.as_deref()).is_ok();
        self.own.as_ref().is_some_and(|own| level.is_whole() || !own.planned.sids.is_empty() || knew(own))
    }

    /// `base` without the public access block of an earlier run: whom that shuts out, the level shuts out.
    pub(crate) fn unblocked(&self, base: &BaseState) -> BaseState {
        let block = self.own.as_ref().map_or(base.public_access_block, |own| own.public_access_block);
        BaseState { public_access_block: block, ..base.clone() }
    }

    /// Steps of this incident's containment that failed, and that no other incident made since the base was recorded either: what they
    /// would have changed is somebody else's. A release of the others left their changes to the last one.
    ///
    /// # Errors
    /// The ledger could not be read.
    pub(crate) async fn not_ours(&self, call: &Call) -> Result<Vec<StepName>, Fault> {
        let mut failed = call.failed_steps.clone();
        let recorded_at = self.captured_at.as_deref().and_then(|at| at.parse::<Timestamp>().ok());
        let strangers = self.gone.iter().filter(|name| !call.is_own(name));
        for incident in strangers.filter_map(|name| IncidentId::parse(name.as_str()).ok()) {
            if failed.is_empty() {
                break;
            }
            let receipt = call.ledger.receipt(&incident, call.containment, &call.target).await?;
            // Of an earlier time, everything was put back.
            let is_recent =
                |receipt: &Receipt| receipt.finished_at.is_none_or(|at| recorded_at.is_none_or(|recorded| at >= recorded));
            let Some(receipt) = receipt.filter(is_recent) else { continue };
            failed.retain(|name| !receipt.steps.iter().any(|step| step.name == *name && step.outcome == Outcome::Applied));
        }
        Ok(failed)
    }
}
