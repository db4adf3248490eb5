//! What a look hands over to the state machine, without what a pause holds back.

use crate::Function;
use crate::raise::as_known;
use firebreak::coverage::decision_key;
use firebreak::decision::{Decision, Mode};
use firebreak::fault::Fault;
use firebreak::incident::Incident;
use firebreak_aws::clock;
use firebreak_ledger::Amended;
use std::collections::BTreeSet;

impl Function {
    /// Of decisions for at once that nobody has carried out, those that may be carried out now. A paused one waits from now on, in
    /// the ledger, too: whoever decided it may have read no pause, or none at that time.
    ///
    /// # Errors
    /// The ledger did not answer, or did not take it: the state machine tries again.
    pub(crate) async fn hold_back(&self, incident: &mut Incident, not_tried: Vec<Decision>) -> Result<Vec<Decision>, Fault> {
        let pauses = self.pauses(&not_tried, clock::now()).await?;
        let is_paused = |decision: &Decision| pauses.of(&decision.target.account).is_some();
        let (paused, free): (Vec<Decision>, Vec<Decision>) = not_tried.into_iter().partition(is_paused);
        if paused.is_empty() {
            return Ok(free);
        }
        let keys: BTreeSet<String> = paused.iter().map(decision_key).collect();
        let hold = |known: &mut Incident| {
            let at_once = known.decisions.iter_mut().filter(|d| d.mode == Mode::Auto && keys.contains(&decision_key(d)));
            for decision in at_once {
                if let Some(pause) = pauses.of(&decision.target.account) {
                    *decision = decision.clone().waiting(&pause.waits());
                }
            }
        };
        match self.ledger.amend_watched(&incident.id, hold).await? {
            Amended::Now(known) => {
                incident.revision = known.revision;
                let decisions = std::mem::take(&mut incident.decisions);
                incident.decisions = decisions.into_iter().map(|decision| as_known(decision, &known)).collect();
            }
            // Nobody would be asked about what waits, and nobody would release what is contained.
            Amended::Over(_) => return Ok(vec![]),
            // The execution carries the decisions.
            Amended::Unknown => hold(incident),
        }
        Ok(free)
    }
}
