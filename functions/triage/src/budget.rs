//! The blast radius. What exceeds it is not dropped: it waits for a person, and the notice says so first.

use crate::Function;
use firebreak::decision::Mode;
use firebreak::fault::Fault;
use firebreak::incident::Incident;

impl Function {
    /// Counts every automatic containment, and turns those beyond the hour's budget into gated ones.
    ///
    /// # Errors
    /// When the ledger cannot count: a flood must not pass because nobody counts it. The state machine tries again.
    pub(crate) async fn keep_to_budget(&self, incident: &mut Incident) -> Result<(), Fault> {
        for decision in &mut incident.decisions {
            let Some(containment) = decision.containment.filter(|_| decision.mode == Mode::Auto) else { continue };
            let limit = self.policy.budget.of(containment);
            if self.ledger.spend(&decision.target, containment, limit, incident.opened_at).await? {
                continue;
            }
            decision.mode = Mode::Gate;
            decision.reason = firebreak::text::inert(
                &format!(
                    "OVER BUDGET: {limit} {containment} in account {} this hour, a person must approve more; {}",
                    decision.target.account, decision.reason
                ),
                400,
            );
            incident.over_budget += 1;
        }
        Ok(())
    }
}
