//! What waited only with a suspect is carried out at once when the suspect is contained, unless a person has answered about it.

use crate::Function;
use firebreak::answer::{Decided, is_left_out};
use firebreak::coverage::decision_key;
use firebreak::decision::{Decision, Mode};
use firebreak::fault::Fault;
use firebreak::incident::Incident;
use firebreak::receipt::Receipt;
use firebreak_ledger::{Commit, IncidentView};
use std::collections::BTreeSet;

impl Function {
    /// Those that still wait in the ledger, of which nothing was tried, and of which no answer speaks. Where an answer comes later, the
    /// watch reads it before it contains: one that keeps or releases what its ticket showed waiting counts.
    ///
    /// # Errors
    /// The ledger could not be read.
    pub(crate) async fn unanswered(&self, incident: &Incident, raised: Vec<Decision>) -> Result<Vec<Decision>, Fault> {
        if raised.is_empty() {
            return Ok(raised);
        }
        let Some(view) = self.ledger.incident(&incident.id).await? else { return Ok(vec![]) };
        let answers = answers(&view);
        let is_open = |raised: &Decision| {
            let known = view.record.incident.decisions.iter().find(|known| decision_key(known) == decision_key(raised));
            known.is_some_and(|known| is_untouched(known, &view) && !answers.iter().any(|answer| answer.speaks_of(known)))
        };
        Ok(raised.into_iter().filter(is_open).collect())
    }

    /// Those that no answer leaves out, as far as nobody has answered about them since.
    ///
    /// # Errors
    /// The ledger could not be read.
    pub(crate) async fn not_left_out(&self, incident: &Incident, mut decisions: Vec<Decision>) -> Result<Vec<Decision>, Fault> {
        if decisions.is_empty() {
            return Ok(decisions);
        }
        if let Some(view) = self.ledger.incident(&incident.id).await? {
            let answers = answers(&view);
            decisions.retain(|decision| !is_left_out(&answers, decision));
        }
        Ok(decisions)
    }

    /// Those that neither a pause nor the budget holds back. The others stay as they are.
    ///
    /// # Errors
    /// The ledger could not count: nothing passes that nobody counts.
    pub(crate) async fn at_once(&self, commit: Commit<'_>, raised: Vec<Decision>) -> Result<Vec<Decision>, Fault> {
        let committed = self.ledger.commit(commit, raised).await?;
        Ok(committed.decisions.into_iter().filter(|decision| decision.mode == Mode::Auto).collect())
    }
}

fn answers(view: &IncidentView) -> Vec<&Decided> {
    view.review.iter().flat_map(|review| review.answers.iter().chain(&review.decision)).collect()
}

/// Whether neither a containment nor a release has been at the target of a decision that waits with a suspect.
fn is_untouched(known: &Decision, view: &IncidentView) -> bool {
    let key = known.target.merge_key();
    let is_about = |receipt: &Receipt| receipt.containment == known.containment && receipt.target.merge_key() == key;
    waits(known, &view.record.incident) && !view.receipts.iter().chain(&view.releases).any(is_about)
}

fn waits(decision: &Decision, incident: &Incident) -> bool {
    decision.waits_with_a_suspect() && incident.settled(decision).is_none()
}

/// Raises the incident's decision, if it still waits.
pub(crate) fn raise(incident: &mut Incident, raised: &Decision) {
    let key = decision_key(raised);
    let at = incident.decisions.iter().position(|known| decision_key(known) == key && waits(known, incident));
    if let Some(known) = at.and_then(|at| incident.decisions.get_mut(at)) {
        let waited = Some(known.since);
        *known = Decision { since: known.since, waited, impact: known.impact.clone(), ..raised.clone() };
    }
}

/// What a look raises, and what earlier looks could not: each decision once, as the newest look decides it.
pub(crate) fn with_held(mut raised: Vec<Decision>, held: Vec<Decision>) -> Vec<Decision> {
    let held = without(held, &raised);
    raised.extend(held);
    raised
}

/// The decisions that are not among others.
pub(crate) fn without(decisions: Vec<Decision>, others: &[Decision]) -> Vec<Decision> {
    let keys: BTreeSet<String> = others.iter().map(decision_key).collect();
    decisions.into_iter().filter(|decision| !keys.contains(&decision_key(decision))).collect()
}

/// Takes over into `incident` what the ledger has raised.
pub(crate) fn take_over(incident: &mut Incident, raised: &[Decision]) {
    let with = Incident { decisions: raised.to_vec(), ..incident.clone() };
    let decisions = std::mem::take(&mut incident.decisions);
    incident.decisions = decisions.into_iter().map(|decision| as_known(decision, &with)).collect();
}

/// A decision as `incident` has it now: with the revision that it came with.
pub(crate) fn as_known(decision: Decision, incident: &Incident) -> Decision {
    let key = decision_key(&decision);
    incident.decisions.iter().find(|known| decision_key(known) == key).cloned().unwrap_or(decision)
}
