//! What an answer about some targets must say, and answers that nobody could carry out.

use crate::Function;
use firebreak::answer::{Decided, is_among};
use firebreak::fault::Fault;
use firebreak::ids::IncidentId;
use firebreak::plan::MAX_DECISIONS;
use firebreak::review::DecideRequest;
use firebreak::text::inert;
use firebreak_ledger::Gate;

impl Function {
    /// Refuses names that the incident does not have: a slip would contain or keep another target than was meant, or have one asked
    /// about for ever.
    ///
    /// # Errors
    /// `Malformed` with the slip; the ledger could not be read.
    pub(crate) async fn knows(&self, request: &DecideRequest) -> Result<(), Fault> {
        let targets = &request.targets;
        if !targets.only.is_empty() && !targets.except.is_empty() {
            return Err(Fault::malformed("an answer is about some targets (--only) or about all but some (--except), not both"));
        }
        let names: Vec<&String> = request.accept_open.iter().chain(targets.all_names()).collect();
        if names.is_empty() {
            return Ok(());
        }
        if targets.all_names().count() > MAX_DECISIONS {
            return Err(Fault::malformed(format!("an answer names at most {MAX_DECISIONS} targets")));
        }
        let known = self.ledger.record(&request.incident_id).await?.map(|record| record.incident.decisions).unwrap_or_default();
        let is_slip = |name: &&&String| !known.iter().any(|d| is_among(std::slice::from_ref(**name), &d.target));
        match names.iter().find(is_slip) {
            Some(slip) => {
                Err(Fault::malformed(format!("the incident has no target {}: see firebreak incidents show", inert(slip, 100))))
            }
            None => Ok(()),
        }
    }

    /// Why nobody could carry the answer out; nothing when somebody can.
    ///
    /// # Errors
    /// The ledger could not be read.
    pub(crate) async fn nothing_to_do(&self, id: &IncidentId, said: &Decided, gate: &Gate) -> Result<Option<Fault>, Fault> {
        if !gate.takes.can(said.answer, &said.targets) {
            // Its definition would end at a word that it does not know.
            let told = "the execution began under an earlier version of Firebreak: answer approve or release, for all targets";
            return Ok(Some(Fault::malformed(told)));
        }
        if said.targets.is_all() {
            return Ok(None);
        }
        let Some(record) = self.ledger.record(id).await? else { return Ok(None) };
        let told = "nothing that waits for an answer is among these targets: they were answered before, are only told of, or were decided \
                    after the ticket. See firebreak incidents show";
        Ok(record.incident.open_of(said).next().is_none().then(|| Fault::malformed(told)))
    }
}
