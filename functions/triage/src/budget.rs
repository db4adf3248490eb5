//! The blast radius. What exceeds it is not dropped: it waits for a person, and the notice says so first.

use crate::Function;
use firebreak::decision::Mode;
use firebreak::fault::Fault;
use firebreak::incident::Incident;

/// How the reason of a decision begins that exceeds the budget.
const MARK: &str = "OVER BUDGET";

impl Function {
    /// Counts every automatic containment, and turns those beyond the hour's budget into gated ones.
    ///
    /// # Errors
    /// When the ledger cannot count: a flood must not pass because nobody counts it. The state machine tries again.
    pub(crate) async fn keep_to_budget(&self, incident: &mut Incident) -> Result<(), Fault> {
        // A second attempt finds its own marks.
        let marked = incident.decisions.iter().filter(|decision| decision.reason.starts_with(MARK)).count();
        incident.over_budget = u32::try_from(marked).unwrap_or(u32::MAX);
        for decision in &mut incident.decisions {
            let Some(containment) = decision.containment.filter(|_| decision.mode == Mode::Auto) else { continue };
            let limit = self.policy.budget.of(containment);
            if self.ledger.spend(&decision.target, containment, limit, incident.opened_at).await? {
                continue;
            }
            decision.mode = Mode::Gate;
            decision.reason = firebreak::text::inert(
                &format!(
                    "{MARK}: {limit} {containment} in account {} this hour, a person must approve more; {}",
                    decision.target.account, decision.reason
                ),
                400,
            );
            incident.over_budget += 1;
        }
        Ok(())
    }
}
